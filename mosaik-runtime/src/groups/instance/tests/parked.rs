//! Groups that nobody uses, and what wakes them.

use super::{lives::leader_of, *};
use crate::groups::settings::Storage;

/// After this a group that nobody uses is parked.
const RESTS: Duration = Duration::from_secs(12);

async fn parked(nodes: &[Node]) {
    for node in nodes {
        let begin = tokio::time::Instant::now();
        node.until("it is parked", |view| view.parked).await;
        assert!(begin.elapsed() < RESTS, "{:?}", begin.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_group_whose_leader_dies_serves_again_within_four_seconds() {
    for (seed, storage) in [(41, Storage::Memory), (42, Storage::Memory), (43, Storage::Durable)] {
        let settings = GroupSettings { storage, ..three() };
        let mut lab = Lab::new(seed);
        let mut nodes = lab.many(3, &settings).await;
        give(&nodes, 1).await;
        parked(&nodes).await;
        let at = leader_of(&nodes).await;
        let gone = nodes.remove(at);
        lab.crash(at as u8 + 1, gone).await;
        let begin = tokio::time::Instant::now();
        give(&nodes, 2).await;
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
        assert_eq!(nodes[0].numbers().await, [1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_wakes_a_parked_group_at_once() {
    let mut lab = Lab::new(44);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    for number in 2..5 {
        parked(&nodes).await;
        let before: Vec<_> = nodes.iter().map(Node::view).collect();
        let begin = tokio::time::Instant::now();
        give(&nodes, number).await;
        assert!(begin.elapsed() < Duration::from_millis(200), "{:?}", begin.elapsed());
        for (node, before) in nodes.iter().zip(before) {
            node.until("it is awake", |view| !view.parked).await;
            let after = node.view();
            assert_eq!((after.leader, after.term), (before.leader, before.term), "nobody else was elected");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_group_stays_as_it_is() {
    let mut lab = Lab::new(45);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    let before: Vec<_> = nodes.iter().map(Node::view).collect();
    sleep(Duration::from_secs(600)).await;
    let after: Vec<_> = nodes.iter().map(Node::view).collect();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn f3_a_newcomer_wakes_a_parked_group_and_is_taken_in() {
    let mut lab = Lab::new(46);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    nodes.push(lab.start(4, three()).await);
    let newcomer = nodes[3].until("it takes part", |view| view.member.is_some()).await.member;
    let known = |view: &InstanceView| newcomer.is_some_and(|newcomer| view.learners.contains(&newcomer));
    nodes[0].until("it is known", known).await;
    parked(&nodes).await;
}

#[tokio::test(start_paused = true)]
async fn f12_the_leader_of_a_parked_group_that_is_cut_off_is_replaced_and_follows() {
    let mut lab = Lab::new(47);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    let at = leader_of(&nodes).await;
    let (leader, term) = (nodes[at].view().member, nodes[at].view().term);
    let here = nodes[at].transport.id();
    let others: Vec<_> = nodes.iter().filter(|node| node.transport.id() != here).collect();
    let there: Vec<_> = others.iter().map(|node| node.transport.id()).collect();
    lab.net.partition(&[here], &there);
    for node in &others {
        let replaced = |view: &InstanceView| view.leader.is_some() && view.leader != leader;
        node.until("another one leads", replaced).await;
    }
    lab.net.heal();
    nodes[at].until("it follows", |view| view.term > term && !view.is_leader).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    parked(&nodes).await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_leader_that_stops_hands_over() {
    let mut lab = Lab::new(48);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    let at = leader_of(&nodes).await;
    nodes.remove(at).end().await;
    let begin = tokio::time::Instant::now();
    give(&nodes, 2).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}

/// The leader heard nobody for as long as it was parked, which is no reason to be silent.
#[tokio::test(start_paused = true)]
async fn a_group_that_was_parked_for_long_serves_at_once() {
    let mut lab = Lab::new(61);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let (mut number, begun) = (1, nodes[0].view().term);
    for rested in [1_000, 2_000, 3_000, 4_200, 60_000] {
        parked(&nodes).await;
        sleep(Duration::from_millis(rested)).await;
        let before = nodes[0].view();
        let begin = tokio::time::Instant::now();
        number += 1;
        give(&nodes, number).await;
        assert!(begin.elapsed() < Duration::from_millis(200), "after {rested} ms: {:?}", begin.elapsed());
        let after = nodes[0].view();
        assert_eq!((after.leader, after.term), (before.leader, begun), "after {rested} ms");
    }
}

/// The others ask the leader whether it is there before they help somebody who says that it is not.
#[tokio::test(start_paused = true)]
async fn f7_a_member_that_alone_loses_the_leader_of_a_parked_group_changes_nothing() {
    for seed in 62..66 {
        let mut lab = Lab::new(seed);
        let nodes = lab.many(3, &three()).await;
        give(&nodes, 1).await;
        parked(&nodes).await;
        let at = leader_of(&nodes).await;
        let (term, me) = (nodes[at].view().term, |n: usize| nodes[n % 3].transport.id());
        lab.net.partition(&[me(at)], &[me(at + 1)]);
        for _ in 0..600 {
            sleep(Duration::from_millis(100)).await;
            for node in [&nodes[at], &nodes[(at + 2) % 3]] {
                let view = node.view();
                let leader = view.leader.map(|leader| leader.peer);
                assert_eq!((leader, view.term), (Some(me(at)), term), "seed {seed}");
            }
            assert!(!nodes[(at + 1) % 3].view().is_leader, "seed {seed}");
        }
        let begin = tokio::time::Instant::now();
        give(&nodes, 2).await;
        assert!(begin.elapsed() < Duration::from_millis(200), "{:?}", begin.elapsed());
        lab.net.heal();
        settled(&nodes, &[1, 2, 3], &[1, 2]).await;
        parked(&nodes).await;
    }
}

/// A leader whose Raft ended, on a node that lives: the others find out.
#[tokio::test(start_paused = true)]
async fn a_parked_leader_that_fails_is_replaced_and_parked_no_more() {
    let mut lab = Lab::new(67);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    let failed = nodes.remove(leader_of(&nodes).await);
    failed.instance.fail(&"as the test wants it");
    assert!(!failed.view().parked);
    give(&nodes, 2).await;
    assert_eq!(nodes[0].numbers().await, [1, 2]);
    assert!(!failed.view().parked);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_has_ended_is_not_parked_and_asks_nobody() {
    let mut lab = Lab::new(69);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    let at = leader_of(&nodes).await;
    let [stops, fails] = [(at + 1) % 3, (at + 2) % 3].map(|n| nodes[n].instance.clone());
    let asked = |instance: &Instance| instance.0.parts.pulse.asked();
    assert_eq!([asked(&stops), asked(&fails)], [1, 1], "each asks the leader's node");
    fails.fail(&"as the test wants it");
    sleep(Duration::from_secs(3)).await;
    nodes.remove((at + 1) % 3).end().await;
    for instance in [stops, fails] {
        assert!(!instance.view().borrow().parked);
        assert_eq!(asked(&instance), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn all_commands_that_wake_a_group_wait_for_the_same_round() {
    let mut lab = Lab::new(68);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    parked(&nodes).await;
    sleep(Duration::from_secs(5)).await;
    let leader = &nodes[leader_of(&nodes).await];
    let begin = tokio::time::Instant::now();
    let given = tokio::join!(leader.give(2), leader.give(3), leader.give(4));
    assert_eq!(BTreeSet::from([given.0, given.1, given.2].map(Result::ok)), [2, 3, 4].map(Some).into());
    assert!(begin.elapsed() < Duration::from_millis(200), "{:?}", begin.elapsed());
}
