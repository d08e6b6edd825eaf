//! What discovery is started with, and why it may refuse.

use std::{collections::BTreeSet, io, path::PathBuf, time::Duration};

use crate::{
    primitives::{BootId, Clock, NetworkId, NodeRng, Scope, SecretKey, Tag},
    transport::{PeerAddr, ProtocolId},
};

pub use super::core::Timing;
use super::{
    entry::EntryTooLarge,
    rendezvous::{Rendezvous, RendezvousError},
};

/// Everything that discovery needs to start beside a transport.
#[derive(Debug)]
pub struct Settings {
    /// The node's key: it signs the entry.
    pub key: SecretKey,
    /// The network.
    pub network: NetworkId,
    /// This process's life under its key.
    pub boot: BootId,
    /// The node's clock.
    pub clock: Clock,
    /// The node's randomness.
    pub rng: NodeRng,
    /// Where the tasks live.
    pub scope: Scope,
    /// Whether the network has a secret. Without one strangers can come in, and the catalog caps how many nodes
    /// one node may introduce.
    pub has_secret: bool,
    /// Where peers and the incarnation are remembered over restarts.
    pub data_dir: Option<PathBuf>,
    /// Where nodes of one machine meet.
    pub rendezvous: Rendezvous,
    /// Peers to begin with; they are tried until they answer.
    pub bootstrap: Vec<PeerAddr>,
    /// The node's tags at the start.
    pub tags: BTreeSet<Tag>,
    /// The protocols that the node speaks.
    pub protocols: Vec<ProtocolId>,
    /// The times of failure detection.
    pub timing: Timing,
    /// How often catalogs are compared and the overlay is tended.
    pub pace: Pace,
    /// The most nodes in the catalog (65 536).
    pub most_peers: usize,
    /// The most nodes that one node may introduce to a network without a secret (1 024).
    pub most_introduced: usize,
}

/// How often things are done that heal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The catalog is compared with that of one random peer, and one lost peer is dialled.
    pub compare: Duration,
    /// The node joins the overlay once more at a random peer, which heals an overlay in two parts.
    pub rejoin: Duration,
    /// Remembered peers are written to the data directory, if they changed.
    pub remember: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            compare: Duration::from_secs(10),
            rejoin: Duration::from_secs(60),
            remember: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Settings with defaults: no sources, no data directory, no tags.
    pub fn new(
        key: SecretKey,
        network: NetworkId,
        boot: BootId,
        clock: Clock,
        rng: NodeRng,
        scope: Scope,
    ) -> Self {
        Self {
            key,
            network,
            boot,
            clock,
            rng,
            scope,
            has_secret: false,
            data_dir: None,
            rendezvous: Rendezvous::Nowhere,
            bootstrap: Vec::new(),
            tags: BTreeSet::new(),
            protocols: Vec::new(),
            timing: Timing::default(),
            pace: Pace::default(),
            most_peers: 65_536,
            most_introduced: 1024,
        }
    }
}

/// Discovery could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another node uses the data directory.
    #[error(
        "the data directory {path} belongs to a node that is running: stop it, or give this one another `--data-dir`"
    )]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {source}: check that it exists and belongs to you")]
    DataDir {
        /// The directory or the file in it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A node with this key is running on this machine.
    #[error(
        "a node with this key is already running on this machine: stop it, or give this one a key of its own"
    )]
    IdentityInUse,
    /// The rendezvous directory cannot be used.
    #[error(transparent)]
    Rendezvous(#[from] RendezvousError),
    /// The tags and protocols at the start do not fit into an entry.
    #[error(transparent)]
    EntryTooLarge(#[from] EntryTooLarge),
}
