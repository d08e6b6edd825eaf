//! A group on one node: everything between its opening and the node's end.
//!
//! One task per group, the driver, owns what is decided: the birth, the start of Raft, joining, and, on the leader, the membership.
//! Handles share the [`Instance`]: they propose, ask for a read index, and watch the [`InstanceView`].

mod again;
mod birth;
mod digests;
mod distances;
mod driver;
mod forced;
mod joining;
mod managing;
mod migrating;
mod notes;
mod parking;
mod propose;
mod right;
mod running;
mod serve;
mod stopping;
mod survey;
#[cfg(all(test, feature = "sim", feature = "durable"))]
mod tests;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicUsize},
};

use tokio::sync::mpsc;

pub(in crate::groups) use forced::Forcing;
pub(in crate::groups) use propose::{Pending, ProposeError, ReadError};
pub(in crate::groups) use running::Running;

use super::{
    MemberId,
    bond::{Bonds, BondsSettings},
    machine::{Applied, GroupTime, Reading},
    pulse::Pulse,
    raft::Machine,
    settings::GroupSettings,
    status::InstanceView,
    store::{GroupLog, LogReader, Snapshots, Store},
    wire::Hello,
};
use crate::{
    admission::Admission,
    discovery::{Advert, Discovery, rendezvous::Rendezvous},
    primitives::{BootId, Clock, Fingerprint, NodeRng, PeerId, Scope, WireId, schema::Shape, watch},
    transport::Transport,
};

/// Orders that wait for the driver; more wait at the sender.
const ORDERS: usize = 16;

/// Which group, under which names.
#[derive(Debug, Clone)]
pub(in crate::groups) struct Subject {
    /// The name that users gave it.
    pub(in crate::groups) intent: Arc<str>,
    /// Its id on this network.
    pub(in crate::groups) item: WireId,
}

/// What an instance is made of.
pub(in crate::groups) struct Parts {
    pub(in crate::groups) subject: Subject,
    pub(in crate::groups) settings: GroupSettings,
    /// What members must agree on.
    pub(in crate::groups) schema: (Fingerprint, Shape),
    /// The state, whatever its type.
    pub(in crate::groups) reading: Arc<dyn Reading>,
    pub(in crate::groups) clock: Clock,
    pub(in crate::groups) scope: Scope,
    pub(in crate::groups) rng: NodeRng,
    pub(in crate::groups) transport: Transport,
    pub(in crate::groups) admission: Admission,
    pub(in crate::groups) discovery: Discovery,
    /// Where the log is kept.
    pub(in crate::groups) store: Store,
    /// Where promises are kept: on disk if there is one, also for a group in memory.
    pub(in crate::groups) promises: Store,
    /// Where one node of several takes the right to found a group that names no founder.
    pub(in crate::groups) claims: Rendezvous,
    /// Asks whether the leaders of parked groups are alive.
    pub(in crate::groups) pulse: Pulse,
    /// Whether this node was told to found the group.
    pub(in crate::groups) told_to_found: bool,
}

/// A group on this node. Clones share it.
#[derive(Clone)]
pub(in crate::groups) struct Instance(Arc<Inner>);

pub(in crate::groups) struct Inner {
    parts: Parts,
    bonds: Bonds,
    /// Tells the network of this node's part, until it stops.
    advert: Mutex<Option<Advert>>,
    /// What Raft is started with.
    waiting: Mutex<Option<(GroupLog, Machine)>>,
    applied: watch::Receiver<Applied>,
    rng: Mutex<NodeRng>,
    time: Mutex<GroupTime>,
    view: watch::Sender<InstanceView>,
    running: RwLock<Option<Arc<Running>>>,
    orders: mpsc::Sender<driver::Order>,
    /// Members that asked to be let go; the leader's manager sees to it.
    leaving: Mutex<BTreeSet<MemberId>>,
    /// Readers that are served now.
    readers: AtomicUsize,
    /// What members' states were at the last snapshots.
    digests: Mutex<digests::Digests>,
}

impl Instance {
    /// Opens the group and starts its driver.
    pub(in crate::groups) fn start(
        mut parts: Parts,
        log: GroupLog,
        machine: Machine,
        advert: Advert,
    ) -> Self {
        let server = Arc::new(serve::Server::default());
        let (schema, shape) = parts.schema.clone();
        let settings = BondsSettings {
            transport: parts.transport.clone(),
            admission: parts.admission.clone(),
            scope: parts.scope.child(),
            clock: parts.clock.clone(),
            rng: parts.rng.split("bonds"),
            group: parts.subject.item,
            name: parts.subject.intent.clone(),
            schema,
            shape,
            policy: parts.settings.members.clone(),
            readers: parts.settings.readers(),
            key: parts.settings.key.clone(),
            hello: Hello {
                store: parts.store.id(),
                boot: parts.transport.boot(),
                eligible: true,
                member: None,
                cluster: None,
                committed: 0,
                leads: parts.settings.leads,
            },
            timing: parts.settings.timing(),
        };
        let (bonds, events) = Bonds::new(settings, server.clone());
        let (orders, inbox) = mpsc::channel(ORDERS);
        let view = InstanceView { contract: schema, ..InstanceView::new(&parts.settings) };
        let view = watch::Sender::new(view);
        let this = Self(Arc::new(Inner {
            applied: parts.reading.applied(),
            rng: Mutex::new(parts.rng.split("instance")),
            parts,
            bonds,
            advert: Mutex::new(Some(advert)),
            waiting: Mutex::new(Some((log, machine))),
            time: Mutex::default(),
            view,
            running: RwLock::new(None),
            orders,
            leaving: Mutex::default(),
            readers: AtomicUsize::new(0),
            digests: Mutex::default(),
        }));
        server.attach(Arc::downgrade(&this.0));
        this.scope().spawn_worker("group", driver::drive(this.clone(), events, inbox));
        this
    }

    /// Which group.
    pub(in crate::groups) fn subject(&self) -> &Subject {
        &self.0.parts.subject
    }

    /// What its members compare of its state machine.
    pub(in crate::groups) fn shape(&self) -> &Shape {
        &self.0.parts.schema.1
    }

    /// How it was opened.
    pub(in crate::groups) fn settings(&self) -> &GroupSettings {
        &self.0.parts.settings
    }

    /// The name that users gave it.
    pub(in crate::groups) fn intent(&self) -> &str {
        &self.subject().intent
    }

    /// The state here, whatever its type.
    pub(in crate::groups) fn reading(&self) -> &Arc<dyn Reading> {
        &self.0.parts.reading
    }

    /// Why the member here has stopped for good, if it has.
    pub(in crate::groups) fn failure(&self) -> Option<Arc<str>> {
        self.0.view.borrow().failed.clone()
    }

    /// This node.
    pub(in crate::groups) fn me(&self) -> PeerId {
        self.0.parts.transport.id()
    }

    /// This process.
    pub(in crate::groups) fn boot(&self) -> BootId {
        self.0.parts.transport.boot()
    }

    /// The bonds with the other nodes of the group.
    pub(in crate::groups) fn bonds(&self) -> &Bonds {
        &self.0.bonds
    }

    /// Readers that are served now.
    pub(in crate::groups) fn readers(&self) -> &AtomicUsize {
        &self.0.readers
    }

    /// The group's log and its snapshot, as this node keeps them.
    pub(in crate::groups) fn kept(&self) -> (LogReader, Snapshots) {
        let (store, item) = (&self.0.parts.store, self.subject().item);
        (store.reader(item), store.snapshots(item))
    }

    /// Where the tasks of this group live.
    pub(in crate::groups) fn scope(&self) -> &Scope {
        &self.0.parts.scope
    }

    /// The node's clock.
    pub(in crate::groups) fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    /// The group as it is, as it changes.
    pub(in crate::groups) fn view(&self) -> watch::Receiver<InstanceView> {
        self.0.view.subscribe()
    }

    /// Raft, while it runs.
    pub(in crate::groups) fn running(&self) -> Option<Arc<Running>> {
        self.0.running.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_running(&self, running: Option<Arc<Running>>) {
        *self.0.running.write().unwrap_or_else(PoisonError::into_inner) = running;
    }

    fn change_view(&self, change: impl FnOnce(&mut InstanceView)) {
        self.0.view.send_if_modified(|view| {
            let before = view.clone();
            change(view);
            *view != before
        });
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({})", self.subject().intent)
    }
}
