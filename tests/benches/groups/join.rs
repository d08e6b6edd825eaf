//! A fourth node joins a group that has been at work for a while.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use mosaik_runtime::{
    groups::{Apply, Group, StateMachine, Voters, machine::MachineSettings},
    node::Network,
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
};

use super::measure::{Measured, Meter};
use crate::common::Fallible;

/// How long anything may take.
const LONG: Duration = Duration::from_secs(60);
/// Entries of the log that the newcomer reads.
const ENTRIES: u64 = 100_000;
/// Entries before and after the snapshot that the newcomer gets: so many that it cannot do with the log.
const BEFORE: u64 = 12_000;
/// Pieces of the large state, and their size in bytes.
const PIECES: (u32, u32) = (100, 1_000_000);
/// Callers at a time: each of their commands is an entry of its own.
const CALLERS: u64 = 8;

/// The state: pieces, and how many commands were applied.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Heap {
    pieces: Vec<Bytes>,
    count: u64,
}

impl Schema for Heap {
    fn shape(seen: &mut Seen) -> Shape {
        <(Vec<Bytes>, u64)>::shape(seen)
    }
}

impl StateMachine for Heap {
    /// A piece of so many bytes.
    type Command = u32;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, size: u32, _: &Apply) -> u64 {
        self.count += 1;
        if size > 0 {
            // No two chunks of the snapshot are equal.
            let mut word = self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut bytes = Vec::with_capacity(size as usize + 8);
            while bytes.len() < size as usize {
                word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                bytes.extend_from_slice(&word.to_le_bytes());
            }
            self.pieces.push(bytes.into());
        }
        self.count
    }

    fn query(&self, (): ()) -> u64 {
        self.count
    }
}

/// A group of three, and what its newcomer will be.
struct Lab {
    name: String,
    limits: MachineSettings,
    nodes: Vec<(Network, Group<Heap>)>,
}

impl Lab {
    async fn start(limits: MachineSettings) -> Fallible<Self> {
        let name = format!("bench-join-{}", std::process::id());
        let mut lab = Self { name, limits, nodes: Vec::new() };
        for _ in 0..3 {
            let node = lab.node().await?;
            lab.nodes.push(node);
        }
        for (_, group) in &lab.nodes {
            timeout(LONG, group.when().online()).await.map_err(|_| "the group did not come online")?;
        }
        Ok(lab)
    }

    async fn node(&self) -> Fallible<(Network, Group<Heap>)> {
        let network = Network::builder(self.name.clone()).build().await?;
        let group = network.groups().machine(Heap::default()).named("bench.join").voters(Voters::Count(3));
        let group = group.limits(self.limits).join().await?.with_deadline(LONG);
        Ok((network, group))
    }

    /// So many entries, each of one command.
    async fn write(&self, entries: u64) -> Fallible {
        let leader = self.nodes.iter().find(|(_, group)| group.when().is_leader().holds());
        let (_, leader) = leader.ok_or("nobody leads")?;
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let leader = leader.clone();
            callers.spawn(async move {
                for _ in 0..entries / CALLERS {
                    leader.execute(0).await?;
                }
                Fallible::Ok(())
            });
        }
        callers.join_all().await.into_iter().collect()
    }

    /// How long until a new node has everything: from the moment that it begins to the answer of a strong read there.
    async fn join(mut self, name: &str, count: u64) -> Fallible<Measured> {
        let (start, meter) = (Instant::now(), Meter::start()?);
        let newcomer = self.node().await?;
        let seen = newcomer.1.query(()).await?;
        let value = start.elapsed().as_secs_f64() * 1e3;
        let cores = meter.cores()?;
        self.nodes.push(newcomer);
        if seen < count {
            return Err(format!("the newcomer has seen {seen} of {count} commands").into());
        }
        futures::future::join_all(self.nodes.iter().map(|(network, _)| network.shutdown())).await;
        Ok(Measured { name: name.to_owned(), value, unit: "ms", cores })
    }
}

/// A log of 100 000 entries, and a snapshot of 100 MB.
pub(crate) async fn measure() -> Fallible<Vec<Measured>> {
    let whole = MachineSettings {
        snapshot_entries: u64::MAX,
        snapshot_bytes: u64::MAX,
        ..MachineSettings::default()
    };
    let lab = Lab::start(whole).await?;
    lab.write(ENTRIES).await?;
    let log = lab.join("join-100k-entries", ENTRIES).await?;

    let limits = MachineSettings { snapshot_entries: BEFORE, ..MachineSettings::default() };
    let lab = Lab::start(limits).await?;
    for _ in 0..PIECES.0 {
        lab.nodes.first().ok_or("no node")?.1.execute(PIECES.1).await?;
    }
    lab.write(2 * BEFORE).await?;
    let snapshot = lab.join("join-100-MB-snapshot", 2 * BEFORE + u64::from(PIECES.0)).await?;
    Ok(vec![log, snapshot])
}
