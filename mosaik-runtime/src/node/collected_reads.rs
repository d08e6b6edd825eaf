//! Tests of what is read of collections: strongly, after a wait, and of some keys only.

use std::time::Duration;

use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{
        Cell, Change, Changes, Collection, CollectionBuilder, Container, Map, Once, Only, PriorityQueue,
        QueueChange, Reader, Set, SetChange, Vec as Sequence, Writer,
    },
    groups::{ReadError, Voters},
    primitives::{Clock, NodeRng, SecretKey, Wall},
    transport::sim::{LinkSettings, Net},
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

async fn network(net: &Net, n: u8) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("reads").secret_key(SecretKey::from_bytes([n; 32]));
    builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into())).build().await.expect("starts")
}

/// Three nodes that write and one that reads, all of them some milliseconds apart.
struct Lab {
    nodes: Vec<Network>,
}

/// The handles of one collection: the writer on the node that leads, those on the others, and the reader.
struct Handles<T: Container + Collection<Container = T>> {
    leads: Writer<T>,
    others: Vec<Writer<T>>,
    reader: Reader<T>,
}

impl Lab {
    async fn new(seed: u64) -> Self {
        let net = Net::new(seed);
        net.set_links(LinkSettings { latency: Duration::from_millis(20), ..LinkSettings::default() });
        let mut nodes = Vec::new();
        for n in 1..=4 {
            nodes.push(network(&net, n).await);
        }
        Self { nodes }
    }

    async fn open<T: Container + Collection<Container = T>>(&self, name: &str) -> Handles<T> {
        let open = |network: &Network| -> CollectionBuilder<T, Only<T>> { network.collections().of(name) };
        let mut writers: Vec<Writer<T>> = Vec::new();
        for node in &self.nodes[..3] {
            writers.push(open(node).voters(Voters::Count(3)).writer().await.expect("opens"));
        }
        let reader = open(&self.nodes[3]).reader().await.expect("opens");
        timeout(LONG, reader.when().online()).await.expect("online");
        for writer in &writers {
            timeout(LONG, writer.when().online()).await.expect("online");
        }
        let at = writers.iter().position(|writer| writer.when().is_leader().holds()).expect("one leads");
        let leads = writers.remove(at);
        Handles { leads, others: writers, reader }
    }
}

/// What was acknowledged is read strongly everywhere, also where the copy does not have it yet.
macro_rules! strong {
    ($handles:ident, $rounds:expr, $round:ident: $write:expr; $view:ident: $weak:expr, $strong:expr, $holds:expr) => {
        let mut behind = 0;
        for $round in 0..$rounds {
            $write.await.expect("in");
            let here = $handles.others.iter().map(|writer| &***writer).chain([&**$handles.reader]);
            for $view in here {
                let _: &crate::collections::View<_> = $view;
                behind += u32::from($weak != $holds);
                assert_eq!($strong.await, Ok::<_, ReadError>($holds));
            }
        }
        assert!(behind > 0, "no copy was behind: this shows nothing");
    };
}

#[tokio::test(start_paused = true)]
async fn c2_get_strong_reads_what_was_acknowledged_where_the_copy_is_behind() {
    let lab = Lab::new(1).await;
    let map = lab.open::<Map<String, u64>>("lab.map").await;
    strong!(map, 10, n: map.leads.insert("ETH".to_owned(), n);
        view: view.get("ETH"), view.get_strong("ETH"), Some(n));
    let vec = lab.open::<Sequence<usize>>("lab.vec").await;
    strong!(vec, 5, n: vec.leads.push(n); view: view.get(n), view.get_strong(n), Some(n));
    let set = lab.open::<Set<u64>>("lab.set").await;
    strong!(set, 5, n: set.leads.insert(n); view: view.contains(&n), view.contains_strong(&n), true);
    let cell = lab.open::<Cell<u64>>("lab.cell").await;
    strong!(cell, 5, n: cell.leads.write(n); view: view.get(), view.get_strong(), Some(n));
    let queue = lab.open::<PriorityQueue<u8, u64, u64>>("lab.queue").await;
    strong!(queue, 5, n: queue.leads.insert(1, n, n); view: view.get(&n), view.get_strong(&n), Some((1, n)));
    let once = lab.open::<Once<u64>>("lab.once").await;
    strong!(once, 1, n: once.leads.set(n); view: view.get(), view.get_strong(), Some(n));
}

#[tokio::test(start_paused = true)]
async fn updated_waits_for_the_next_change_on_writers_and_readers() {
    let lab = Lab::new(2).await;
    let cell = lab.open::<Cell<u64>>("lab.cell").await;
    for round in 0..5 {
        let version = cell.leads.write(round).await.expect("in").version;
        timeout(LONG, cell.others[0].when().reaches(version)).await.expect("in time").expect("one era");
        timeout(LONG, cell.reader.when().reaches(version)).await.expect("in time").expect("one era");
        let (writer, reader) = (cell.others[0].when().updated(), cell.reader.when().updated());
        for updated in [&writer, &reader] {
            assert!(!updated.holds());
            assert!(timeout(Duration::from_secs(1), updated.clone()).await.is_err(), "nothing has changed");
        }
        cell.leads.write(round + 100).await.expect("in");
        timeout(LONG, writer).await.expect("the writer's copy has changed");
        assert_eq!(cell.others[0].get(), Some(round + 100));
        timeout(LONG, reader).await.expect("the reader's copy has changed");
        assert_eq!(cell.reader.get(), Some(round + 100));
    }
}

async fn next<T: Container>(changes: &mut Changes<T>) -> T::Change {
    loop {
        match timeout(LONG, changes.next()).await.expect("in time").expect("goes on") {
            Change::Changed { change, .. } => return change,
            Change::Snapshot(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_follows_an_element_or_a_range_of_priorities() {
    let lab = Lab::new(3).await;
    let set = lab.open::<Set<u64>>("lab.set").await;
    let (mut seven, mut low) = (set.reader.changes().of_item(7), set.reader.changes().in_range(..3));
    assert!(matches!(seven.next().await, Some(Change::Snapshot(_))));
    assert!(matches!(low.next().await, Some(Change::Snapshot(_))));
    set.leads.extend(0..10).await.expect("in");
    set.leads.remove(7).await.expect("in");
    set.leads.clear().await.expect("in");
    assert!(matches!(next(&mut seven).await, SetChange::Inserted(7)));
    assert!(matches!(next(&mut seven).await, SetChange::Removed(7)));
    assert!(matches!(next(&mut seven).await, SetChange::Cleared), "it concerns all");
    for item in 0..3 {
        assert!(matches!(next(&mut low).await, SetChange::Inserted(found) if found == item));
    }
    assert!(matches!(next(&mut low).await, SetChange::Cleared));

    let queue = lab.open::<PriorityQueue<u8, u64, u64>>("lab.queue").await;
    let mut urgent = queue.reader.changes().in_range(8..);
    assert!(matches!(urgent.next().await, Some(Change::Snapshot(_))));
    for key in 0..12 {
        queue.leads.insert(key, key.into(), 0).await.expect("in");
    }
    // Out of the range, and so a change of it.
    queue.leads.update_priority(9, 1).await.expect("in");
    queue.leads.update_priority(2, 3).await.expect("in");
    queue.leads.remove(11).await.expect("in");
    for key in 8..12 {
        assert!(matches!(next(&mut urgent).await, QueueChange::Inserted { key: found, .. } if found == key));
    }
    let moved = next(&mut urgent).await;
    assert!(
        matches!(moved, QueueChange::Inserted { key: 9, priority: 1, old: Some((9, 0)), .. }),
        "{moved:?}"
    );
    assert!(matches!(next(&mut urgent).await, QueueChange::Removed { key: 11, priority: 11, .. }));
}
