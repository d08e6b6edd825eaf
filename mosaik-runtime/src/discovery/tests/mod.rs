//! Discovery as those above see it: whole nodes, on the simulated fabric and over real sockets.

mod departures;
mod golden;
mod healing;
mod hostile;
mod machine;
mod meeting;
mod scale;

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    primitives::{
        BootId, Clock, NetworkId, NetworkSecret, NodeRng, PeerId, Reach, Scope, SecretKey, Tag, Wall,
    },
    transport::{Backend, Config, Limits, PeerAddr, Transport, sim::Net},
};

use super::{Catalog, Discovery, Rendezvous, Settings};

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes([n; 32])
}

fn id(n: u8) -> PeerId {
    key(n).peer_id()
}

/// A mistake in what calls this.
pub(super) fn on_purpose() {
    panic!("on purpose");
}

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

fn network() -> NetworkId {
    NetworkId::derive("discovery-tests")
}

/// How one node is started.
struct Plan {
    key: SecretKey,
    boot: u128,
    clock: Clock,
    seeds: Vec<PeerAddr>,
    rendezvous: Rendezvous,
    data_dir: Option<PathBuf>,
    network: NetworkId,
    secrets: Vec<NetworkSecret>,
    change: fn(&mut Settings),
}

impl Plan {
    fn new(n: u8) -> Self {
        Self {
            key: key(n),
            boot: u128::from(n),
            clock: Clock::simulated(Wall(1_000_000_000_000)),
            seeds: Vec::new(),
            rendezvous: Rendezvous::Nowhere,
            data_dir: None,
            network: network(),
            secrets: Vec::new(),
            change: |_| {},
        }
    }

    fn meeting(mut self, rendezvous: Rendezvous) -> Self {
        self.rendezvous = rendezvous;
        self
    }

    fn seed(mut self, seed: &Node) -> Self {
        self.seeds.push(seed.addr());
        self
    }

    fn settings(&self, scope: &Scope) -> Settings {
        let seed = self.key.peer_id().as_bytes()[0];
        let rng = NodeRng::from_seed(u64::from(seed) << 8 | (self.boot as u64));
        let boot = BootId(self.boot);
        let mut settings =
            Settings::new(self.key.clone(), self.network, boot, self.clock.clone(), rng, scope.clone());
        settings.bootstrap = self.seeds.clone();
        settings.rendezvous = self.rendezvous.clone();
        settings.data_dir = self.data_dir.clone();
        settings.has_secret = !self.secrets.is_empty();
        (self.change)(&mut settings);
        settings
    }

    async fn on(self, backend: Backend) -> Node {
        let scope = Scope::new();
        let settings = self.settings(&scope);
        let config = Config {
            key: self.key.clone(),
            network: self.network,
            secrets: self.secrets.clone(),
            boot: settings.boot,
            reach: Reach::Host,
            bind: None,
            limits: Limits::default(),
            clock: self.clock.clone(),
            rng: NodeRng::from_seed(self.boot as u64),
            scope: scope.clone(),
        };
        let transport = Transport::bind(config, backend).await.expect("the transport starts");
        let discovery = Discovery::start(transport.clone(), settings).expect("discovery starts");
        Node { transport, discovery, scope }
    }

    async fn on_net(self, net: &Net) -> Node {
        let port = net.port(self.key.peer_id());
        self.on(Backend::Sim(port)).await
    }
}

struct Node {
    transport: Transport,
    discovery: Discovery,
    scope: Scope,
}

impl Node {
    fn id(&self) -> PeerId {
        self.discovery.me()
    }

    fn addr(&self) -> PeerAddr {
        PeerAddr { id: self.id(), addresses: self.transport.addresses().borrow().clone() }
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.discovery.catalog()
    }

    fn knows(&self, peer: PeerId) -> bool {
        self.catalog().get(&peer).is_some()
    }

    /// Waits until the catalog is as asked.
    async fn until(&self, holds: impl Fn(&Catalog) -> bool + Send + Sync + 'static) {
        within(Duration::from_secs(60), self.discovery.when(holds)).await;
    }

    async fn until_knows(&self, peer: PeerId) {
        self.until(move |catalog| catalog.get(&peer).is_some()).await;
    }

    async fn until_without(&self, peer: PeerId) {
        self.until(move |catalog| catalog.get(&peer).is_none()).await;
    }

    /// Ends the node as a crash does: nothing is said.
    async fn crash(self, net: &Net) {
        net.crash(self.id());
        self.scope.kill();
        self.scope.ended().await;
    }
}

async fn within<F: IntoFuture>(limit: Duration, future: F) -> F::Output {
    tokio::time::timeout(limit, future).await.expect("it happens in time")
}

/// Lets virtual time pass.
async fn pass(seconds: u64) {
    tokio::time::advance(Duration::ZERO).await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A directory that is removed at the end, with the mode that a rendezvous needs.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        use std::os::unix::fs::DirBuilderExt;
        let unique = format!("mosaik-{name}-{}-{:x}", std::process::id(), NodeRng::from_system().next_u64());
        let path = std::env::temp_dir().join(unique);
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("a new directory");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
