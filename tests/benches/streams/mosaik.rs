//! The same through mosaik, written as a user would: `send(item).await` on one side, `next().await` on the other.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt, future::join_all};
use mosaik_runtime::{
    discovery::SharedPeer,
    node::Network,
    primitives::PeerRole,
    streams::{Consumer, Producer},
    topology::Overflow,
    transport::PeerAddr,
};
use tokio::{
    task::JoinSet,
    time::{Duration, MissedTickBehavior, interval},
};

use super::{
    case::{Case, Measure},
    payload::{FIRST, Item, padding},
    tally::{Ear, Tally, now},
};
use crate::common::Fallible;

const STREAM: &str = "bench.items";

/// Every run has a network of its own, so that nothing of another run is met.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// The producing node.
pub(crate) struct Source {
    name: String,
    network: Network,
    pump: JoinSet<Fallible>,
}

impl Source {
    /// Starts the node.
    pub(crate) async fn open() -> Fallible<Self> {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench-{}-{run}", std::process::id());
        let network = Network::builder(name.clone()).runtime_dir(directory(&name)).build().await?;
        Ok(Self { name, network, pump: JoinSet::new() })
    }

    /// What [`Sinks::open`] needs to find this source.
    pub(crate) fn address(&self) -> Fallible<String> {
        Ok(format!("{} {}", self.name, self.network.local().peer_addr()))
    }

    /// Waits for the consumers, then sends until closed.
    pub(crate) async fn start(&mut self, case: Case) -> Fallible {
        let streams = self.network.streams();
        let producer = streams.producer::<Item>().named(STREAM).overflow(Overflow::Block).build()?;
        let data = padding(case.size);
        if case.measure != Measure::Join {
            producer.when().subscribed().minimum_of(case.consumers).await;
        }
        match case.measure {
            Measure::Throughput => self.pump.spawn(pump(producer, data)),
            Measure::Latency | Measure::Join => self.pump.spawn(pace(producer, data)),
        };
        Ok(())
    }

    /// Why sending ended, if it did.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let ended = self.pump.try_join_next()?;
        Some(format!("the producer ended: {ended:?}"))
    }

    /// Ends it.
    pub(crate) async fn close(mut self) {
        self.pump.shutdown().await;
        self.network.shutdown().await;
        let _ = std::fs::remove_dir_all(directory(&self.name));
    }
}

/// Where the nodes of a run meet: not where the user's own nodes do.
fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

async fn pump(mut producer: Producer<Item>, data: Bytes) -> Fallible {
    let mut seq = FIRST;
    loop {
        producer.send(Item { seq, data: data.clone() }).await?;
        seq += 1;
    }
}

/// One item a millisecond, with the moment it was sent as its number.
async fn pace(mut producer: Producer<Item>, data: Bytes) -> Fallible {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        producer.send(Item { seq: now(), data: data.clone() }).await?;
    }
}

/// The consuming nodes.
pub(crate) struct Sinks {
    networks: Vec<Network>,
    readers: JoinSet<()>,
}

impl Sinks {
    /// Starts the nodes and lets them listen.
    pub(crate) async fn open(case: Case, address: &str, tallies: &[Arc<Tally>]) -> Fallible<Self> {
        let mut sinks = Self { networks: Vec::new(), readers: JoinSet::new() };
        let length = padding(case.size).len();
        for tally in tallies {
            let network = beside(address).await?;
            let consumer = network.streams().consumer::<Item>().named(STREAM).build()?;
            sinks.readers.spawn(read(consumer, Ear::new(tally.clone(), case.measure, length)));
            sinks.networks.push(network);
        }
        Ok(sinks)
    }

    /// Ends them.
    pub(crate) async fn close(mut self) {
        self.readers.shutdown().await;
        join_all(self.networks.iter().map(Network::shutdown)).await;
    }
}

/// A node that knows the source at `address`.
async fn beside(address: &str) -> Fallible<Network> {
    let (name, source) = address.split_once(' ').ok_or("not an address")?;
    let builder = Network::builder(name).runtime_dir(directory(name)).bootstrap(source.parse::<PeerAddr>()?);
    Ok(builder.build().await?)
}

/// Joins as a new node; how many nanoseconds after its catalog has the producer with its stream it has an item.
pub(crate) async fn join(address: &str) -> Fallible<u64> {
    let network = beside(address).await?;
    let mut consumer = network.streams().consumer::<Item>().named(STREAM).build()?;
    let produces = |peer: &SharedPeer| peer.entry.roles.iter().any(|role| role.role == PeerRole::Produces);
    let found = async {
        network.discovery().when(move |catalog| catalog.peers().any(produces)).await;
        now()
    };
    let first = async { consumer.next().await.map(|_| now()) };
    let (found, first) = tokio::join!(found, first);
    network.shutdown().await;
    Ok(first.ok_or("the stream ended")?.saturating_sub(found))
}

async fn read(mut consumer: Consumer<Item>, mut ear: Ear) {
    while let Some(item) = consumer.next().await {
        ear.hear(item.seq, item.data.len());
    }
}
