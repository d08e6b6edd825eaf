//! Nodes with writers and readers of one map.

use std::time::Duration;

use mosaik_runtime::{
    collections::{Map, Reader, Writer},
    groups::Voters,
    node::Network,
};
use tokio::time::timeout;

use crate::common::Fallible;

/// How long anything may take.
pub(crate) const LONG: Duration = Duration::from_secs(120);
/// Entries of one `extend`.
const AT_ONCE: u64 = 10_000;

pub(crate) type Numbers = Map<u64, u64>;

/// The name of a network that no other process has.
pub(crate) fn name(of: &str) -> String {
    format!("bench-collections-{of}-{}", std::process::id())
}

/// A node that writes, and votes if it is among the first.
pub(crate) async fn writer(name: &str, voters: u8) -> Fallible<(Network, Writer<Numbers>)> {
    let network = Network::builder(name.to_owned()).build().await?;
    let open = network.collections().map::<u64, u64>("bench.numbers").voters(Voters::Count(voters));
    let writer = open.writer().await?;
    Ok((network, writer))
}

/// A node that reads.
pub(crate) async fn reader(name: &str) -> Fallible<(Network, Reader<Numbers>)> {
    let network = Network::builder(name.to_owned()).build().await?;
    let reader = network.collections().map::<u64, u64>("bench.numbers").reader().await?;
    Ok((network, reader))
}

/// Waits until a writer is online.
pub(crate) async fn online(writer: &Writer<Numbers>) -> Fallible {
    timeout(LONG, writer.when().online()).await.map_err(|_| "the collection did not come online")?;
    Ok(())
}

/// Gives the map so many entries.
pub(crate) async fn fill(writer: &Writer<Numbers>, entries: u64) -> Fallible {
    let writer = writer.with_deadline(LONG);
    for start in (0..entries).step_by(AT_ONCE as usize) {
        let batch = (start..entries.min(start + AT_ONCE)).map(|key| (key, mixed(key)));
        writer.extend(batch).await?;
    }
    let seen = writer.strong().await?.len() as u64;
    if seen == entries { Ok(()) } else { Err(format!("the map has {seen} of {entries} entries").into()) }
}

/// A number that looks like none of its neighbours.
pub(crate) fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Ends nodes.
pub(crate) async fn close(nodes: impl IntoIterator<Item = Network>) {
    let nodes: Vec<Network> = nodes.into_iter().collect();
    futures::future::join_all(nodes.iter().map(Network::shutdown)).await;
}
