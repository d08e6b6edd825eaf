//! What one consumer saw: how many items, in order or not, and how long each took.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use super::{case::Measure, payload::FIRST};

/// The counters of one consumer, readable while it runs.
#[derive(Default)]
pub(crate) struct Tally {
    items: AtomicU64,
    faults: AtomicU64,
    delays: Mutex<Vec<u64>>,
}

impl Tally {
    /// Items so far.
    pub(crate) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// Items that did not follow the one before, or had the wrong size; more than none voids the run.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Takes the delays since the last call, in nanoseconds.
    pub(crate) fn take_delays(&self) -> Vec<u64> {
        std::mem::take(&mut *self.delays.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The one writer of a [`Tally`].
pub(crate) struct Ear {
    tally: Arc<Tally>,
    measure: Measure,
    length: usize,
    next: Option<u64>,
}

impl Ear {
    /// Listens for items whose padding (or, on the bare side, frame body) is `length` bytes long.
    pub(crate) fn new(tally: Arc<Tally>, measure: Measure, length: usize) -> Self {
        Self { tally, measure, length, next: None }
    }

    /// Notes one item.
    pub(crate) fn hear(&mut self, seq: u64, length: usize) {
        let follows = match self.measure {
            Measure::Throughput => self.next.replace(seq + 1).is_none_or(|next| next == seq),
            Measure::Latency | Measure::Join => {
                let delay = now().saturating_sub(seq);
                self.tally.delays.lock().unwrap_or_else(PoisonError::into_inner).push(delay);
                true
            }
        };
        if !follows || length != self.length {
            self.tally.faults.fetch_add(1, Ordering::Relaxed);
        }
        // There is one writer: a load and a store are enough, and cost no locked instruction per item.
        self.tally.items.store(self.tally.items() + 1, Ordering::Relaxed);
    }
}

/// Nanoseconds since the Unix epoch, from [`FIRST`] on: what a latency item carries as its number.
#[expect(clippy::disallowed_methods, reason = "two processes have no other clock in common")]
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(FIRST)
}
