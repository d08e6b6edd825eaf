//! The producing side of one stream on one node: the ring, who subscribes, and who waits for whom.
//!
//! All producers of a stream on a node share one outlet. Nothing here awaits a peer: that is what `serve` does, one task per
//! subscription.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::Notify,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    audience::Audience,
    core::{
        cursor::{Bell, Cut, Parting},
        limits::Limits,
        pace::Pace,
        ring::{PushError, Ring},
        subscribe::{AttachError, Attached, Standing},
    },
    event::{Holds, Trace},
    options::ProducerOptions,
    stats::{StreamStats, SubscriptionStats},
    when::Peers,
    wire::{self, Terms},
};
use crate::{
    discovery::{Advert, Discovery},
    primitives::{BootId, Clock, Fingerprint, Level, PeerId, WireId, schema::Shape, watch},
    topology::OnlineWhen,
};

/// What identifies a stream on this node.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) item: WireId,
    pub(crate) intent: String,
    pub(crate) schema: Fingerprint,
    pub(crate) shape: Shape,
}

/// Wakes the task of one subscription.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wake {
    pub(crate) items: Arc<Notify>,
    pub(crate) cut: CancellationToken,
}

impl Bell for Wake {
    fn ring(&self) {
        self.items.notify_one();
    }

    fn cut(&self) {
        self.cut.cancel();
    }
}

/// See the module.
pub(crate) struct Outlet {
    pub(crate) subject: Subject,
    pub(crate) epoch: BootId,
    options: Mutex<ProducerOptions>,
    ring: Mutex<Ring<Wake>>,
    /// What the ring holds, for a recorder.
    level: Level,
    pace: Mutex<Option<Pace>>,
    advert: Mutex<Option<Advert>>,
    /// Locked while a handle comes or goes, so that the last one and a new one do not cross.
    handles: Mutex<usize>,
    pub(crate) stopping: CancellationToken,
    /// A subscriber has room again.
    pub(crate) room: Notify,
    /// Something was written, received, consumed, or somebody left.
    pub(crate) progress: Notify,
    /// The lease of a lost subscription begins, or the last handle was dropped.
    pub(crate) keeper: Notify,
    pub(crate) subscribers: watch::Sender<Peers>,
    /// Who is told what happens to subscriptions.
    pub(super) audience: Audience,
    clock: Clock,
    discovery: Discovery,
    trace: Option<Arc<dyn Trace>>,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({})", self.subject.intent)
    }
}

/// What an outlet is made with.
pub(crate) struct OutletParts {
    pub(crate) subject: Subject,
    pub(crate) epoch: BootId,
    /// The number of the first item.
    pub(crate) first: u64,
    pub(crate) options: ProducerOptions,
    pub(crate) clock: Clock,
    pub(crate) discovery: Discovery,
    pub(crate) trace: Option<Arc<dyn Trace>>,
}

/// What the ring holds is measured with every so many items, and whenever a subscriber takes some.
const MEASURED: u64 = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet {
    pub(crate) fn new(parts: OutletParts) -> Arc<Self> {
        let OutletParts { subject, epoch, first, options, clock, discovery, trace } = parts;
        Arc::new(Self {
            ring: Mutex::new(Ring::new(epoch, first, options.limits)),
            level: Level::of(
                metrics::gauge!("mosaik_streams_held_bytes", "stream" => subject.intent.clone()),
            ),
            pace: Mutex::new(options.max_egress.map(Pace::new)),
            options: Mutex::new(options),
            advert: Mutex::new(None),
            handles: Mutex::new(0),
            stopping: CancellationToken::new(),
            room: Notify::new(),
            progress: Notify::new(),
            keeper: Notify::new(),
            subscribers: watch::channel(Peers::default()).0,
            audience: Audience::new(subject.intent.clone()),
            subject,
            epoch,
            clock,
            discovery,
            trace,
        })
    }

    pub(crate) fn options(&self) -> ProducerOptions {
        lock(&self.options).clone()
    }

    /// A handle more. The first one since the last was dropped decides the settings, and announces the stream.
    pub(crate) fn open(&self, options: ProducerOptions, advert: Advert) {
        let mut handles = lock(&self.handles);
        *handles += 1;
        if *handles == 1 {
            self.ring().reopen(options.limits);
            *lock(&self.pace) = options.max_egress.map(Pace::new);
            *lock(&self.options) = options;
            *lock(&self.advert) = Some(advert);
        }
    }

    pub(crate) fn has_handles(&self) -> bool {
        *lock(&self.handles) > 0
    }

    pub(crate) fn clone_handle(&self) {
        *lock(&self.handles) += 1;
    }

    /// A handle less. With the last one the stream ends, and subscribers get what is still held. It is withdrawn when they have
    /// it, so that one whose link is lost finds its way back.
    pub(crate) fn drop_handle(&self) {
        let mut handles = lock(&self.handles);
        *handles = handles.saturating_sub(1);
        if *handles == 0 {
            self.ring().close();
            self.keeper.notify_one();
        }
    }

    /// Whether the peer may subscribe: the stream is produced here, or the peer has a place in what is left of it.
    pub(crate) fn serves(&self, peer: &PeerId) -> bool {
        self.has_handles() || self.ring().knows(peer)
    }

    /// Withdraws the stream if nobody produces it and nobody waits for what is held; says whether that is so.
    pub(crate) fn withdraw(&self) -> bool {
        let handles = lock(&self.handles);
        let done = *handles == 0 && self.ring().is_done();
        if done {
            lock(&self.advert).take();
        }
        done
    }

    /// Another outlet takes the place of this one: subscribers that are connected get what is held.
    pub(crate) fn abandon(&self) {
        lock(&self.advert).take();
        self.ring().abandon();
        self.keeper.notify_one();
    }

    /// The node stops: nothing more is accepted.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
        lock(&self.advert).take();
        self.ring().close();
        self.room.notify_waiters();
        self.progress.notify_waiters();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopping.is_cancelled()
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring<Wake>> {
        lock(&self.ring)
    }

    /// Accepts an item, or says why not.
    pub(crate) fn push<T: Serialize>(&self, item: &T) -> Result<u64, PushError> {
        let (pushed, cuts) = {
            let mut ring = self.ring();
            let pushed = ring.push(item, || self.clock.now());
            if pushed.as_ref().is_ok_and(|seq| seq % MEASURED == 0) {
                self.level.set(ring.held());
            }
            (pushed, ring.take_cuts())
        };
        self.tell_cuts(cuts);
        let seq = pushed?;
        if let Some(trace) = &self.trace {
            let held = self.ring().held();
            trace.produced(self.subject.item, self.epoch, seq);
            trace.holds(self.subject.item, Holds::Produced, held);
        }
        Ok(seq)
    }

    /// Whether an item would be accepted now.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready().is_ok()
    }

    fn ready(&self) -> Result<(), PushError> {
        let (ready, cuts) = {
            let mut ring = self.ring();
            (ring.ready(|| self.clock.now()), ring.take_cuts())
        };
        self.tell_cuts(cuts);
        ready
    }

    fn tell_cuts(&self, cuts: Vec<(PeerId, Cut)>) {
        if !cuts.is_empty() {
            cuts.into_iter().for_each(|(peer, cut)| self.audience.cut(peer, cut));
            self.keeper.notify_one();
        }
    }

    /// Waits until there may be room for an item, at the latest until the first subscriber in the way is out of patience.
    pub(crate) async fn wait_for_room(&self) {
        let room = self.room.notified();
        tokio::pin!(room);
        room.as_mut().enable();
        let Err(PushError::Full { until }) = self.ready() else { return };
        tokio::select! {
            biased;
            () = &mut room => {}
            () = self.stopping.cancelled() => {}
            () = sleep_until(until) => {}
        }
    }

    /// Waits until enough are subscribed for `online_when`; says whether that was in time.
    pub(crate) async fn wait_online(&self, rule: Option<OnlineWhen>, within: Duration) -> bool {
        let mut subscribers = self.subscribers.subscribe();
        let online = subscribers.wait_for(|peers| peers.satisfy(rule));
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => true,
            online = timeout(within, online) => online.is_ok(),
        }
    }

    /// Waits until `done` holds of the ring; looks again after every progress.
    pub(crate) async fn wait_until(&self, done: impl Fn(&Ring<Wake>) -> bool) {
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            if done(&self.ring()) {
                return;
            }
            progress.await;
        }
    }

    /// Waits until every subscriber that is connected has got what is held, and has parted.
    pub(crate) async fn drained(&self) {
        self.wait_until(|ring| ring.standings().values().all(|standing| standing.since.is_none())).await;
    }

    /// A counter of this stream. Counters grow per batch.
    pub(crate) fn counter(&self, name: &'static str) -> metrics::Counter {
        metrics::counter!(name, "stream" => self.subject.intent.clone())
    }

    /// How the subscriptions stand.
    pub(crate) fn stats(&self) -> StreamStats {
        let now = self.clock.now();
        let ring = self.ring();
        let stats = |standing: Standing| SubscriptionStats {
            items: standing.stats.items,
            bytes: standing.stats.bytes,
            lost: standing.stats.lost,
            lag: standing.lag,
            memory: Some(standing.memory),
            uptime: standing.since.map(|since| now.saturating_duration_since(since)),
        };
        let subscriptions =
            ring.standings().into_iter().map(|(peer, standing)| (peer, stats(standing))).collect();
        StreamStats { produced: ring.end(), memory: Some(ring.memory()), subscriptions }
    }

    /// How long a writer must wait before it sends `bytes`.
    pub(crate) fn pace(&self, bytes: usize) -> Duration {
        let now = self.clock.now();
        lock(&self.pace).as_mut().map_or(Duration::ZERO, |pace| pace.take(bytes, now))
    }

    pub(crate) fn attach(
        &self,
        peer: PeerId,
        had: Option<(BootId, u64)>,
        wake: Wake,
    ) -> Result<Attached, AttachError> {
        let attached = self.ring().attach(peer, had, wake, self.clock.now());
        match &attached {
            Ok(attached) => self.audience.joined(peer, attached.resumed),
            Err(AttachError::Full { limit }) => self.audience.full(peer, *limit),
            Err(AttachError::Closed) => {}
        }
        self.publish();
        self.after_change();
        self.keeper.notify_one();
        attached
    }

    pub(crate) fn detach(&self, peer: &PeerId, attachment: u64, parting: Parting) {
        let became = self.ring().detach(peer, attachment, parting, self.clock.now());
        if let Some(parting) = became {
            self.audience.parted(*peer, parting);
        }
        self.publish();
        self.after_change();
        self.keeper.notify_one();
    }

    pub(crate) fn acknowledge(
        &self,
        peer: &PeerId,
        attachment: u64,
        (read, received, consumed): (u64, u64, u64),
    ) {
        self.ring().acknowledge(peer, attachment, read, received, consumed);
        self.after_change();
    }

    /// A writer took items: there may be room for producers.
    pub(crate) fn after_take(&self) {
        let wanted = {
            let mut ring = self.ring();
            self.level.set(ring.held());
            ring.takes_wanted()
        };
        if wanted {
            self.room.notify_waiters();
        }
    }

    /// A writer handed what it took to the transport.
    pub(crate) fn wrote(&self, peer: &PeerId, attachment: u64) {
        self.ring().wrote(peer, attachment);
        self.progress.notify_waiters();
    }

    /// What subscribers are told of the settings.
    pub(crate) fn terms(&self, next: u64) -> Terms {
        let limits = self.limits();
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Terms {
            epoch: self.epoch,
            next,
            max_item: narrow(limits.max_item),
            buffer: narrow(limits.items),
            buffer_bytes: limits.bytes as u64,
            replay: narrow(limits.replay),
            overflow: wire::overflow_code(limits.overflow),
            patience_ms: u64::try_from(limits.patience.as_millis()).unwrap_or(u64::MAX),
            resume_ms: u64::try_from(limits.resume.as_millis()).unwrap_or(u64::MAX),
            extensions: Vec::new(),
        }
    }

    /// Wakes whoever waits for what may have changed.
    pub(crate) fn after_change(&self) {
        if self.ring().takes_wanted() {
            self.room.notify_waiters();
        }
        self.progress.notify_waiters();
    }

    /// Ends leases that are over; says when to look again.
    pub(crate) fn expire(&self) -> Option<tokio::time::Instant> {
        let (next, cuts) = {
            let mut ring = self.ring();
            (ring.expire(self.clock.now()), ring.take_cuts())
        };
        self.tell_cuts(cuts);
        self.after_change();
        next
    }

    /// Publishes who subscribes, with their present tags.
    pub(crate) fn publish(&self) {
        self.subscribers.send_if_modified(|known| {
            // Looked up in here: of two calls at once the later one publishes what is true then.
            let standings = self.ring().standings();
            let attached = standings.into_iter().filter(|(_, standing)| standing.since.is_some());
            let tagged =
                attached.map(|(peer, _)| (peer, self.discovery.view(&peer).tags.unwrap_or_default()));
            let peers = Peers(tagged.collect());
            let changed = *known != peers;
            if changed {
                *known = peers;
            }
            changed
        });
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.ring().limits()
    }
}

/// A link's place in the ring. However its task ends, the ring hears of it.
pub(super) struct Seat<'a> {
    pub(super) outlet: &'a Outlet,
    pub(super) peer: PeerId,
    pub(super) attachment: u64,
    /// How the link ended; lost, while nobody said anything else.
    pub(super) parting: Parting,
}

impl<'a> Seat<'a> {
    pub(super) fn new(outlet: &'a Outlet, peer: PeerId, attached: &Attached) -> Self {
        Self { outlet, peer, attachment: attached.attachment, parting: Parting::Lost }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.outlet.detach(&self.peer, self.attachment, self.parting);
    }
}
