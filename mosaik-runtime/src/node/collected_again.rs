//! Tests of what programs hold on to of a collection: versions, in one life of its group and in the next, and answers of transactions.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, future::join_all};
use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{
        Change, Changes, Map, MapChange, Reader, SingleBuilder, TransactionError, Writer, machine,
    },
    groups::{CommandError, EraChanged, Rejected, Version, Voters},
    primitives::{Clock, NodeRng, SecretKey, Wall},
    transport::sim::{LinkSettings, Net},
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

type Prices = Map<String, u64>;

/// A life of a node.
async fn network(net: &Net, n: u8, life: u64) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("again").secret_key(SecretKey::from_bytes([n; 32]));
    let rng = NodeRng::from_seed(life << 8 | u64::from(n));
    builder.simulated(net.clone(), clock, rng).build().await.expect("starts")
}

fn prices(network: &Network) -> SingleBuilder<Prices> {
    network.collections().map("exchange.prices")
}

async fn writer(network: &Network, voters: u8) -> Writer<Prices> {
    prices(network).voters(Voters::Count(voters)).writer().await.expect("opens")
}

async fn online(writer: &Writer<Prices>) {
    timeout(LONG, writer.when().online()).await.expect("online");
}

async fn next(changes: &mut Changes<Prices>) -> Change<Prices> {
    timeout(LONG, changes.next()).await.expect("in time").expect("the node lives")
}

async fn reaches(reader: &Reader<Prices>, version: Version) -> Result<(), EraChanged> {
    timeout(LONG, reader.when().reaches(version)).await.expect("in time")
}

#[tokio::test(start_paused = true)]
async fn a_collection_whose_only_writer_restarts_begins_anew_for_its_reader() {
    let net = Net::new(1);
    let (first, there) = (network(&net, 1, 1).await, network(&net, 9, 1).await);
    let before = writer(&first, 1).await;
    online(&before).await;
    let reader = prices(&there).reader().await.expect("opens");
    let old = before.insert("ETH".to_owned(), 1).await.expect("in").version;
    reaches(&reader, old).await.expect("one era");
    let mut changes = reader.changes();
    let Change::Snapshot(snapshot) = next(&mut changes).await else { panic!("it begins with a snapshot") };
    assert_eq!((snapshot.version(), snapshot.get("ETH")), (old, Some(&1)));
    let later = Version::new(old.era, old.index + 5);
    let mut waits = reader.when().reaches(later).into_future();
    assert!((&mut waits).now_or_never().is_none());

    net.crash(first.local().id());
    let again = network(&net, 1, 2).await;
    let after = writer(&again, 1).await;
    online(&after).await;
    assert!(after.is_empty(), "it was in memory");
    let Change::Snapshot(snapshot) = next(&mut changes).await else { panic!("of the new life") };
    let now = after.version().era;
    assert_ne!(now, old.era);
    assert_eq!((snapshot.version().era, snapshot.len()), (now, 0));
    assert_eq!((reader.version().era, reader.get("ETH")), (now, None));
    for version in [old, later] {
        assert_eq!(reaches(&reader, version).await, Err(EraChanged { wanted: version, now }));
        assert_eq!(after.when().reaches(version).await, Err(EraChanged { wanted: version, now }));
    }
    let waited = timeout(LONG, waits).await.expect("in time");
    assert_eq!(waited, Err(EraChanged { wanted: later, now }), "who waited all the time");

    for (key, value) in [("BTC", 2), ("ETH", 3)] {
        let new = after.insert(key.to_owned(), value).await.expect("in").version;
        assert_eq!(new.era, now);
        let Change::Changed { version, change } = next(&mut changes).await else { panic!("no snapshot") };
        assert_eq!(version, new);
        assert_eq!(change, MapChange::Inserted { key: key.to_owned(), value, old: None });
        reaches(&reader, new).await.expect("one era");
        assert_eq!(reader.get(key), Some(value));
    }
    assert_eq!(reader.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn c1_versions_of_one_writer_never_go_back_and_are_equal_only_in_one_entry() {
    let net = Net::new(2);
    net.set_links(LinkSettings { latency: Duration::from_millis(20), ..LinkSettings::default() });
    let mut nodes = Vec::new();
    for n in 1..=3 {
        let network = network(&net, n, 1).await;
        let writer = writer(&network, 3).await;
        nodes.push((network, writer));
    }
    let mut shared = 0;
    for (_, writer) in &nodes {
        online(writer).await;
        let mut changes = writer.changes();
        assert!(matches!(next(&mut changes).await, Change::Snapshot(_)));
        let given = (0..100).map(|n: u64| writer.insert("ETH".to_owned(), n));
        let given: Vec<_> = join_all(given).await.into_iter().map(|done| done.expect("in")).collect();
        let (mut seen, mut last) = (BTreeMap::new(), None);
        while seen.len() < given.len() {
            let Change::Changed { version, change } = next(&mut changes).await else { panic!("a gap") };
            if let MapChange::Inserted { value, .. } = change {
                assert!(last.is_none_or(|last| last < value), "in the order in which they were given");
                (last, _) = (Some(value), seen.insert(value, version));
            }
        }
        assert!(given.iter().zip(0..).all(|(done, n)| seen[&n] == done.version), "where changes show it");
        for pair in given.windows(2) {
            assert!(pair[0].version <= pair[1].version, "{} before {}", pair[0].version, pair[1].version);
            shared += usize::from(pair[0].version == pair[1].version);
        }
        // What is given after an answer comes later than that.
        let after = writer.clear().await.expect("ok").version;
        assert!(after > given[99].version);
    }
    assert!(shared > 0, "commands that are given together share entries");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_win_in_a_transaction_learns_what_stood_there() {
    let node = network(&Net::new(3), 1, 1).await;
    let open = node.collections();
    let map = open.map::<u8, u8>("lab.map").voters(Voters::Count(1)).writer().await.expect("opens");
    let once = open.once::<String>("lab.once").voters(Voters::Count(1)).writer().await.expect("opens");
    let failed = |done: Result<_, CommandError<TransactionError>>| match done {
        Err(CommandError::Failed(error)) => error,
        other => panic!("{other:?}"),
    };
    let name = |name: &str| name.to_owned();
    once.set(name("first")).await.expect("ok").into_inner().expect("nobody was before");
    let mut mine = None;
    let done = once.transaction(|tx| {
        let holds = tx.on(&once).expect(Some(&name("first")));
        mine = Some((holds, tx.on(&once).set(name("second"))));
    });
    let (error, (expected, set)) = (failed(done.await.map(drop)), mine.expect("listed"));
    assert_eq!(error.answer_of(&set), Some(Err(name("first"))));
    assert_eq!(error.answer_of(&expected), None, "that one did not fail");

    map.insert(1, 250).await.expect("in");
    let mut mine = None;
    let done = map.transaction(|tx| mine = Some(tx.on(&map).insert_if_absent(1, 9)));
    let error = failed(done.await.map(drop));
    assert_eq!(error.answer_of(&mine.expect("listed")), Some(Some(250)));
    let mut mine = None;
    let done = map.transaction(|tx| mine = Some(tx.on(&map).increment(1, 9)));
    let error = failed(done.await.map(drop));
    assert_eq!(error.answer_of(&mine.expect("listed")), Some(crate::collections::AddError::Overflow));
    assert_eq!(map.strong().await.expect("reads").get(&1), Some(&250));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_of_operations_that_do_not_fit_together_is_refused_and_changes_nothing() {
    let node = network(&Net::new(4), 1, 1).await;
    let map = node.collections().map::<u8, String>("lab.map").voters(Voters::Count(1));
    let map = map.writer().await.expect("opens");
    timeout(LONG, map.when().online()).await.expect("online");
    let before = map.status().committed;
    let put = async |keys: std::ops::Range<u8>| {
        let listed = map.transaction(|tx| {
            keys.map(|key| tx.on(&map).insert(key, "x".repeat(400 * 1024))).collect::<Vec<_>>()
        });
        listed.await
    };
    let refused = put(0..3).await;
    let Err(CommandError::Rejected(Rejected::TooLarge { bytes, limit })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(limit, 1024 * 1024);
    assert!(bytes > 3 * 400 * 1024 && limit > 2 * machine::MAX_OPERATION);
    assert_eq!(map.status().committed, before, "it was not sent");
    assert!(map.strong().await.expect("reads").is_empty());
    put(0..2).await.expect("two of them fit");
    assert_eq!(map.strong().await.expect("reads").len(), 2);
}
