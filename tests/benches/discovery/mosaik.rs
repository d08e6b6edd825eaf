//! Nodes of mosaik with the defaults, which know nothing but the network's name.

use futures::future::try_join_all;
use mosaik_runtime::node::Network;
use tokio::task::JoinSet;

use crate::common::Fallible;

/// Nodes of one network.
pub(crate) struct World(Vec<Network>);

impl World {
    /// Starts all nodes.
    pub(crate) async fn start(nodes: usize) -> Fallible<Self> {
        let name = format!("bench-{}", std::process::id());
        let mut starting = JoinSet::new();
        for _ in 0..nodes {
            let builder = Network::builder(name.clone());
            starting.spawn(async move { Ok(builder.build().await?) });
        }
        let networks: Fallible<Vec<Network>> = starting.join_all().await.into_iter().collect();
        Ok(Self(networks?))
    }

    /// Ends of connections at all nodes together.
    pub(crate) fn connections(&self) -> usize {
        self.0.iter().map(|network| network.transport().usage().connections).sum()
    }

    /// Waits until every catalog holds everybody.
    pub(crate) async fn complete(&mut self) -> Fallible {
        let nodes = self.0.len();
        let waiting = self.0.iter().map(async |network| {
            let mut catalog = network.discovery().watch();
            catalog.wait_for(|catalog| catalog.len() >= nodes).await.map(|_| ())
        });
        try_join_all(waiting).await?;
        Ok(())
    }
}
