//! Tests of groups over whole nodes: what cannot work fails with a sentence, and never in silence.

use std::{io, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::Network;
use crate::{
    groups::{
        Apply, BondRefused, CommandError, Group, GroupBuilder, GroupKey, JoinError, ReadError, Rejected,
        StateMachine, Storage, Voters, hub::OpenError, store::sim::SimDisk,
    },
    primitives::{
        Clock, NodeRng, Schema, SecretKey, Wall,
        schema::{Seen, Shape},
    },
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_secs(3);

/// A number that can be swapped for another one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Cell(u64);

impl Schema for Cell {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

impl StateMachine for Cell {
    /// From what to what.
    type Command = (u64, u64);
    /// Whether it was that.
    type Reply = Result<u64, u64>;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, (from, to): (u64, u64), _: &Apply) -> Result<u64, u64> {
        if self.0 != from {
            return Err(self.0);
        }
        self.0 = to;
        Ok(to)
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }
}

async fn network(net: &Net, n: u8, disk: &SimDisk) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("grouped").secret_key(SecretKey::from_bytes([n; 32]));
    let builder = builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into())).disk(disk.clone());
    builder.build().await.expect("starts")
}

fn cell(network: &Network, voters: u8) -> GroupBuilder<Cell> {
    network.groups().machine(Cell::default()).named("cell").voters(Voters::Count(voters))
}

/// So many nodes, online.
async fn started(net: &Net, count: u8) -> Vec<(Network, Group<Cell>)> {
    let mut nodes = Vec::new();
    for n in 1..=count {
        let network = network(net, n, &SimDisk::new()).await;
        nodes.push((cell(&network, count).join().await.expect("joins"), network));
    }
    for (group, _) in &nodes {
        timeout(LONG, group.when().online()).await.expect("online");
    }
    nodes.into_iter().map(|(group, network)| (network, group)).collect()
}

/// Who swaps learns whether it won, whoever else tries at the same time.
#[tokio::test(start_paused = true)]
async fn lc14_lc5_of_many_that_swap_one_wins_and_each_knows() {
    let nodes = started(&Net::new(1), 3).await;
    for round in 0..5 {
        let from = nodes[0].1.query(()).await.expect("online");
        let tries = (1..=9).map(|n| nodes[n % 3].1.execute((from, 1000 * (round + 1) + n as u64)));
        let results = futures::future::join_all(tries).await;
        let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().expect("online").ok()).collect();
        let lost: Vec<_> =
            results.iter().filter_map(|result| result.as_ref().expect("online").err()).collect();
        assert_eq!((won.len(), lost.len()), (1, 8));
        assert!(lost.iter().all(|found| *found == won[0]), "who lost is told what is there");
        assert_eq!(nodes[1].1.query(()).await, Ok(won[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn lc5_without_a_quorum_everything_ends_by_its_deadline_with_a_sentence() {
    let net = Net::new(2);
    let nodes = started(&net, 3).await;
    let peers: Vec<_> = nodes.iter().map(|(network, _)| network.local().id()).collect();
    net.partition(&peers[..1], &peers[1..2]);
    net.partition(&peers[..1], &peers[2..]);
    net.partition(&peers[1..2], &peers[2..]);
    for (_, group) in &nodes {
        let group = group.with_deadline(SHORT);
        for _ in 0..3 {
            let begin = Instant::now();
            let error = group.execute((0, 1)).await.expect_err("nobody reaches a majority");
            assert!(begin.elapsed() <= SHORT + Duration::from_millis(10), "{:?}", begin.elapsed());
            assert!(matches!(error, CommandError::Rejected(_) | CommandError::Unknown(_)), "{error}");
            assert!(error.to_string().len() > 40, "{error}");
        }
        assert_eq!(group.query(()).await, Err(ReadError::NoQuorum { within: SHORT }));
    }
}

#[tokio::test(start_paused = true)]
async fn h7_another_key_is_told_on_both_sides_and_nothing_is_born() {
    let net = Net::new(3);
    let key = |n: u8| GroupKey::new(&[n; 32]).expect("long enough");
    let (one, two) = (network(&net, 1, &SimDisk::new()).await, network(&net, 2, &SimDisk::new()).await);
    let (a, b) = (cell(&one, 2).with_key(key(1)), cell(&two, 2).with_key(key(2)));
    let (a, b) = (a.join().await.expect("joins"), b.join().await.expect("joins"));
    for (group, other) in [(&a, two.local().id()), (&b, one.local().id())] {
        let told = async {
            loop {
                if let Some(why) = group.status().refused.get(&other) {
                    return why.clone();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let why = timeout(LONG, told).await.expect("it is told");
        assert!(matches!(why, BondRefused::Key(_)), "{why}");
        assert!(why.to_string().contains("another key"), "{why}");
    }
    let short = a.with_deadline(SHORT);
    assert_eq!(short.execute((0, 1)).await, Err(Rejected::NoQuorum { within: SHORT }.into()));
    assert!(!a.status().is_born() && !b.status().is_born());
}

#[tokio::test(start_paused = true)]
async fn f16_a_full_disk_stops_the_member_and_says_what_to_do() {
    for (how, said) in
        [(io::ErrorKind::StorageFull, "the disk is full"), (io::ErrorKind::Other, "the disk failed")]
    {
        let (net, disk) = (Net::new(4), SimDisk::new());
        let one = network(&net, 1, &disk).await;
        let group = cell(&one, 1).storage(Storage::Durable).join().await.expect("joins");
        timeout(LONG, group.when().online()).await.expect("online");
        assert_eq!(group.execute((0, 1)).await, Ok(Ok(1)));
        disk.fail_at(0, how);
        let error = group.with_deadline(SHORT).execute((1, 2)).await.expect_err("it is not on disk");
        assert!(matches!(error, CommandError::Unknown(_)), "{error}");
        let why = timeout(LONG, async {
            loop {
                if let Some(why) = group.status().failed {
                    return why;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let why = why.await.expect("it says so");
        assert!(why.contains(said) && why.contains("start th"), "{why}");
        let begin = Instant::now();
        let refused = group.execute((1, 3)).await;
        assert!(
            matches!(&refused, Err(CommandError::Rejected(Rejected::Failed { why })) if why.contains(said)),
            "{refused:?}"
        );
        let many = group.execute_many([(1, 3), (3, 4)]).await;
        assert!(
            many.len() == 2 && many.iter().all(|one| one.as_ref().is_err_and(CommandError::is_rejected)),
            "{many:?}"
        );
        let unread = group.query(()).await;
        assert!(matches!(&unread, Err(ReadError::Failed { why }) if why.contains(said)), "{unread:?}");
        assert_eq!(begin.elapsed(), Duration::ZERO, "at once");
        assert_eq!(disk.tried_after_failure(), 0, "nothing is tried again");
        // With room again, all that was acknowledged is there.
        drop((group, one));
        let again = network(&net, 1, &disk).await;
        let group = cell(&again, 1).storage(Storage::Durable).join().await.expect("joins");
        timeout(LONG, group.when().online()).await.expect("online");
        assert!(group.query(()).await.expect("online") >= 1);
        again.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_of_another_node_is_refused_with_a_sentence() {
    let (net, disk) = (Net::new(5), SimDisk::new());
    let one = network(&net, 1, &disk).await;
    let group = cell(&one, 1).storage(Storage::Durable).join().await.expect("joins");
    timeout(LONG, group.when().online()).await.expect("online");
    one.shutdown().await;
    let two = network(&net, 2, &disk).await;
    let refused = cell(&two, 1).storage(Storage::Durable).join().await.expect_err("it is not its own");
    assert!(matches!(refused, JoinError::Open(OpenError::Store(_))), "{refused:?}");
    assert!(refused.to_string().contains("two nodes must not vote with one store"), "{refused}");
}
