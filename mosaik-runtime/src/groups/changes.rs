//! What a copy applies, as a queue that somebody reads.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    machine::{AppliedBatch, Observer, Observing, Replica, StateMachine, Timestamp},
    version::Version,
};
use crate::primitives::watch;

/// Changes that wait for their reader. One that is slower gets a [`Change::Reset`] to the newest state instead.
pub const CHANGES: usize = 1024;

/// A change of a group's state on this node.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<M: StateMachine> {
    /// The state is this one: at the beginning, after a snapshot, when the reader of the changes was too slow, and with another
    /// era when the group was born again.
    Reset {
        /// Which state it is.
        version: Version,
        /// The state.
        state: M,
    },
    /// One entry of the log was applied.
    Batch {
        /// Which state it made.
        version: Version,
        /// The group's time after it.
        now: Timestamp,
        /// The commands that ran, in order.
        commands: Vec<M::Command>,
        /// The state after it.
        state: M,
    },
}

/// Every change of a group's state on this node from some moment on: first the state then, and after it each entry of the log,
/// without a gap. What a slow reader of this misses is bounded and told, see [`Change::Reset`].
pub struct Changes<M: StateMachine> {
    queue: Arc<Queue<M>>,
    /// Ends when the copy does.
    applied: watch::Receiver<super::machine::Applied>,
    _observing: Observing,
}

struct Queue<M: StateMachine> {
    waiting: Mutex<VecDeque<Change<M>>>,
    more: Notify,
}

impl<M: StateMachine> Queue<M> {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Change<M>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: StateMachine + Clone> Observer<M> for Queue<M> {
    fn applied(&self, batch: &AppliedBatch<'_, M>) {
        if batch.is_empty() {
            return;
        }
        let (version, state) = (batch.version(), batch.state().clone());
        let mut waiting = self.lock();
        if waiting.len() >= CHANGES {
            waiting.clear();
            waiting.push_back(Change::Reset { version, state });
        } else {
            let (now, commands) = (batch.now(), batch.commands().collect());
            waiting.push_back(Change::Batch { version, now, commands, state });
        }
        drop(waiting);
        self.more.notify_one();
    }

    fn reset(&self, version: Version, state: &M) {
        let mut waiting = self.lock();
        // What it makes of the state is in this one.
        waiting.clear();
        waiting.push_back(Change::Reset { version, state: state.clone() });
        drop(waiting);
        self.more.notify_one();
    }
}

impl<M: StateMachine + Clone> Changes<M> {
    pub(super) fn new(replica: &Replica<M>) -> Self {
        let queue = Arc::new(Queue { waiting: Mutex::default(), more: Notify::new() });
        let observing = replica.observe(queue.clone());
        Self { queue, applied: replica.applied(), _observing: observing }
    }

    /// The next change; `None` once the copy on this node has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Change<M>> {
        loop {
            let more = self.queue.more.notified();
            let next = self.queue.lock().pop_front();
            if next.is_some() {
                return next;
            }
            tokio::select! { biased;
                () = more => {}
                // What was told last is still there.
                () = ended(&mut self.applied) => return self.queue.lock().pop_front(),
            }
        }
    }
}

/// Waits until nobody applies anything any more.
async fn ended(applied: &mut watch::Receiver<super::machine::Applied>) {
    while applied.changed().await.is_ok() {}
}

impl<M: StateMachine> fmt::Debug for Changes<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("waiting", &self.queue.lock().len()).finish_non_exhaustive()
    }
}
