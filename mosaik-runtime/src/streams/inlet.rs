//! The consuming side of one stream on one node: the inbox, and one line per producer.
//!
//! All consumers of a stream on a node share one inlet, and with it one subscription per producer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    core::{
        inbox::{Batch, Entry, Inbox, InboxLimits, Left, Note},
        limits::{Limits, MAX_WAIT},
        source::{Begun, Lost, Source},
    },
    event::{Holds, Trace},
    line::Line,
    options::{ConsumerOptions, Preference},
    outlet::Subject,
    stats::StreamStats,
    when::Peers,
    wire::{Terms, overflow_of},
};
use crate::{
    discovery::{Advert, Discovery},
    primitives::{
        BootId, Clock, Fingerprint, Level, PeerId, Scope, Version,
        canary::{self, Canary},
        watch,
    },
};

/// How a producer refused while others could be had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusals {
    /// In a row.
    pub(super) times: u32,
    /// Until then others are preferred, unless an entry changes.
    pub(super) until: Instant,
    pub(super) seen: Versions,
}

/// The versions of this node's and a peer's entries.
pub(super) type Versions = [Option<Version>; 2];

/// Who is wanted, and who has a line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) wanted: BTreeSet<PeerId>,
    pub(super) running: BTreeMap<PeerId, Arc<Line>>,
    /// Where the lines of those stood that have none now.
    pub(super) places: BTreeMap<PeerId, Source>,
    /// Who refused, while only the nearest ones are preferred.
    pub(super) refusals: BTreeMap<PeerId, Refusals>,
    /// Whose lines failed, and until when they rest.
    pub(super) resting: BTreeMap<PeerId, Instant>,
}

/// See the module.
pub(crate) struct Inlet {
    pub(crate) subject: Subject,
    /// What its consumers can read, newest first.
    pub(crate) schemas: Vec<Fingerprint>,
    pub(crate) options: ConsumerOptions,
    inbox: Mutex<Inbox>,
    /// What waits in the inbox, for a recorder.
    level: Level,
    room: Notify,
    /// Whose batch is put in next: producers take turns when consumers are slow.
    turn: tokio::sync::Mutex<()>,
    lines: Mutex<Lines>,
    /// Who should have a line is looked at again.
    pub(super) keeper: Notify,
    pub(crate) producers: watch::Sender<Peers>,
    pub(crate) scope: Scope,
    pub(super) clock: Clock,
    discovery: Discovery,
    trace: Option<Arc<dyn Trace>>,
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
    pub(crate) trace: Option<Arc<dyn Trace>>,
    pub(crate) advert: Advert,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts until a producer says what does.
fn inbox_limits(limits: &Limits) -> InboxLimits {
    InboxLimits {
        items: limits.items as u64,
        bytes: limits.bytes as u64,
        overflow: limits.overflow,
        patience: limits.patience,
        replay: limits.replay as u64,
        max_item: limits.max_item as u64,
    }
}

/// What the other side says is kept within bounds.
pub(super) fn limits_of_terms(terms: &Terms) -> InboxLimits {
    InboxLimits {
        items: u64::from(terms.buffer).max(1),
        bytes: terms.buffer_bytes.clamp(1, 64 << 20),
        overflow: overflow_of(terms.overflow),
        patience: Duration::from_millis(terms.patience_ms).min(MAX_WAIT),
        replay: u64::from(terms.replay),
        max_item: u64::from(terms.max_item),
    }
}

impl Inlet {
    pub(crate) fn new(parts: InletParts) -> Arc<Self> {
        let InletParts { subject, schemas, options, scope, clock, discovery, trace, advert } = parts;
        Arc::new(Self {
            inbox: Mutex::new(Inbox::new(inbox_limits(&options.limits))),
            level: Level::of(
                metrics::gauge!("mosaik_streams_inbox_bytes", "stream" => subject.intent.clone()),
            ),
            room: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            lines: Mutex::default(),
            keeper: Notify::new(),
            producers: watch::channel(Peers::default()).0,
            subject,
            schemas,
            options,
            scope,
            clock,
            discovery,
            trace,
            _advert: advert,
        })
    }

    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        lock(&self.lines)
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }

    /// Changes the inbox; lines are told what consumers are done with, and what they lost because they are slow is counted.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Inbox) -> R) -> R {
        let (result, grown, dropped) = {
            let mut inbox = self.inbox();
            let result = change(&mut inbox);
            self.level.set(inbox.backlog().1);
            (result, inbox.take_grown(), inbox.take_dropped())
        };
        if !grown.is_empty() || !dropped.is_empty() {
            let lines = self.lines();
            grown.iter().filter_map(|from| lines.running.get(from)).for_each(|line| line.news.notify_one());
            for (from, count) in dropped {
                self.count_lost(lines.running.get(&from).map(|line| &**line), count);
            }
        }
        result
    }

    fn count_lost(&self, line: Option<&Line>, count: u64) {
        line.into_iter().for_each(|line| line.lost(count));
        metrics::counter!("mosaik_streams_items_lost_total", "stream" => self.subject.intent.clone())
            .increment(count);
    }

    /// A subscription begins under the producer's settings: tells consumers, and what is lost between.
    pub(super) fn begin(&self, from: PeerId, line: &Line, source: &mut Source, terms: &Terms) {
        let (epoch, limits) = (terms.epoch, limits_of_terms(terms));
        let (begun, lost) = source.begin(epoch, terms.next);
        line.set_lease(terms.resume_ms);
        line.begin(self.clock.now(), epoch, terms.next);
        self.change(|inbox| {
            inbox.set_limits(limits);
            inbox.welcome(from, epoch);
            if begun == Begun::Fresh || !canary::made(Canary::RestartNotAnnounced) {
                inbox.note(from, epoch, Note::Joined(begun));
            }
            let (declared, counts) = (inbox_limits(&self.options.limits).settings(), limits.settings());
            if self.options.declared && declared != counts {
                inbox.note(from, epoch, Note::Settings { declared, counts });
            }
        });
        self.lose(from, line, epoch, lost);
        // What was taken since the last word to the producer is said again.
        line.news.notify_one();
        self.lines().refusals.remove(&from);
        self.publish();
        self.reconsider();
    }

    /// Tells consumers of a gap.
    pub(super) fn lose(&self, from: PeerId, line: &Line, epoch: BootId, lost: Option<Lost>) {
        if let Some(lost) = lost.filter(|_| !canary::made(Canary::GapNotReported)) {
            self.count_lost(Some(line), lost.count);
            self.change(|inbox| inbox.note(from, epoch, Note::Gap(lost)));
        }
    }

    /// A subscription is over.
    pub(super) fn end(&self, from: PeerId, line: &Line, epoch: BootId, why: Left) {
        line.end();
        self.change(|inbox| inbox.note(from, epoch, Note::Left(why)));
        self.publish();
        self.reconsider();
    }

    /// A line is up, down or refused: who prefers the nearest producers chooses again.
    pub(super) fn reconsider(&self) {
        if self.options.prefer != Preference::All {
            self.keeper.notify_one();
        }
    }

    /// Puts in a batch; waits while there is no room for it. Dropped before it returns, it has put in nothing, and `source` still
    /// expects the batch: an item counts as received only once it is in the inbox.
    pub(super) async fn put(&self, line: &Line, source: &mut Source, batch: Batch) {
        let _turn = self.turn.lock().await;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let (until, has_room) = self.change(|inbox| (inbox.expire(self.clock.now()), inbox.has_room()));
            if has_room {
                return self.accept(line, source, batch);
            }
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
        line.received(&batch);
        self.change(|inbox| inbox.put(batch));
        if let Some(trace) = &self.trace {
            let (_, bytes) = self.inbox().backlog();
            trace.holds(self.subject.item, Holds::Received, bytes);
        }
    }

    /// A consumer's next entry.
    pub(crate) fn poll(&self, reader: u64, context: &mut Context<'_>) -> Poll<Option<Entry>> {
        let entry = self.change(|inbox| inbox.poll(reader, context));
        if entry.is_ready() {
            self.room.notify_waiters();
        }
        entry
    }

    /// A consumer has taken all of its batch.
    pub(crate) fn finish(&self, reader: u64) {
        self.change(|inbox| inbox.finish(reader));
        self.room.notify_waiters();
    }

    /// A consumer less; says whether it was the last one.
    pub(crate) fn leave(&self, reader: u64) -> bool {
        let last = self.change(|inbox| inbox.leave(reader));
        self.room.notify_waiters();
        last
    }

    /// A consumer could not read an item. It counts as lost; its subscription is closed, and opened again after a while.
    pub(crate) fn spoil(&self, (from, epoch): (PeerId, BootId), seq: u64, why: &str) {
        let line = self.lines().running.get(&from).cloned();
        line.iter().for_each(|line| line.spoil(epoch, seq, why));
        self.count_lost(None, 1);
    }

    /// Publishes whose items come, with their tags.
    pub(super) fn publish(&self) {
        self.producers.send_if_modified(|known| {
            // Looked up in here: of two calls at once the later one publishes what is true then.
            let up: Vec<PeerId> = {
                let lines = self.lines();
                let up = lines.running.iter().filter(|(_, line)| line.up().is_some());
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
            let consumed = line.epoch().map_or(0, |epoch| self.inbox().consumed(peer, epoch));
            line.stats(consumed, now)
        };
        let subscriptions = lines.iter().map(|(peer, line)| (*peer, stats(peer, line))).collect();
        StreamStats { produced: 0, memory: Some(self.inbox().memory()), subscriptions }
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
