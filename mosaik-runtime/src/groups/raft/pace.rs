//! Whether a member keeps time. One of a group that nobody uses is *parked*: no ticks, no heartbeats, no elections.
//!
//! Parking is never a matter of safety: who is parked answers every question as before. Whatever reaches a parked member wakes it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{groups::MemberId, primitives::watch};

/// Whether a member keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It does.
    Awake,
    /// It is parked, and leads.
    Leads,
    /// It is parked, and follows this leader, whose node is alive.
    Follows(MemberId),
    /// It is parked, and has just lost its leader.
    Lost,
}

/// The pace of one member.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: watch::Sender<Pace>,
    /// Whether it is parked: so that nobody needs the lock to see that it is not.
    parked: AtomicBool,
    uses: AtomicU64,
}

impl Pacer {
    pub(super) fn new() -> Self {
        Self {
            pace: watch::Sender::new(Pace::Awake),
            parked: AtomicBool::new(false),
            uses: AtomicU64::new(0),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        if self.parked.load(Ordering::Acquire) { *self.pace.borrow() } else { Pace::Awake }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Pace> {
        self.pace.subscribe()
    }

    /// The group was used.
    pub(super) fn used(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the group was used.
    pub(super) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Changes the pace, and openraft's ticks with it in one step. Says what it was.
    pub(super) fn set(&self, to: Pace, tick: impl FnOnce(bool)) -> Pace {
        let mut before = to;
        self.pace.send_if_modified(|pace| {
            before = std::mem::replace(pace, to);
            self.parked.store(to != Pace::Awake, Ordering::Release);
            if before != to {
                tick(to == Pace::Awake);
            }
            before != to
        });
        before
    }

    /// A parked follower has lost its leader.
    pub(super) fn lost(&self) {
        self.pace.send_if_modified(|pace| {
            let follows = matches!(pace, Pace::Follows(_));
            if follows {
                *pace = Pace::Lost;
            }
            follows
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::primitives::PeerId;

    #[test]
    fn ticks_go_with_the_pace() {
        let (pacer, ticks) = (Pacer::new(), Cell::new(None));
        let tick = |on| ticks.set(Some(on));
        let leader = MemberId::new(PeerId::from_bytes([1; 32]), 7);
        assert_eq!(pacer.set(Pace::Awake, tick), Pace::Awake);
        assert_eq!((ticks.take(), pacer.pace()), (None, Pace::Awake));
        assert_eq!(pacer.set(Pace::Follows(leader), tick), Pace::Awake);
        assert_eq!((ticks.take(), pacer.pace()), (Some(false), Pace::Follows(leader)));
        pacer.lost();
        assert_eq!(pacer.pace(), Pace::Lost);
        assert_eq!(pacer.set(Pace::Awake, tick), Pace::Lost);
        assert_eq!((ticks.take(), pacer.pace()), (Some(true), Pace::Awake));
        pacer.lost();
        assert_eq!(pacer.pace(), Pace::Awake, "who is awake finds out by itself");
    }
}
