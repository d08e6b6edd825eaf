//! Building the loop: directories, listeners, the first entry.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};

use crate::{
    primitives::{PeerId, Version, watch},
    transport::{Known, Transport},
};

use super::{
    super::{
        catalog::Catalog,
        core::{Core, Setup, TableLimits},
        gossip::Overlay,
        handle::{Counters, Discovery},
        own::OwnEntry,
        remembered::DataDir,
        rendezvous::Meeting,
        settings::{Settings, StartError},
        verifier::Verifier,
        wire::{CatalogProtocol, GossipProtocol},
    },
    Comparer, Dials, Driver, INBOX, Links, Seeds, Sources, Tasks, Timers, links,
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
    let (me, scope) = (settings.key.peer_id(), settings.scope.child());
    let mut data = settings.data_dir.as_deref().map(DataDir::open).transpose()?;
    let meeting =
        Meeting::open(&settings.rendezvous, settings.network, me)?.ok_or(StartError::IdentityInUse)?;
    let addresses = transport.addresses();
    let own = own_entry(me, &settings)?;
    own.set_addresses(addresses.borrow().clone());
    let incarnation = data.as_mut().map_or(Ok(1), DataDir::next_incarnation)?;
    let core = core(&mut settings, &own, incarnation, now)?;

    let (catalog, watch) = watch::channel(Arc::new(core.catalog().clone()));
    let (order_sender, orders) = mpsc::channel(ORDERS);
    let (inbox_sender, inbox) = mpsc::channel(INBOX);
    let (met_sender, met) = mpsc::channel(MET);
    let (events, _) = broadcast::channel(EVENTS);
    transport.set_known(Arc::new(Holds(watch.clone())));
    let sources = Sources {
        orders,
        inbox,
        met,
        transport: transport.events(),
        addresses,
        gossip: transport.listen::<GossipProtocol>(links::MOST_PEERS),
        catalog: transport.listen::<CatalogProtocol>(super::MOST_SERVED),
    };
    if let Some(watching) = meeting.watch(met_sender) {
        scope.spawn("rendezvous", watching);
    }

    let verifier = Arc::new(Verifier::new(settings.network));
    let counters = Arc::new(Counters::default());
    let comparer = Comparer {
        me,
        transport: transport.clone(),
        catalog: watch.clone(),
        verifier: verifier.clone(),
        clock: settings.clock.clone(),
        inbox: inbox_sender.clone(),
    };
    let overlay = Overlay::new(me, &settings.network, settings.rng.split("overlay"), now);
    let mut driver = Driver {
        me,
        core,
        overlay,
        transport: transport.clone(),
        scope: scope.clone(),
        rng: settings.rng.split("driver"),
        pace: settings.pace,
        own: own.clone(),
        catalog,
        events: events.clone(),
        counters: counters.clone(),
        comparer,
        links: Links::default(),
        tasks: Tasks { scope: scope.clone(), inbox: inbox_sender, verifier },
        meeting,
        data,
        seeds: Seeds::new(settings.rng.split("seeds")),
        comparing: BTreeMap::new(),
        serving: 0,
        neighbours: BTreeSet::new(),
        dials: Dials { left: Dials::BURST, at: now },
        timers: Timers {
            compare: now + settings.pace.compare.mul_f64(settings.rng.unit()),
            tend: now + super::GATHER,
            remember: now + settings.pace.remember,
            say: None,
        },
        departing: None,
        clocks_told: BTreeSet::new(),
    };
    driver.begin(settings, now);
    scope.spawn("discovery", driver.run(sources));
    Ok(Discovery { me, transport, own, catalog: watch, orders: order_sender, events, counters })
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
    fn begin(&mut self, settings: Settings, now: Instant) {
        let out = self.overlay.join(Vec::new(), now);
        self.carry_out(out, now);
        if let Some(mine) = self.core.catalog().get(&self.me).map(|me| me.signed.clone()) {
            if let Err(why) = self.meeting.publish(&mine) {
                self.report(super::Event::RendezvousTrouble { why });
            }
        }
        let remembered = self.data.as_ref().map(|data| data.peers()).unwrap_or_default();
        for peer in remembered {
            self.core.remember(peer.id, peer.addresses, now);
        }
        if let Some((peer, addresses)) = self.core.one_lost() {
            self.transport.book().set(peer, addresses);
            self.compare(peer, None);
        }
        for seed in settings.bootstrap {
            self.seeds.add(seed, now);
        }
    }
}
