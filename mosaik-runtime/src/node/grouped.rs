//! Tests of groups over whole nodes: what a program that holds a handle sees of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use super::Network;
use crate::{
    groups::{
        Apply, CommandError, Group, JoinError, ReadError, Rejected, StateMachine, Storage, Voters,
        birth::{Missing, Phase, Report},
        hub::OpenError,
    },
    primitives::{
        Clock, NodeRng, PeerId, Schema, SecretKey, Wall,
        schema::{Seen, Shape},
    },
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);
/// A command that panics.
const POISON: u64 = u64::MAX;

/// All numbers that were given, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Numbers(Vec<u64>);

impl Schema for Numbers {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u64>::shape(seen)
    }
}

impl StateMachine for Numbers {
    type Command = u64;
    type Reply = (u64, u64);
    type Query = ();
    type Answer = Vec<u64>;

    /// Answers the number and how many there are.
    fn apply(&mut self, number: u64, _: &Apply) -> (u64, u64) {
        self.0.push(number);
        assert!(number != POISON, "poison");
        (number, self.0.len() as u64)
    }

    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
}

struct Node {
    network: Network,
    group: Group<Numbers>,
}

impl Node {
    fn id(&self) -> PeerId {
        self.network.local().id()
    }
}

async fn start(net: &Net, n: u8, voters: u8) -> Node {
    begin(net, n, voters, false).await
}

async fn begin(net: &Net, n: u8, voters: u8, strict: bool) -> Node {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let rng = NodeRng::from_seed(n.into());
    let builder = Network::builder("grouped").secret_key(SecretKey::from_bytes([n; 32]));
    let network = builder.simulated(net.clone(), clock, rng).build().await.expect("starts");
    let group = network.groups().machine(Numbers::default()).named("numbers").voters(Voters::Count(voters));
    let group = if strict { group.strict() } else { group };
    Node { group: group.join().await.expect("joins"), network }
}

/// So many nodes, online.
async fn started(net: &Net, count: u8) -> Vec<Node> {
    let mut nodes = Vec::new();
    for n in 1..=count {
        nodes.push(start(net, n, count).await);
    }
    for node in &nodes {
        timeout(LONG, node.group.when().online()).await.expect("online");
    }
    nodes
}

/// The leader and the others.
async fn split(mut nodes: Vec<Node>) -> (Node, Vec<Node>) {
    let leads = timeout(LONG, async {
        loop {
            if let Some(leads) = nodes.iter().position(|node| node.group.when().is_leader().holds()) {
                return leads;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    let leader = nodes.swap_remove(leads.await.expect("somebody leads"));
    (leader, nodes)
}

#[tokio::test(start_paused = true)]
async fn commands_of_every_node_are_answered_and_seen_by_all() {
    let nodes = started(&Net::new(1), 3).await;
    for round in 0..5 {
        for (n, node) in (0..).zip(&nodes) {
            let number = round * 3 + n;
            let reply = node.group.execute(number).await;
            assert_eq!(reply, Ok((number, number + 1)));
        }
    }
    for node in &nodes {
        assert_eq!(node.group.query(()).await, Ok((0..15).collect()));
    }
    let (index, seen) = nodes[0].group.weak().query_at(()).await.expect("the copy answers");
    assert_eq!(seen, (0..15).collect::<Vec<_>>());
    let typed = nodes[0].group.weak().with_index(|numbers| numbers.0.len()).await;
    assert_eq!(typed, Ok((index, 15)), "nothing was given in between");
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_goes_offline_and_reaches_what_was_committed_without_it_after_the_heal() {
    let net = Net::new(21);
    let (leader, others) = split(started(&net, 3).await).await;
    let late = &others[0];
    let (here, there) = ([late.id()], [leader.id(), others[1].id()]);
    net.partition(&here, &there);
    timeout(LONG, late.group.when().offline()).await.expect("no majority is connected with it");
    assert_eq!(leader.group.execute(7).await, Ok((7, 1)));
    let (index, _) = leader.group.weak().query_at(()).await.expect("the copy answers");
    assert!(leader.group.when().committed().reaches(index).holds(), "what a query saw is reached");
    let reached = late.group.when().committed().reaches(index);
    assert!(!reached.holds(), "it is cut off");
    assert_eq!(late.group.weak().query(()).await, Ok(Vec::new()));
    net.heal();
    timeout(LONG, reached).await.expect("it catches up");
    assert_eq!(late.group.weak().query(()).await, Ok(vec![7]));
    timeout(LONG, late.group.when().online()).await.expect("the others are there again");
}

#[tokio::test(start_paused = true)]
async fn many_commands_keep_their_order_over_several_batches() {
    let (leader, others) = split(started(&Net::new(2), 3).await).await;
    for (start, node) in [(0, &leader), (2500, &others[0])] {
        let replies = node.group.execute_many(start..start + 2500).await;
        let expected: Vec<_> = (start..start + 2500).map(|n| Ok((n, n + 1))).collect();
        assert!(replies == expected, "every number in its place");
    }
}

#[tokio::test(start_paused = true)]
async fn lc9_r3_r8_a_leader_that_dies_in_the_middle_loses_nothing_and_nothing_is_applied_twice() {
    for seed in 3..6 {
        let net = Net::new(seed);
        let (leader, others) = split(started(&net, 3).await).await;
        let mut leader = Some(leader);
        let mut replies = FuturesUnordered::new();
        for number in 0..1000 {
            let group = others[usize::from(number % 2 == 0)].group.clone();
            replies.push(async move { (number, group.execute(number).await) });
        }
        let mut count = 0;
        while let Some((number, reply)) = replies.next().await {
            assert!(matches!(reply, Ok((n, _)) if n == number), "{number}: {reply:?}");
            count += 1;
            if count == 50
                && let Some(leader) = leader.take()
            {
                net.crash(leader.id());
            }
        }
        let mut seen = others[0].group.query(()).await.expect("they lead on");
        seen.sort_unstable();
        assert!(seen == (0..1000).collect::<Vec<_>>(), "each once: {}", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn f5_lc2_r9_a_minority_answers_in_time_and_what_it_rejects_never_appears() {
    let net = Net::new(7);
    let (leader, others) = split(started(&net, 3).await).await;
    leader.group.execute(1).await.expect("before the cut");
    let majority: Vec<PeerId> = others.iter().map(Node::id).collect();
    net.partition(&[leader.id()], &majority);
    let alone = leader.group.with_deadline(Duration::from_secs(1));
    let (mut rejected, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for number in 100..110 {
        let start = Instant::now();
        match alone.execute(number).await {
            Err(CommandError::Rejected(Rejected::NoQuorum { .. })) => rejected.insert(number),
            Err(CommandError::Unknown(_)) => unknown.insert(number),
            other => panic!("{number}: {other:?}"),
        };
        assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());
    }
    assert!(!rejected.is_empty(), "once it knows that it does not lead, it takes nothing");
    for (n, node) in (200..).zip(&others) {
        node.group.execute(n).await.expect("the majority goes on");
    }
    net.heal();
    timeout(LONG, leader.group.when().online()).await.expect("it is back");
    alone.with_deadline(LONG).execute(300).await.expect("and takes commands");
    let seen = others[0].group.query(()).await.expect("all is well");
    assert!(seen.iter().all(|number| !rejected.contains(number)), "rejected, and applied: {seen:?}");
    let mut once = BTreeSet::new();
    assert!(seen.iter().all(|number| once.insert(*number)), "twice: {seen:?}");
    assert!([1, 200, 201, 300].iter().all(|number| once.contains(number)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn r7_lc8_strong_reads_are_never_stale_while_the_leader_is_cut_off() {
    let net = Net::new(8);
    let (leader, others) = split(started(&net, 3).await).await;
    leader.group.execute(1).await.expect("before the cut");
    let majority: Vec<PeerId> = others.iter().map(Node::id).collect();
    net.partition(&[leader.id()], &majority);
    let alone = leader.group.with_deadline(Duration::from_secs(2));
    let mut acknowledged = vec![1];
    for number in 10..40 {
        let node = &others[usize::from(number % 2 == 0)];
        let (write, stale) = tokio::join!(biased; node.group.execute(number), alone.query(()));
        assert!(write.is_ok(), "{write:?}");
        acknowledged.push(number);
        // Whatever the old leader still answers must hold what was acknowledged before it was asked.
        match stale {
            Ok(seen) => assert!(seen.len() + 1 >= acknowledged.len(), "{seen:?} after {acknowledged:?}"),
            Err(error) => assert!(matches!(error, ReadError::NoQuorum { .. }), "{error}"),
        }
        for node in &others {
            assert_eq!(node.group.query(()).await.as_ref(), Ok(&acknowledged));
        }
    }
    assert!(matches!(alone.query(()).await, Err(ReadError::NoQuorum { .. })));
    assert_eq!(alone.weak().query(()).await, Ok(vec![1]), "the copy is still there");
    net.heal();
    assert_eq!(alone.with_deadline(LONG).query(()).await, Ok(acknowledged));
}

#[tokio::test(start_paused = true)]
async fn h15_a_command_that_panics_fails_alone() {
    let nodes = started(&Net::new(9), 3).await;
    for node in &nodes {
        let poisoned = node.group.execute(POISON).await;
        let Err(CommandError::Panicked { message }) = poisoned else { panic!("{poisoned:?}") };
        assert_eq!(message, "poison");
    }
    assert_eq!(nodes[1].group.execute(1).await, Ok((1, 1)));
    assert_eq!(nodes[2].group.query(()).await, Ok(vec![1]));
}

#[tokio::test(start_paused = true)]
async fn conditions_follow_the_leader() {
    let net = Net::new(10);
    let nodes = started(&net, 3).await;
    let (leader, others) = split(nodes).await;
    let when = others[0].group.when();
    assert!(when.online().holds() && when.bootstrapped().holds() && !when.bootstrap_timed_out().holds());
    assert!(
        when.leader_elected().holds()
            && when.is_follower().holds()
            && leader.group.when().is_leader().holds()
    );
    let changed = when.leader_changed();
    assert!(!changed.holds());
    let gone = leader.id();
    net.crash(gone);
    drop(leader);
    let next = timeout(LONG, changed).await.expect("somebody else leads");
    assert!(next != gone && others.iter().any(|node| node.id() == next));
    assert!(others[0].group.status().leader.is_some_and(|leader| leader.peer == next));
}

#[tokio::test(start_paused = true)]
async fn a_birth_that_waits_says_so_and_its_commands_are_rejected() {
    let node = start(&Net::new(11), 1, 3).await;
    let when = node.group.when();
    assert!(!when.bootstrapped().holds() && when.offline().holds());
    let short = node.group.with_deadline(Duration::from_secs(2));
    let rejected = Err(Rejected::NoQuorum { within: Duration::from_secs(2) }.into());
    assert_eq!(short.execute(1).await, rejected);
    assert_eq!(short.query(()).await, Err(ReadError::NoQuorum { within: Duration::from_secs(2) }));
    timeout(LONG, when.bootstrap_timed_out()).await.expect("after 30 s");
    let status = node.group.bootstrap_status();
    assert!(status.timed_out && status.birth.missing == Missing::Voters(2), "{status:?}");
    assert!(matches!(status.report, Some(Report::TimedOut { seen: 1, .. })), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn a_strict_birth_ends_with_its_deadline_and_nobody_waits_for_it_any_more() {
    let net = Net::new(22);
    let nodes = [begin(&net, 1, 3, true).await, begin(&net, 2, 3, true).await];
    let waits = nodes[0].group.with_deadline(LONG);
    let (first, second) = (nodes[0].group.when(), nodes[1].group.when());
    // One command and one query wait when the deadline passes.
    let (command, query, _, ()) = timeout(Duration::from_secs(40), async {
        tokio::join!(waits.execute(1), waits.query(()), first.bootstrap_timed_out(), async {
            second.bootstrap_timed_out().await;
        })
    })
    .await
    .expect("they are told at the deadline");
    let ended = |why: &str| why.contains("its birth is strict: one more node that may vote is missing");
    assert!(
        matches!(&command, Err(CommandError::Rejected(Rejected::Failed { why })) if ended(why)),
        "{command:?}"
    );
    assert!(matches!(&query, Err(ReadError::Failed { why }) if ended(why)), "{query:?}");
    let third = begin(&net, 3, 3, true).await;
    timeout(LONG, third.group.when().bootstrap_timed_out()).await.expect("two of three have given up");
    let begin = Instant::now();
    for node in &nodes {
        let late = node.group.execute(2).await;
        assert!(matches!(late, Err(CommandError::Rejected(Rejected::Failed { .. }))), "{late:?}");
        let status = node.group.bootstrap_status();
        assert!(status.timed_out && status.birth.phase == Phase::TimedOut, "{status:?}");
    }
    assert_eq!(begin.elapsed(), Duration::ZERO, "they answer at once");
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_birth_can_be_had_and_played_again() {
    let nodes = started(&Net::new(23), 3).await;
    for node in &nodes {
        let log = node.group.bootstrap_log().await.expect("it runs");
        let again = log.replay().expect("it leads to the same");
        assert_eq!(again.view(), *node.group.bootstrap_status().birth);
        assert!(log.entries.len() >= 3, "hello, ready and a promise at least: {log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lc12_two_handles_share_one_member_and_other_settings_are_an_error() {
    let nodes = started(&Net::new(12), 3).await;
    let groups = nodes[0].network.groups();
    let again = groups.machine(Numbers::default()).named("numbers").voters(Voters::Count(3)).join().await;
    let again = again.expect("it is shared");
    again.execute(5).await.expect("it works");
    drop(again);
    assert_eq!(nodes[0].group.query(()).await, Ok(vec![5]));
    let durable = groups.machine(Numbers::default()).named("numbers").voters(Voters::Count(3));
    let differs = durable.storage(Storage::Durable).join().await;
    let JoinError::Open(OpenError::Differs { intent, difference }) = differs.expect_err("another storage")
    else {
        panic!("it says what differs")
    };
    assert_eq!((&*intent, &*difference), ("numbers", "`storage` is durable here and memory there"));
    let unnamed = groups.machine(Numbers::default()).join().await;
    assert!(matches!(unnamed, Err(JoinError::Unnamed)), "{unnamed:?}");
    let nobody = groups.machine(Numbers::default()).named("others").join().await;
    assert!(matches!(nobody, Err(JoinError::NoVoters { .. })), "{nobody:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_waits_and_what_comes_after() {
    let net = Net::new(13);
    let node = start(&net, 1, 3).await;
    let group = Arc::new(node.group);
    let waiting = group.execute(1);
    let (waited, ()) = tokio::join!(biased; waiting, async { node.network.shutdown().await });
    assert_eq!(waited, Err(Rejected::Stopped(crate::primitives::Stopped).into()));
    assert_eq!(group.execute(2).await, Err(Rejected::Stopped(crate::primitives::Stopped).into()));
    assert_eq!(group.query(()).await, Err(ReadError::Stopped(crate::primitives::Stopped)));
}

/// The same state, whose commands mean something else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Words(Vec<u64>);

impl Schema for Words {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u64>::shape(seen)
    }
}

impl StateMachine for Words {
    type Command = i64;
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn apply(&mut self, _: i64, _: &Apply) {}

    fn query(&self, (): ()) {}
}

#[cfg(feature = "durable")]
#[tokio::test(start_paused = true)]
async fn f21_a_log_of_another_version_is_refused_and_not_read_as_something_else() {
    let (net, disk) = (Net::new(5), crate::groups::store::sim::SimDisk::new());
    let network = async || {
        let clock = Clock::simulated(Wall(1_000_000_000_000));
        let builder = Network::builder("grouped").secret_key(SecretKey::from_bytes([1; 32]));
        let builder = builder.simulated(net.clone(), clock, NodeRng::from_seed(1)).disk(disk.clone());
        builder.build().await.expect("starts")
    };
    let first = network().await;
    let numbers = || first.groups().machine(Numbers::default()).named("numbers").voters(Voters::Count(1));
    let group = numbers().storage(Storage::Durable).join().await.expect("joins");
    timeout(LONG, group.when().online()).await.expect("online");
    group.execute(7).await.expect("committed");
    drop(group);
    first.shutdown().await;

    let second = network().await;
    let words = second.groups().machine(Words::default()).named("numbers").voters(Voters::Count(1));
    let refused = words.storage(Storage::Durable).join().await;
    assert!(matches!(refused, Err(JoinError::Open(OpenError::OtherMachine { .. }))), "{refused:?}");
    second.shutdown().await;

    let third = network().await;
    let numbers = third.groups().machine(Numbers::default()).named("numbers").voters(Voters::Count(1));
    let group = numbers.storage(Storage::Durable).join().await.expect("the version that wrote it may");
    timeout(LONG, group.when().online()).await.expect("online");
    assert_eq!(group.query(()).await, Ok(vec![7]));
}
