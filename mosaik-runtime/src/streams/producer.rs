//! The handle of those who send.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{Sink, future::BoxFuture};
use tokio::task::coop;

use super::{
    audience::SubscriberEvents,
    core::ring::PushError,
    datum::Travels,
    error::{FlushError, SendError, SinkError, TrySendError},
    outlet::Outlet,
    stats::StreamStats,
    when::When,
};
use crate::{
    primitives::{PeerId, Stopped},
    topology::OnlineWhen,
};

/// How long a `send` waits for `online_when`.
pub const ONLINE_WITHIN: Duration = Duration::from_secs(30);

/// Sends items on a stream.
///
/// Clones are handles of the same stream. An item is accepted when it is in the ring of its node; from there it reaches every
/// subscriber, or the subscriber is told that it did not. When the last handle on a node is dropped, the stream is withdrawn and
/// what is held is still delivered.
pub struct Producer<T> {
    outlet: Arc<Outlet>,
    online_when: Option<OnlineWhen>,
    /// Of the `Sink`: an item that found no room, and the wait for room.
    pending: Option<T>,
    wait: Mutex<Option<BoxFuture<'static, bool>>>,
    /// Items since the task's budget was last asked.
    run: u32,
}

/// So many items cost one unit of the task's cooperative budget: with a unit for each, a producer of small items is sent to the
/// back of the queue before it has filled a packet.
const RUN: u32 = 64;

impl<T> Producer<T> {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        let online_when = outlet.options().online_when;
        Self { outlet, online_when, pending: None, wait: Mutex::new(None), run: 0 }
    }

    /// What can be waited for.
    pub fn when(&self) -> When {
        When::new(self.outlet.subscribers.subscribe(), self.online_when)
    }

    /// The subscriptions, with items, bytes, lag and uptime.
    pub fn stats(&self) -> StreamStats {
        self.outlet.stats()
    }

    /// The nodes that are subscribed now.
    pub fn subscribers(&self) -> Vec<PeerId> {
        self.outlet.subscribers.borrow().0.keys().copied().collect()
    }

    /// What happens to subscriptions from now on: who comes and goes, who is cut and why, who is turned away.
    pub fn events(&self) -> SubscriberEvents {
        self.outlet.audience.subscribe()
    }

    /// The name of the stream.
    pub fn intent(&self) -> &str {
        &self.outlet.subject.intent
    }

    /// Waits until all items accepted so far were handed to the transport for every subscriber that is connected.
    ///
    /// # Errors
    ///
    /// When the node stops first.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let seq = self.outlet.ring().end();
        self.until_stop(self.outlet.wait_until(move |ring| ring.is_flushed(seq))).await
    }

    /// Waits until the consumers of at least `subscribers` nodes are done with all items accepted so far: they took them, or are
    /// told that they lost them. It waits without end while there are fewer.
    ///
    /// # Errors
    ///
    /// When the node stops first.
    pub async fn delivered_to(&self, subscribers: usize) -> Result<(), FlushError> {
        let seq = self.outlet.ring().end();
        self.until_stop(self.outlet.wait_until(move |ring| ring.consumed_by(seq) >= subscribers)).await
    }

    #[cfg(test)]
    pub(super) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    /// Subscriptions whose writers have not ended, those that were cut included.
    #[cfg(test)]
    pub(super) fn links(&self) -> usize {
        self.outlet.ring().links()
    }

    async fn until_stop(&self, wait: impl Future<Output = ()>) -> Result<(), FlushError> {
        tokio::select! {
            biased;
            () = wait => Ok(()),
            () = self.outlet.stopping.cancelled() => Err(Stopped.into()),
        }
    }

    fn is_online(&self) -> bool {
        self.online_when.is_none() || self.outlet.subscribers.borrow().satisfy(self.online_when)
    }
}

impl<T: Travels> Producer<T> {
    /// Sends an item: returns once it is accepted into the ring. Under `block` that waits for the slowest subscriber, within its
    /// patience; with `online_when` it waits until the producer is online, 30 s at most. It does not wait for the network; see
    /// [`flush`](Self::flush) and [`delivered_to`](Self::delivered_to).
    ///
    /// Dropped before it returns, it has not sent the item.
    ///
    /// # Errors
    ///
    /// The item comes back when it is over `max_item`, cannot be encoded, the producer does not come online, or the node stops.
    pub async fn send(&mut self, item: T) -> Result<(), SendError<T>> {
        if !self.is_online() && !self.outlet.wait_online(self.online_when, ONLINE_WITHIN).await {
            return Err(SendError::Offline { item, within: ONLINE_WITHIN });
        }
        if self.pending.is_some() && std::future::poll_fn(|context| self.poll_room(context)).await.is_err() {
            return Err(SendError::Stopped(item));
        }
        // A producer that never waits must not keep its own writers from running.
        self.run += 1;
        if self.run >= RUN {
            self.run = 0;
            coop::consume_budget().await;
        }
        loop {
            match self.outlet.push(&item) {
                Ok(_) => break,
                Err(PushError::Full { .. }) => self.outlet.wait_for_room().await,
                Err(PushError::Encode(error)) => return Err(SendError::encode(item, error)),
                Err(PushError::Closed) => return Err(SendError::Stopped(item)),
            }
        }
        Ok(())
    }

    /// Sends an item if that is possible at once.
    ///
    /// # Errors
    ///
    /// The item comes back when a subscriber has no room (under `block`), the producer is not online, and as with
    /// [`send`](Self::send).
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        if !self.is_online() {
            return Err(if self.outlet.is_stopped() {
                TrySendError::Stopped(item)
            } else {
                TrySendError::Offline(item)
            });
        }
        match self.outlet.push(&item) {
            Ok(_) => Ok(()),
            Err(PushError::Full { .. }) => Err(TrySendError::Full(item)),
            Err(PushError::Encode(error)) => Err(TrySendError::encode(item, error)),
            Err(PushError::Closed) => Err(TrySendError::Stopped(item)),
        }
    }

    /// Ready when there is room for an item, and none is pending.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        loop {
            let wait = self.wait.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Some(future) = wait {
                let in_time = ready!(future.as_mut().poll(context));
                *wait = None;
                if !in_time {
                    return Poll::Ready(Err(SinkError::Offline(ONLINE_WITHIN)));
                }
            }
            if self.outlet.is_stopped() {
                return Poll::Ready(Err(Stopped.into()));
            }
            let (outlet, rule) = (self.outlet.clone(), self.online_when);
            let next: BoxFuture<'static, bool> = if !self.is_online() {
                Box::pin(async move { outlet.wait_online(rule, ONLINE_WITHIN).await })
            } else if self.push_pending()? {
                return Poll::Ready(Ok(()));
            } else {
                Box::pin(async move {
                    outlet.wait_for_room().await;
                    true
                })
            };
            self.wait = Mutex::new(Some(next));
        }
    }

    /// Whether there is room for a new item now, after the pending one.
    fn push_pending(&mut self) -> Result<bool, SinkError> {
        let Some(item) = self.pending.take() else { return Ok(self.outlet.is_ready()) };
        match self.outlet.push(&item) {
            Ok(_) => Ok(self.outlet.is_ready()),
            Err(PushError::Full { .. }) => {
                self.pending = Some(item);
                Ok(false)
            }
            Err(PushError::Encode(error)) => Err(error.into()),
            Err(PushError::Closed) => Err(Stopped.into()),
        }
    }
}

impl<T: Travels + Unpin> Sink<T> for Producer<T> {
    type Error = SinkError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        let coop = ready!(coop::poll_proceed(context));
        let ready = self.poll_room(context);
        if ready.is_ready() {
            coop.made_progress();
        }
        ready
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), SinkError> {
        match self.outlet.push(&item) {
            Ok(_) => Ok(()),
            // Another handle took the room. One item per handle may wait here.
            Err(PushError::Full { .. }) => {
                self.pending = Some(item);
                Ok(())
            }
            Err(PushError::Encode(error)) => Err(error.into()),
            Err(PushError::Closed) => Err(Stopped.into()),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        while self.pending.is_some() {
            ready!(self.poll_room(context))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.poll_flush(context)
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        self.outlet.clone_handle();
        Self {
            outlet: self.outlet.clone(),
            online_when: self.online_when,
            pending: None,
            wait: Mutex::new(None),
            run: 0,
        }
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.outlet.drop_handle();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Producer({})", self.intent())
    }
}
