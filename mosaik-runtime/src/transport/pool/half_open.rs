//! Handshakes under way. When too many are, the oldest makes room: those who say nothing cannot keep others out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::primitives::Level;

/// The handshakes under way. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct HalfOpen {
    queue: Arc<Mutex<Queue>>,
    level: Arc<Level>,
    most: usize,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: VecDeque<(u64, CancellationToken)>,
}

/// One handshake's place; leaves when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    evicted: CancellationToken,
    all: HalfOpen,
}

impl HalfOpen {
    /// At most `most` at a time.
    pub(super) fn new(most: usize) -> Self {
        let level = Arc::new(Level::of(metrics::gauge!("mosaik_transport_handshakes")));
        Self { queue: Arc::default(), level, most: most.max(1) }
    }

    /// A place for one more.
    pub(super) fn enter(&self) -> Ticket {
        let mut queue = self.lock();
        if queue.waiting.len() >= self.most
            && let Some((_, oldest)) = queue.waiting.pop_front()
        {
            oldest.cancel();
        }
        let (number, evicted) = (queue.next, CancellationToken::new());
        queue.next += 1;
        queue.waiting.push_back((number, evicted.clone()));
        self.level.set(queue.waiting.len() as u64);
        Ticket { number, evicted, all: self.clone() }
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits until it has to make room.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queue = self.all.lock();
        queue.waiting.retain(|(number, _)| *number != self.number);
        self.all.level.set(queue.waiting.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let all = HalfOpen::new(2);
        let (first, second) = (all.enter(), all.enter());
        let third = all.enter();
        assert!(first.evicted.is_cancelled() && !second.evicted.is_cancelled());
        drop((first, third));
        let _fourth = all.enter();
        assert!(!second.evicted.is_cancelled());
    }
}
