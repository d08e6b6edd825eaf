//! The serials of one session.

use std::collections::BTreeMap;

use super::{OUTSTANDING, parcel::Numbered};
use crate::groups::machine::SessionId;

/// An open session: which serials are taken, and which are without an answer.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    next: u64,
    /// Runs without an answer: the first serial of each, and how many.
    open: BTreeMap<u64, u64>,
}

impl Session {
    pub(super) fn new(id: SessionId) -> Self {
        Self { id, next: 0, open: BTreeMap::new() }
    }

    /// All serials below this have their answers, or nobody waits for them any more.
    pub(super) fn acked_below(&self) -> u64 {
        self.open.first_key_value().map_or(self.next, |(first, _)| *first)
    }

    /// Whether so many more fit into what the machine remembers.
    pub(super) fn has_room(&self, count: usize) -> bool {
        self.next - self.acked_below() + count as u64 <= OUTSTANDING
    }

    /// Takes the next serials.
    pub(super) fn number(&mut self, count: usize) -> Numbered {
        let first = self.next;
        self.next += count as u64;
        self.open.insert(first, count as u64);
        Numbered { session: self.id, first, acked_below: self.acked_below() }
    }

    /// Nobody waits for the first so many of this run any more.
    pub(super) fn settle_some(&mut self, first: u64, count: u64) {
        if let Some(all) = self.open.remove(&first).filter(|all| *all > count) {
            self.open.insert(first + count, all - count);
        }
    }

    /// Nobody waits for this run any more.
    pub(super) fn settle(&mut self, first: u64) {
        self.open.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_open_run_holds_the_mark_and_the_room() {
        let mut session = Session::new(SessionId { index: 7, slot: 0 });
        let (a, b) = (session.number(1000), session.number(24));
        assert_eq!((a.first, b.first, b.acked_below), (0, 1000, 0));
        assert!(!session.has_room(1));
        session.settle(b.first);
        assert_eq!((session.acked_below(), session.has_room(1)), (0, false));
        session.settle(a.first);
        assert_eq!(
            (session.acked_below(), session.has_room(1024), session.has_room(1025)),
            (1024, true, false)
        );
    }
}
