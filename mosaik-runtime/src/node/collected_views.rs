//! Tests of what every handle can be asked: each method beside that of std, on the node that writes and on one that only reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{Cell, Keep, Map, Once, PriorityQueue, Set, Vec as Values, View},
    groups::{Version, Voters},
    primitives::{Clock, NodeRng, SecretKey, Wall},
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

/// A node that writes and one that reads.
async fn networks() -> [Network; 2] {
    let net = Net::new(3);
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let start = async |n: u8| {
        let builder = Network::builder("viewed").secret_key(SecretKey::from_bytes([n; 32]));
        let rng = NodeRng::from_seed(n.into());
        builder.simulated(net.clone(), clock.clone(), rng).build().await.expect("starts")
    };
    [start(1).await, start(2).await]
}

/// The writer and the reader of a collection.
macro_rules! opened {
    ($networks:expr, $kind:ident::<$($ty:ty),+>($intent:literal)) => {{
        let [one, other] = $networks;
        let open = |network: &Network| network.collections().$kind::<$($ty),+>($intent);
        let writer = open(one).voters(Voters::Count(1)).writer().await.expect("opens");
        timeout(LONG, writer.when().online()).await.expect("online");
        (writer, open(other).reader().await.expect("opens"))
    }};
}

/// Both have the version.
macro_rules! both_have {
    ($writer:expr, $reader:expr, $version:expr) => {
        let version: Version = $version;
        timeout(LONG, $writer.when().reaches(version)).await.expect("in time").expect("one era");
        timeout(LONG, $reader.when().reaches(version)).await.expect("in time").expect("one era");
    };
}

#[tokio::test(start_paused = true)]
async fn a_map_answers_as_that_of_std() {
    let networks = networks().await;
    let (writer, reader) = opened!(&networks, map::<u32, String>("the.map"));
    let model: BTreeMap<u32, String> = [(5, "five"), (1, "one"), (9, "nine"), (3, "three")]
        .into_iter()
        .map(|(key, value)| (key, value.to_owned()))
        .collect();
    let none = |map: &View<Map<u32, String>>| (map.is_empty(), map.first(), map.last(), map.iter().next());
    assert_eq!(none(&writer), (true, None, None, None));
    both_have!(writer, reader, writer.extend(model.clone()).await.expect("in").version);
    let owned = |entry: Option<(&u32, &String)>| entry.map(|(key, value)| (*key, value.clone()));
    for map in [&**writer, &**reader] {
        assert_eq!((map.len(), map.is_empty()), (4, false));
        for key in 0..10 {
            assert_eq!(map.get(&key), model.get(&key).cloned());
            assert_eq!(map.contains_key(&key), model.contains_key(&key));
        }
        assert_eq!(
            (map.first(), map.last()),
            (owned(model.first_key_value()), owned(model.last_key_value()))
        );
        assert!(map.iter().eq(model.clone()) && map.iter().rev().eq(model.clone().into_iter().rev()));
        assert!(map.keys().eq(model.keys().copied()) && map.values().eq(model.values().cloned()));
        let inside: Vec<_> = model.range(3..9).map(|(key, value)| (*key, value.clone())).collect();
        assert_eq!((map.range(3..9), map.range(6..=8)), (inside, Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_answers_as_that_of_std() {
    let networks = networks().await;
    let (writer, reader) = opened!(&networks, vec::<u32>("the.vec"));
    let model = vec![4, 7, 4, 9];
    let none = |values: &View<Values<u32>>| (values.is_empty(), values.first(), values.last());
    assert_eq!(none(&writer), (true, None, None));
    both_have!(writer, reader, writer.extend(model.clone()).await.expect("in").version);
    for values in [&**writer, &**reader] {
        assert_eq!((values.len(), values.is_empty()), (4, false));
        assert_eq!((values.first(), values.last()), (Some(4), Some(9)));
        assert!((0..6).all(|at| values.get(at) == model.get(at).copied()));
        assert!(values.iter().eq(model.clone()) && values.iter().rev().eq(model.clone().into_iter().rev()));
        for value in 0..10 {
            assert_eq!(values.contains(&value), model.contains(&value));
            assert_eq!(values.index_of(&value), model.iter().position(|other| *other == value));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_answers_as_that_of_std() {
    let networks = networks().await;
    let (writer, reader) = opened!(&networks, set::<u32>("the.set"));
    let (more, more_there) = opened!(&networks, set::<u32>("another.set"));
    let (model, larger) = (BTreeSet::from([8, 2, 5]), BTreeSet::from([1, 2, 5, 8]));
    let none = |set: &View<Set<u32>>| (set.is_empty(), set.first(), set.last(), set.iter().next());
    assert_eq!(none(&writer), (true, None, None, None));
    both_have!(writer, reader, writer.extend(model.clone()).await.expect("in").version);
    both_have!(more, more_there, more.extend(larger.clone()).await.expect("in").version);
    for (set, more) in [(&**writer, &**more), (&**reader, &**more_there)] {
        assert_eq!((set.len(), set.is_empty()), (3, false));
        assert_eq!((set.first(), set.last()), (Some(2), Some(8)));
        assert!((0..10).all(|item| set.contains(&item) == model.contains(&item)));
        assert!(set.iter().eq(model.clone()) && set.iter().rev().eq(model.clone().into_iter().rev()));
        assert_eq!((set.range(3..=8), set.range(6..8)), (vec![5, 8], Vec::new()));
        assert_eq!((set.is_subset(more), more.is_subset(set), set.is_subset(set)), (true, false, true));
        assert!(set.union(more).iter().copied().eq(larger.iter().copied()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_answers_from_both_ends() {
    let networks = networks().await;
    let (writer, reader) = opened!(&networks, priority_queue::<u32, String, u8>("the.queue"));
    let entries =
        [(30, "c", 3), (10, "a", 1), (20, "b", 2), (10, "z", 4)].map(|(p, k, v)| (p, k.to_owned(), v));
    let none = |queue: &View<PriorityQueue<u32, String, u8>>| (queue.is_empty(), queue.min(), queue.max());
    assert_eq!(none(&writer), (true, None, None));
    writer.set_capacity(Some((9, Keep::Highest))).await.expect("in");
    both_have!(writer, reader, writer.extend(entries.clone()).await.expect("in").version);
    let mut model = entries.to_vec();
    model.sort();
    for queue in [&**writer, &**reader] {
        assert_eq!((queue.len(), queue.is_empty()), (4, false));
        assert_eq!(queue.capacity(), Some((9, Keep::Highest)));
        assert_eq!((queue.min().as_ref(), queue.max().as_ref()), (model.first(), model.last()));
        assert!(queue.iter().eq(model.clone()) && queue.iter().rev().eq(model.clone().into_iter().rev()));
        assert_eq!(queue.iter().len(), 4);
        assert_eq!((queue.range(10..30), queue.range(21..30)), (model[..3].to_vec(), Vec::new()));
        for (priority, key, value) in &entries {
            assert_eq!(queue.get(key), Some((*priority, *value)));
            assert_eq!((queue.get_priority(key), queue.contains_key(key)), (Some(*priority), true));
        }
        assert_eq!((queue.get("x"), queue.get_priority("x"), queue.contains_key("x")), (None, None, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cell_and_a_value_that_is_set_once_answer_on_both_nodes() {
    let networks = networks().await;
    let (writer, reader) = opened!(&networks, cell::<u32>("the.cell"));
    let asked = |cell: &View<Cell<u32>>| (cell.get(), cell.is_empty());
    assert_eq!((asked(&writer), asked(&reader)), ((None, true), (None, true)));
    both_have!(writer, reader, writer.write(7).await.expect("in").version);
    assert_eq!((asked(&writer), asked(&reader)), ((Some(7), false), (Some(7), false)));

    let (writer, reader) = opened!(&networks, once::<u32>("the.once"));
    let asked = |once: &View<Once<u32>>| (once.get(), once.is_set());
    assert_eq!((asked(&writer), asked(&reader)), ((None, false), (None, false)));
    let (there, version) = tokio::join!(timeout(LONG, reader.wait()), writer.set(9));
    assert_eq!(there.expect("in time"), Some(9));
    both_have!(writer, reader, version.expect("in").version);
    assert_eq!((asked(&writer), asked(&reader)), ((Some(9), true), (Some(9), true)));
    assert_eq!(timeout(LONG, reader.wait()).await.expect("at once"), Some(9));
}
