//! Tests of what every handle can be asked: each method beside that of std, on the node that writes and on one that only reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{Cell, Keep, Map, Once, OutOfRange, PriorityQueue, RangeError, Set, Vec as Values, View},
    groups::{CommandError, Version, Voters},
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
        let inside: Vec<(u32, String)> =
            model.range(3..9).map(|(key, value)| (*key, value.clone())).collect();
        assert_eq!((map.range(3..9), map.range(6..=8)), (inside, Vec::new()));
    }
    let mut model = model;
    let first = writer.pop_first().await.expect("out").into_inner();
    let last = writer.pop_last().await.expect("out");
    assert_eq!((first, &last.result), (model.pop_first(), &model.pop_last()));
    both_have!(writer, reader, last.version);
    assert!(writer.iter().eq(model.clone()) && reader.iter().eq(model.clone()));
    let lives = Duration::from_secs(1);
    let put = async |key: u32| {
        writer.insert_if_absent_for(key, "new".to_owned(), lives).await.expect("answers").into_inner()
    };
    assert_eq!((put(3).await, put(4).await), (model.get(&3).cloned(), None));
    assert_eq!(
        (writer.clear().await.expect("out").result, writer.pop_first().await.expect("ok").result),
        (3, None)
    );
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
    let mut model = model;
    let gone = writer.remove_range(1..=2).await.expect("out");
    assert_eq!(gone.result, model.drain(1..=2).collect::<Vec<_>>());
    both_have!(writer, reader, gone.version);
    assert!(writer.iter().eq(model.clone()) && reader.iter().eq(model.clone()));
    let out = RangeError::OutOfRange(OutOfRange { at: 2, length: 2 });
    assert_eq!(writer.remove_range(1..3).await, Err(CommandError::Failed(out)));
    #[expect(clippy::reversed_empty_ranges, reason = "this is what is tested")]
    let inverted = writer.remove_range(1..0).await;
    assert_eq!(inverted, Err(CommandError::Failed(RangeError::Inverted { from: 1, to: 0 })));
    // A transaction with it is undone whole, and says why.
    let mut asked = None;
    let done = writer.transaction(|tx| {
        let gone = tx.on(&writer).remove_range(..1);
        asked = Some(tx.on(&writer).remove_range(..2));
        gone
    });
    let error = done.await.expect_err("the second range is not there");
    let CommandError::Failed(error) = error else { panic!("{error}") };
    let out = RangeError::OutOfRange(OutOfRange { at: 1, length: 1 });
    assert_eq!(asked.and_then(|asked| error.answer_of(&asked)), Some(out), "{error}");
    assert!(writer.strong().await.expect("reads").iter().eq(&model));
    let done = writer.transaction(|tx| (tx.on(&writer).remove_range(..1), tx.on(&writer).remove_range(..)));
    assert_eq!(done.await.expect("in").into_inner(), (model[..1].to_vec(), model[1..].to_vec()));
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
        assert_eq!((set.is_superset(more), more.is_superset(set), set.is_superset(set)), (false, true, true));
        assert!(set.intersection(more).iter().eq(model.intersection(&larger)));
        assert!(more.difference(set).iter().eq(larger.difference(&model)) && set.difference(more).is_empty());
        assert!(set.symmetric_difference(more).iter().eq(model.symmetric_difference(&larger)));
        assert_eq!((set.is_disjoint(more), set.is_disjoint(set)), (false, false));
    }
    let (mut model, mut larger) = (model, larger);
    both_have!(more, more_there, more.remove_many([5]).await.expect("out").version);
    larger.remove(&5);
    let first = writer.pop_first().await.expect("out").into_inner();
    let last = writer.pop_last().await.expect("out");
    assert_eq!((first, last.result), (model.pop_first(), model.pop_last()));
    both_have!(writer, reader, last.version);
    for (set, more) in [(&**writer, &**more), (&**reader, &**more_there)] {
        assert!(set.iter().eq(model.clone()) && set.is_disjoint(more) && more.is_disjoint(set));
        assert!(set.symmetric_difference(more).iter().eq(model.symmetric_difference(&larger)));
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
    let gone = writer.remove_many(["a", "x", "c"].map(ToOwned::to_owned)).await.expect("out");
    both_have!(writer, reader, gone.version);
    assert_eq!((gone.result, writer.len(), reader.min()), (2, 2, Some((10, "z".to_owned(), 4))));
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
