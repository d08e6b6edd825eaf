//! The nodes of one group, all in this process.

use std::time::Duration;

use tokio::time::Instant;

use mosaik_runtime::{
    groups::{Group, Storage, Voters},
    node::Network,
};
use tokio::time::timeout;

use super::{measure::Measured, sum::Sum};
use crate::common::Fallible;

/// How long a group may take to be online.
const ONLINE: Duration = Duration::from_secs(30);

/// Where the log is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// In memory.
    Memory,
    /// On disk.
    Durable,
}

impl Kept {
    /// The word in names.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Durable => "durable",
        }
    }
}

/// A group and its nodes.
pub(crate) struct Members(Vec<(Network, Group<Sum>)>);

impl Members {
    /// Starts the nodes, and waits until the group is online on all.
    pub(crate) async fn start(members: u8, kept: Kept) -> Fallible<Self> {
        let name = format!("bench-groups-{}", std::process::id());
        let storage = match kept {
            Kept::Memory => Storage::Memory,
            Kept::Durable => Storage::Durable,
        };
        let mut nodes = Vec::new();
        for _ in 0..members {
            let network = Network::builder(name.clone()).build().await?;
            let group =
                network.groups().machine(Sum::default()).named("bench").voters(Voters::Count(members));
            let group = group.storage(storage).join().await?;
            nodes.push((network, group));
        }
        for (_, group) in &nodes {
            timeout(ONLINE, group.when().online()).await.map_err(|_| "the group did not come online")?;
            group.execute(0).await?;
        }
        Ok(Self(nodes))
    }

    fn leads(&self) -> Fallible<usize> {
        let leads = self.0.iter().position(|(_, group)| group.when().is_leader().holds());
        Ok(leads.ok_or("nobody leads")?)
    }

    /// The handle on the leader.
    pub(crate) fn leader(&self) -> Fallible<&Group<Sum>> {
        Ok(&self.0[self.leads()?].1)
    }

    /// The handle on a follower.
    pub(crate) fn follower(&self) -> Fallible<&Group<Sum>> {
        let leads = self.leads()?;
        Ok(&self.0[usize::from(leads == 0)].1)
    }

    /// Drops the leader without farewell; how long until a command is answered on another node.
    pub(crate) async fn kill_leader(&mut self) -> Fallible<Measured> {
        let leader = self.0.swap_remove(self.leads()?);
        let group = self.0[0].1.clone();
        let start = Instant::now();
        drop(leader);
        group.with_deadline(ONLINE).execute(1).await?;
        let value = start.elapsed().as_secs_f64() * 1e3;
        Ok(Measured { name: "leader-killed".to_owned(), value, unit: "ms", cores: 0.0 })
    }

    /// Ends the nodes.
    pub(crate) async fn close(self) {
        futures::future::join_all(self.0.iter().map(|(network, _)| network.shutdown())).await;
    }
}
