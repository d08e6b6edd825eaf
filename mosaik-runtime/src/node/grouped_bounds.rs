//! Tests of groups over whole nodes: what is too large, too deep, too much or too late is an error that says so.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Network;
use crate::{
    groups::{
        Apply, CommandError, Group, JoinError, ReadError, Rejected, StateMachine, Voters, hub::OpenError,
        machine::MachineSettings,
    },
    primitives::{
        Clock, NodeRng, PeerId, Schema, SecretKey, Stopped, Wall,
        schema::{Seen, Shape},
    },
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);
/// The most that a command may answer.
const MOST: u32 = 1 << 20;

/// Answers as much as it is asked for, and remembers how much that was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Wide(Vec<u32>);

impl Schema for Wide {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u32>::shape(seen)
    }
}

impl StateMachine for Wide {
    type Command = u32;
    type Reply = String;
    type Query = ();
    type Answer = Vec<u32>;

    fn apply(&mut self, bytes: u32, _: &Apply) -> String {
        self.0.push(bytes);
        "x".repeat(bytes as usize)
    }

    fn query(&self, (): ()) -> Vec<u32> {
        self.0.clone()
    }
}

struct Node {
    network: Network,
    group: Group<Wide>,
}

async fn network(net: &Net, n: u8) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let builder = Network::builder("grouped").secret_key(SecretKey::from_bytes([n; 32]));
    let builder = builder.simulated(net.clone(), clock, NodeRng::from_seed(n.into()));
    builder.build().await.expect("starts")
}

/// So many nodes, online.
async fn started(net: &Net, count: u8) -> Vec<Node> {
    let mut nodes = Vec::new();
    for n in 1..=count {
        let network = network(net, n).await;
        let wide = network.groups().machine(Wide::default()).named("wide").voters(Voters::Count(count));
        nodes.push(Node { group: wide.join().await.expect("joins"), network });
    }
    for node in &nodes {
        timeout(LONG, node.group.when().online()).await.expect("online");
    }
    nodes
}

/// One that follows.
fn follower(nodes: &[Node]) -> &Node {
    nodes.iter().find(|node| node.group.when().is_follower().holds()).expect("two of three follow")
}

#[tokio::test(start_paused = true)]
async fn replies_of_one_batch_may_be_larger_than_a_frame() {
    let nodes = started(&Net::new(1), 3).await;
    let node = follower(&nodes);
    // One batch, and nine times the largest reply.
    let sizes = [MOST - 8; 9];
    let replies = node.group.execute_many(sizes).await;
    assert_eq!(replies.len(), 9);
    for reply in replies {
        assert_eq!(reply.expect("applied, and told").len(), sizes[0] as usize);
    }
    assert_eq!(node.group.execute(3).await, Ok("xxx".to_owned()));
    for node in nodes {
        node.network.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_too_large_is_an_error_and_its_command_is_undone() {
    let nodes = started(&Net::new(2), 3).await;
    for node in &nodes {
        let refused = node.group.execute(MOST + 1).await;
        let Err(CommandError::Panicked { message }) = refused else { panic!("{refused:?}") };
        assert!(message.contains("1048576 are allowed: answer less"), "{message}");
    }
    assert_eq!(follower(&nodes).group.execute(1).await, Ok("x".to_owned()));
    assert_eq!(nodes[0].group.query(()).await, Ok(vec![1]));
}

#[tokio::test(start_paused = true)]
async fn lc12_a_group_that_is_open_is_not_opened_with_other_limits_another_state_or_another_founder() {
    let network = network(&Net::new(3), 1).await;
    let open = |state: Wide| network.groups().machine(state).named("wide").voters(Voters::Count(1));
    open(Wide::default()).join().await.expect("joins");
    open(Wide::default()).join().await.expect("it is the same");
    let more = MachineSettings { outstanding: 7, ..MachineSettings::default() };
    let others = [
        (open(Wide(vec![1])), "field `initial state`"),
        (open(Wide::default()).limits(more), "sessions of 7 serials"),
        (open(Wide::default()).founder(PeerId::from_bytes([7; 32])), "`founder` is"),
    ];
    for (other, difference) in others {
        let refused = other.join().await.expect_err("it differs");
        assert!(matches!(refused, JoinError::Open(OpenError::Differs { .. })), "{refused:?}");
        assert!(refused.to_string().contains(difference), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_that_no_member_could_keep_are_refused_at_the_start() {
    let network = network(&Net::new(4), 1).await;
    for (chunk, why) in [((1 << 20) + 1, "more than 1048576"), (0, "at least one byte")] {
        let wide = network.groups().machine(Wide::default()).named("wide").voters(Voters::Count(1));
        let limits = MachineSettings { chunk, ..MachineSettings::default() };
        let refused = wide.limits(limits).join().await.expect_err("it cannot be meant");
        assert!(matches!(refused, JoinError::Open(OpenError::Machine { .. })), "{refused:?}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_not_a_missing_leader() {
    // Two of three are not there, so nothing is answered.
    let network = network(&Net::new(5), 1).await;
    let wide = network.groups().machine(Wide::default()).named("wide").voters(Voters::Count(3));
    let group = wide.join().await.expect("joins").with_deadline(LONG);
    let full = futures::future::join_all((0..2048).map(|_| group.execute(1)));
    let within = Duration::from_secs(3);
    let late = group.with_deadline(within);
    let refused = async {
        tokio::task::yield_now().await;
        late.execute(2).await
    };
    let refused = tokio::select! { biased;
        _ = full => panic!("nobody answers before its deadline"),
        refused = refused => refused,
    };
    assert_eq!(refused, Err(Rejected::Busy { within, limit: 2048 }.into()));
    assert!(refused.expect_err("refused").to_string().contains("2048 commands of this node had no answer"));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_when_the_tasks_of_a_group_are_gone() {
    let Node { network, group } = started(&Net::new(6), 1).await.remove(0);
    group.execute(1).await.expect("it leads");
    // Everything is dropped at its next await, without a word.
    drop(network);
    let stopped = |error: &CommandError| Stopped::is_in(error);
    let told = timeout(LONG, group.execute(2)).await.expect("an answer");
    assert!(told.as_ref().is_err_and(stopped), "{told:?}");
    let told = timeout(LONG, group.query(())).await.expect("an answer");
    assert_eq!(told, Err(ReadError::Stopped(Stopped)));
    let told = timeout(LONG, group.execute_many([3, 4])).await.expect("an answer");
    assert!(told.iter().all(|told| told.as_ref().is_err_and(stopped)), "{told:?}");
}

/// Arguments that encode without end.
#[derive(Debug, Clone)]
struct Endless;

impl Serialize for Endless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_some(self)
    }
}

impl<'de> Deserialize<'de> for Endless {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(|_| Self)
    }
}

impl Schema for Endless {
    fn shape(seen: &mut Seen) -> Shape {
        u8::shape(seen)
    }
}

/// Counts nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sink(u8);

impl Schema for Sink {
    fn shape(seen: &mut Seen) -> Shape {
        u8::shape(seen)
    }
}

impl StateMachine for Sink {
    type Command = Endless;
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn apply(&mut self, _: Endless, _: &Apply) {}

    fn query(&self, (): ()) {}
}

#[tokio::test(start_paused = true)]
async fn h2_arguments_that_nest_without_end_are_rejected_before_they_are_sent() {
    let network = network(&Net::new(7), 1).await;
    let sink = network.groups().machine(Sink::default()).named("sink").voters(Voters::Count(1));
    let group = sink.join().await.expect("joins");
    let refused = group.execute(Endless).await;
    let Err(CommandError::Rejected(Rejected::NotEncodable { why })) = refused else { panic!("{refused:?}") };
    assert!(why.contains("deeper than 128 levels"), "{why}");
}
