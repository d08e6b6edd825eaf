//! Members whose log went back: they acknowledged entries to this leader that they do not have any more.
//!
//! A member that lost its store comes back as another one, so this is a disk that gave back less than was flushed. It is told of; the
//! member gets its entries again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::groups::{MemberId, store::record::LogId, wire::AppendAnswer};

/// Who went back. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Reverted(Arc<Mutex<BTreeSet<MemberId>>>);

/// How far one member acknowledged the log, in a row of messages to it. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Matched(Arc<AtomicU64>);

impl Reverted {
    /// All members that went back.
    pub fn members(&self) -> BTreeSet<MemberId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn insert(&self, member: MemberId) {
        tracing::error!(
            target: "mosaik::groups",
            %member,
            "a member lost entries that it had acknowledged, and gets them again: its disk is not sound; give its node another one"
        );
        metrics::counter!("mosaik_groups_reverted_total").increment(1);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(member);
    }
}

impl Matched {
    /// Takes an answer to a message that began behind `before`; says whether it takes back an earlier one.
    pub(super) fn goes_back(&self, answer: &AppendAnswer, before: Option<LogId>) -> bool {
        match answer {
            AppendAnswer::Matching(last) => {
                self.0.fetch_max(last.map_or(0, |last| last.index), Ordering::AcqRel);
                false
            }
            AppendAnswer::Conflict(id) => {
                let place = before.or(*id).map_or(0, |id| id.index);
                let goes_back = place > 0 && place <= self.0.load(Ordering::Acquire);
                if goes_back {
                    self.0.store(0, Ordering::Release);
                }
                goes_back
            }
            AppendAnswer::HigherVote(_) | AppendAnswer::Refused(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_id(index: u64) -> LogId {
        LogId { term: 1, index }
    }

    #[test]
    fn r11_who_acknowledged_an_entry_and_lacks_it_later_went_back() {
        let matched = Matched::default();
        let conflict = AppendAnswer::Conflict(None);
        assert!(
            !matched.goes_back(&conflict, Some(log_id(9))),
            "a leader that looks for where the logs part"
        );
        assert!(!matched.goes_back(&AppendAnswer::Matching(Some(log_id(7))), Some(log_id(5))));
        assert!(!matched.goes_back(&conflict, Some(log_id(8))), "nothing that it had");
        assert!(matched.goes_back(&conflict, Some(log_id(7))));
        assert!(!matched.goes_back(&conflict, Some(log_id(6))), "told once");
    }
}
