//! Known mistakes that a simulation can put back, to show that its checks would find them.
//!
//! A build without the feature `sim` cannot make one: there `made` is a constant, and nothing can be set. With the
//! feature, only a `World` switches one on, for its own thread and while it runs. It is no switch for programs.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// A consumer is not told what it has lost.
    GapNotReported,
    /// After a lost link the last item comes once more.
    LastItemAgain,
    /// Who left is forgotten instead of buried.
    NoTombstone,
    /// An entry's version is the wall clock's reading.
    ClockVersion,
    /// An entry counts whoever signed it.
    EntryForAnother,
    /// A queue takes what its consumer has no room for.
    UnboundedQueue,
    /// An admission is never looked at again.
    NeverRevoked,
    /// A producer's new life is not announced.
    RestartNotAnnounced,
    /// Nobody looks for nodes that were given up.
    LostForGood,
    /// Members of a group that are not reachable count as if they agreed.
    ReachableQuorum,
    /// A member's vote is only in its memory.
    VoteNotPersisted,
    /// A member says that it has entries before its disk does.
    AckBeforeFlush,
    /// A disk that failed is taken for one that works.
    FailureIgnored,
    /// A strong read asks nobody.
    ReadWithoutIndex,
    /// A group's snapshot holds no sessions.
    SessionsNotInSnapshot,
    /// A member that lost its log comes back as the same member.
    WipedVoterKeepsId,
    /// A transaction that does not take place keeps what its first operations did.
    HalfTransaction,
    /// Now and then those who follow a collection are not told of a change.
    ChangeForgotten,
    /// Members that do not lead give readers other bytes than those of a snapshot's chunks.
    ChunkDamaged,
}

/// Whether this mistake is made here.
#[cfg(not(feature = "sim"))]
pub(crate) const fn made(_: Canary) -> bool {
    false
}

#[cfg(feature = "sim")]
mod switch {
    use std::cell::Cell;

    use super::Canary;

    thread_local! {
        static MADE: Cell<Option<Canary>> = const { Cell::new(None) };
    }

    /// Whether this mistake is made here.
    pub(crate) fn made(canary: Canary) -> bool {
        MADE.get() == Some(canary)
    }

    /// Makes the mistake on this thread until the guard is dropped.
    pub(crate) fn make(canary: Option<Canary>) -> Made {
        Made { before: MADE.replace(canary) }
    }

    /// A mistake is being made.
    #[must_use]
    pub(crate) struct Made {
        before: Option<Canary>,
    }

    impl Drop for Made {
        fn drop(&mut self) {
            MADE.set(self.before);
        }
    }
}

#[cfg(feature = "sim")]
pub(crate) use switch::{made, make};

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_ends_with_its_guard_and_stays_on_its_thread() {
        assert!(!made(Canary::NoTombstone));
        {
            let _made = make(Some(Canary::NoTombstone));
            assert!(made(Canary::NoTombstone) && !made(Canary::GapNotReported));
            let elsewhere = std::thread::spawn(|| made(Canary::NoTombstone));
            assert!(!elsewhere.join().expect("it ends"));
        }
        assert!(!made(Canary::NoTombstone));
    }
}
