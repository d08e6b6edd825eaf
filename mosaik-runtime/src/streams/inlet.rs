//! The consuming side of one stream on one node: the inbox, and one line per producer.
//!
//! All consumers of a stream on a node share one inlet, and with it one subscription per producer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    core::{
        inbox::{Batch, Entry, Inbox, InboxLimits, Note},
        limits::{Limits, MAX_WAIT},
        source::{Begun, Lost, Source},
    },
    options::ConsumerOptions,
    outlet::Subject,
    stats::{StreamStats, SubscriptionStats},
    when::Peers,
    wire::{Terms, overflow_of},
};
use crate::{
    discovery::{Advert, Discovery},
    primitives::{BootId, Clock, Fingerprint, PeerId, Scope, watch},
};

/// One producer's line to this node, as others may touch it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// There is something to acknowledge; and it cannot wait.
    pub(super) news: Notify,
    pub(super) urgent: Notify,
    /// A consumer could not read an item: the reason.
    spoiled: Mutex<Option<String>>,
    spoil: Notify,
    /// It is no longer wanted.
    pub(super) leave: CancellationToken,
    /// How long the producer keeps its place after a lost link.
    pub(super) resume_ms: AtomicU64,
    up_since: Mutex<Option<Instant>>,
    items: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    received: AtomicU64,
    epoch: Mutex<Option<BootId>>,
}

impl Line {
    /// Waits until a consumer could not read an item of the present link; says why.
    pub(super) async fn spoils(&self) -> String {
        loop {
            self.spoil.notified().await;
            if let Some(why) = lock(&self.spoiled).take() {
                return why;
            }
        }
    }
}

/// Who is wanted, and who has a line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) wanted: BTreeSet<PeerId>,
    pub(super) running: BTreeMap<PeerId, Arc<Line>>,
    /// Where the lines of those stood that have none now.
    pub(super) places: BTreeMap<PeerId, Source>,
}

/// See the module.
pub(crate) struct Inlet {
    pub(crate) subject: Subject,
    /// What its consumers can read, newest first.
    pub(crate) schemas: Vec<Fingerprint>,
    pub(crate) options: ConsumerOptions,
    inbox: Mutex<Inbox>,
    room: Notify,
    lines: Mutex<Lines>,
    pub(crate) producers: watch::Sender<Peers>,
    pub(crate) scope: Scope,
    pub(super) clock: Clock,
    discovery: Discovery,
    _advert: Advert,
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inlet({})", self.subject.intent)
    }
}

/// What an inlet is made with.
pub(crate) struct InletParts {
    pub(crate) subject: Subject,
    pub(crate) schemas: Vec<Fingerprint>,
    pub(crate) options: ConsumerOptions,
    pub(crate) scope: Scope,
    pub(crate) clock: Clock,
    pub(crate) discovery: Discovery,
    pub(crate) advert: Advert,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inbox_limits(limits: &Limits) -> InboxLimits {
    InboxLimits {
        items: limits.items as u64,
        bytes: limits.bytes as u64,
        overflow: limits.overflow,
        patience: limits.patience,
        replay: limits.replay as u64,
    }
}

/// What the other side says is kept within bounds.
fn limits_of_terms(terms: &Terms) -> InboxLimits {
    InboxLimits {
        items: u64::from(terms.buffer).max(1),
        bytes: terms.buffer_bytes.clamp(1, 64 << 20),
        overflow: overflow_of(terms.overflow),
        patience: Duration::from_millis(terms.patience_ms).min(MAX_WAIT),
        replay: u64::from(terms.replay),
    }
}

impl Inlet {
    pub(crate) fn new(parts: InletParts) -> Arc<Self> {
        let InletParts { subject, schemas, options, scope, clock, discovery, advert } = parts;
        Arc::new(Self {
            inbox: Mutex::new(Inbox::new(inbox_limits(&options.limits))),
            room: Notify::new(),
            lines: Mutex::default(),
            producers: watch::channel(Peers::default()).0,
            subject,
            schemas,
            options,
            scope,
            clock,
            discovery,
            _advert: advert,
        })
    }

    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        lock(&self.lines)
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }

    /// The producer's settings count.
    pub(super) fn adopt(&self, from: PeerId, line: &Line, terms: &Terms) {
        line.resume_ms.store(terms.resume_ms, Ordering::Relaxed);
        let limits = limits_of_terms(terms);
        let declared = inbox_limits(&self.options.limits);
        if limits != declared {
            tracing::debug!(target: "mosaik::streams", stream = self.subject.intent, producer = %from.short(),
                "the producer's settings count: {limits:?} instead of {declared:?}");
        }
        self.inbox().set_limits(limits);
    }

    /// A subscription begins: tells consumers, and what is lost between.
    pub(super) fn begin(&self, from: PeerId, line: &Line, source: &mut Source, epoch: BootId, next: u64) {
        let (begun, lost) = source.begin(epoch, next);
        let now = self.clock.now();
        *lock(&line.up_since) = Some(now);
        *lock(&line.epoch) = Some(epoch);
        line.received.store(next, Ordering::Relaxed);
        // What was wrong with an item of an earlier link is no reason to end this one.
        lock(&line.spoiled).take();
        if begun == Begun::Fresh || matches!(begun, Begun::Restarted { .. }) {
            line.items.store(0, Ordering::Relaxed);
        }
        {
            let mut inbox = self.inbox();
            inbox.welcome(from, epoch);
            inbox.note(from, epoch, Note::Joined(begun));
        }
        self.lose(from, line, epoch, lost);
        // What was taken since the last word to the producer is said again.
        line.news.notify_one();
        self.publish();
    }

    /// Tells consumers of a gap.
    pub(super) fn lose(&self, from: PeerId, line: &Line, epoch: BootId, lost: Option<Lost>) {
        if let Some(lost) = lost {
            line.lost.fetch_add(lost.count, Ordering::Relaxed);
            metrics::counter!("mosaik_streams_items_lost_total", "stream" => self.subject.intent.clone())
                .increment(lost.count);
            self.inbox().note(from, epoch, Note::Gap(lost));
        }
    }

    /// A subscription is over, or did not begin.
    pub(super) fn end(&self, from: PeerId, line: &Line, epoch: BootId, note: Note) {
        *lock(&line.up_since) = None;
        self.inbox().note(from, epoch, note);
        self.publish();
    }

    /// Puts in a batch; waits while there is no room for it. Dropped before it returns, it has put in nothing, and `source` still
    /// expects the batch: an item counts as received only once it is in the inbox.
    pub(super) async fn put(&self, line: &Line, source: &mut Source, batch: Batch) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let until = {
                let mut inbox = self.inbox();
                let until = inbox.expire(self.clock.now());
                if inbox.has_room() {
                    drop(inbox);
                    return self.accept(line, source, batch);
                }
                until
            };
            let far = self.clock.now() + super::serve::SILENCE;
            tokio::select! {
                biased;
                () = &mut room => {}
                () = sleep_until(until.unwrap_or(far)) => {}
            }
        }
    }

    /// The one step in which a batch is received: what is missing before it is told, what was here already is left out.
    fn accept(&self, line: &Line, source: &mut Source, batch: Batch) {
        let (known, lost) = source.accept(batch.first, batch.count);
        self.lose(batch.from, line, batch.epoch, lost);
        if known >= batch.count {
            return;
        }
        let batch = if known > 0 { batch.skip(known) } else { batch };
        line.items.fetch_add(batch.count, Ordering::Relaxed);
        line.bytes.fetch_add(batch.bytes.len() as u64, Ordering::Relaxed);
        line.received.store(batch.first + batch.count, Ordering::Relaxed);
        self.inbox().put(batch);
    }

    /// A consumer's next entry.
    pub(crate) fn poll(&self, reader: u64, context: &mut Context<'_>) -> Poll<Option<Entry>> {
        let (entry, grown) = {
            let mut inbox = self.inbox();
            (inbox.poll(reader, context), inbox.take_grown())
        };
        self.moved(entry.is_ready(), grown);
        entry
    }

    /// A consumer has taken all of its batch.
    pub(crate) fn finish(&self, reader: u64) {
        let grown = {
            let mut inbox = self.inbox();
            inbox.finish(reader);
            inbox.take_grown()
        };
        self.moved(true, grown);
    }

    fn moved(&self, room: bool, grown: Vec<PeerId>) {
        if room {
            self.room.notify_waiters();
        }
        if !grown.is_empty() {
            let lines = self.lines();
            grown.iter().filter_map(|from| lines.running.get(from)).for_each(|line| line.news.notify_one());
        }
    }

    /// A consumer less; says whether it was the last one.
    pub(crate) fn leave(&self, reader: u64) -> bool {
        let (last, grown) = {
            let mut inbox = self.inbox();
            (inbox.leave(reader), inbox.take_grown())
        };
        self.moved(true, grown);
        last
    }

    /// A consumer could not read an item: its subscription is closed, and opened again after a while.
    pub(crate) fn spoil(&self, from: &PeerId, why: &str) {
        if let Some(line) = self.lines().running.get(from) {
            *lock(&line.spoiled) = Some(why.to_owned());
            line.spoil.notify_one();
        }
    }

    /// Publishes whose items come, with their tags.
    pub(super) fn publish(&self) {
        self.producers.send_if_modified(|known| {
            // Looked up in here: of two calls at once the later one publishes what is true then.
            let up: Vec<PeerId> = {
                let lines = self.lines();
                let up = lines.running.iter().filter(|(_, line)| lock(&line.up_since).is_some());
                up.map(|(peer, _)| *peer).collect()
            };
            let tagged =
                up.into_iter().map(|peer| (peer, self.discovery.view(&peer).tags.unwrap_or_default()));
            let peers = Peers(tagged.collect());
            let changed = *known != peers;
            if changed {
                *known = peers;
            }
            changed
        });
    }

    /// The node stops: consumers end after what is there.
    pub(crate) fn stop(&self) {
        self.inbox().close();
        self.scope.stop();
        self.room.notify_waiters();
    }

    /// How the subscriptions stand.
    pub(crate) fn stats(&self) -> StreamStats {
        let now = self.clock.now();
        let lines: Vec<_> = self.lines().running.iter().map(|(peer, line)| (*peer, line.clone())).collect();
        let stats = |peer: &PeerId, line: &Line| {
            let consumed = (*lock(&line.epoch)).map_or(0, |epoch| self.inbox().consumed(peer, epoch));
            let received = line.received.load(Ordering::Relaxed);
            SubscriptionStats {
                items: line.items.load(Ordering::Relaxed),
                bytes: line.bytes.load(Ordering::Relaxed),
                lost: line.lost.load(Ordering::Relaxed),
                lag: if consumed == 0 { 0 } else { received.saturating_sub(consumed) },
                memory: None,
                uptime: (*lock(&line.up_since)).map(|since| now.saturating_duration_since(since)),
            }
        };
        let subscriptions = lines.iter().map(|(peer, line)| (*peer, stats(peer, line))).collect();
        StreamStats { produced: 0, memory: None, subscriptions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_producer_says_is_kept_within_bounds() {
        let terms = Terms {
            epoch: BootId(1),
            next: 0,
            max_item: 1,
            buffer: 0,
            buffer_bytes: u64::MAX,
            replay: 0,
            overflow: 3,
            patience_ms: u64::MAX,
            resume_ms: u64::MAX,
            extensions: Vec::new(),
        };
        let limits = limits_of_terms(&terms);
        assert_eq!((limits.items, limits.bytes, limits.patience), (1, 64 << 20, MAX_WAIT));
    }
}
