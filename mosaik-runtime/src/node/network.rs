//! The handle to a running network node.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{sync::OnceCell, time::timeout};

use super::{BuildError, NetworkBuilder, builder::TASKS_END};
use crate::{
    admission::{Admission, Tickets},
    collections::Collections,
    discovery::Discovery,
    groups::Groups,
    primitives::{Clock, NetworkId, PeerId, Scope, WorkerDied},
    streams::Streams,
    transport::{Address, PeerAddr, Transport},
};

/// How long the store may take to write what waits.
const STORE_END: Duration = Duration::from_millis(500);

/// A node of a network, as programs hold it. Cheap to clone; dropping the last one cancels everything at once, without
/// farewell: call [`shutdown`](Self::shutdown) to leave in order.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: String,
    pub(super) id: NetworkId,
    pub(super) transport: Transport,
    pub(super) discovery: Discovery,
    pub(super) admission: Admission,
    pub(super) streams: Streams,
    pub(super) groups: Groups,
    pub(super) collections: Collections,
    pub(super) clock: Clock,
    /// The whole tree of tasks.
    pub(super) scope: Scope,
    /// The part of it that uses links; it ends before the connections do.
    pub(super) users: Scope,
    pub(super) ended: OnceCell<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Handles that outlive the network end and fail instead of waiting for tasks that are gone.
        self.streams.stop();
        self.groups.hub().stop();
        self.collections.stop();
        self.scope.kill();
    }
}

impl Network {
    /// A builder for a node of the network with this name.
    pub fn builder(name: impl Into<String>) -> NetworkBuilder {
        NetworkBuilder::new(name.into())
    }

    /// A node with all defaults.
    pub async fn new(name: impl Into<String>) -> Result<Self, BuildError> {
        Self::builder(name).build().await
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The network's id.
    pub fn id(&self) -> NetworkId {
        self.0.id
    }

    /// This node: its id and addresses.
    pub fn local(&self) -> Local<'_> {
        Local(self)
    }

    /// Who is there.
    pub fn discovery(&self) -> &Discovery {
        &self.0.discovery
    }

    /// Who may, and who was refused.
    pub fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// What this node shows to prove more than its identity, and who decides about what others show.
    pub fn tickets(&self) -> &Tickets {
        self.0.admission.tickets()
    }

    /// Producers and consumers, for programs that decide at run time.
    pub fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// Replicated state machines, for programs that decide at run time.
    pub fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// Replicated containers, for programs that decide at run time.
    pub fn collections(&self) -> &Collections {
        &self.0.collections
    }

    /// The connections of this node.
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The clock of this node: virtual in a simulation.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// The node's own tasks. A task that panicked was caught, is in the log, and took nothing with it but its own work.
    pub fn tasks(&self) -> Tasks {
        Tasks { running: self.0.scope.running(), panicked: self.0.scope.panics() }
    }

    /// Waits until the node has lost a worker that it cannot do without: it then stops by itself, without farewell, so
    /// that others notice, and this says what was lost. It never returns for a node that is sound. Cancel-safe.
    pub async fn failed(&self) -> WorkerDied {
        self.0.scope.died().await
    }

    /// The worker that the node has lost, if it has.
    pub fn failure(&self) -> Option<WorkerDied> {
        self.0.scope.dead_worker()
    }

    /// The task that ends a node which lost a worker: the rest of it would look alive and not be.
    pub(super) fn watch_workers(&self) {
        let inner = &self.0;
        let (scope, users) = (inner.scope.clone(), inner.users.clone());
        let (streams, groups) = (inner.streams.clone(), inner.groups.clone());
        let collections = inner.collections.clone();
        let transport = inner.transport.clone();
        inner.scope.spawn("watch over workers", async move {
            let died = scope.died().await;
            tracing::error!(target: "mosaik::node", worker = died.worker, "{died}");
            streams.stop();
            groups.hub().stop();
            collections.stop();
            users.kill();
            transport.shutdown().await;
        });
    }

    /// Begins a stop: consumers end, sends fail with `Stopped`. [`shutdown`](Self::shutdown) does the rest.
    pub fn stop(&self) {
        self.0.streams.stop();
        self.0.groups.hub().stop();
        self.0.collections.stop();
    }

    /// Leaves the network in order: flushes streams while groups hand over and members in memory leave (2 s at most), closes the store of
    /// groups (0.5 s), announces the departure (0.5 s), closes the connections (1 s), and waits for tasks (1 s). Calling it twice, or from
    /// two places, does it once; all callers return when it is done.
    pub async fn shutdown(&self) {
        self.0.ended.get_or_init(|| self.leave()).await;
    }

    async fn leave(&self) {
        let inner = &self.0;
        self.stop();
        tokio::join!(biased; inner.streams.shutdown(), inner.groups.hub().shutdown());
        if timeout(STORE_END, inner.groups.hub().close()).await.is_err() {
            tracing::warn!(target: "mosaik::node", "the store did not close in time; what was acknowledged is on disk");
        }
        inner.discovery.depart().await;
        // Links end with their tasks; the connections then have nothing to wait for.
        inner.users.kill();
        inner.transport.shutdown().await;
        inner.scope.kill();
        if timeout(TASKS_END, inner.scope.ended()).await.is_err() {
            let left = inner.scope.running();
            tracing::warn!(target: "mosaik::node", "{left} tasks did not end in time and are left behind");
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({} as {})", self.0.name, self.local().id().short())
    }
}

/// The tasks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tasks {
    /// How many are running.
    pub running: usize,
    /// How many have panicked since the start.
    pub panicked: u64,
}

/// This node, as others know it.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a>(&'a Network);

impl Local<'_> {
    /// The node's id: its public key.
    pub fn id(&self) -> PeerId {
        self.0.0.transport.id()
    }

    /// The addresses at which it can be reached.
    pub fn addresses(&self) -> Vec<Address> {
        self.0.0.transport.addresses().borrow().clone()
    }

    /// What another node's `--bootstrap` takes: `<peer id>@<address>,…`.
    pub fn peer_addr(&self) -> PeerAddr {
        PeerAddr { id: self.id(), addresses: self.addresses() }
    }
}
