//! The only asynchronous part of discovery: one loop that carries out what the core and the overlay decide.
//!
//! The loop waits for no peer. Links, dials and comparisons have tasks of their own, which send [`Input`]s to a bounded inbox;
//! what the loop sends goes into bounded queues.

mod beyond;
mod compare;
mod effects;
mod links;
mod relays;
mod served;
mod sources;
mod start;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::Instant,
};

use crate::{
    primitives::{BootId, Level, NodeRng, PeerId, Scope, Version, Wall, watch},
    transport::{self, Address, Code, Ended, Link, LinkError, Listener, News, Refused, Transport},
};

use super::{
    catalog::Catalog,
    core::{Core, Outdated, Via},
    event::Event,
    gossip,
    handle::{Counters, Order},
    own::OwnEntry,
    remembered::DataDir,
    rendezvous::{Meeting, Met},
    settings::Pace,
    signed::{NotBelieved, Statement},
    wire::{CatalogProtocol, GossipFrame, GossipProtocol, Overlay},
};

use beyond::Beyond;
use compare::Comparer;
use links::{Links, Tasks};
use relays::Relays;
use served::Served;
use sources::Seeds;

pub(crate) use start::start;

/// What the tasks tell the loop.
#[derive(Debug)]
pub(crate) enum Input {
    /// A gossip link was dialled.
    Dialled { peer: PeerId, link: Result<Link<GossipProtocol>, LinkError> },
    /// A gossip link ended.
    LinkEnded { peer: PeerId, id: u64, failed: bool },
    /// A neighbour said something in the overlay; a broadcast was verified.
    Overlay { peer: PeerId, message: Overlay, statement: Option<Statement> },
    /// A neighbour asks whether this node is there.
    Probed { peer: PeerId, nonce: u64 },
    /// A neighbour says that it is there.
    Answered { peer: PeerId, nonce: u64 },
    /// A comparison began: the peer's own entry, what it holds of this node, its clock.
    Opened { peer: PeerId, statement: Statement, holds: Option<(Version, Option<BootId>)>, wall: Wall },
    /// A comparison brought statements.
    Learned { from: PeerId, statements: Vec<(Statement, Duration)> },
    /// A comparison gave statements away, so many.
    Told(usize),
    /// Nodes that another node holds dead.
    Doubted(Vec<(PeerId, Version)>),
    /// A peer was looked up.
    LookedUp { peer: PeerId, addresses: Vec<Address> },
    /// A comparison that this node began has ended.
    Compared { peer: PeerId, result: Result<(), LinkError> },
    /// A comparison that a peer began has ended.
    Served { number: u64 },
    /// A statement was not believed.
    NotBelieved { by: PeerId, why: NotBelieved },
}

/// Inputs that wait for the loop.
const INBOX: usize = 1024;
/// Inputs that are taken in one turn of the loop.
const TURN: usize = 64;
/// Changes of the own entry within this time are signed at once.
const GATHER: Duration = Duration::from_millis(5);
/// Clocks that are farther apart are reported.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// The loop's state.
pub(crate) struct Driver {
    me: PeerId,
    core: Core,
    overlay: gossip::Overlay,
    transport: Transport,
    scope: Scope,
    rng: NodeRng,
    pace: Pace,
    own: Arc<OwnEntry>,
    catalog: watch::Sender<Arc<Catalog>>,
    events: broadcast::Sender<Event>,
    counters: Arc<Counters>,
    levels: Levels,
    comparer: Comparer,
    links: Links,
    tasks: Tasks,
    meeting: Meeting,
    data: Option<DataDir>,
    seeds: Seeds,
    beyond: Beyond,
    comparing: BTreeMap<PeerId, Vec<oneshot::Sender<Result<(), LinkError>>>>,
    served: Served,
    neighbours: BTreeSet<PeerId>,
    /// Neighbours with which catalogs are to be compared.
    unequal: BTreeSet<PeerId>,
    /// Whether the overlay will be joined soon, because somebody is new.
    expecting: bool,
    /// When catalogs were last compared with a peer, by either side.
    compared_at: BTreeMap<PeerId, Instant>,
    /// How long to wait for a second neighbour before another peer is asked.
    sparse: Duration,
    /// How much less often than usual catalogs are compared with a random peer.
    calm: f64,
    dials: Dials,
    timers: Timers,
    relays: Relays,
    /// The version of the own entry that was last announced, and when.
    announced: Option<(Version, Instant)>,
    /// Whether a comparison has ended: what the next one brings is news to others too.
    informed: bool,
    /// When the first of the neighbours came.
    member_since: Option<Instant>,
    /// Who brought news that the overlay had not: there may be two overlays.
    apart: Option<PeerId>,
    departing: Option<Departing>,
    clocks_told: BTreeSet<PeerId>,
}

/// How full the queues are, for a recorder.
#[derive(Debug)]
struct Levels {
    inbox: Level,
    links: Level,
    at: Instant,
}

impl Levels {
    /// They are looked at so often at most.
    const PAUSE: Duration = Duration::from_secs(1);

    fn new(now: Instant) -> Self {
        let inbox = Level::of(metrics::gauge!("mosaik_discovery_inbox"));
        Self { inbox, links: Level::of(metrics::gauge!("mosaik_discovery_frames_waiting")), at: now }
    }
}

/// Where the loop's events come from.
pub(crate) struct Sources {
    orders: mpsc::Receiver<Order>,
    inbox: mpsc::Receiver<Input>,
    met: mpsc::Receiver<Met>,
    transport: broadcast::Receiver<transport::Event>,
    addresses: watch::Receiver<Vec<Address>>,
    news: Option<mpsc::Receiver<News>>,
    gossip: Listener<GossipProtocol>,
    catalog: Listener<CatalogProtocol>,
}

#[derive(Debug)]
struct Timers {
    compare: Instant,
    tend: Instant,
    remember: Instant,
    say: Option<Instant>,
    /// The next comparison with a new neighbour.
    unequal: Option<Instant>,
    /// When links to others than neighbours are ended.
    sweep: Option<Instant>,
    /// When the overlay was last joined.
    joined: Option<Instant>,
}

/// A departure that neighbours have yet to hear.
struct Departing {
    waiting: BTreeSet<PeerId>,
    nonce: u64,
    done: Option<oneshot::Sender<()>>,
}

/// Dials that this node makes on the word of others, bounded in rate: a burst, then so many a second.
#[derive(Debug)]
struct Dials {
    left: f64,
    at: Instant,
}

impl Dials {
    const BURST: f64 = 64.0;
    const RATE: f64 = 16.0;

    fn may(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * Self::RATE).min(Self::BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

/// What happened to a connection; `None` when the transport is gone. Missed events only make this node slower to notice: all
/// that they tell is also found out by probing.
async fn next_event(events: &mut broadcast::Receiver<transport::Event>) -> Option<transport::Event> {
    loop {
        match events.recv().await {
            Ok(event) => return Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}

impl Driver {
    /// Runs until the scope stops.
    async fn run(mut self, mut sources: Sources) {
        let scope = self.scope.clone();
        self.settle();
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                () = scope.stopping() => break,
                Some(order) = sources.orders.recv() => self.order(order),
                Some(link) = sources.gossip.accept() => self.accepted(link),
                Some(link) = sources.catalog.accept() => self.serve(link),
                Some(event) = next_event(&mut sources.transport) => self.transport_event(event),
                Some(met) = sources.met.recv() => self.met(met),
                Ok(()) = sources.addresses.changed() => {
                    let addresses = sources.addresses.borrow_and_update().clone();
                    self.own.set_addresses(addresses);
                    self.readdressed(Instant::now());
                }
                Some(news) = beyond::next_news(&mut sources.news) => self.news(news),
                () = self.own.changed.notified() => {
                    self.timers.say.get_or_insert(Instant::now() + GATHER);
                }
                Some(input) = sources.inbox.recv() => self.input(input),
                () = tokio::time::sleep_until(deadline) => {}
            }
            self.measure(sources.inbox.len());
            // Whatever came first, what waits in the inbox goes before the timers: an answer may be in it.
            for _ in 0..TURN {
                let Ok(input) = sources.inbox.try_recv() else { break };
                self.input(input);
            }
            self.due(Instant::now());
            self.settle();
        }
        // A node that stops without a departure leaves its file, unlocked: to others that is a death, at once.
        self.remember();
    }

    fn next_deadline(&self) -> Instant {
        let Timers { compare, tend, remember, say, unequal, sweep, .. } = self.timers;
        let times = [
            compare,
            tend,
            remember,
            self.core.next_deadline(),
            self.overlay.next_timer(),
            self.seeds.next(),
        ];
        let once = say.into_iter().chain(unequal).chain(sweep).chain(self.relays.next());
        times.into_iter().chain(once).chain(self.beyond.next()).fold(compare, Instant::min)
    }

    fn due(&mut self, now: Instant) {
        if self.timers.say.is_some_and(|at| at <= now) {
            self.timers.say = None;
            self.core.say(self.own.entry());
        }
        if self.core.next_deadline() <= now {
            self.core.tick(now);
        }
        if self.overlay.next_timer() <= now {
            let out = self.overlay.expire(now);
            self.carry_out(out, now);
        }
        if self.timers.unequal.is_some_and(|at| at <= now) {
            self.compare_with_the_new(now);
        }
        if self.timers.sweep.is_some_and(|at| at <= now) {
            self.sweep(now);
        }
        if self.relays.next().is_some_and(|at| at <= now) {
            self.relay(now);
        }
        self.heal(now);
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::AddPeer(peer) => self.seeds.add(peer, Instant::now()),
            Order::SyncWith(peer, done) => self.compare(peer, Some(done)),
            Order::Depart(done) => self.depart(done),
            #[cfg(test)]
            Order::Panic => super::tests::on_purpose(),
        }
    }

    fn input(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            // A link on a pooled connection says nothing of the peer: it stands before the peer has seen it.
            Input::Dialled { link: Ok(link), .. } => self.linked(link, true, now),
            Input::Dialled { peer, link: Err(error) } => self.not_linked(peer, &error, now),
            Input::LinkEnded { peer, id, failed } => self.link_ended(peer, id, failed, now),
            Input::Overlay { peer, message, statement } => {
                self.overlay_message(peer, message, statement, now)
            }
            Input::Probed { peer, nonce } => {
                self.core.contacted(&peer, now);
                self.send(peer, GossipFrame::Answer(nonce), now);
            }
            Input::Answered { peer, nonce } => {
                self.core.contacted(&peer, now);
                self.departure_heard(peer, nonce);
            }
            Input::Opened { peer, statement, holds, wall } => self.opened(peer, statement, holds, wall, now),
            Input::Learned { from, statements } => self.learned(from, statements, now),
            Input::Told(count) => self.count_compared(count),
            Input::Doubted(dead) => {
                dead.into_iter().for_each(|(peer, version)| self.core.doubted(peer, version, now));
            }
            Input::LookedUp { peer, addresses } => self.looked_up(peer, addresses, now),
            Input::Compared { peer, result } => self.compared(peer, result, now),
            Input::Served { number } => {
                self.served.ended(number);
                self.has_compared(now);
            }
            Input::NotBelieved { by, why } => self.not_believed(by, &why),
        }
    }

    fn accepted(&mut self, link: Link<GossipProtocol>) {
        let now = Instant::now();
        self.core.contacted(&link.peer(), now);
        self.sweep_later(now);
        self.linked(link, false, now);
    }

    fn serve(&mut self, link: Link<CatalogProtocol>) {
        let Some((number, evicted)) = self.served.enter(link.peer()) else { return link.close(Code::Busy) };
        let comparer = self.comparer.clone();
        self.scope.spawn("catalog comparison, asked", async move {
            let answer = comparer.scope.caught("catalog comparison, asked", comparer.answer(link));
            match evicted.run_until_cancelled(answer).await {
                Some(Ok(Err(error))) => {
                    tracing::debug!(target: "mosaik::discovery", %error, "a comparison broke off");
                }
                Some(_) => {}
                None => tracing::debug!(target: "mosaik::discovery", "the oldest comparison made room"),
            }
            let _ = comparer.inbox.send(Input::Served { number }).await;
        });
    }

    fn transport_event(&mut self, event: transport::Event) {
        let now = Instant::now();
        match event {
            transport::Event::Connected { peer, holds_of_me, .. } => {
                self.core.contacted(&peer, now);
                if let Some(version) = holds_of_me.filter(|version| *version > self.core.version()) {
                    self.core.claimed(version, None, now);
                }
            }
            transport::Event::Disconnected {
                peer,
                reason: Ended::Lost | Ended::ByThem(Code::Shutdown),
                ..
            } => {
                self.check(peer);
            }
            transport::Event::CutOff { peer } => self.cut_off(peer, now),
            transport::Event::Refused { reason: Refused::IdentityInUse, .. } => {
                self.report(Event::IdentityInUse { boot: None });
            }
            _ => {}
        }
    }

    fn met(&mut self, met: Met) {
        let now = Instant::now();
        match met {
            Met::Entry { statement, itself } => {
                let about = statement.about();
                let via = if itself { Via::Itself } else { Via::Other(about) };
                let is_new = self.core.catalog().get(&about).is_none();
                self.core.heard(statement, via, Duration::ZERO, now);
                if is_new {
                    self.newcomer(now);
                }
            }
            Met::Gone { peer, boot } => self.core.gone(&peer, boot, now),
            Met::Trouble(why) => self.report(Event::RendezvousTrouble { why }),
        }
    }

    /// Shows now and then how full the queues are.
    fn measure(&mut self, waiting: usize) {
        let now = Instant::now();
        if now.saturating_duration_since(self.levels.at) >= Levels::PAUSE {
            self.levels.at = now;
            self.levels.inbox.set(waiting as u64);
            self.levels.links.set(self.links.waiting() as u64);
        }
    }

    fn report(&self, event: Event) {
        if matches!(event, Event::NoRoom { .. }) {
            metrics::counter!("mosaik_discovery_no_room_total").increment(1);
        }
        match &event {
            Event::NoRoom { .. } | Event::NotBelieved { .. } => {
                tracing::debug!(target: "mosaik::discovery", ?event);
            }
            Event::SourceWorks { .. } => tracing::info!(target: "mosaik::discovery", ?event),
            _ => tracing::warn!(target: "mosaik::discovery", ?event),
        }
        let _ = self.events.send(event);
    }

    fn not_believed(&mut self, by: PeerId, why: &NotBelieved) {
        self.counters.not_believed.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("mosaik_discovery_not_believed_total", "reason" => why.code()).increment(1);
        self.report(Event::NotBelieved { by, why: why.to_string() });
    }

    fn count_outdated(&mut self) {
        let Outdated { stale, buried } = self.core.take_outdated();
        for (reason, count) in
            [("stale", stale), ("buried", buried)].into_iter().filter(|(_, count)| *count > 0)
        {
            self.counters.outdated.fetch_add(count, Ordering::Relaxed);
            metrics::counter!("mosaik_discovery_outdated_total", "reason" => reason).increment(count);
        }
    }

    fn count_compared(&self, count: usize) {
        self.counters.statements_compared.fetch_add(count as u64, Ordering::Relaxed);
    }
}
