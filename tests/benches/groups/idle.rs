//! What many groups cost that nobody uses: three nodes in this process, each a member of all of them.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use mosaik_runtime::{
    groups::{Group, Voters},
    node::Network,
};

use super::{
    measure::{Measured, Meter},
    sum::Sum,
};
use crate::{common::Fallible, memory::resident_mib};

/// How many nodes, and members of each group.
const NODES: u8 = 3;
/// How many groups.
pub(crate) const GROUPS: u16 = 200;
/// How long until the nodes have met.
const MEET: Duration = Duration::from_secs(3);
/// How long until all groups are online.
const ONLINE: Duration = Duration::from_secs(120);
/// How long after the last command a group is at rest, and the nodes' own start is over.
const REST: Duration = Duration::from_secs(20);

/// Opens the groups, gives each a command, waits until they rest, and measures.
pub(crate) async fn measure(window: Duration) -> Fallible<Vec<Measured>> {
    let name = format!("bench-idle-{}", std::process::id());
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Network::builder(name.clone()).build().await?);
    }
    sleep(MEET).await;
    // What a process sets aside once, with its first group, comes with no other.
    let _first = open(&nodes, "bench.idle-first").await?;
    sleep(MEET).await;
    let before = resident_mib()?;
    let mut groups: Vec<Group<Sum>> = Vec::new();
    for number in 0..GROUPS {
        groups.extend(open(&nodes, &format!("bench.idle-{number}")).await?);
    }
    let start = tokio::time::Instant::now();
    for group in &groups {
        timeout(ONLINE, group.when().online()).await.map_err(|_| "a group did not come online")?;
        group.with_deadline(ONLINE).execute(0).await?;
    }
    let online = start.elapsed();
    sleep(REST).await;
    let meter = Meter::start()?;
    sleep(window).await;
    let cores = meter.cores()?;
    let memory = (resident_mib()? - before) * 1024.0 / f64::from(NODES) / f64::from(GROUPS);
    let percent = cores * 100.0 / f64::from(NODES);
    drop(groups);
    futures::future::join_all(nodes.iter().map(Network::shutdown)).await;
    let measured = |name: &str, value, unit, cores| Measured { name: name.to_owned(), value, unit, cores };
    Ok(vec![
        measured("all-online", online.as_secs_f64() * 1e3, "ms", 0.0),
        measured("core-of-a-node", percent, "%", cores),
        measured("memory-of-a-group", memory, "KiB", 0.0),
    ])
}

/// Opens a group on all nodes.
async fn open(nodes: &[Network], name: &str) -> Fallible<Vec<Group<Sum>>> {
    let mut groups = Vec::new();
    for node in nodes {
        let group = node.groups().machine(Sum::default()).named(name.to_owned());
        groups.push(group.voters(Voters::Count(NODES)).join().await?);
    }
    Ok(groups)
}
