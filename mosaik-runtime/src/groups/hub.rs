//! The groups of one node: which are open, where they keep what they write, and the links that come in.

mod reading;

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::timeout;

pub(in crate::groups) use self::reading::Learning;
use self::reading::Read;
use super::{
    bond,
    instance::{Forcing, Instance, Parts, Subject},
    machine::{Applier, Beginning, MachineSettings, Replica, SnapshotError, StateMachine},
    pulse::Pulse,
    raft::Machine,
    settings::{GroupSettings, Storage},
    store::{OpenError as StoreOpenError, Store, StoreError, record::StoreId},
    timing::Timing,
    wire::GroupsProtocol,
};
use crate::{
    admission::Admission,
    discovery::{Discovery, EntryTooLarge, RoleEntry, rendezvous::Rendezvous},
    primitives::{
        Clock, Fingerprint, GroupId, NetworkId, NodeRng, PeerRole, Scope, Stopped, WireId,
        schema::{self, Shape},
    },
    transport::{Listener, Transport},
};

/// Links that wait to be answered; more are turned away as busy.
const BACKLOG: usize = 256;
/// How long a shutdown waits for groups to hand over and to leave.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Where the groups of a node keep what must outlive its process.
#[derive(Debug, Clone)]
pub enum Home {
    /// Under this directory.
    Directory(PathBuf),
    /// Nowhere: the node has no data directory. Its promises end with it, as its key does; a durable group gets a directory that is
    /// removed at the end.
    Temporary,
    /// On a simulated disk. A flush takes so long.
    #[cfg(all(feature = "durable", feature = "sim"))]
    Simulated(super::store::sim::SimDisk, Duration),
}

/// What the groups of a node are made with.
pub struct HubSettings {
    /// The network.
    pub network: NetworkId,
    /// The node's clock.
    pub clock: Clock,
    /// The node's randomness.
    pub rng: NodeRng,
    /// Where the tasks live.
    pub scope: Scope,
    /// Where things are kept.
    pub home: Home,
    /// Where one of several nodes takes the right to found a group.
    pub claims: Rendezvous,
    /// The groups that this node was told to found, by name.
    pub found: BTreeSet<String>,
    /// The groups that this node was told to make anew out of what it has, by name.
    pub forced: BTreeSet<String>,
}

impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSettings").field("home", &self.home).finish_non_exhaustive()
    }
}

/// A group could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is open already, otherwise.
    #[error("the group {intent} is open on this node already, with other settings: {difference}")]
    Differs {
        /// The group.
        intent: Arc<str>,
        /// What differs.
        difference: String,
    },
    /// The settings cannot be meant.
    #[error("the group {intent}: {source}")]
    Settings {
        /// The group.
        intent: Arc<str>,
        /// What is wrong.
        source: super::birth::ConfigError,
    },
    /// No group stands such a round trip, or each does.
    #[error(
        "the group {intent}: `round_trip` is {given:?}, and a group can be told to stand 60 ms to 2 s; nearer members need no setting"
    )]
    RoundTrip {
        /// The group.
        intent: Arc<str>,
        /// What was given.
        given: Duration,
    },
    /// The initial state cannot be used.
    #[error("the group {intent} cannot begin with this state: {why}")]
    Machine {
        /// The group.
        intent: Arc<str>,
        /// What went wrong.
        why: String,
    },
    /// The log was written with another version of the state machine.
    #[error(
        "the log of the group {intent} on this node was written with another version of its state machine, and this one would read old \
         commands as something else: start that version again, or keep its type in this one and declare the new one with `from = …`"
    )]
    OtherMachine {
        /// The group.
        intent: Arc<str>,
    },
    /// A new group was to be forced, and cannot be.
    #[error(
        "no new group {intent} can be forced out of what this node has: {why}. Take `--force-new-group {intent}` (or `.force_new_group(..)`) away"
    )]
    CannotForce {
        /// The group.
        intent: Arc<str>,
        /// Why not.
        why: String,
    },
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The store does not work.
    #[error(transparent)]
    Broken(#[from] StoreError),
    /// This program cannot keep groups on disk.
    #[error("this program was built without the feature `durable`, so groups can only live in memory")]
    NotDurable,
    /// The node says too much of itself.
    #[error(transparent)]
    TooLarge(#[from] EntryTooLarge),
    /// The node is stopping.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What is opened.
pub(in crate::groups) struct Opening<M> {
    /// The name that users gave it.
    pub(in crate::groups) intent: Arc<str>,
    /// Its declared id.
    pub(in crate::groups) id: GroupId,
    /// How it is opened.
    pub(in crate::groups) settings: GroupSettings,
    /// The state that it begins with.
    pub(in crate::groups) initial: Beginning<M>,
    /// The limits of its machine.
    pub(in crate::groups) machine: MachineSettings,
}

/// The groups of one node. Clones share them.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    transport: Transport,
    discovery: Discovery,
    admission: Admission,
    settings: HubSettings,
    rng: Mutex<NodeRng>,
    memory: Store,
    pulse: Pulse,
    /// One group is opened at a time.
    stores: tokio::sync::Mutex<Stores>,
    groups: Mutex<Groups>,
}

/// What keeps things on disk, once something does.
#[derive(Default)]
struct Stores {
    durable: Option<Store>,
    /// Removed with this.
    #[cfg(feature = "durable")]
    temporary: Option<super::temporary::Temporary>,
}

#[derive(Default)]
struct Groups {
    open: BTreeMap<WireId, (Instance, Arc<dyn Any + Send + Sync>)>,
    read: BTreeMap<WireId, Read>,
    stopped: bool,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Groups({})", self.0.transport.id().short())
    }
}

impl Hub {
    /// Starts to answer the members of groups.
    pub fn start(
        transport: Transport,
        discovery: Discovery,
        admission: Admission,
        mut settings: HubSettings,
    ) -> Self {
        let listener = transport.listen::<GroupsProtocol>(BACKLOG);
        let mut rng = settings.rng.split("hub");
        let memory = Store::memory(transport.id(), StoreId(rng.next_u64()));
        let pulse = Pulse::new(settings.scope.child());
        let hub = Self(Arc::new(Inner {
            transport,
            discovery,
            admission,
            settings,
            rng: Mutex::new(rng),
            memory,
            pulse,
            stores: tokio::sync::Mutex::default(),
            groups: Mutex::default(),
        }));
        let scope = hub.0.settings.scope.clone();
        scope.spawn_worker("groups listener", listen(Arc::downgrade(&hub.0), scope.clone(), listener));
        hub
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instance of a group that is open.
    pub(in crate::groups) fn instance(&self, item: &WireId) -> Option<Instance> {
        self.groups().open.get(item).map(|(instance, _)| instance.clone())
    }

    /// All instances that are open.
    pub(in crate::groups) fn instances(&self) -> Vec<Instance> {
        self.groups().open.values().map(|(instance, _)| instance.clone()).collect()
    }

    /// Opens a group, or shares the one that is open. It stays open until the node ends.
    pub(in crate::groups) async fn open<M: StateMachine>(
        &self,
        opening: Opening<M>,
    ) -> Result<(Instance, Replica<M>), OpenError> {
        let Opening { intent, id, settings, initial, machine } = opening;
        let item = id.on(&self.0.settings.network);
        let mut stores = self.0.stores.lock().await;
        if self.groups().stopped {
            return Err(Stopped.into());
        }
        let unusable =
            |error: SnapshotError| OpenError::Machine { intent: intent.clone(), why: error.to_string() };
        if self.instance(&item).is_some() {
            let (_, other) = Applier::<M>::new(initial, machine).map_err(unusable)?;
            return self.shared::<M>(&item, &settings, &other.contract());
        }
        let wrong = |source| OpenError::Settings { intent: intent.clone(), source };
        super::birth::Config::new(item, settings.voters.clone()).check().map_err(wrong)?;
        if Timing::of(settings.round_trip).round_trip() != settings.round_trip {
            return Err(OpenError::RoundTrip { intent, given: settings.round_trip });
        }
        let (store, promises) = self.stores(&mut stores, &settings).await?;
        let log = store.log(item).await?;
        self.force_if_told(Forcing {
            intent: &intent,
            item,
            me: self.0.transport.id(),
            settings: &settings,
            store: &store,
            promises: &promises,
            log: &log,
        })
        .await?;
        let opened = Machine::open::<M>(initial, store.snapshots(item), log.reader(), machine);
        let (machine, replica) = opened.map_err(unusable)?;
        let (fingerprint, shape) = replica.contract();
        if !agrees(&store, item, fingerprint, replica.earlier()).await? {
            return Err(OpenError::OtherMachine { intent });
        }
        let role = RoleEntry { role: PeerRole::Member, item, schema: fingerprint };
        let told_to_found = self.0.settings.found.contains(&*intent);
        let parts = Parts {
            subject: Subject { intent, item },
            settings,
            clock: self.0.settings.clock.clone(),
            scope: self.0.settings.scope.child(),
            rng: self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split("group"),
            transport: self.0.transport.clone(),
            admission: self.0.admission.clone(),
            discovery: self.0.discovery.clone(),
            store,
            promises,
            claims: self.0.settings.claims.clone(),
            pulse: self.0.pulse.clone(),
            told_to_found,
            schema: (fingerprint, shape),
            reading: replica.reading(),
        };
        let advert = self.0.discovery.advertise(role)?;
        let mut groups = self.groups();
        if groups.stopped {
            return Err(Stopped.into());
        }
        let instance = Instance::start(parts, log, machine, advert);
        groups.open.insert(item, (instance.clone(), Arc::new(replica.clone())));
        Ok((instance, replica))
    }

    /// Makes a new group out of what this node has, if it was told to.
    async fn force_if_told(&self, forcing: Forcing<'_>) -> Result<(), OpenError> {
        if !self.0.settings.forced.contains(forcing.intent) {
            return Ok(forcing.may_be_again().await?);
        }
        let mut rng = self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split("force");
        forcing.force(&mut rng).await
    }

    /// The group that is open already, if it was opened like this.
    fn shared<M: StateMachine>(
        &self,
        item: &WireId,
        settings: &GroupSettings,
        (fingerprint, shape): &(Fingerprint, Shape),
    ) -> Result<(Instance, Replica<M>), OpenError> {
        let groups = self.groups();
        // It closes only when the node stops.
        let (instance, replica) = groups.open.get(item).ok_or(Stopped)?;
        let differs =
            |difference| OpenError::Differs { intent: instance.subject().intent.clone(), difference };
        if let Some(difference) = settings.difference(instance.settings()) {
            return Err(differs(difference));
        }
        let Some(replica) = replica.downcast_ref::<Replica<M>>() else {
            return Err(differs(other_type(shape, instance.shape())));
        };
        let (open, open_shape) = replica.contract();
        if open != *fingerprint {
            let difference = schema::difference(shape, &open_shape);
            return Err(differs(difference.unwrap_or_else(|| "it begins otherwise".to_owned())));
        }
        Ok((instance.clone(), replica.clone()))
    }

    /// Where a group keeps its log, and where it keeps its promises.
    async fn stores(
        &self,
        stores: &mut Stores,
        settings: &GroupSettings,
    ) -> Result<(Store, Store), OpenError> {
        let durable = match (&self.0.settings.home, settings.storage) {
            // The key of a node without a data directory ends with it, and with the key all that was promised under it.
            (Home::Temporary, Storage::Memory) => None,
            _ => self.durable(stores).await?,
        };
        match (settings.storage, durable) {
            (Storage::Memory, promises) => {
                Ok((self.0.memory.clone(), promises.unwrap_or_else(|| self.0.memory.clone())))
            }
            (Storage::Durable, Some(store)) => Ok((store.clone(), store)),
            (Storage::Durable, None) => Err(OpenError::NotDurable),
        }
    }

    #[cfg(not(feature = "durable"))]
    async fn durable(&self, _stores: &mut Stores) -> Result<Option<Store>, OpenError> {
        Ok(None)
    }

    #[cfg(feature = "durable")]
    async fn durable(&self, stores: &mut Stores) -> Result<Option<Store>, OpenError> {
        if let Some(store) = &stores.durable {
            return Ok(Some(store.clone()));
        }
        let owner = self.0.transport.id();
        let mut rng = self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split("store");
        let directory = match &self.0.settings.home {
            Home::Directory(directory) => directory.join("groups"),
            Home::Temporary => {
                let temporary = super::temporary::Temporary::new(&mut rng);
                let path = temporary.path().to_owned();
                tracing::warn!(
                    target: "mosaik::groups",
                    "this node has no data directory: its durable groups are kept in {} and removed at its end. Give it one with `--data-dir`",
                    path.display()
                );
                stores.temporary = Some(temporary);
                path
            }
            #[cfg(feature = "sim")]
            Home::Simulated(disk, flush) => {
                let store = Store::simulated(disk, owner, &mut rng, &self.0.settings.scope, *flush)?;
                stores.durable = Some(store.clone());
                return Ok(Some(store));
            }
        };
        let open = move || Store::open(&directory, owner, &mut rng);
        let opened = tokio::task::spawn_blocking(open).await;
        let store = opened.map_err(|_| OpenError::Stopped(Stopped))??;
        stores.durable = Some(store.clone());
        Ok(Some(store))
    }

    /// Begins a stop: commands fail with `Stopped`.
    pub fn stop(&self) {
        self.groups().stopped = true;
        self.stop_readers();
        self.instances().iter().for_each(Instance::stop);
    }

    /// Stops in order: leadership moves to others, members whose log ends with them leave. Two seconds at most.
    pub async fn shutdown(&self) {
        self.stop();
        let instances = self.instances();
        if timeout(HAND_OVER, join_all(instances.iter().map(Instance::shutdown))).await.is_err() {
            tracing::warn!(target: "mosaik::groups", "some groups did not hand over in time");
        }
        self.0.settings.scope.stop();
    }

    /// Writes what waits to disk and lets go of it. The tasks of the groups have ended before.
    pub async fn close(&self) {
        let mut stores = self.0.stores.lock().await;
        if let Some(store) = stores.durable.take()
            && let Err(error) = store.close().await
        {
            tracing::error!(target: "mosaik::groups", "{error}");
        }
        *stores = Stores::default();
    }
}

/// Accepts links from members. Each has a task of its own, so that nobody waits for a slow one.
async fn listen(hub: std::sync::Weak<Inner>, scope: Scope, mut listener: Listener<GroupsProtocol>) {
    while let Some(Some(link)) = scope.until_stop(listener.accept()).await {
        let Some(inner) = hub.upgrade() else { return };
        let hub = hub.clone();
        let find = move |item: &WireId| {
            let instance = Hub(hub.upgrade()?).instance(item)?;
            Some(instance.bonds().clone())
        };
        let admission = inner.admission.clone();
        scope.spawn("groups link", async move { bond::receive(link, &admission, find).await });
    }
}

/// Under which name the contract of the machine that wrote a log is kept.
pub(in crate::groups) const CONTRACT: &str = "contract";

/// Whether the log of a group was begun with this contract, or with one of those before it: such a log begins with commands of the older
/// type, and says itself where the newer one takes over. A log that was not begun takes any, and keeps it.
async fn agrees(
    store: &Store,
    item: WireId,
    contract: Fingerprint,
    earlier: &[Fingerprint],
) -> Result<bool, StoreError> {
    let reader = store.reader(item);
    let known = reader.note(CONTRACT)?;
    if known.as_deref() == Some(&contract.0[..]) {
        return Ok(true);
    }
    if let Some(known) = known
        && reader.is_begun()?
    {
        return Ok(earlier.iter().any(|earlier| known == earlier.0[..]));
    }
    store.set_note(item, CONTRACT, Some(bytes::Bytes::copy_from_slice(&contract.0))).await?;
    Ok(true)
}

/// What differs between two types of state machines, as they are declared.
fn other_type(here: &Shape, there: &Shape) -> String {
    schema::difference(here, there).unwrap_or_else(|| "it is another type of state machine".to_owned())
}
