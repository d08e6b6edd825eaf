//! Writes of all groups on their way to the disk: one bounded queue, taken in batches.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{
    core::{mirror::Mirror, row::Write},
    error::StoreError,
};
use crate::primitives::WireId;

/// What waits or is being written: at most this many bytes, in units.
const UNIT: usize = 1024;
const ROOM: usize = 32 * 1024;

/// One batch: at most this many writes or bytes.
const BATCH_WRITES: usize = 4096;
const BATCH_BYTES: usize = 8 << 20;

/// How long a write that nobody waits for may wait for company.
pub(super) const LAZY: Duration = Duration::from_millis(50);

/// What is called once a write is on disk, or never will be.
pub(super) type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One write on its way.
pub(super) struct Request {
    pub(super) group: WireId,
    pub(super) mirror: Arc<Mutex<Mirror>>,
    pub(super) write: Write,
    /// The number that the mirror gave it, and where the log ended after it.
    pub(super) number: u64,
    pub(super) end: u64,
    /// Nobody waits for it.
    pub(super) lazy: bool,
    pub(super) done: Option<Done>,
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    wake: Notify,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    urgent: usize,
    closed: bool,
    /// Nothing is looked for until something is added.
    asleep: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        let room = Arc::new(Semaphore::new(ROOM));
        Self { state: Mutex::default(), ready: Condvar::new(), wake: Notify::new(), room }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for a write of so many bytes.
    pub(super) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let units = (1 + bytes / UNIT).min(ROOM);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.room.clone().acquire_many_owned(units).await.map_err(|_| StoreError::Closed)
    }

    /// Adds a write, for which there is room.
    pub(super) fn push(&self, request: Request) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.urgent += usize::from(!request.lazy);
        // What nobody waits for is found a little later, and need not wake a thread for itself alone.
        let wakes = !request.lazy || state.asleep;
        state.waiting.push_back(request);
        drop(state);
        if wakes {
            self.ready.notify_one();
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Takes no more writes; those that wait are still written.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.ready.notify_all();
        self.wake.notify_one();
    }

    /// The next batch, on a thread of its own; none when the queue is closed and empty.
    pub(super) fn next_blocking(&self) -> Option<Vec<Request>> {
        let mut state = self.state();
        loop {
            let waited =
                self.ready.wait_timeout_while(state, LAZY, |state| state.urgent == 0 && !state.closed);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.urgent > 0 || state.closed || !state.waiting.is_empty() {
                return state.take();
            }
            state.asleep = true;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.asleep = false;
        }
    }

    /// The next batch, in a task: of a disk that is simulated.
    #[cfg(feature = "sim")]
    pub(super) async fn next(&self) -> Option<Vec<Request>> {
        loop {
            let woken = self.wake.notified();
            let lazy = {
                let mut state = self.state();
                if state.urgent > 0 || state.closed {
                    return state.take();
                }
                !state.waiting.is_empty()
            };
            if !lazy {
                woken.await;
            } else if tokio::time::timeout(LAZY, self.until_urgent()).await.is_err() {
                return self.state().take();
            }
        }
    }

    #[cfg(feature = "sim")]
    async fn until_urgent(&self) {
        loop {
            let woken = self.wake.notified();
            if self.is_urgent() {
                return;
            }
            woken.await;
        }
    }

    #[cfg(feature = "sim")]
    fn is_urgent(&self) -> bool {
        let state = self.state();
        state.urgent > 0 || state.closed
    }
}

impl State {
    fn take(&mut self) -> Option<Vec<Request>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_WRITES
            && bytes < BATCH_BYTES
            && let Some(request) = self.waiting.pop_front()
        {
            self.urgent -= usize::from(!request.lazy);
            bytes += request.write.size();
            batch.push(request);
        }
        (!batch.is_empty() || !self.closed).then_some(batch)
    }
}
