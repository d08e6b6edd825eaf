//! Building a node: from settings to a running [`Network`].

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::OnceCell;

use super::{Network, network::Inner};
use crate::{
    admission::Admission,
    collections::Collections,
    discovery::{
        self, Discovery,
        rendezvous::{self, Rendezvous},
    },
    groups::{
        Groups,
        hub::{Home, Hub, HubSettings},
    },
    primitives::{
        BootId, Clock, NetworkId, NetworkSecret, NodeRng, PeerId, Reach, Scope, SecretKey, Tag, backoff,
        intent, keyfile, keys::SecretTooShort, tag::NotATag,
    },
    streams::{Streams, StreamsSettings, Trace},
    transport::{self, Address, Backend, BindError, PeerAddr, Servers, Sources, Transport},
};

#[cfg(all(feature = "durable", feature = "sim"))]
use crate::groups::store::sim::SimDisk;
#[cfg(feature = "sim")]
use crate::transport::sim;

/// How long tasks may take to end after the connections are closed.
pub(super) const TASKS_END: Duration = Duration::from_secs(1);

/// How long a flush of a simulated disk takes.
#[cfg(all(feature = "durable", feature = "sim"))]
const SIMULATED_FLUSH: Duration = Duration::from_millis(1);

/// Settings of a node, with a default for each; `build` starts it.
///
/// Start-up waits for nothing outside the process: bootstrap peers, relays and directories may be absent.
#[derive(Debug)]
#[must_use]
pub struct NetworkBuilder {
    name: String,
    secret_key: Option<SecretKey>,
    secrets: Vec<NetworkSecret>,
    reach: Reach,
    bind: Option<SocketAddr>,
    bootstrap: Vec<PeerAddr>,
    sources: Sources,
    data_dir: Option<PathBuf>,
    runtime_dir: Option<PathBuf>,
    tags: Vec<String>,
    backoff: backoff::Settings,
    limits: transport::Limits,
    found: BTreeSet<String>,
    forced: BTreeSet<String>,
    environment: Environment,
}

/// Time, randomness, network and observers: real, or a simulation's.
#[derive(Debug)]
struct Environment {
    clock: Clock,
    rng: NodeRng,
    #[cfg(feature = "sim")]
    net: Option<sim::Net>,
    #[cfg(all(feature = "durable", feature = "sim"))]
    disk: Option<SimDisk>,
    trace: Option<TraceHandle>,
}

struct TraceHandle(Arc<dyn Trace>);

impl std::fmt::Debug for TraceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trace")
    }
}

/// A node did not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The network's name is not well-formed.
    #[error("the network's name: {0}")]
    Name(#[from] intent::NotAnIntent),
    /// A tag is not well-formed.
    #[error(transparent)]
    Tag(#[from] NotATag),
    /// The network's secret is too short.
    #[error(transparent)]
    Secret(#[from] SecretTooShort),
    /// A bootstrap peer is out of reach.
    #[error(
        "the bootstrap peer {peer} is outside of reach `{reach}`: add `--reach {needed}` (or `.reach(..)`)"
    )]
    OutOfReach {
        /// The peer, as given.
        peer: PeerAddr,
        /// The reach of this node.
        reach: Reach,
        /// The reach that the peer needs.
        needed: Reach,
    },
    /// A bootstrap peer without an address can only be looked up in the DHT.
    #[error(
        "where is the bootstrap peer {peer}? At reach `{reach}` nobody can be asked: write `{peer}@<ip>:<port>`, or add \
         `--reach internet` (or `.reach(Reach::Internet)`)"
    )]
    NeedsAddress {
        /// The peer.
        peer: PeerId,
        /// The reach of this node.
        reach: Reach,
    },
    /// The key could not be read or made.
    #[error(transparent)]
    Key(#[from] keyfile::KeyFileError),
    /// No socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Discovery did not start.
    #[error(transparent)]
    Discovery(#[from] discovery::StartError),
    /// The crate was built without a network.
    #[error("this program was built without the feature `iroh`, so it has no network but the simulator's")]
    NoBackend,
}

impl NetworkBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            secret_key: None,
            secrets: Vec::new(),
            reach: Reach::Host,
            bind: None,
            bootstrap: Vec::new(),
            sources: Sources::default(),
            data_dir: None,
            runtime_dir: None,
            tags: Vec::new(),
            backoff: backoff::Settings::default(),
            limits: transport::Limits::default(),
            found: BTreeSet::new(),
            forced: BTreeSet::new(),
            environment: Environment {
                clock: Clock::system(),
                rng: NodeRng::from_system(),
                #[cfg(feature = "sim")]
                net: None,
                #[cfg(all(feature = "durable", feature = "sim"))]
                disk: None,
                trace: None,
            },
        }
    }

    /// The node's key. Default: the data directory's, which is made when missing; without a data directory a random one.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.secret_key = Some(key);
        self
    }

    /// The secret that all members of the network know. Called twice, both are accepted and the first is proved: that is how a
    /// secret is changed without a stop.
    pub fn network_secret(mut self, secret: NetworkSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// How far the node looks for others. Default: this machine.
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// The socket address to listen at. Default: a free port.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// One more peer to ask for others. It need not be there yet. At reach `internet` its id is enough: its address is looked up.
    pub fn bootstrap(mut self, peer: PeerAddr) -> Self {
        self.bootstrap.push(peer.given());
        self
    }

    /// Whether to find others by multicast DNS at reach `lan` and farther. Default: yes.
    pub fn mdns(mut self, on: bool) -> Self {
        self.sources.mdns = on;
        self
    }

    /// The relays to use at reach `internet`. Default: public ones.
    pub fn relays(mut self, relays: Servers) -> Self {
        self.sources.relays = relays;
        self
    }

    /// The nodes by which to enter the DHT at reach `internet`. Default: those of the public Mainline DHT.
    pub fn dht(mut self, nodes: Servers) -> Self {
        self.sources.dht = nodes;
        self
    }

    /// Where the node keeps its key, its incarnation, the peers that it knew, and its groups. One node per directory.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Lets this node found the group of this name alone, if the group says `voters = founder`. Say it on one node, once.
    pub fn found(mut self, group: impl Into<String>) -> Self {
        self.found.insert(group.into());
        self
    }

    /// Makes a new group of this name out of what this node has of the old one, with this node as its only voter. Only for a durable group
    /// whose majority is gone for good: acknowledged commands that this node never received are lost. Say it on one node, once. Old
    /// members that come back with their data meet the new group as another one.
    pub fn force_new_group(mut self, group: impl Into<String>) -> Self {
        self.forced.insert(group.into());
        self
    }

    /// Where nodes of this machine meet, instead of `$MOSAIK_RUNTIME_DIR` and its defaults.
    pub fn runtime_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.runtime_dir = Some(directory.into());
        self
    }

    /// More tags that the node claims.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// How long to wait between attempts to reach a peer.
    pub fn backoff(mut self, backoff: backoff::Settings) -> Self {
        self.backoff = backoff;
        self
    }

    /// The bounds on connections, handshakes and silence.
    pub fn limits(mut self, limits: transport::Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The network, the clock and the randomness to run on: what a simulation passes. The node meets others in the simulated
    /// network's directory.
    #[cfg(feature = "sim")]
    pub fn simulated(mut self, net: sim::Net, clock: Clock, rng: NodeRng) -> Self {
        self.environment = Environment { clock, rng, net: Some(net), ..self.environment };
        self
    }

    /// The disk on which a simulated node keeps its groups, in all of its lives.
    #[cfg(all(feature = "durable", feature = "sim"))]
    pub fn disk(mut self, disk: SimDisk) -> Self {
        self.environment.disk = Some(disk);
        self
    }

    /// Who is told of every item that is produced and delivered here.
    pub fn trace(mut self, trace: Arc<dyn Trace>) -> Self {
        self.environment.trace = Some(TraceHandle(trace));
        self
    }

    /// Starts the node. Returns within a second whatever the network is like.
    pub async fn build(self) -> Result<Network, BuildError> {
        intent::check(&self.name)?;
        let tags = self.tags.iter().map(|text| Tag::new(text)).collect::<Result<Vec<_>, _>>()?;
        self.check_bootstrap()?;
        let mut rng = self.environment.rng.clone();
        let key = match (&self.secret_key, &self.data_dir) {
            (Some(key), _) => key.clone(),
            (None, Some(directory)) => data_dir_key(directory, &mut rng)?,
            (None, None) => SecretKey::from_bytes(rng.bytes_32()),
        };
        let (id, boot, scope) = (NetworkId::derive(&self.name), BootId(rng.next_u128()), Scope::new());
        let users = scope.child();
        // A start that fails half-way leaves no task behind.
        let guard = KillOnDrop(Some(scope.clone()));
        // What can be refused without a socket is refused first.
        let mut settings = discovery::Settings::new(
            key.clone(),
            id,
            boot,
            self.environment.clock.clone(),
            rng.split("discovery"),
            users.child(),
        );
        self.fill(&mut settings, tags)?;
        let transport = self.transport(&key, id, boot, &mut rng, scope.child()).await?;
        let discovery = match Discovery::start(transport.clone(), settings) {
            Ok(discovery) => discovery,
            Err(error) => {
                transport.shutdown().await;
                return Err(error.into());
            }
        };
        let admission = Admission::new(&self.name, transport.clone(), discovery.clone(), &rng, users.child());
        let streams = Streams::new(
            transport.clone(),
            discovery.clone(),
            admission.clone(),
            StreamsSettings {
                network: id,
                clock: self.environment.clock.clone(),
                rng: rng.split("streams"),
                scope: users.child(),
                backoff: self.backoff,
                trace: self.environment.trace.as_ref().map(|trace| trace.0.clone()),
            },
        );
        let hub = self.hub(id, rng.split("groups"), &transport, &discovery, &admission, users.child())?;
        guard.disarm();
        let groups = Groups::new(hub);
        let collections = Collections::new(groups.clone(), users.child());
        let (name, clock, ended) = (self.name, self.environment.clock, OnceCell::new());
        let network = Network::from_inner(Inner {
            name,
            id,
            transport,
            discovery,
            admission,
            streams,
            groups,
            collections,
            clock,
            scope,
            users,
            ended,
        });
        network.watch_workers();
        Ok(network)
    }

    /// Where the groups of this node live.
    fn hub(
        &self,
        network: NetworkId,
        rng: NodeRng,
        transport: &Transport,
        discovery: &Discovery,
        admission: &Admission,
        scope: Scope,
    ) -> Result<Hub, BuildError> {
        let settings = HubSettings {
            network,
            clock: self.environment.clock.clone(),
            rng,
            scope,
            home: self.home(transport.id()),
            claims: if self.reach == Reach::Host { self.rendezvous()? } else { Rendezvous::Nowhere },
            found: self.found.clone(),
            forced: self.forced.clone(),
        };
        Ok(Hub::start(transport.clone(), discovery.clone(), admission.clone(), settings))
    }

    /// What discovery starts with.
    fn fill(&self, settings: &mut discovery::Settings, tags: Vec<Tag>) -> Result<(), BuildError> {
        settings.has_secret = !self.secrets.is_empty();
        settings.data_dir.clone_from(&self.data_dir);
        settings.bootstrap.clone_from(&self.bootstrap);
        settings.tags = tags.into_iter().collect();
        settings.rendezvous = self.rendezvous()?;
        Ok(())
    }

    /// Where groups are kept. A node whose key was given may come back under it, so it must find what it promised.
    fn home(&self, id: PeerId) -> Home {
        #[cfg(feature = "sim")]
        if self.environment.net.is_some() {
            #[cfg(feature = "durable")]
            if let Some(disk) = &self.environment.disk {
                return Home::Simulated(disk.clone(), SIMULATED_FLUSH);
            }
            return Home::Temporary;
        }
        match (&self.data_dir, &self.secret_key) {
            (Some(directory), _) => Home::Directory(directory.clone()),
            (None, Some(_)) => match data_home() {
                Some(home) => Home::Directory(home.join("mosaik").join(&self.name).join(id.to_string())),
                None => Home::Temporary,
            },
            (None, None) => Home::Temporary,
        }
    }

    fn rendezvous(&self) -> Result<Rendezvous, BuildError> {
        #[cfg(feature = "sim")]
        if let Some(net) = &self.environment.net {
            return Ok(Rendezvous::Sim(net.clone()));
        }
        let directory = match &self.runtime_dir {
            Some(directory) => directory.clone(),
            None => rendezvous::directory().map_err(discovery::StartError::from)?,
        };
        Ok(Rendezvous::Directory(directory))
    }

    fn backend(&self, id: PeerId) -> Result<Backend, BuildError> {
        #[cfg(feature = "sim")]
        if let Some(net) = &self.environment.net {
            return Ok(Backend::Sim(net.port(id)));
        }
        let _ = id;
        default_backend().ok_or(BuildError::NoBackend)
    }

    fn check_bootstrap(&self) -> Result<(), BuildError> {
        let bare = |peer: &&PeerAddr| peer.addresses.is_empty() && self.reach < Reach::Internet;
        if let Some(peer) = self.bootstrap.iter().find(bare) {
            return Err(BuildError::NeedsAddress { peer: peer.id, reach: self.reach });
        }
        for peer in &self.bootstrap {
            let needed = peer.addresses.iter().map(Address::needs).min().unwrap_or_default();
            if needed > self.reach {
                return Err(BuildError::OutOfReach { peer: peer.clone(), reach: self.reach, needed });
            }
        }
        Ok(())
    }

    async fn transport(
        &self,
        key: &SecretKey,
        network: NetworkId,
        boot: BootId,
        rng: &mut NodeRng,
        scope: Scope,
    ) -> Result<Transport, BuildError> {
        let config = transport::Config {
            key: key.clone(),
            network,
            secrets: self.secrets.clone(),
            boot,
            reach: self.reach,
            bind: self.bind,
            limits: self.limits.clone(),
            clock: self.environment.clock.clone(),
            rng: rng.split("transport"),
            scope,
        };
        Ok(Transport::bind_with(config, self.sources.clone(), self.backend(key.peer_id())?).await?)
    }
}

#[cfg(feature = "iroh")]
fn default_backend() -> Option<Backend> {
    Some(Backend::Iroh)
}

#[cfg(not(feature = "iroh"))]
fn default_backend() -> Option<Backend> {
    None
}

/// Where programs of this user keep data.
fn data_home() -> Option<PathBuf> {
    let absolute =
        |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))
}

fn data_dir_key(directory: &Path, rng: &mut NodeRng) -> Result<SecretKey, BuildError> {
    fs::create_dir_all(directory)
        .map_err(|source| discovery::StartError::DataDir { path: directory.into(), source })?;
    Ok(keyfile::read_or_make(&directory.join("key"), rng)?)
}

struct KillOnDrop(Option<Scope>);

impl KillOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(scope) = &self.0 {
            scope.kill();
        }
    }
}
