//! Tests of machines that are not deterministic: whoever computes something else stops, and says so.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Network;
use crate::{
    groups::{Apply, Group, StateMachine, Voters, machine::MachineSettings},
    primitives::{
        Clock, NodeRng, Schema, SecretKey, Wall,
        schema::{Seen, Shape},
    },
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(60);
/// Whoever applies this first remembers something else than the others.
const ODD: u64 = 1000;
/// Everybody remembers something else.
const ALL_ODD: u64 = 2000;

static APPLIED: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Odd(Vec<u64>);

impl Schema for Odd {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u64>::shape(seen)
    }
}

impl StateMachine for Odd {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = usize;

    fn apply(&mut self, number: u64, _: &Apply) -> u64 {
        let remembered = match number {
            ODD => u64::from(APPLIED[0].fetch_add(1, Ordering::SeqCst) == 0),
            ALL_ODD => APPLIED[1].fetch_add(1, Ordering::SeqCst),
            number => number,
        };
        self.0.push(remembered);
        self.0.len() as u64
    }

    fn query(&self, (): ()) -> usize {
        self.0.len()
    }
}

async fn started(net: &Net) -> Vec<(Network, Group<Odd>)> {
    let mut nodes = Vec::new();
    for n in 1..=3_u8 {
        let clock = Clock::simulated(Wall(1_000_000_000_000));
        let builder = Network::builder("differing").secret_key(SecretKey::from_bytes([n; 32]));
        let builder = builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into()));
        let network = builder.build().await.expect("starts");
        let limits = MachineSettings { snapshot_entries: 20, ..MachineSettings::default() };
        let group = network.groups().machine(Odd::default()).named("odd").voters(Voters::Count(3));
        nodes.push((network.clone(), group.limits(limits).join().await.expect("joins")));
    }
    for (_, group) in &nodes {
        timeout(LONG, group.when().online()).await.expect("online");
    }
    nodes
}

/// How many members have stopped, and why.
fn stopped(nodes: &[(Network, Group<Odd>)]) -> Vec<String> {
    nodes.iter().filter_map(|(_, group)| group.status().failed.map(|why| why.to_string())).collect()
}

async fn until_stopped(nodes: &[(Network, Group<Odd>)], count: usize) {
    let waiting = async {
        while stopped(nodes).len() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, waiting).await.expect("they notice");
}

#[tokio::test(start_paused = true)]
async fn r5_r12_a_member_whose_state_differs_stops_and_the_others_go_on() {
    let nodes = started(&Net::new(1)).await;
    for number in 0..50 {
        nodes[1].1.execute(number).await.expect("acknowledged");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stopped(&nodes), Vec::<String>::new(), "nobody differs yet");
    nodes[1].1.execute(ODD).await.expect("acknowledged");
    for number in 0..40 {
        let (_, group) =
            nodes.iter().find(|(_, group)| group.status().failed.is_none()).expect("two are right");
        group.execute(number).await.expect("two of three are a majority");
    }
    until_stopped(&nodes, 1).await;
    let why = stopped(&nodes);
    assert_eq!(why.len(), 1, "{why:?}");
    assert!(why[0].contains("differs from that of 2 of 3 voters"), "{why:?}");
    let (_, right) = nodes.iter().find(|(_, group)| group.status().failed.is_none()).expect("two are right");
    right.execute(7).await.expect("they go on");
    assert_eq!(right.query(()).await, Ok(92));
}

#[tokio::test(start_paused = true)]
async fn r5_where_everybody_differs_the_followers_stop() {
    let nodes = started(&Net::new(2)).await;
    nodes[0].1.execute(ALL_ODD).await.expect("acknowledged");
    let short = nodes[0].1.with_deadline(Duration::from_millis(500));
    for number in 0..40 {
        // Without a majority it is not taken any more.
        let _ = short.execute(number).await;
    }
    until_stopped(&nodes, 2).await;
    assert!(stopped(&nodes).iter().all(|why| why.contains("differs from that of 1 of 3 voters")));
}
