//! The changes of one collection on this node, kept until everybody who follows has them, within a bound.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    collections::core::Container,
    groups::Version,
    primitives::canary::{self, Canary},
};

/// Changes that are kept for whoever follows. Who is farther behind gets the state as a whole.
pub(in crate::collections) const KEPT: usize = 16 * 1024;

/// The changes of one collection.
pub(in crate::collections) struct Line<T: Container> {
    ring: Mutex<Ring<T>>,
    more: Notify,
}

struct Ring<T: Container> {
    batches: VecDeque<Batch<T>>,
    /// The number of the first batch.
    first: u64,
    /// Changes in all batches.
    kept: usize,
    /// Who follows: the number of the batch that comes next for each.
    followers: BTreeMap<u64, u64>,
    next_follower: u64,
    ended: bool,
}

/// What one entry of the log changed.
pub(in crate::collections) struct Batch<T: Container> {
    pub(in crate::collections) version: Version,
    pub(in crate::collections) changes: Arc<[T::Change]>,
}

impl<T: Container> Clone for Batch<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, changes: self.changes.clone() }
    }
}

/// What comes next for a follower.
pub(in crate::collections) enum Next<T: Container> {
    /// The whole state: at the beginning, and after what the line could not keep. See [`Line::begin`].
    State,
    /// The next changes.
    Changes(Batch<T>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
}

impl<T: Container> Line<T> {
    pub(in crate::collections) fn new() -> Self {
        let ring = Ring {
            batches: VecDeque::new(),
            first: 1,
            kept: 0,
            followers: BTreeMap::new(),
            next_follower: 0,
            ended: false,
        };
        Self { ring: Mutex::new(ring), more: Notify::new() }
    }

    fn ring(&self) -> MutexGuard<'_, Ring<T>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An entry was applied. Says whether anybody follows.
    pub(super) fn push(&self, version: Version, changes: &[T::Change]) -> bool {
        let mut ring = self.ring();
        let is_forgotten = canary::made(Canary::ChangeForgotten) && version.index % 32 == 7;
        if ring.followers.is_empty() || changes.is_empty() || is_forgotten {
            let is_followed = !ring.followers.is_empty();
            self.tell_beginners(ring);
            return is_followed;
        }
        ring.kept += changes.len();
        ring.batches.push_back(Batch { version, changes: changes.into() });
        while ring.kept > KEPT && ring.forget_first() {}
        drop(ring);
        self.more.notify_waiters();
        true
    }

    /// An entry was applied that changed nothing.
    pub(super) fn passed(&self) {
        self.tell_beginners(self.ring());
    }

    /// Who waits for the state as a whole may have asked while it was being made anew.
    fn tell_beginners(&self, ring: MutexGuard<'_, Ring<T>>) {
        let begins = ring.followers.values().any(|at| *at < ring.first);
        drop(ring);
        if begins {
            self.more.notify_waiters();
        }
    }

    /// The state is another one: who follows begins again.
    pub(super) fn restart(&self) {
        let mut ring = self.ring();
        while ring.forget_first() {}
        ring.first += 1;
        drop(ring);
        self.more.notify_waiters();
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.ring().ended = true;
        self.more.notify_waiters();
    }

    /// Somebody follows, and gets the state first.
    pub(super) fn follow(&self) -> u64 {
        let mut ring = self.ring();
        let follower = ring.next_follower;
        ring.next_follower += 1;
        ring.followers.insert(follower, 0);
        follower
    }

    /// Somebody follows no more.
    pub(super) fn leave(&self, follower: u64) {
        let mut ring = self.ring();
        ring.followers.remove(&follower);
        ring.tidy();
    }

    /// How many batches are kept.
    #[cfg(test)]
    pub(super) fn batches(&self) -> usize {
        self.ring().batches.len()
    }

    /// A follower gets the state as it is now, and then what comes. To be called while nothing is applied.
    pub(super) fn begin(&self, follower: u64) {
        let mut ring = self.ring();
        let end = ring.first + ring.batches.len() as u64;
        if let Some(at) = ring.followers.get_mut(&follower) {
            *at = end;
        }
        ring.tidy();
    }

    /// What comes next for a follower.
    pub(super) fn next(&self, follower: u64) -> Next<T> {
        let mut guard = self.ring();
        let ring = &mut *guard;
        let Some(at) = ring.followers.get_mut(&follower) else { return Next::End };
        let next = match at.checked_sub(ring.first) {
            None => return Next::State,
            Some(offset) => match usize::try_from(offset).ok().and_then(|offset| ring.batches.get(offset)) {
                Some(batch) => {
                    *at += 1;
                    Next::Changes(batch.clone())
                }
                None if ring.ended => Next::End,
                None => return Next::Nothing,
            },
        };
        ring.tidy();
        next
    }

    /// Ends once there may be more. To be made before [`next`](Self::next) is asked.
    pub(super) fn more(&self) -> Notified<'_> {
        self.more.notified()
    }
}

impl<T: Container> Ring<T> {
    fn forget_first(&mut self) -> bool {
        let Some(batch) = self.batches.pop_front() else { return false };
        self.kept -= batch.changes.len();
        self.first += 1;
        true
    }

    /// Forgets what everybody has who is not too far behind anyway.
    fn tidy(&mut self) {
        let first = self.first;
        let slowest = self.followers.values().copied().filter(|at| *at >= first).min();
        let keep_from = slowest.unwrap_or(u64::MAX);
        while self.first < keep_from && self.forget_first() {}
    }
}
