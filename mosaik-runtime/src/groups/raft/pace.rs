//! Whether a member keeps time. One of a group that nobody uses is *parked*: no ticks, no heartbeats, no elections.
//!
//! Parking is never a matter of safety: who is parked answers every question as before. Whatever reaches a parked member wakes it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

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
    /// Woken as a leader, and not confirmed since.
    unsure: AtomicBool,
    /// Whether the leader is being asked if it leads.
    doubting: AtomicBool,
    /// When somebody stood for election last.
    contested: Mutex<Option<Instant>>,
    /// For so long after that nobody is parked. Whoever lost the leader alone asks again within it.
    calm_after: Duration,
}

impl Pacer {
    pub(super) fn new(calm_after: Duration) -> Self {
        Self {
            pace: watch::Sender::new(Pace::Awake),
            parked: AtomicBool::new(false),
            uses: AtomicU64::new(0),
            unsure: AtomicBool::new(false),
            doubting: AtomicBool::new(false),
            contested: Mutex::default(),
            calm_after,
        }
    }

    pub(super) fn is_unsure(&self) -> bool {
        self.unsure.load(Ordering::Acquire)
    }

    pub(super) fn is_sure(&self) {
        self.unsure.store(false, Ordering::Release);
    }

    /// Says whether nobody doubted yet.
    pub(super) fn begins_to_doubt(&self) -> bool {
        !self.doubting.swap(true, Ordering::AcqRel)
    }

    pub(super) fn doubts_no_more(&self) {
        self.doubting.store(false, Ordering::Release);
    }

    /// Somebody stands for election.
    pub(super) fn contested(&self, now: Instant) {
        *self.contested.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    pub(super) fn is_contested(&self, now: Instant) -> bool {
        let at = *self.contested.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| now.saturating_duration_since(at) < self.calm_after)
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
            if (before, to) == (Pace::Leads, Pace::Awake) {
                self.unsure.store(true, Ordering::Release);
            }
            self.parked.store(to != Pace::Awake, Ordering::Release);
            if before != to {
                tick(to == Pace::Awake);
            }
            before != to
        });
        before
    }

    /// A parked follower has lost its leader, or this one, if it still follows it.
    pub(super) fn lost(&self, leader: Option<MemberId>) {
        self.pace.send_if_modified(|pace| {
            let follows =
                matches!(pace, Pace::Follows(follows) if leader.is_none_or(|leader| leader == *follows));
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
        let (pacer, ticks) = (Pacer::new(Duration::from_secs(2)), Cell::new(None));
        let tick = |on| ticks.set(Some(on));
        let leader = MemberId::new(PeerId::from_bytes([1; 32]), 7);
        assert_eq!(pacer.set(Pace::Awake, tick), Pace::Awake);
        assert_eq!((ticks.take(), pacer.pace()), (None, Pace::Awake));
        assert_eq!(pacer.set(Pace::Follows(leader), tick), Pace::Awake);
        assert_eq!((ticks.take(), pacer.pace()), (Some(false), Pace::Follows(leader)));
        pacer.lost(Some(MemberId::new(leader.peer, 8)));
        assert_eq!(pacer.pace(), Pace::Follows(leader), "another one");
        pacer.lost(None);
        assert_eq!(pacer.pace(), Pace::Lost);
        assert_eq!(pacer.set(Pace::Awake, tick), Pace::Lost);
        assert_eq!((ticks.take(), pacer.pace()), (Some(true), Pace::Awake));
        pacer.lost(None);
        assert_eq!(pacer.pace(), Pace::Awake, "who is awake finds out by itself");
        assert!(!pacer.is_unsure(), "it never led");
        pacer.set(Pace::Leads, tick);
        pacer.set(Pace::Awake, tick);
        assert!(pacer.is_unsure(), "who leads heard of nobody while it was parked");
        pacer.is_sure();
        assert!(!pacer.is_unsure());
    }
}
