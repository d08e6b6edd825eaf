//! The handle of a running transport.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, mpsc},
    time::timeout,
};

use crate::primitives::{BootId, Clock, PeerId, Reach, Version, watch};

use super::{
    address::Address,
    backend::{Backend, Endpoint, Looking, Options},
    book::AddressBook,
    config::Config,
    error::{BindError, LinkError},
    event::Event,
    hello::{Membership, exchange::Introduction},
    link::Link,
    listen::Listener,
    mark::Marks,
    pool::{Parts, Pool},
    protocol::{Protocol, ProtocolId},
    sources::{Herald, News, Sources},
};

/// What the floor above knows of peers; asked when a `Hello` is made.
pub trait Known: Send + Sync + 'static {
    /// The newest version of `peer`'s entry that this node holds.
    fn version_of(&self, peer: &PeerId) -> Option<Version>;
}

/// What a transport holds. Each is bounded by a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Connections that stand, of all peers and protocols.
    pub connections: usize,
    /// Incoming handshakes under way.
    pub handshakes: usize,
    /// Halves of links that are open, or finished and not yet delivered.
    pub halves: usize,
    /// Dials under way.
    pub dials: usize,
    /// Peers in the address book.
    pub addresses: usize,
}

/// A running transport. Clones share it.
#[derive(Clone)]
pub struct Transport(Arc<Pool>, Arc<Mutex<Option<mpsc::Receiver<News>>>>);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({})", self.id().short())
    }
}

impl Transport {
    /// How far this node reaches.
    pub fn reach(&self) -> Reach {
        self.book().reach()
    }

    /// Opens an endpoint on `backend` that looks for nobody. Waits for nothing outside the machine.
    pub async fn bind(config: Config, backend: Backend) -> Result<Self, BindError> {
        Self::bind_with(config, Sources::none(), backend).await
    }

    /// Opens an endpoint on `backend` that looks for others in `sources`. Waits for nothing outside the machine.
    pub async fn bind_with(config: Config, sources: Sources, backend: Backend) -> Result<Self, BindError> {
        let Config { key, network, secrets, boot, reach, bind, limits, clock, rng, scope } = config;
        let (herald, news) = Herald::new();
        let marks = Marks::new(&network, &secrets);
        let looking = Looking { sources: sources.bounded(), marks, herald, rng };
        let introduction =
            Introduction { me: key.peer_id(), boot, membership: Membership { network, secrets } };
        let (bounds, tasks) = (limits.clone(), scope.clone());
        let options = Options { key, reach, bind, looking: Some(looking), limits: bounds, scope: tasks };
        let endpoint = Endpoint::open(backend, options).await?;
        let book = AddressBook::new(reach, &limits);
        let pool = Pool::start(Parts { endpoint, introduction, book, limits, clock, scope });
        Ok(Self(pool, Arc::new(Mutex::new(Some(news)))))
    }

    /// What sources tell; the first caller gets it, and it ends when the last source has.
    pub fn news(&self) -> Option<mpsc::Receiver<News>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether there is a source that knows where a peer is by its id alone.
    pub fn can_look_up(&self) -> bool {
        self.0.endpoint.can_look_up()
    }

    /// Asks the sources where a peer is; nothing when they do not know, or not within the limit.
    pub async fn look_up(&self, peer: PeerId) -> Vec<Address> {
        let limits = self.0.limits();
        let mut found = timeout(limits.lookup, self.0.endpoint.look_up(peer)).await.unwrap_or_default();
        found.truncate(limits.addresses_per_peer);
        found
    }

    /// Replaces what the book knows of a peer. Connections that were dialled at an address that the peer no longer has are
    /// closed: nobody answers there.
    pub fn locate(&self, peer: PeerId, addresses: Vec<Address>) {
        let before = self.book().get(&peer);
        let stays = |address: &Address| addresses.iter().any(|now| now.place == address.place);
        let gone: Vec<_> = before.into_iter().filter(|address| !stays(address)).collect();
        self.book().set(peer, addresses);
        if !gone.is_empty() {
            self.0.moved(&peer, &gone);
        }
    }

    /// A peer says that this is its process now. Connections of another one are asked whether anybody is there, and closed when
    /// not, long before they fall silent.
    pub fn lives_as(&self, peer: &PeerId, boot: BootId) {
        self.0.lives_as(peer, boot);
    }

    /// This node.
    pub fn id(&self) -> PeerId {
        self.0.introduction.me
    }

    /// This process.
    pub fn boot(&self) -> BootId {
        self.0.introduction.boot
    }

    /// This node's own addresses, as they change.
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        self.0.endpoint.addresses()
    }

    /// The clock of this node.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Where peers are.
    pub fn book(&self) -> &AddressBook {
        &self.0.book
    }

    /// Accepts links of a protocol from now on; at most `backlog` wait, more are refused as busy.
    /// A second listener of one protocol takes the place of the first, which ends.
    pub fn listen<P: Protocol>(&self, backlog: usize) -> Listener<P> {
        Listener::register(&self.0, backlog)
    }

    /// A new link to `peer` on the pooled connection of the protocol, which is dialled when there is none. Each step
    /// has its deadline. The peer sees the link with the first bytes that are sent on it.
    pub async fn link<P: Protocol>(&self, peer: PeerId) -> Result<Link<P>, LinkError> {
        self.0.link((peer, ProtocolId::of::<P>())).await.map(Link::new)
    }

    /// The least round-trip time to `peer` seen of late; `None` without a connection.
    pub fn rtt(&self, peer: &PeerId) -> Option<Duration> {
        self.0.rtt(peer)
    }

    /// What happens to connections from now on. A reader that lags misses events and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Whom to ask, from now on, what this node holds of a peer.
    pub fn set_known(&self, known: Arc<dyn Known>) {
        self.0.set_known(known);
    }

    /// Whether connections to `peer` for the protocol with this name stay when they are idle; they do not by default.
    pub fn keep(&self, peer: PeerId, protocol: &'static str, keep: bool) {
        self.0.keep(peer, protocol, keep);
    }

    /// How many connections to `peer` stand, of all protocols, superseded ones included until they close.
    pub fn sessions(&self, peer: &PeerId) -> usize {
        self.0.count(peer)
    }

    /// What this transport holds now.
    pub fn usage(&self) -> Usage {
        self.0.usage()
    }

    /// Stops accepting, delivers what was written, closes everything with `Code::Shutdown`. Takes no longer than the
    /// limit; half of it waits for links that are still open.
    pub async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}
