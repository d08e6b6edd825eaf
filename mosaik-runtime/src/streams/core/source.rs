//! One producer as a consumer's node sees it: what is expected next, what is a gap, what was here before.

use crate::primitives::{
    BootId,
    canary::{self, Canary},
};

/// A run of lost items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The number of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// How a subscription began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// For the first time.
    Fresh,
    /// Where it was, in the same epoch.
    Resumed,
    /// The producer's node was restarted: a new epoch. What was not yet received of the old one is lost, and nobody can say
    /// how much that is.
    Restarted {
        /// The epoch that ended.
        before: BootId,
        /// The number that was expected next in it.
        expected: u64,
    },
}

/// Keeps the order of one producer's items.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source {
    place: Option<(BootId, u64)>,
}

impl Source {
    /// What to tell the producer when subscribing: the epoch, and the number expected next.
    pub fn had(&self) -> Option<(BootId, u64)> {
        let again = u64::from(canary::made(Canary::LastItemAgain));
        self.place.map(|(epoch, next)| (epoch, next.saturating_sub(again)))
    }

    /// A subscription begins with number `next` of `epoch`.
    pub fn begin(&mut self, epoch: BootId, next: u64) -> (Begun, Option<Lost>) {
        match self.place {
            Some((known, _)) if known == epoch && canary::made(Canary::LastItemAgain) => {
                self.place = Some((epoch, next));
                (Begun::Resumed, None)
            }
            Some((known, expected)) if known == epoch => (Begun::Resumed, self.move_to(expected, next)),
            before => {
                self.place = Some((epoch, next));
                let restarted = |(before, expected)| Begun::Restarted { before, expected };
                (before.map_or(Begun::Fresh, restarted), None)
            }
        }
    }

    /// Items or a gap from `first` on: how many of them were here already, and what is missing before them.
    pub fn accept(&mut self, first: u64, count: u64) -> (u64, Option<Lost>) {
        let Some((epoch, expected)) = self.place else { return (count, None) };
        let end = first.saturating_add(count);
        let known = expected.saturating_sub(first).min(count);
        let lost = self.move_to(expected, first);
        self.place = Some((epoch, end.max(expected)));
        (known, lost)
    }

    fn move_to(&mut self, expected: u64, next: u64) -> Option<Lost> {
        let count = next.checked_sub(expected).filter(|count| *count > 0)?;
        self.place = self.place.map(|(epoch, _)| (epoch, next));
        Some(Lost { first: expected, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: BootId = BootId(1);
    const TWO: BootId = BootId(2);

    #[test]
    fn what_was_here_is_dropped_and_what_is_missing_is_a_gap() {
        let mut source = Source::default();
        assert_eq!(source.begin(ONE, 5), (Begun::Fresh, None));
        assert_eq!(source.accept(5, 10), (0, None));
        assert_eq!(source.accept(12, 5), (3, None), "three were here before");
        assert_eq!(source.accept(20, 1), (0, Some(Lost { first: 17, count: 3 })));
        assert_eq!(source.accept(3, 2), (2, None));
        assert_eq!(source.had(), Some((ONE, 21)));
    }

    #[test]
    fn a_restart_of_the_producer_is_a_new_epoch() {
        let mut source = Source::default();
        source.begin(ONE, 0);
        source.accept(0, 7);
        assert_eq!(source.begin(ONE, 9), (Begun::Resumed, Some(Lost { first: 7, count: 2 })));
        assert_eq!(source.begin(TWO, 0), (Begun::Restarted { before: ONE, expected: 9 }, None));
        assert_eq!(source.accept(0, 1), (0, None));
    }
}
