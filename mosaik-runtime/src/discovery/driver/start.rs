//! Building the loop: directories, listeners, the first entry.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};

use crate::{
    primitives::{
        PeerId, Version,
        canary::{self, Canary},
        watch,
    },
    transport::{Known, PeerAddr, Transport},
};

use super::{
    super::{
        catalog::Catalog,
        core::{Core, Setup, TableLimits},
        gossip::Overlay,
        handle::{Counters, Discovery, Order},
        own::OwnEntry,
        remembered::DataDir,
        rendezvous::{Meeting, Met},
        settings::{Settings, StartError},
        verifier::Verifier,
        wire::{CatalogProtocol, GossipProtocol},
    },
    Beyond, Comparer, Dials, Driver, INBOX, Input, Links, Seeds, Sources, Tasks, Timers, links, served,
};

/// Orders of handles that wait for the loop.
const ORDERS: usize = 64;
/// News of the rendezvous that waits for the loop.
const MET: usize = 256;
/// Events that a slow reader may be behind.
const EVENTS: usize = 256;

struct Holds(watch::Receiver<Arc<Catalog>>);

impl Known for Holds {
    fn version_of(&self, peer: &PeerId) -> Option<Version> {
        self.0.borrow().version_of(peer)
    }
}

/// Starts discovery on a transport.
pub(crate) fn start(transport: Transport, mut settings: Settings) -> Result<Discovery, StartError> {
    let now = Instant::now();
    settings.scope = settings.scope.child();
    let (me, scope) = (settings.key.peer_id(), settings.scope.clone());
    let mut data = settings.data_dir.as_deref().map(DataDir::open).transpose()?;
    let meeting =
        Meeting::open(&settings.rendezvous, settings.network, me)?.ok_or(StartError::IdentityInUse)?;
    let own = own_entry(me, &settings)?;
    own.set_addresses(transport.addresses().borrow().clone());
    let incarnation = data.as_mut().map_or(Ok(1), DataDir::next_incarnation)?;
    let by_clock = settings.clock.wall().0 / 1000;
    let incarnation = if canary::made(Canary::ClockVersion) { by_clock } else { incarnation };
    let core = core(&mut settings, &own, incarnation, now)?;

    let (orders, order_queue) = mpsc::channel(ORDERS);
    let (inbox, input_queue) = mpsc::channel(INBOX);
    let (met, met_queue) = mpsc::channel(MET);
    let (catalog, watch) = watch::channel(Arc::new(core.catalog().clone()));
    let (events, _) = broadcast::channel(EVENTS);
    transport.set_known(Arc::new(Holds(watch.clone())));
    let sources = sources(&transport, order_queue, input_queue, met_queue);
    if let Some(watching) = meeting.watch(met) {
        scope.spawn_worker("rendezvous", watching);
    }
    let discovery = Discovery {
        me,
        transport,
        own,
        catalog: watch,
        orders,
        events,
        counters: Arc::new(Counters::default()),
    };
    let mut driver = driver(&discovery, core, catalog, &mut settings, (inbox, meeting, data), now);
    driver.begin(settings.bootstrap, now);
    scope.spawn_worker("discovery", driver.run(sources));
    Ok(discovery)
}

fn sources(
    transport: &Transport,
    orders: mpsc::Receiver<Order>,
    inbox: mpsc::Receiver<Input>,
    met: mpsc::Receiver<Met>,
) -> Sources {
    Sources {
        orders,
        inbox,
        met,
        transport: transport.events(),
        addresses: transport.addresses(),
        news: transport.news(),
        gossip: transport.listen::<GossipProtocol>(links::MOST_PEERS),
        catalog: transport.listen::<CatalogProtocol>(served::MOST_SERVED),
    }
}

/// The loop's state.
fn driver(
    discovery: &Discovery,
    core: Core,
    catalog: watch::Sender<Arc<Catalog>>,
    settings: &mut Settings,
    (inbox, meeting, data): (mpsc::Sender<Input>, Meeting, Option<DataDir>),
    now: Instant,
) -> Driver {
    let (me, transport) = (discovery.me, discovery.transport.clone());
    let verifier = Arc::new(Verifier::new(settings.network));
    let comparer = Comparer {
        me,
        transport: transport.clone(),
        catalog: discovery.catalog.clone(),
        verifier: verifier.clone(),
        clock: settings.clock.clone(),
        inbox: inbox.clone(),
        scope: settings.scope.clone(),
        last: Arc::default(),
    };
    Driver {
        me,
        core,
        overlay: Overlay::new(me, &settings.network, settings.rng.split("overlay"), now),
        transport,
        scope: settings.scope.clone(),
        rng: settings.rng.split("driver"),
        pace: settings.pace,
        own: discovery.own.clone(),
        catalog,
        events: discovery.events.clone(),
        counters: discovery.counters.clone(),
        levels: super::Levels::new(now),
        comparer,
        links: Links::default(),
        tasks: Tasks { scope: settings.scope.clone(), inbox, verifier },
        meeting,
        data,
        seeds: Seeds::new(settings.rng.split("seeds")),
        beyond: Beyond::default(),
        comparing: BTreeMap::new(),
        served: served::Served::default(),
        neighbours: BTreeSet::new(),
        unequal: BTreeSet::new(),
        expecting: false,
        calm: 1.0,
        sparse: super::GATHER * 50,
        compared_at: BTreeMap::new(),
        dials: Dials { left: Dials::BURST, at: now },
        timers: Timers {
            compare: now + settings.pace.compare.mul_f64(settings.rng.unit()),
            tend: now + super::GATHER,
            remember: now + settings.pace.remember,
            say: None,
            unequal: None,
            sweep: None,
            joined: None,
        },
        relays: super::relays::Relays::default(),
        announced: None,
        informed: false,
        member_since: None,
        apart: None,
        departing: None,
        clocks_told: BTreeSet::new(),
    }
}

fn own_entry(me: PeerId, settings: &Settings) -> Result<Arc<OwnEntry>, StartError> {
    let protocols =
        settings.protocols.iter().map(|protocol| (protocol.name.to_owned(), protocol.major)).collect();
    let who = (me, settings.network, settings.boot);
    Ok(Arc::new(OwnEntry::new(who, settings.tags.clone(), protocols)?))
}

fn core(settings: &mut Settings, own: &OwnEntry, incarnation: u64, now: Instant) -> Result<Core, StartError> {
    let mut entry = own.entry();
    entry.version = Version { incarnation, counter: 0 };
    let per_introducer = (!settings.has_secret).then_some(settings.most_introduced);
    let limits = TableLimits { peers: settings.most_peers, per_introducer, ..TableLimits::default() };
    let setup = Setup {
        key: settings.key.clone(),
        network: settings.network,
        entry,
        limits,
        timing: settings.timing,
        rng: settings.rng.split("core"),
    };
    Ok(Core::new(setup, now)?)
}

impl Driver {
    /// Opens the overlay, shows the first entry, and takes up the peers to begin with.
    fn begin(&mut self, bootstrap: Vec<PeerAddr>, now: Instant) {
        let out = self.overlay.join(Vec::new(), now);
        self.carry_out(out, now);
        self.show_myself();
        for peer in self.data.as_ref().map(DataDir::peers).unwrap_or_default() {
            self.core.remember(peer.id, peer.addresses, now);
        }
        if let Some((peer, addresses)) = self.core.one_lost() {
            self.transport.book().set(peer, addresses);
            self.compare(peer, None);
        }
        // Not all nodes begin at the first of the list.
        let mut bootstrap = bootstrap;
        while !bootstrap.is_empty() {
            let seed = bootstrap.swap_remove(self.rng.below(bootstrap.len()));
            self.seeds.add(seed, now);
        }
    }
}
