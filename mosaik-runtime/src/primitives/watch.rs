//! A value that tasks publish and watch, and that wakes its watchers in the order in which they began to wait.
//!
//! tokio's `watch` spreads its watchers over several lists by a random number that no seed decides, so that two runs of one simulation
//! wake them in different orders. This one has a single list. Names and meanings are those of `tokio::sync::watch`.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

struct Shared<T> {
    value: RwLock<T>,
    /// Raised by one at each change, under the lock.
    version: AtomicU64,
    changed: Notify,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    deserted: Notify,
}

/// Publishes a value.
pub struct Sender<T>(Arc<Shared<T>>);

/// Watches a value.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// A look at the value. Changes wait while it is held: keep it short, and never over an await.
pub struct Ref<'a, T>(RwLockReadGuard<'a, T>);

/// All publishers are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody publishes this value any more")]
pub struct RecvError;

/// Nobody watches; the value comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody watches this value")]
pub struct SendError<T>(pub T);

/// A publisher and a first watcher, who has seen `value`.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Shared<T> {
    fn look(&self) -> Ref<'_, T> {
        Ref(self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn is_orphan(&self) -> bool {
        self.senders.load(Ordering::Acquire) == 0
    }

    async fn changed(&self, seen: &mut u64) -> Result<(), RecvError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let version = self.version();
            if version != *seen {
                *seen = version;
                return Ok(());
            }
            if self.is_orphan() {
                return Err(RecvError);
            }
            changed.await;
        }
    }
}

impl<T> Sender<T> {
    /// A publisher without watchers.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Shared {
            value: RwLock::new(value),
            version: AtomicU64::new(0),
            changed: Notify::new(),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            deserted: Notify::new(),
        }))
    }

    /// Publishes, unless nobody watches.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Publishes, and returns the value before.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|old| std::mem::swap(old, &mut value));
        value
    }

    /// Changes the value in place.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place; watchers are woken when `modify` says that it did. Returns what it said.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        let modified = modify(&mut value);
        if modified {
            self.0.version.fetch_add(1, Ordering::Release);
        }
        drop(value);
        if modified {
            self.0.changed.notify_waiters();
        }
        modified
    }

    /// Looks at the value.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.0.look()
    }

    /// A new watcher, who has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.fetch_add(1, Ordering::AcqRel);
        Receiver { shared: self.0.clone(), seen: self.0.version() }
    }

    /// How many watch.
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.load(Ordering::Acquire)
    }

    /// Whether nobody watches.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until nobody watches.
    pub async fn closed(&self) {
        loop {
            let deserted = self.0.deserted.notified();
            tokio::pin!(deserted);
            deserted.as_mut().enable();
            if self.is_closed() {
                return;
            }
            deserted.await;
        }
    }
}

impl<T> Receiver<T> {
    /// Looks at the value, seen or not.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.look()
    }

    /// Looks at the value and has seen it.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.look();
        self.seen = self.shared.version();
        value
    }

    /// Whether the value changed since it was last seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.shared.is_orphan() { Err(RecvError) } else { Ok(self.seen != self.shared.version()) }
    }

    /// Which value it is: raised at each change. Taken before a look, the value seen is at least as new.
    pub fn version(&self) -> u64 {
        self.shared.version()
    }

    /// Makes the present value count as not seen.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().wrapping_sub(1);
    }

    /// Waits for a value that was not seen, and has seen it. Cancel-safe.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.shared.changed(&mut self.seen).await
    }

    /// Waits until the value is such, and has seen it. Cancel-safe.
    pub async fn wait_for(&mut self, mut is_such: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        loop {
            {
                let value = self.shared.look();
                self.seen = self.shared.version();
                if is_such(&value) {
                    return Ok(value);
                }
            }
            self.shared.changed(&mut self.seen).await?;
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::AcqRel);
        Self(self.0.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Ordering::AcqRel);
        Self { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.deserted.notify_waiters();
        }
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&*self.borrow()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&*self.borrow()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::primitives::Scope;

    #[tokio::test]
    async fn watchers_wake_in_the_order_in_which_they_began_to_wait() {
        let (publish, watch) = channel(0);
        let (order, scope) = (Arc::new(Mutex::new(Vec::new())), Scope::new());
        for number in 0..32 {
            let (order, mut watch) = (order.clone(), watch.clone());
            scope.spawn("watcher", async move {
                watch.changed().await.expect("the publisher lives");
                order.lock().expect("no panic").push(number);
            });
        }
        tokio::task::yield_now().await;
        publish.send_replace(1);
        scope.ended().await;
        assert_eq!(*order.lock().expect("no panic"), (0..32).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_change_before_the_wait_is_not_missed_and_the_last_publisher_ends_it() {
        let (publish, mut watch) = channel(0);
        publish.send_replace(1);
        assert_eq!(watch.has_changed(), Ok(true));
        assert_eq!((watch.changed().await, *watch.borrow()), (Ok(()), 1));
        let other = publish.clone();
        other.send_if_modified(|_| false);
        drop(publish);
        assert_eq!(watch.has_changed(), Ok(false));
        other.send_modify(|value| *value = 7);
        drop(other);
        assert_eq!(watch.wait_for(|value| *value == 7).await.map(|value| *value), Ok(7));
        assert_eq!(watch.wait_for(|value| *value == 8).await.map(|value| *value), Err(RecvError));
    }

    #[tokio::test]
    async fn a_publisher_notices_when_nobody_watches() {
        let (publish, watch) = channel(0);
        let (_, ()) = tokio::join!(biased; publish.closed(), async { drop(watch) });
        assert_eq!(publish.send(1), Err(SendError(1)));
        let mut late = publish.subscribe();
        assert_eq!(late.has_changed(), Ok(false));
        late.mark_changed();
        assert_eq!(late.changed().await, Ok(()));
    }
}
