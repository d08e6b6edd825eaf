//! Tests of collections that are given what cannot be: other types, values that are too large, writes of a reader.

use std::{marker::PhantomData, time::Duration};

use tokio::time::timeout;

use super::Network;
use crate::{
    collections::{
        Bundle, Change, Keep, Map, MapChange, Part, QueueChange, Set, SetChange, SingleBuilder,
        TransactionError, Writer, machine,
    },
    groups::{
        CommandError, JoinError, Rejected, Storage, Voters,
        hub::OpenError,
        wire::{CHANNEL, ChannelKind, GroupsProtocol, Open},
    },
    primitives::{Clock, NodeRng, SecretKey, Wall, codec, policy},
    transport::{Code, LinkError, sim::Net},
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);

type Prices = Map<String, u64>;

async fn network(net: &Net, n: u8) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("input").secret_key(SecretKey::from_bytes([n; 32]));
    builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into())).build().await.expect("starts")
}

fn prices(network: &Network) -> SingleBuilder<Prices> {
    network.collections().map("exchange.prices")
}

async fn online<T>(builder: SingleBuilder<T>) -> Writer<T>
where
    T: crate::collections::Container + crate::collections::Collection<Container = T>,
{
    let writer = builder.voters(Voters::Count(1)).writer().await.expect("opens");
    timeout(LONG, writer.when().online()).await.expect("online");
    writer
}

/// Waits until it says something.
async fn told<T>(look: impl Fn() -> Option<T>) -> T {
    let told = async {
        loop {
            if let Some(told) = look() {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, told).await.expect("it is told")
}

#[tokio::test(start_paused = true)]
async fn other_type_parameters_are_told_to_both_sides() {
    let net = Net::new(1);
    let (one, two, three) = (network(&net, 1).await, network(&net, 2).await, network(&net, 3).await);
    let writer = online(prices(&one)).await;
    let other = two.collections().map::<String, u32>("exchange.prices").voters(Voters::Count(1));
    let other = other.writer().await.expect("opens");
    for (refused, peer) in [
        (told(|| writer.status().refused.get(&two.local().id()).cloned()).await, "the writer that is there"),
        (told(|| other.status().refused.get(&one.local().id()).cloned()).await, "the one that came"),
    ] {
        let text = refused.to_string();
        assert!(text.contains("u64") && text.contains("u32"), "{peer}: {text}");
    }
    assert!(!other.when().online().holds());
    let reader = three.collections().map::<String, i64>("exchange.prices").reader().await.expect("opens");
    let text = told(|| reader.status().refused).await;
    assert!(text.contains("u64") && text.contains("i64"), "{text}");
    let text = told(|| refusal(&writer, &three)).await;
    assert!(text.contains("u64") && text.contains("i64"), "the member of the reader: {text}");
    assert!(!reader.when().online().holds() && reader.is_empty());
    writer.insert("ETH".to_owned(), 1).await.expect("it goes on");
}

/// Why a writer has no bond with a node.
fn refusal<C: crate::collections::Collection>(writer: &Writer<C>, peer: &Network) -> Option<String> {
    writer.status().refused.get(&peer.local().id()).map(ToString::to_string)
}

#[tokio::test(start_paused = true)]
async fn other_containers_are_told_to_both_sides() {
    let net = Net::new(6);
    let (one, two, three) = (network(&net, 1).await, network(&net, 2).await, network(&net, 3).await);
    let map = online(one.collections().map::<u8, u8>("lab.kinds")).await;
    let set =
        two.collections().set::<u8>("lab.kinds").voters(Voters::Count(1)).writer().await.expect("opens");
    let reader = three.collections().set::<u8>("lab.kinds").reader().await.expect("opens");
    for text in [
        told(|| refusal(&map, &two)).await,
        told(|| refusal(&set, &one)).await,
        told(|| refusal(&map, &three)).await,
        told(|| reader.status().refused).await.to_string(),
    ] {
        assert!(text.contains("Map") && text.contains("Set"), "{text}");
    }
    assert!(!set.when().online().holds() && !reader.when().online().holds());
}

/// Groups of two collections, of which one differs.
struct Halts<T>(PhantomData<T>);

impl<T: crate::collections::core::Key> Bundle for Halts<T> {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Prices>("prices"), Part::new::<Set<T>>("halted")]
    }
}

/// The same with another name.
struct Renamed;

impl Bundle for Renamed {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Prices>("prices"), Part::new::<Set<u8>>("stopped")]
    }
}

#[tokio::test(start_paused = true)]
async fn groups_of_other_collections_are_told_to_both_sides() {
    async fn part<B: Bundle>(network: &Network) -> Writer<Prices> {
        let open = network.collections().bundle::<B>("exchange").part::<Prices>("prices");
        open.voters(Voters::Count(1)).writer().await.expect("opens")
    }
    let net = Net::new(7);
    let mut nodes = Vec::new();
    for n in 1..=4 {
        nodes.push(network(&net, n).await);
    }
    let there = part::<Halts<u8>>(&nodes[0]).await;
    timeout(LONG, there.when().online()).await.expect("online");
    let (typed, renamed) = (part::<Halts<u16>>(&nodes[1]).await, part::<Renamed>(&nodes[2]).await);
    let reader = nodes[3].collections().bundle::<Halts<u16>>("exchange").part::<Prices>("prices");
    let reader = reader.reader().await.expect("opens");
    for (text, words) in [
        (told(|| refusal(&there, &nodes[1])).await, ["halted", "u8", "u16"]),
        (told(|| refusal(&typed, &nodes[0])).await, ["halted", "u8", "u16"]),
        (told(|| refusal(&there, &nodes[2])).await, ["halted", "stopped", "there"]),
        (told(|| refusal(&renamed, &nodes[0])).await, ["halted", "stopped", "there"]),
        (told(|| refusal(&there, &nodes[3])).await, ["halted", "u8", "u16"]),
        (told(|| reader.status().refused).await.to_string(), ["halted", "u8", "u16"]),
    ] {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    there.insert("ETH".to_owned(), 1).await.expect("it goes on");
}

#[tokio::test(start_paused = true)]
async fn lc12_a_collection_that_is_opened_again_otherwise_is_an_error_that_says_what_differs() {
    fn difference<T: std::fmt::Debug>(opened: Result<T, JoinError>) -> String {
        match opened {
            Err(JoinError::Open(OpenError::Differs { intent, difference }))
                if &*intent == "exchange.prices" =>
            {
                difference
            }
            other => panic!("{other:?}"),
        }
    }
    let net = Net::new(8);
    let (one, two) = (network(&net, 1).await, network(&net, 2).await);
    let _writer = online(prices(&one)).await;
    let typed = one.collections().map::<String, u32>("exchange.prices").voters(Voters::Count(1));
    let text = difference(typed.writer().await);
    assert!(text.contains("u32 here, u64 there"), "{text}");
    let set = one.collections().set::<String>("exchange.prices").voters(Voters::Count(1));
    let text = difference(set.writer().await);
    assert!(text.contains("Set") && text.contains("Map"), "{text}");
    let text = difference(prices(&one).voters(Voters::Count(3)).writer().await);
    assert_eq!(text, "`voters` is 3 here and 1 there");
    let durable = prices(&one).voters(Voters::Count(1)).storage(Storage::Durable);
    assert_eq!(difference(durable.writer().await), "`storage` is durable here and memory there");

    let _reader = prices(&two).reader().await.expect("opens");
    let text = difference(two.collections().map::<String, i8>("exchange.prices").reader().await);
    assert!(text.contains("i8 here, u64 there"), "{text}");
    let text = difference(two.collections().vec::<u64>("exchange.prices").reader().await);
    assert!(text.contains("Vec") && text.contains("Map"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused_before_it_is_sent_and_the_group_goes_on() {
    let node = network(&Net::new(2), 1).await;
    let open = node.collections();
    let map = online(open.map::<u8, String>("lab.map")).await;
    let limit = machine::MAX_OPERATION;
    let is_refused = |error: &CommandError| matches!(error, CommandError::Rejected(Rejected::TooLarge { bytes, limit: found }) if *found == limit && bytes > found);
    let error = map.insert(1, "x".repeat(limit)).await.expect_err("too large");
    assert!(is_refused(&error) && error.to_string().contains("split"), "{error}");
    let many = (0..200u8).map(|key| (key, "x".repeat(4096)));
    assert!(is_refused(&map.extend(many).await.expect_err("too large")));
    assert_eq!(map.strong().await.expect("reads").len(), 0);
    // The largest that is allowed goes in, and comes back whole as an answer; two of them as well.
    let largest = "x".repeat(limit - 16);
    map.insert(1, largest.clone()).await.expect("in");
    assert_eq!(map.insert(1, largest.clone()).await.expect("in").into_inner(), Some(largest.clone()));
    let queue = online(open.priority_queue::<u8, u8, String>("lab.queue")).await;
    queue.set_capacity(Some((1, Keep::Highest))).await.expect("ok");
    queue.insert(1, 1, largest.clone()).await.expect("in");
    let done = queue.insert(2, 2, largest.clone()).await.expect("in").into_inner();
    assert_eq!(done.evicted.map(|(.., value)| value.len()), Some(largest.len()));
    // Answers that do not fit together undo the transaction, and nothing is restored from a snapshot for it.
    for key in 2..5 {
        map.insert(key, largest.clone()).await.expect("in");
    }
    let before = map.version();
    let failed = map.transaction(|tx| (2..5).map(|key| tx.on(&map).remove(key)).collect::<Vec<_>>()).await;
    let Err(CommandError::Failed(TransactionError::AnswersTooLong { step, what })) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!((step, &*what), (2, "remove of lab.map"));
    assert_eq!(map.strong().await.expect("reads").len(), 4);
    assert!(map.version() > before);
    assert_eq!(map.remove(4).await.expect("ok").into_inner(), Some(largest));
}

#[tokio::test(start_paused = true)]
async fn c6_a_reader_of_a_collection_cannot_write_on_the_wire() {
    let net = Net::new(3);
    let (one, two) = (network(&net, 1).await, network(&net, 2).await);
    let writer = online(prices(&one)).await;
    let reader = prices(&two).reader().await.expect("opens");
    timeout(LONG, reader.when().online()).await.expect("online");
    let before = writer.status().committed;
    let group = crate::primitives::GroupId::from_bytes(
        *crate::primitives::CollectionId::derive("exchange.prices").as_bytes(),
    );
    for channel in [ChannelKind::Commands, ChannelKind::Chunks] {
        let link = two.transport().link::<GroupsProtocol>(one.local().id()).await;
        let mut link = link.expect("a link on the connection that is there");
        let open = Open::V1 { group: group.on(&one.id()), channel, extensions: Vec::new() };
        let frame = [vec![CHANNEL], codec::encode(&open).expect("encodes")].concat();
        link.send_frame(&frame).await.expect("sent");
        let answer = link.recv_frame(LONG).await;
        assert_eq!(answer, Err(LinkError::Reset(Code::Refused)), "a channel without a bond");
    }
    assert!(writer.strong().await.expect("reads").is_empty());
    assert_eq!(writer.status().committed, before, "not even an entry");
    assert!(reader.when().online().holds(), "and it goes on to read");
}

#[tokio::test(start_paused = true)]
async fn c6_who_may_only_read_is_no_writer_whatever_it_asks_for() {
    let net = Net::new(9);
    let tagged = async |n: u8, tags: &[&str]| {
        let clock = Clock::simulated(Wall(1_000_000_000_000));
        let builder =
            Network::builder("input").secret_key(SecretKey::from_bytes([n; 32])).tags(tags.to_vec());
        builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into())).build().await.expect("starts")
    };
    let (one, two, three) =
        (tagged(1, &["oracle"]).await, tagged(2, &["oracle"]).await, tagged(3, &[]).await);
    let open = |network: &Network| {
        prices(network).voters(Voters::Count(1)).require_of_writers(policy::tag("oracle"))
    };
    let writer = open(&one).writer().await.expect("opens");
    timeout(LONG, writer.when().online()).await.expect("online");
    let second = open(&two).writer().await.expect("opens");
    timeout(LONG, second.when().online()).await.expect("online");
    let reader = open(&three).reader().await.expect("opens");
    timeout(LONG, reader.when().online()).await.expect("online");
    let before = writer.status().committed;

    // It asks to be a member all the same: both are told.
    let forged = open(&three).writer().await.expect("opens");
    let text = told(|| refusal(&writer, &three)).await;
    assert!(text.contains("this node does not admit it") && text.contains("oracle"), "{text}");
    let text = told(|| refusal(&forged, &one)).await;
    assert!(text.contains("it does not admit this node") && text.contains("oracle"), "{text}");
    let answer = timeout(LONG, forged.insert("ETH".to_owned(), 1)).await.expect("in time");
    assert!(matches!(answer, Err(CommandError::Rejected(_))), "{answer:?}");
    // And it opens a channel without: who is a member gets one, with the same frame.
    let id = crate::primitives::CollectionId::derive("exchange.prices");
    let group = crate::primitives::GroupId::from_bytes(*id.as_bytes()).on(&one.id());
    let open = Open::V1 { group, channel: ChannelKind::Commands, extensions: Vec::new() };
    let frame = [vec![CHANNEL], codec::encode(&open).expect("encodes")].concat();
    for (from, refused) in [(&three, true), (&two, false)] {
        let link = from.transport().link::<GroupsProtocol>(one.local().id()).await;
        let mut link = link.expect("a link on the connection that is there");
        link.send_frame(&frame).await.expect("sent");
        let answer = link.recv_frame(Duration::from_secs(2)).await;
        assert_eq!(answer == Err(LinkError::Reset(Code::Refused)), refused, "{answer:?}");
    }
    assert!(writer.strong().await.expect("reads").is_empty());
    assert_eq!(writer.status().committed, before, "not even an entry");
    assert!(reader.when().online().holds(), "and it goes on to read");
}

#[tokio::test(start_paused = true)]
async fn lc12_readers_of_one_node_share_one_copy_also_beside_its_writer() {
    let net = Net::new(4);
    let (one, two) = (network(&net, 1).await, network(&net, 2).await);
    let writer = online(prices(&one)).await;
    let (first, second) =
        (prices(&two).reader().await.expect("opens"), prices(&two).reader().await.expect("opens"));
    let beside = prices(&one).reader().await.expect("opens");
    let version = writer.insert("ETH".to_owned(), 1).await.expect("in").version;
    drop(first);
    for reader in [&second, &beside] {
        timeout(LONG, reader.when().reaches(version)).await.expect("in time").expect("one era");
        assert_eq!(reader.get("ETH"), Some(1));
    }
    assert_eq!(second.status().received.members, 1, "one subscription");
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_key_or_of_a_range_come_with_what_concerns_all() {
    let node = network(&Net::new(5), 1).await;
    let open = node.collections();
    let map = online(open.map::<u8, u8>("lab.map")).await;
    let (mut seven, mut low) = (map.changes().of_key(7), map.changes().in_range(..5));
    map.extend((0..10).map(|n| (n, n))).await.expect("ok");
    map.remove(7).await.expect("ok");
    map.clear().await.expect("ok");
    assert!(matches!(seven.next().await, Some(Change::Snapshot(_))));
    assert!(matches!(low.next().await, Some(Change::Snapshot(_))));
    map.insert(7, 1).await.expect("ok");
    map.insert(1, 1).await.expect("ok");
    map.clear().await.expect("ok");
    let keys = async |changes: &mut crate::collections::Changes<Map<u8, u8>>, count| {
        let mut keys = Vec::new();
        for _ in 0..count {
            match timeout(LONG, changes.next()).await.expect("in time") {
                Some(Change::Changed { change: MapChange::Inserted { key, .. }, .. }) => keys.push(Some(key)),
                Some(Change::Changed { change: MapChange::Cleared, .. }) => keys.push(None),
                other => panic!("{other:?}"),
            }
        }
        keys
    };
    assert_eq!(keys(&mut seven, 2).await, [Some(7), None]);
    assert_eq!(keys(&mut low, 2).await, [Some(1), None]);
    let (set, other) = (online(open.set::<u8>("lab.set")).await, online(open.set::<u8>("lab.other")).await);
    let mut high = set.changes().in_range(8..);
    assert!(matches!(high.next().await, Some(Change::Snapshot(_))));
    set.extend(0..10).await.expect("ok");
    for item in 8..10 {
        let next = high.next().await;
        assert!(
            matches!(next, Some(Change::Changed { change: SetChange::Inserted(found), .. }) if found == item)
        );
    }
    let version = other.extend([1, 3, 50]).await.expect("ok").version;
    other.when().reaches(version).await.expect("one era");
    assert!(set.union(&other).iter().copied().eq((0..10).chain([50])) && set.union(&other).contains(&50));
    assert!(!other.is_subset(&set));
    let queue = online(open.priority_queue::<u8, u8, u8>("lab.queue")).await;
    let mut nine = queue.changes().of_key(9);
    assert!(matches!(nine.next().await, Some(Change::Snapshot(_))));
    queue.extend((0..20).map(|n| (n, n, n))).await.expect("ok");
    assert_eq!(queue.remove_range(0..5).await.expect("ok").into_inner(), 5);
    assert_eq!(queue.remove_range(8..=9).await.expect("ok").into_inner(), 2);
    assert!(matches!(
        nine.next().await,
        Some(Change::Changed { change: QueueChange::Inserted { key: 9, .. }, .. })
    ));
    let Some(Change::Changed { change: QueueChange::RangeRemoved(removed), .. }) = nine.next().await else {
        panic!("the range of key 9 is gone")
    };
    assert!(removed.iter().map(|(_, key, _)| *key).eq([8, 9]));
}
