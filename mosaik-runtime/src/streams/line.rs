//! One producer's line to this node, as others may touch it: words to its task, and what it has carried.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    core::{
        inbox::Batch,
        limits::{MAX_WAIT, read_buffer_of},
    },
    inlet::lock,
    stats::{Memory, SubscriptionStats},
};
use crate::primitives::BootId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// There is something to acknowledge; and it cannot wait.
    pub(super) news: Notify,
    pub(super) urgent: Notify,
    /// It is no longer wanted.
    pub(super) leave: CancellationToken,
    /// A consumer could not read an item of the present link: the reason.
    spoiled: Mutex<Option<String>>,
    spoil: Notify,
    /// How long the producer keeps its place after a lost link.
    resume_ms: AtomicU64,
    /// The read buffer of the present link, and the most that it can become.
    buffer: AtomicU64,
    most: AtomicU64,
    link: Mutex<Carried>,
}

/// What the present link has carried, or the last one.
#[derive(Debug, Default)]
struct Carried {
    up_since: Option<Instant>,
    epoch: Option<BootId>,
    /// The first number of this epoch for this node, the first of this link, and the next one.
    joined: u64,
    first: u64,
    received: u64,
    items: u64,
    bytes: u64,
    lost: u64,
}

impl Line {
    /// A link is up, and begins with `next`.
    pub(super) fn begin(&self, now: Instant, epoch: BootId, next: u64) {
        // What was wrong with an item of an earlier link is no reason to end this one.
        lock(&self.spoiled).take();
        let mut link = lock(&self.link);
        let joined = if link.epoch == Some(epoch) { link.joined } else { next };
        let (up_since, epoch) = (Some(now), Some(epoch));
        *link = Carried { up_since, epoch, joined, first: next, received: next, ..Carried::default() };
    }

    /// The link is down.
    pub(super) fn end(&self) {
        lock(&self.link).up_since = None;
        self.buffer.store(0, Ordering::Relaxed);
    }

    /// The epoch of the link that is up.
    pub(super) fn up(&self) -> Option<BootId> {
        let link = lock(&self.link);
        link.up_since.and(link.epoch)
    }

    /// The epoch of the present link, or of the last one.
    pub(super) fn epoch(&self) -> Option<BootId> {
        lock(&self.link).epoch
    }

    /// A batch is in the inbox.
    pub(super) fn received(&self, batch: &Batch) {
        let mut link = lock(&self.link);
        link.items += batch.count;
        link.bytes += batch.bytes.len() as u64;
        link.received = batch.first + batch.count;
    }

    /// Consumers were told that so many items are lost.
    pub(super) fn lost(&self, items: u64) {
        lock(&self.link).lost += items;
    }

    /// The read buffer has this capacity, on a stream of items of at most `max_item` bytes.
    pub(super) fn sets_aside(&self, capacity: usize, max_item: usize) {
        self.buffer.store(capacity as u64, Ordering::Relaxed);
        self.most.store(read_buffer_of(max_item) as u64, Ordering::Relaxed);
    }

    /// The producer says how long it keeps the place.
    pub(super) fn set_lease(&self, millis: u64) {
        self.resume_ms.store(millis, Ordering::Relaxed);
    }

    /// How long the producer keeps the place.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.resume_ms.load(Ordering::Relaxed)).min(MAX_WAIT)
    }

    /// A consumer could not read item `seq` of `epoch`. When it came over the present link, that is closed.
    pub(super) fn spoil(&self, epoch: BootId, seq: u64, why: &str) {
        {
            let mut link = lock(&self.link);
            link.lost += 1;
            if link.up_since.is_none() || link.epoch != Some(epoch) || seq < link.first {
                return;
            }
        }
        *lock(&self.spoiled) = Some(why.to_owned());
        self.spoil.notify_one();
    }

    /// Waits until a consumer could not read an item of the present link; says why.
    pub(super) async fn spoils(&self) -> String {
        loop {
            self.spoil.notified().await;
            if let Some(why) = lock(&self.spoiled).take() {
                return why;
            }
        }
    }

    /// How it stands at `now`, when consumers are done with everything below `consumed`.
    pub(super) fn stats(&self, consumed: u64, now: Instant) -> SubscriptionStats {
        let link = lock(&self.link);
        SubscriptionStats {
            items: link.items,
            bytes: link.bytes,
            lost: link.lost,
            lag: link.received.saturating_sub(consumed.max(link.joined)),
            memory: Some(Memory {
                held: self.buffer.load(Ordering::Relaxed),
                bound: self.most.load(Ordering::Relaxed),
            }),
            uptime: link.up_since.map(|since| now.saturating_duration_since(since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt;

    use super::*;
    use crate::primitives::{Clock, PeerId};

    const ONE: BootId = BootId(1);

    fn now() -> Instant {
        Clock::system().now()
    }

    fn batch(first: u64, count: u64) -> Batch {
        let bytes = Bytes::from(vec![0; count as usize]);
        Batch { from: PeerId::from_bytes([1; 32]), epoch: ONE, schema: 0, first, count, bytes }
    }

    #[test]
    fn the_lag_is_counted_from_the_first_number_and_the_rest_from_the_link() {
        let (line, start) = (Line::default(), now());
        line.begin(start, ONE, 1000);
        line.received(&batch(1000, 30));
        line.lost(2);
        let stats = line.stats(0, start + Duration::from_secs(3));
        assert_eq!((stats.items, stats.bytes, stats.lost, stats.lag), (30, 30, 2, 30));
        assert_eq!(stats.uptime, Some(Duration::from_secs(3)));
        assert_eq!(line.stats(1010, start).lag, 20);
        line.end();
        assert_eq!((line.stats(1010, start).items, line.stats(1010, start).uptime), (30, None));
        line.begin(start, ONE, 1030);
        let stats = line.stats(1010, start);
        assert_eq!((stats.items, stats.bytes, stats.lost, stats.lag), (0, 0, 0, 20), "the items wait still");
        line.begin(start, BootId(2), 0);
        assert_eq!(line.stats(0, start).lag, 0);
    }

    #[test]
    fn only_an_item_of_the_present_link_spoils_it() {
        let line = Line::default();
        line.begin(now(), ONE, 0);
        line.spoil(ONE, 3, "thirteen");
        line.end();
        line.begin(now(), ONE, 5);
        assert_eq!(line.spoils().now_or_never(), None, "that was the link before");
        line.spoil(ONE, 4, "thirteen");
        line.spoil(BootId(9), 7, "thirteen");
        assert_eq!(line.spoils().now_or_never(), None, "these came over the link before");
        line.spoil(ONE, 5, "thirteen");
        assert_eq!(line.spoils().now_or_never().as_deref(), Some("thirteen"));
    }
}
