//! Whether a leader says that it is there. One that lost its majority is silent for a while, so that those who hear it can elect another
//! one with those who do not; then it tries again for as long.
//!
//! openraft has such phases too (`quorum_loss_probe_interval`), counted from the last answer of a majority. A leader that was parked heard
//! none for long and has lost nobody: with those phases it would wake into silence. Here they are counted from when it woke.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use openraft::{
    Instant as _, RaftMetrics, async_runtime::watch::WatchReceiver, type_config::alias::WatchReceiverOf,
};
use tokio::time::Instant;

use super::types::RaftTypes;
use crate::{groups::timing::Timing, primitives::Clock};

type Metrics = WatchReceiverOf<RaftTypes, RaftMetrics<RaftTypes>>;

/// Whether this member, as leader, is silent now. Clones share it.
#[derive(Clone)]
pub struct Probe(Arc<Inner>);

struct Inner {
    clock: Clock,
    timing: Timing,
    raft: OnceLock<Metrics>,
    begun: Mutex<Begun>,
}

/// Since when answers are missed, if there were none.
#[derive(Clone, Copy)]
struct Begun {
    term: u64,
    at: Instant,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("silent", &self.is_silent()).finish()
    }
}

impl Probe {
    pub(super) fn new(clock: Clock, timing: Timing) -> Self {
        let begun = Mutex::new(Begun { term: 0, at: clock.now() });
        Self(Arc::new(Inner { clock, timing, raft: OnceLock::new(), begun }))
    }

    /// Raft runs, and says this of itself.
    pub fn watch(&self, raft: Metrics) {
        let _ = self.0.raft.set(raft);
    }

    /// The member was parked until now: whoever answers, answers from now on.
    pub(super) fn wakes(&self) {
        self.begun().at = self.0.clock.now();
    }

    /// Whether this member says nothing now.
    pub(super) fn is_silent(&self) -> bool {
        is_silent_after(self.unheard(), self.0.timing)
    }

    /// Whether this member, as leader, heard no majority for so long that others can have elected somebody.
    pub(super) fn is_cut_off(&self) -> bool {
        self.unheard() > self.0.timing.phase()
    }

    /// For how long it heard no majority.
    fn unheard(&self) -> Duration {
        let Some(raft) = self.0.raft.get() else { return Duration::ZERO };
        let (term, unheard) = {
            let metrics = raft.borrow_watched();
            if metrics.membership_config.membership().voter_ids().all(|voter| voter == metrics.id) {
                return Duration::ZERO;
            }
            (metrics.current_term, metrics.last_quorum_acked.map(|acked| acked.elapsed()))
        };
        let now = self.0.clock.now();
        let mut begun = self.begun();
        if begun.term != term {
            *begun = Begun { term, at: now };
        }
        let awake = now.saturating_duration_since(begun.at);
        unheard.map_or(awake, |unheard| unheard.min(awake))
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, Begun> {
        self.0.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a leader is silent that heard no majority for so long.
fn is_silent_after(unheard: Duration, timing: Timing) -> bool {
    let phase = timing.phase().as_nanos();
    unheard.checked_sub(timing.lease()).is_some_and(|over| (over.as_nanos() / phase).is_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lost_the_majority_is_silent_and_tries_in_turns() {
        let silent = |millis| is_silent_after(Duration::from_millis(millis), Timing::default());
        assert!(!silent(0) && !silent(449), "within the lease it may just be late");
        assert!(silent(450) && silent(1649));
        assert!(!silent(1650) && !silent(2849));
        assert!(silent(2850));
    }
}
