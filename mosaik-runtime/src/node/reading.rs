//! Tests of readers over whole nodes: who may read, what they see, and that they cannot write.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Network;
use crate::{
    groups::{
        Apply, CHANGES, Change, Group, GroupKey, Learner, ReadError, Rejected, StateMachine, Version, Voters,
        wire::{CHANNEL, ChannelKind, GroupsProtocol, Open},
    },
    primitives::{
        Clock, GroupId, NodeRng, Policy, Schema, SecretKey, Tag, Wall, codec, policy,
        schema::{Seen, Shape},
    },
    transport::{Code, LinkError, sim::Net},
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
    type Reply = u64;
    type Query = ();
    type Answer = Vec<u64>;

    fn apply(&mut self, number: u64, cx: &Apply) -> u64 {
        self.0.push(number);
        assert!(number != POISON, "poison");
        cx.index()
    }

    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
}

async fn network(net: &Net, n: u8, tags: &[&str]) -> Network {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let rng = NodeRng::from_seed(n.into());
    let builder = Network::builder("reading").secret_key(SecretKey::from_bytes([n; 32])).tags(tags.to_vec());
    builder.simulated(net.clone(), clock, rng).build().await.expect("starts")
}

/// So many members, online.
async fn members(net: &Net, count: u8, readers: Policy) -> Vec<(Network, Group<Numbers>)> {
    let mut nodes = Vec::new();
    for n in 1..=count {
        let network = network(net, n, &[]).await;
        let group =
            network.groups().machine(Numbers::default()).named("numbers").voters(Voters::Count(count));
        let group = group.require_of_readers(readers.clone()).join().await.expect("joins");
        nodes.push((network, group));
    }
    for (_, group) in &nodes {
        timeout(LONG, group.when().online()).await.expect("online");
    }
    nodes
}

async fn learn(network: &Network) -> Learner<Numbers> {
    network.groups().machine(Numbers::default()).named("numbers").learn().await.expect("it begins")
}

#[tokio::test(start_paused = true)]
async fn r7_a_strong_read_of_a_reader_sees_every_acknowledged_command() {
    let net = Net::new(1);
    let nodes = members(&net, 3, Policy::anyone()).await;
    let outside = network(&net, 9, &[]).await;
    let reader = learn(&outside).await;
    timeout(LONG, reader.when().online()).await.expect("online");
    for number in 0..20 {
        let (_, group) = &nodes[number as usize % 3];
        let index = group.execute(number).await.expect("acknowledged");
        let seen = reader.query(()).await.expect("a strong read");
        assert!(seen == (0..=number).collect::<Vec<_>>(), "{seen:?} after {number}");
        assert!(reader.version() >= Version::new(group.version().era, index));
    }
    let view = reader.status();
    assert!(view.is_online() && view.quorum && view.leader.is_some(), "{view:?}");
    // It is nobody's member, learner or candidate.
    for (_, group) in &nodes {
        let status = group.status();
        assert_eq!((status.voters.len(), status.learners.len()), (3, 0));
    }
    // Opened again, it is the same; with another type it is an error.
    let again = learn(&outside).await;
    assert_eq!(again.status(), view);
    let other = outside.groups().machine(Numbers::default()).named("numbers").require(policy::tag("x"));
    let differs = other.learn().await.expect_err("another policy");
    assert!(differs.to_string().contains("another policy"), "{differs}");
    // Without a majority there is no strong read, and the copy is still there.
    let ids: Vec<_> = nodes.iter().map(|(network, _)| network.local().id()).collect();
    net.partition(&ids[..1], &ids[1..]);
    net.partition(&ids[1..2], &ids[2..]);
    let short = reader.with_deadline(Duration::from_secs(3));
    let alone = short.query(()).await;
    assert!(matches!(alone, Err(ReadError::NoQuorum { .. })), "{alone:?}");
    assert_eq!(reader.weak().query(()).await.map(|seen| seen.len()), Ok(20));
}

#[tokio::test(start_paused = true)]
async fn h6_who_may_not_read_is_refused_and_told_why() {
    let net = Net::new(2);
    let nodes = members(&net, 1, policy::tag("auditor")).await;
    nodes[0].1.execute(7).await.expect("acknowledged");
    let (stranger, auditor) = (network(&net, 8, &[]).await, network(&net, 9, &["auditor"]).await);
    let (refused, admitted) = (learn(&stranger).await, learn(&auditor).await);
    timeout(LONG, admitted.when().online()).await.expect("online");
    assert_eq!(admitted.query(()).await, Ok(vec![7]));
    assert!(!refused.when().online().holds());
    let why = refused.status().refused.expect("a reason");
    assert!(why.contains("auditor"), "{why}");
    // The admission ends when the policy holds no more.
    assert!(auditor.discovery().tags().remove(&"auditor".parse::<Tag>().expect("a tag")));
    timeout(LONG, admitted.when().offline()).await.expect("it is read no more");

    // The key is proved by readers too.
    let key = |n: u8| GroupKey::new(&[n; 32]).expect("long enough");
    let keyed = network(&net, 3, &[]).await;
    let secret = keyed.groups().with_key(key(1)).machine(Numbers::default()).named("secret");
    let secret = secret.voters(Voters::Count(1)).join().await.expect("joins");
    timeout(LONG, secret.when().online()).await.expect("online");
    secret.execute(5).await.expect("acknowledged");
    let with =
        |network: &Network, key| network.groups().with_key(key).machine(Numbers::default()).named("secret");
    let good = with(&auditor, key(1)).learn().await.expect("it begins");
    let bad = with(&stranger, key(2)).learn().await.expect("it begins");
    timeout(LONG, good.when().online()).await.expect("online");
    assert_eq!(good.query(()).await, Ok(vec![5]));
    let why = bad.status().refused.expect("a reason");
    assert!(!bad.when().online().holds() && why.contains("another key"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn c6_a_reader_cannot_write_on_the_wire() {
    let net = Net::new(3);
    let nodes = members(&net, 1, Policy::anyone()).await;
    let (member, group) = &nodes[0];
    let outside = network(&net, 9, &[]).await;
    let reader = learn(&outside).await;
    timeout(LONG, reader.when().online()).await.expect("online");
    let item = GroupId::derive("numbers").on(&member.id());
    let member = outside.transport().link::<GroupsProtocol>(member.local().id());
    let mut link = member.await.expect("a link on the connection that is there");
    let open = Open::V1 { group: item, channel: ChannelKind::Commands, extensions: Vec::new() };
    let frame = [vec![CHANNEL], codec::encode(&open).expect("encodes")].concat();
    link.send_frame(&frame).await.expect("sent");
    let answer = link.recv_frame(LONG).await;
    assert_eq!(answer, Err(LinkError::Reset(Code::Refused)), "a channel without a bond");
    assert_eq!(group.query(()).await, Ok(vec![]));
    assert!(reader.when().online().holds());
}

#[tokio::test(start_paused = true)]
async fn h15_readers_skip_what_panicked_on_the_members() {
    let net = Net::new(4);
    let nodes = members(&net, 1, Policy::anyone()).await;
    let (_, group) = &nodes[0];
    // More than a member remembers: the reader finds the first ones by itself.
    for number in 0..70 {
        group.execute(number).await.expect("acknowledged");
        group.execute(POISON).await.expect_err("it panics");
    }
    let outside = network(&net, 9, &[]).await;
    let reader = learn(&outside).await;
    timeout(LONG, reader.when().online()).await.expect("online");
    assert_eq!(reader.query(()).await, Ok((0..70).collect()));
    let before = reader.status().received;
    group.execute(POISON).await.expect_err("it panics");
    group.execute(70).await.expect("acknowledged");
    assert_eq!(reader.query(()).await, Ok((0..71).collect()));
    let after = reader.status().received;
    assert!(after.entries - before.entries <= 3, "it is not made anew: {before:?} {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_the_group_that_it_is_a_member_of() {
    let net = Net::new(5);
    let node = network(&net, 1, &[]).await;
    let reader = learn(&node).await;
    let group = node.groups().machine(Numbers::default()).named("numbers").voters(Voters::Count(1));
    let group = group.join().await.expect("joins");
    timeout(LONG, reader.when().online()).await.expect("online");
    group.execute(3).await.expect("acknowledged");
    assert_eq!(reader.query(()).await, Ok(vec![3]));
    timeout(LONG, reader.when().reaches(group.version())).await.expect("in time").expect("one era");
    node.shutdown().await;
    assert!(matches!(reader.query(()).await, Err(ReadError::Stopped(_))));
    assert!(
        matches!(group.execute(4).await, Err(error) if error == Rejected::Stopped(crate::primitives::Stopped).into())
    );
}

#[tokio::test(start_paused = true)]
async fn changes_are_every_entry_and_a_slow_reader_of_them_is_told() {
    let net = Net::new(6);
    let nodes = members(&net, 1, Policy::anyone()).await;
    let (_, group) = &nodes[0];
    group.execute(0).await.expect("acknowledged");
    let outside = network(&net, 9, &[]).await;
    let reader = learn(&outside).await;
    timeout(LONG, reader.when().online()).await.expect("online");
    let (mut here, mut there) = (group.changes(), reader.changes());
    for changes in [&mut here, &mut there] {
        let Some(Change::Reset { version, state }) = changes.next().await else { panic!("no beginning") };
        assert_eq!((version.era, state.0), (group.version().era, vec![0]));
    }
    let index = group.execute(1).await.expect("acknowledged");
    for changes in [&mut here, &mut there] {
        let next = timeout(LONG, changes.next()).await.expect("in time");
        let Some(Change::Batch { version, commands, state, .. }) = next else { panic!("{next:?}") };
        assert_eq!((version.index, commands, state.0), (index, vec![1], vec![0, 1]));
    }
    let many = CHANGES as u64 + 100;
    for number in 2..many {
        group.execute(number).await.expect("acknowledged");
    }
    let mut seen = BTreeSet::new();
    let Some(Change::Reset { state, .. }) = here.next().await else { panic!("it was too slow") };
    assert!(state.0.len() as u64 > CHANGES as u64, "the newest state then: {}", state.0.len());
    while state.0.len() + seen.len() < many as usize {
        let Some(Change::Batch { commands, .. }) = here.next().await else { panic!("a gap") };
        assert!(commands.into_iter().all(|number| seen.insert(number)));
    }
}
