//! Tests of collections over whole nodes: what a program that writes or reads one sees of it.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};

use super::Network;
use crate::{
    collections::{
        AddError, Bundle, Change, Changes, Keep, Map, MapChange, OutOfRange, Part, Reader, Set,
        SingleBuilder, TransactionError, View, Writer,
    },
    groups::{CommandError, JoinError, ReadError, Voters, hub::OpenError},
    primitives::{Clock, NodeRng, PeerId, SecretKey, Wall},
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

type Prices = Map<String, u64>;

async fn network(net: &Net, n: u8) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let rng = NodeRng::from_seed(n.into());
    let builder = Network::builder("collected").secret_key(SecretKey::from_bytes([n; 32]));
    builder.simulated(net.clone(), clock, rng).build().await.expect("starts")
}

fn prices(network: &Network) -> SingleBuilder<Prices> {
    network.collections().map::<String, u64>("exchange.prices")
}

struct Node {
    network: Network,
    prices: Writer<Prices>,
}

impl Node {
    fn id(&self) -> PeerId {
        self.network.local().id()
    }
}

async fn writers(net: &Net, count: u8) -> Vec<Node> {
    let mut nodes = Vec::new();
    for n in 1..=count {
        let network = network(net, n).await;
        let prices = prices(&network).voters(Voters::Count(count)).writer().await.expect("opens");
        nodes.push(Node { network, prices });
    }
    for node in &nodes {
        timeout(LONG, node.prices.when().online()).await.expect("online");
    }
    nodes
}

/// A reader on a node of its own.
async fn reader(net: &Net, n: u8) -> (Network, Reader<Prices>) {
    let network = network(net, n).await;
    let prices = prices(&network).reader().await.expect("opens");
    timeout(LONG, prices.when().online()).await.expect("online");
    (network, prices)
}

/// A copy that is made of changes alone, after the state at the beginning.
struct Follower {
    changes: Changes<Prices>,
    map: BTreeMap<String, u64>,
    snapshots: u32,
}

impl Follower {
    async fn of(view: &View<Prices>) -> Self {
        let mut follower = Self { changes: view.changes(), map: BTreeMap::new(), snapshots: 0 };
        follower.take().await;
        assert_eq!(follower.snapshots, 1, "the state comes first");
        follower
    }

    async fn take(&mut self) {
        let next = timeout(LONG, self.changes.next()).await.expect("in time").expect("goes on");
        match next {
            Change::Snapshot(prices) => {
                self.map = prices.iter().map(|(key, value)| (key.clone(), *value)).collect();
                self.snapshots += 1;
            }
            Change::Changed { change: MapChange::Inserted { key, value, old }, .. } => {
                assert_eq!(self.map.insert(key, value), old, "nothing is missing and nothing comes twice");
            }
            Change::Changed { change: MapChange::Removed { key, old, .. }, .. } => {
                assert_eq!(self.map.remove(&key), Some(old));
            }
            Change::Changed { change: MapChange::Cleared, .. } => self.map.clear(),
            Change::Changed { change: MapChange::Expires { key, .. }, .. } => {
                assert!(self.map.contains_key(&key), "what expires is there");
            }
        }
    }

    /// Takes changes up to the entry with this key.
    async fn follow(&mut self, last: &str) {
        while !self.map.contains_key(last) {
            self.take().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c4_lc14_every_mutation_says_what_it_did() {
    let nodes = writers(&Net::new(1), 3).await;
    let (one, two) = (&nodes[0].prices, &nodes[1].prices);
    let eth = || "ETH".to_owned();
    assert_eq!(one.insert(eth(), 3812).await.expect("in").into_inner(), None);
    assert_eq!(two.insert(eth(), 3813).await.expect("in").into_inner(), Some(3812));
    assert!(one.compare_exchange(&eth(), Some(&3813), Some(&3900)).await.expect("ok").into_inner());
    assert!(!two.compare_exchange(&eth(), Some(&3813), Some(&4000)).await.expect("ok").into_inner());
    assert_eq!(one.insert_if_absent(eth(), 1).await.expect("ok").into_inner(), Some(3900));
    assert_eq!(two.increment(eth(), 100).await.expect("ok").into_inner(), 4000);
    let overflow = one.increment(eth(), -4001).await;
    assert_eq!(overflow, Err(CommandError::Failed(AddError::Overflow)));
    assert_eq!(one.extend((0..10).map(|n| (format!("C{n}"), n))).await.expect("ok").into_inner(), 10);
    assert_eq!(two.remove_range("C3".to_owned()..="C6".to_owned()).await.expect("ok").into_inner(), 4);
    assert_eq!(one.remove("C9".to_owned()).await.expect("ok").into_inner(), Some(9));
    let cleared = two.clear().await.expect("ok");
    assert_eq!(cleared.into_inner(), 6);
    for node in &nodes {
        assert_eq!(node.prices.strong().await.expect("reads").len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn c1_c2_c6_what_was_written_is_read_where_its_version_is_reached() {
    let net = Net::new(2);
    let nodes = writers(&net, 3).await;
    let (_network, reads) = reader(&net, 9).await;
    let mut before = reads.version();
    for round in 0..30u64 {
        let writer = &nodes[usize::try_from(round % 3).expect("small")].prices;
        let version = writer.insert("ETH".to_owned(), round).await.expect("in").version;
        assert!(version > before, "{version} after {before}");
        before = version;
        for node in &nodes {
            timeout(LONG, node.prices.when().reaches(version)).await.expect("in time").expect("one era");
            assert_eq!(node.prices.get("ETH"), Some(round));
        }
        timeout(LONG, reads.when().reaches(version)).await.expect("in time").expect("one era");
        assert_eq!((reads.get("ETH"), reads.get_strong("ETH").await), (Some(round), Ok(Some(round))));
        assert!(reads.version() >= version);
    }
    let voters = nodes[0].prices.status().voters;
    assert_eq!(voters.len(), 3, "who reads is no member");
}

#[tokio::test(start_paused = true)]
async fn changes_are_the_state_and_then_every_change_on_writers_and_readers_alike() {
    let net = Net::new(3);
    let nodes = writers(&net, 3).await;
    let (_network, reads) = reader(&net, 9).await;
    nodes[0].prices.insert("OLD".to_owned(), 1).await.expect("in");
    let mut followers = Vec::new();
    for view in [&*nodes[1].prices as &View<Prices>, &nodes[2].prices, &reads] {
        followers.push(Follower::of(view).await);
    }
    let is_seven = |change: &MapChange<String, u64>| change.key().is_some_and(|key| key == "K7");
    let mut keys = nodes[0].prices.changes().only(is_seven);
    assert!(matches!(keys.next().await, Some(Change::Snapshot(_))));
    let mut waiting = FuturesUnordered::new();
    for n in 0..200u64 {
        let writer = nodes[usize::try_from(n % 3).expect("small")].prices.clone();
        waiting.push(async move {
            match n % 5 {
                0 => writer.remove(format!("K{}", n % 13)).await.map(drop),
                _ => writer.insert(format!("K{}", n % 13), n).await.map(drop),
            }
        });
    }
    while let Some(done) = waiting.next().await {
        done.expect("committed");
    }
    nodes[0].prices.insert("LAST".to_owned(), 0).await.expect("in");
    let state = nodes[0].prices.strong().await.expect("reads");
    let expected: BTreeMap<_, _> = state.iter().map(|(key, value)| (key.clone(), *value)).collect();
    for follower in &mut followers {
        follower.follow("LAST").await;
        assert_eq!((&follower.map, follower.snapshots), (&expected, 1));
    }
    let next = timeout(LONG, keys.next()).await.expect("in time");
    assert!(matches!(&next, Some(Change::Changed { change, .. }) if is_seven(change)), "{next:?}");
}

/// Two collections of one group.
struct Exchange;

impl Bundle for Exchange {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Prices>("prices"), Part::new::<Set<String>>("halted")]
    }
}

#[tokio::test(start_paused = true)]
async fn transactions_over_two_collections_take_place_whole_or_not() {
    let net = Net::new(4);
    let mut handles = Vec::new();
    for n in 1..=3 {
        let network = network(&net, n).await;
        let open = network.collections().bundle::<Exchange>("exchange");
        let prices = open.part::<Prices>("prices").voters(Voters::Count(3)).writer().await.expect("opens");
        let halted =
            open.part::<Set<String>>("halted").voters(Voters::Count(3)).writer().await.expect("opens");
        let other = open.part::<Set<u8>>("halted").voters(Voters::Count(3)).writer().await;
        assert!(matches!(other, Err(JoinError::NoSuchPart { .. })), "{other:?}");
        handles.push((network, prices, halted));
    }
    let (_network, prices, halted) = &handles[0];
    timeout(LONG, prices.when().online()).await.expect("online");
    let eth = || "ETH".to_owned();
    let done = prices.transaction(|tx| {
        let old = tx.on(prices).insert(eth(), 5);
        let new = tx.on(halted).insert(eth());
        let sum = tx.on(prices).increment(eth(), 2);
        (old, new, sum)
    });
    assert_eq!(done.await.expect("takes place").into_inner(), (None, true, 7));
    let failed = prices.transaction(|tx| {
        let _ = tx.on(halted).remove(eth());
        let _ = tx.on(prices).expect(&eth(), Some(&6));
        tx.on(prices).insert(eth(), 9)
    });
    let Err(CommandError::Failed(TransactionError::Aborted { step, what, .. })) = failed.await else {
        panic!("it takes place")
    };
    assert_eq!((step, &*what), (1, "expect of prices"));
    let (_, there, stopped) = &handles[2];
    assert_eq!(there.strong().await.expect("reads").get("ETH"), Some(&7));
    assert!(stopped.contains("ETH"), "the two are of one version");
    let elsewhere = prices.transaction(|tx| tx.on(stopped).insert(eth())).await;
    assert!(
        matches!(elsewhere, Err(CommandError::Failed(TransactionError::OtherGroup { .. }))),
        "{elsewhere:?}"
    );
}

/// Programs hold thousands of these at a time, and each is looked at when its answer comes.
#[tokio::test(start_paused = true)]
async fn what_waits_for_a_change_is_small() {
    let nodes = writers(&Net::new(5), 1).await;
    let inserting = nodes[0].prices.insert("ETH".to_owned(), 1);
    assert!(size_of_val(&inserting) <= 512, "{} bytes", size_of_val(&inserting));
    assert_eq!(inserting.await.expect("in").result, None);
}

#[tokio::test(start_paused = true)]
async fn entries_expire_while_nobody_writes() {
    let nodes = writers(&Net::new(5), 3).await;
    let mut changes = nodes[2].prices.changes();
    let lives = Duration::from_secs(5);
    nodes[0].prices.insert_for("ETH".to_owned(), 1, lives).await.expect("in");
    nodes[0].prices.insert("BTC".to_owned(), 2).await.expect("in");
    let gone = async {
        loop {
            if let Some(Change::Changed { change: MapChange::Removed { key, expired, .. }, .. }) =
                changes.next().await
            {
                return (key, expired);
            }
        }
    };
    let start = tokio::time::Instant::now();
    let gone = timeout(LONG, gone).await.expect("in time");
    assert_eq!(gone, ("ETH".to_owned(), true));
    assert!((lives..lives + Duration::from_secs(3)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(nodes[2].prices.keys().collect::<Vec<_>>(), ["BTC"]);
}

#[tokio::test(start_paused = true)]
async fn every_node_sees_when_an_entry_expires_and_changes_tell_of_it() {
    let nodes = writers(&Net::new(8), 3).await;
    let (writer, other) = (&nodes[0].prices, &nodes[1].prices);
    let eth = || "ETH".to_owned();
    let second = Duration::from_secs(1);
    writer.insert("BTC".to_owned(), 2).await.expect("in");
    let mut changes = other.changes();
    assert!(matches!(Changes::next(&mut changes).await, Some(Change::Snapshot(_))));
    let mut seen = Vec::new();
    writer.insert_for(eth(), 1, second * 60).await.expect("in");
    for lives in [Some(second * 90), None] {
        seen.push(other.strong().await.expect("reads").expires("ETH"));
        assert_eq!(other.expires("ETH"), seen[seen.len() - 1]);
        assert!(writer.expire(eth(), lives).await.expect("it is there").into_inner());
    }
    assert!(seen[0].is_some() && seen[0] < seen[1], "{seen:?}");
    other.strong().await.expect("reads");
    assert_eq!(["ETH", "BTC", "SOL"].map(|key| other.expires(key)), [None; 3]);
    let mut next = || match Changes::next(&mut changes).now_or_never().flatten() {
        Some(Change::Changed { change, .. }) => Some(change),
        other => panic!("{other:?}"),
    };
    assert_eq!(next(), Some(MapChange::Inserted { key: eth(), value: 1, old: None }));
    for at in [seen[0], seen[1], None] {
        assert_eq!(next(), Some(MapChange::Expires { key: eth(), at }), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_loses_no_acknowledged_write_and_changes_go_on_without_a_gap() {
    for seed in 6..8 {
        let net = Net::new(seed);
        let mut nodes = writers(&net, 3).await;
        let leads = timeout(LONG, async {
            loop {
                if let Some(at) = nodes.iter().position(|node| node.prices.when().is_leader().holds()) {
                    return at;
                }
                sleep(Duration::from_millis(10)).await;
            }
        });
        let leader = nodes.swap_remove(leads.await.expect("somebody leads"));
        let (_network, reads) = reader(&net, 9).await;
        let mut followers = [Follower::of(&nodes[0].prices).await, Follower::of(&reads).await];
        let mut waiting = FuturesUnordered::new();
        for n in 0..200u64 {
            let writer = nodes[usize::from(n % 2 == 0)].prices.with_deadline(LONG);
            waiting.push(async move { (n, writer.insert(format!("K{n}"), n).await) });
        }
        let (mut count, mut leader) = (0, Some(leader));
        while let Some((n, done)) = waiting.next().await {
            assert_eq!(done.map(|done| done.into_inner()), Ok(None), "{n} is new, and applied once");
            count += 1;
            if count == 20
                && let Some(leader) = leader.take()
            {
                net.crash(leader.id());
            }
        }
        nodes[0].prices.insert("LAST".to_owned(), 0).await.expect("in");
        for follower in &mut followers {
            follower.follow("LAST").await;
            assert_eq!((follower.map.len(), follower.snapshots), (201, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_containers_answer_as_their_values_do() {
    let network = network(&Net::new(10), 1).await;
    let open = network.collections();
    let vec = open.vec::<u64>("lab.vec").voters(Voters::Count(1)).writer().await.expect("opens");
    assert_eq!(vec.push(5).await.expect("ok").into_inner(), 0);
    assert_eq!(vec.remove(9).await, Err(CommandError::Failed(OutOfRange { at: 9, length: 1 })));
    assert_eq!(vec.pop().await.expect("ok").into_inner(), Some(5));
    let cell = open.cell::<u64>("lab.cell").voters(Voters::Count(1)).writer().await.expect("opens");
    assert_eq!(cell.write(5).await.expect("ok").into_inner(), None);
    assert_eq!(cell.increment(2).await.expect("ok").into_inner(), 7);
    assert_eq!((cell.get(), cell.get_strong().await), (Some(7), Ok(Some(7))));
    let set = open.set::<u64>("lab.set").voters(Voters::Count(1)).writer().await.expect("opens");
    assert_eq!(set.extend([1, 2, 2]).await.expect("ok").into_inner(), 2);
    assert!(set.contains(&2) && !set.insert(1).await.expect("ok").into_inner());
    let queue = open.priority_queue::<u8, String, u8>("lab.queue").voters(Voters::Count(1));
    let queue = queue.writer().await.expect("opens");
    queue.set_capacity(Some((2, Keep::Highest))).await.expect("ok");
    let evicted =
        queue.extend([(3, "c".to_owned(), 0), (1, "a".to_owned(), 0), (2, "b".to_owned(), 0)]).await;
    assert_eq!(evicted.expect("ok").into_inner(), 1);
    assert_eq!(queue.pop_min().await.expect("ok").into_inner(), Some((2, "b".to_owned(), 0)));
    let once = open.once::<String>("lab.once").voters(Voters::Count(1)).writer().await.expect("opens");
    let (value, first) = tokio::join!(biased; once.wait(), once.set("first".to_owned()));
    assert_eq!((value.as_deref(), first.expect("ok").into_inner()), (Some("first"), Ok(())));
    assert_eq!(once.set("second".to_owned()).await.expect("ok").into_inner(), Err("first".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn lc12_two_handles_share_one_copy_and_other_types_are_an_error() {
    let nodes = writers(&Net::new(11), 1).await;
    let again = prices(&nodes[0].network).voters(Voters::Count(1)).writer().await.expect("is shared");
    let version = again.insert("ETH".to_owned(), 1).await.expect("in").version;
    drop(again);
    nodes[0].prices.when().reaches(version).await.expect("one era");
    assert_eq!(nodes[0].prices.get("ETH"), Some(1));
    // The one that is left writes, reads and follows as before.
    let mut changes = nodes[0].prices.changes();
    assert!(matches!(changes.next().await, Some(Change::Snapshot(map)) if map.get("ETH") == Some(&1)));
    let version = nodes[0].prices.insert("ETH".to_owned(), 2).await.expect("in").version;
    assert!(matches!(changes.next().await, Some(Change::Changed { version: at, .. }) if at == version));
    assert_eq!(nodes[0].prices.strong().await.expect("a majority").get("ETH"), Some(&2));
    let other = nodes[0].network.collections().map::<String, u32>("exchange.prices");
    let other = other.voters(Voters::Count(1)).writer().await;
    let JoinError::Open(OpenError::Differs { intent, difference }) = other.expect_err("other values") else {
        panic!("it says what differs")
    };
    assert_eq!(
        (&*intent, &*difference),
        ("exchange.prices", "field `machine.state.0[value]`: u32 here, u64 there")
    );
    let nobody = nodes[0].network.collections().map::<String, u32>("exchange.others").writer().await;
    assert!(matches!(nobody, Err(JoinError::NoVoters { .. })), "{nobody:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_changes_and_waits() {
    let nodes = writers(&Net::new(12), 1).await;
    let (prices, network) = (nodes[0].prices.clone(), nodes[0].network.clone());
    let mut changes = prices.changes();
    assert!(matches!(changes.next().await, Some(Change::Snapshot(_))));
    let (next, ()) = tokio::join!(biased; changes.next(), async { network.shutdown().await });
    assert!(next.is_none(), "{next:?}");
    assert!(prices.insert("ETH".to_owned(), 1).await.is_err());
    assert!(matches!(prices.strong().await, Err(ReadError::Stopped(_))));
    assert!(prices.is_empty(), "what is here stays readable");
}
