//! Tests of collections whose keys have an `Ord` that panics, contradicts itself or changes: on writers, on readers, after a restart.

use std::{
    cmp::Ordering,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{Map, Reader, SingleBuilder, Writer},
    groups::{CommandError, Rejected, Storage, Version, Voters, store::sim::SimDisk},
    primitives::{
        Clock, NodeRng, SecretKey, Wall,
        schema::{Schema, Seen, Shape},
    },
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

/// A float that is no number is less than everything, and than itself. 13 and 14 cannot be compared.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Odd(f64);

/// Whether the order of [`Fickle`] is the other way round.
static IS_REVERSED: AtomicBool = AtomicBool::new(false);

/// A number whose order changes.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Fickle(u64);

impl Ord for Odd {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!((self.0, other.0) != (13.0, 14.0) && (self.0, other.0) != (14.0, 13.0), "13 is not like 14");
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Less)
    }
}

impl Ord for Fickle {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.0.cmp(&other.0);
        if IS_REVERSED.load(SeqCst) { order.reverse() } else { order }
    }
}

macro_rules! keys {
    ($($key:ident)*) => {$(
        impl PartialOrd for $key {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $key {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $key {}

        impl Schema for $key {
            fn shape(_: &mut Seen) -> Shape {
                Shape::Opaque(stringify!($key).to_owned())
            }
        }
    )*};
}

keys! { Odd Fickle }

async fn network(net: &Net, n: u8, disk: &SimDisk) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("keys").secret_key(SecretKey::from_bytes([n; 32]));
    let builder = builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into())).disk(disk.clone());
    builder.build().await.expect("starts")
}

fn odd(network: &Network) -> SingleBuilder<Map<Odd, u64>> {
    network.collections().map("lab.odd")
}

async fn reads(network: &Network, version: Version) -> Reader<Map<Odd, u64>> {
    let reader = odd(network).reader().await.expect("opens");
    timeout(LONG, reader.when().reaches(version)).await.expect("in time").expect("one era");
    reader
}

#[tokio::test(start_paused = true)]
async fn lc10_a_key_that_cannot_be_compared_costs_its_operation_and_nothing_else() {
    let net = Net::new(1);
    let (mut networks, mut nodes): (Vec<Network>, Vec<Writer<Map<Odd, u64>>>) = (Vec::new(), Vec::new());
    for n in 1..=3 {
        let network = network(&net, n, &SimDisk::new()).await;
        nodes.push(odd(&network).voters(Voters::Count(3)).writer().await.expect("opens"));
        networks.push(network);
    }
    timeout(LONG, nodes[0].when().online()).await.expect("online");
    let there = network(&net, 8, &SimDisk::new()).await;
    let version = nodes[0].insert(Odd(13.0), 1).await.expect("in").version;
    let early = reads(&there, version).await;
    for (n, node) in nodes.iter().enumerate() {
        timeout(LONG, node.when().online()).await.expect("online");
        let panicked = node.insert(Odd(14.0), 2).await.expect_err("it panics");
        assert!(
            matches!(&panicked, CommandError::Panicked { message } if message.contains("13 is not like 14")),
            "{panicked}"
        );
        let refused = node.insert(Odd(f64::NAN), 3).await.expect_err("it would never be found");
        assert_eq!(refused, CommandError::Rejected(Rejected::NoOrder));
        assert!(refused.to_string().contains("correct the `Ord` of its type"), "{refused}");
        let together = node.transaction(|tx| {
            tx.on(node).insert(Odd(1.0), 9);
            tx.on(node).insert(Odd(f64::NAN), 9);
        });
        assert_eq!(together.await.map(drop), Err(CommandError::Rejected(Rejected::NoOrder)));
        node.insert(Odd(20.0 + n as f64), 4).await.expect("it goes on");
    }
    let last = nodes[0].insert_for(Odd(2.0), 5, Duration::from_millis(500)).await.expect("in").version;
    let late = network(&net, 9, &SimDisk::new()).await;
    let late = reads(&late, last).await;
    timeout(LONG, early.when().reaches(last)).await.expect("in time").expect("one era");
    let there = |reader: &Reader<Map<Odd, u64>>| reader.keys().map(|key| key.0).collect::<Vec<_>>();
    assert_eq!(there(&early), [2.0, 13.0, 20.0, 21.0, 22.0], "all of it, and half of nothing");
    assert_eq!(there(&late), there(&early));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((there(&early), there(&late)), (vec![13.0, 20.0, 21.0, 22.0], vec![13.0, 20.0, 21.0, 22.0]));
}

/// A snapshot of a state that is not in its order could not be read: none is made, the log is kept, and whoever applies it with the order
/// mended has everything.
#[tokio::test(start_paused = true)]
async fn lc10_an_order_that_changes_loses_nothing_and_who_starts_again_has_all() {
    let (net, disk) = (Net::new(2), SimDisk::new());
    let open = |network: &Network| {
        let map: SingleBuilder<Map<Fickle, String>> = network.collections().map("lab.fickle");
        map
    };
    let one = network(&net, 1, &disk).await;
    let writer = open(&one).voters(Voters::Count(1)).storage(Storage::Durable).writer().await.expect("opens");
    timeout(LONG, writer.when().online()).await.expect("online");
    let value = |n: u64| format!("{n}").repeat(100_000);
    for n in 0..30 {
        // The middle third is put in the other way round: more than enough for a snapshot is before it, and behind it.
        IS_REVERSED.store((10..20).contains(&n), SeqCst);
        writer.insert(Fickle(n * 7 % 30), value(n % 10)).await.expect("in");
    }
    let is_sorted = |map: &Map<Fickle, String>| map.keys().is_sorted_by(|one, other| one.0 < other.0);
    assert!(!is_sorted(&writer.strong().await.expect("reads")), "or this test says nothing");
    let there = network(&net, 2, &SimDisk::new()).await;
    let late = open(&there).reader().await.expect("opens");
    timeout(LONG, late.when().online()).await.expect("online");
    let late = late.strong().await.expect("reads");
    assert!(is_sorted(&late) && late.len() == 30, "{} from the log", late.len());
    one.shutdown().await;
    let again = network(&net, 1, &disk).await;
    let writer =
        open(&again).voters(Voters::Count(1)).storage(Storage::Durable).writer().await.expect("opens");
    timeout(LONG, writer.when().online()).await.expect("online");
    let map = writer.strong().await.expect("reads");
    assert!(is_sorted(&map) && map.len() == 30, "{} from the disk", map.len());
    for n in 0..30 {
        assert_eq!(map.get(&Fickle(n * 7 % 30)), Some(&value(n % 10)), "{n}");
    }
}
