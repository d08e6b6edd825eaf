//! Whether what a member says can be meant.
//!
//! openraft trusts its peers and ends when they contradict themselves; here that is refused before openraft sees it. A lie that
//! agrees with itself is not found: members are honest, and this is for those that are broken.

use crate::groups::{
    store::record::{Entry, LogId, Manifest, Membership, Payload, Vote},
    wire::{Appended, VoteAsk, Why},
};

/// A leader's entries follow each other, and none is of a later term than the leader.
pub(super) fn appended(appended: &Appended) -> Result<(), Why> {
    let mut before = appended.before;
    let is_sane = appended.vote.committed
        && appended.entries.iter().all(|entry| {
            let follows = comes_next(before, entry.id);
            before = Some(entry.id);
            follows && entry.id.term <= appended.vote.term && may_hold(entry)
        });
    if is_sane { Ok(()) } else { Err(refusal("entries that do not follow each other")) }
}

/// A snapshot is not of a later term than the leader that offers it.
pub(super) fn snapshot(vote: &Vote, manifest: &Manifest) -> Result<(), Why> {
    let is_sane = vote.committed
        && manifest.last.is_none_or(|last| last.term <= vote.term)
        && (manifest.membership == Membership::default() || votes(&manifest.membership));
    if is_sane { Ok(()) } else { Err(refusal("a snapshot that no leader of its term can have")) }
}

/// A candidate is not elected yet.
pub(super) fn vote(ask: &VoteAsk) -> Result<(), Why> {
    if ask.vote.committed { Err(refusal("a candidate that is elected already")) } else { Ok(()) }
}

fn comes_next(before: Option<LogId>, id: LogId) -> bool {
    match before {
        None => id.index == 0,
        Some(before) => before.index.checked_add(1) == Some(id.index) && before.term <= id.term,
    }
}

fn may_hold(entry: &Entry) -> bool {
    match &entry.payload {
        Payload::Membership(members) => votes(members),
        Payload::Blank | Payload::Command(_) => true,
    }
}

/// Whether somebody votes in each of the configurations.
fn votes(members: &Membership) -> bool {
    !members.configs.is_empty() && members.configs.iter().all(|voters| !voters.is_empty())
}

fn refusal(what: &str) -> Why {
    Why::Failed(format!("the question contradicts itself: {what}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::groups::MemberId;

    fn id(term: u64, index: u64) -> LogId {
        LogId { term, index }
    }

    fn leader(term: u64) -> Vote {
        Vote { term, member: MemberId::from(1), committed: true }
    }

    fn entries(before: Option<LogId>, ids: &[LogId]) -> Appended {
        let entries = ids.iter().map(|id| Entry { id: *id, payload: Payload::Blank }).collect();
        Appended { vote: leader(3), before, entries, committed: None }
    }

    #[test]
    fn h14_entries_with_holes_or_of_the_future_are_refused() {
        assert_eq!(appended(&entries(None, &[])), Ok(()));
        assert_eq!(appended(&entries(None, &[id(1, 0), id(1, 1), id(3, 2)])), Ok(()));
        assert_eq!(appended(&entries(Some(id(2, 9)), &[id(2, 10)])), Ok(()));
        assert!(appended(&entries(None, &[id(1, 1)])).is_err(), "a hole at the beginning");
        assert!(appended(&entries(None, &[id(1, 0), id(1, 2)])).is_err(), "a hole");
        assert!(appended(&entries(Some(id(2, 9)), &[id(1, 10)])).is_err(), "a term that goes back");
        assert!(appended(&entries(None, &[id(4, 0)])).is_err(), "a term of the future");
        assert!(appended(&entries(Some(id(3, u64::MAX)), &[id(3, 0)])).is_err(), "behind the last index");
        let mut candidate = entries(None, &[]);
        candidate.vote.committed = false;
        assert!(appended(&candidate).is_err(), "nobody elected it");
    }

    #[test]
    fn h14_members_without_voters_and_snapshots_of_the_future_are_refused() {
        let nobody = Membership { configs: vec![BTreeSet::new()], members: BTreeSet::new() };
        let mut message = entries(None, &[id(1, 0)]);
        message.entries[0].payload = Payload::Membership(nobody.clone());
        assert!(appended(&message).is_err());
        let manifest = |last, membership| Manifest {
            last,
            membership_at: None,
            membership,
            bytes: 0,
            chunks: Vec::new(),
        };
        assert_eq!(snapshot(&leader(3), &manifest(Some(id(3, 5)), Membership::default())), Ok(()));
        assert!(snapshot(&leader(3), &manifest(Some(id(4, 5)), Membership::default())).is_err());
        assert!(snapshot(&leader(3), &manifest(None, nobody)).is_err());
    }
}
