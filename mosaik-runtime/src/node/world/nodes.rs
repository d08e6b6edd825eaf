//! What can be added to a world: declared nodes, and programs of the builder's API.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "durable")]
use crate::groups::store::sim::SimDisk;
use crate::{
    node::{
        Error, Extensions, Network, NetworkBuilder, NodeEntry, NodeItem, Result,
        life::{self, Ended},
    },
    primitives::{Clock, NetworkId, NodeRng, SecretKey},
    streams::Trace,
    transport::sim::Net,
};

/// What a world gives to a program: its key, its place, its clock, its randomness, and how it is told to stop.
pub struct Surroundings {
    /// The node's number in its world.
    pub number: usize,
    /// The key, the same in every life of the node.
    pub key: SecretKey,
    /// The simulated network.
    pub net: Net,
    /// Its clock.
    pub clock: Clock,
    /// Its disk, the same in every life of the node.
    #[cfg(feature = "durable")]
    pub disk: SimDisk,
    /// Its randomness, for this life.
    pub rng: NodeRng,
    /// Who counts its items.
    pub trace: Arc<dyn Trace>,
    /// Cancelled when the node is to stop.
    pub stop: CancellationToken,
}

impl Surroundings {
    /// A builder for a node of this network, in these surroundings.
    pub fn builder(self, network: &str) -> NetworkBuilder {
        let builder = Network::builder(network)
            .secret_key(self.key)
            .simulated(self.net, self.clock, self.rng)
            .trace(self.trace);
        #[cfg(feature = "durable")]
        let builder = builder.disk(self.disk);
        builder
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("key", &self.key)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Runs one life of a node.
pub type Program = Arc<dyn Fn(Surroundings) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Nodes to add to a world.
#[derive(Clone)]
pub struct Nodes {
    pub(super) name: String,
    pub(super) network: NetworkId,
    pub(super) count: usize,
    pub(super) program: Program,
}

impl Nodes {
    /// A declared node; `sim_node!(sensor)` is short for it.
    pub fn of<N: NodeItem>() -> Self {
        Self::of_entry(NodeEntry::of::<N>(), Extensions::default())
    }

    /// A declared node, with what the program passes to its parameters.
    pub fn of_entry(entry: NodeEntry, extensions: Extensions) -> Self {
        let descriptor = entry.descriptor;
        let program = move |surroundings: Surroundings| -> BoxFuture<'static, Result<()>> {
            let extensions = extensions.clone();
            Box::pin(async move {
                let stop = surroundings.stop.clone();
                let builder = surroundings.builder(descriptor.network);
                outcome(life::run(&entry, builder, extensions, stop).await)
            })
        };
        Self::program(descriptor.name, descriptor.network, program)
    }

    /// A program that builds its node by hand: `Nodes::program("probe", "fleet", |s| Box::pin(async move { … }))`.
    pub fn program(
        name: &str,
        network: &str,
        program: impl Fn(Surroundings) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            network: NetworkId::derive(network),
            count: 1,
            program: Arc::new(program),
        }
    }

    /// So many of them.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.count = count;
        self
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.count, self.name)
    }
}

fn outcome(ended: Ended) -> Result<()> {
    match ended {
        Ended::Done => Ok(()),
        Ended::Failed(error) => Err(error),
        Ended::Refused(problems) => Err(Error::msg(problems)),
        Ended::NotStarted(error) => Err(error.into()),
        Ended::NotProven(error) => Err(error.into()),
    }
}
