//! Leaving, dying, coming back.

use std::time::Duration;

use super::*;
use crate::discovery::{Change, LeftReason};
use futures::StreamExt;
use tokio::time::Instant;

/// Three nodes that all know each other, meeting by the first.
async fn three(net: &Net) -> [Node; 3] {
    let one = Plan::new(1).on_net(net).await;
    let two = Plan::new(2).seed(&one).on_net(net).await;
    let three = Plan::new(3).seed(&one).on_net(net).await;
    let all = [one, two, three];
    for node in &all {
        node.until(|catalog| catalog.len() == 3).await;
    }
    all
}

async fn why_left(node: &Node, peer: PeerId) -> LeftReason {
    let mut changes = node.discovery.changes();
    let left = async {
        loop {
            match changes.next().await {
                Some(Change::Left { peer: left, reason }) if left == peer => return reason,
                Some(_) => {}
                None => panic!("the node stopped"),
            }
        }
    };
    within(Duration::from_secs(60), left).await
}

#[tokio::test(start_paused = true)]
async fn ld13_a_departure_is_announced_and_heard_before_depart_returns() {
    let net = Net::new(5);
    let [one, two, three] = three(&net).await;
    // Until all are neighbours of all: it is neighbours that confirm.
    pass(5).await;
    let start = Instant::now();
    let mut changes = one.discovery.changes();
    assert_eq!(changes.by_ref().take(3).count().await, 3);
    three.discovery.depart().await;
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    assert!(!one.knows(three.id()) && !two.knows(three.id()), "depart returned before it was heard");
    let left = Change::Left { peer: three.id(), reason: LeftReason::Departed };
    assert_eq!(within(Duration::from_secs(1), changes.next()).await, Some(left));
    two.until_without(three.id()).await;
    // A departed node says nothing more: it does not come back by what it does while it stops.
    three.discovery.tags().insert(tag("late")).expect("room");
    pass(60).await;
    assert!(!one.knows(three.id()) && !two.knows(three.id()));
}

#[tokio::test(start_paused = true)]
async fn ld13_who_leaves_before_it_has_neighbours_is_not_missed() {
    let net = Net::new(5);
    let [one, two, three] = three(&net).await;
    pass(10).await;
    let four = Plan::new(4).seed(&one).on_net(&net).await;
    // It is known by now, and the overlay has not taken it in.
    one.until(|catalog| catalog.len() == 4).await;
    let mut changes = one.discovery.changes();
    assert_eq!(changes.by_ref().take(4).count().await, 4);
    let gone = four.id();
    four.discovery.depart().await;
    four.crash(&net).await;
    let left = Change::Left { peer: gone, reason: LeftReason::Departed };
    assert_eq!(within(Duration::from_secs(1), changes.next()).await, Some(left));
    pass(2).await;
    assert!([one, two, three].iter().all(|node| !node.knows(gone)));
}

#[tokio::test(start_paused = true)]
async fn ld4_a_departed_peer_does_not_come_back_from_a_third_node() {
    let net = Net::new(6);
    let [one, two, three] = three(&net).await;
    // Two is away while three leaves, and still holds its entry when it is back.
    net.partition(&[two.id()], &[one.id(), three.id()]);
    let gone = three.id();
    three.discovery.depart().await;
    three.crash(&net).await;
    one.until_without(gone).await;
    net.heal();
    one.discovery.sync_with(two.id()).await.expect("two answers");
    assert!(!one.knows(gone), "two brought a departed peer back");
    two.until_without(gone).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_noticed_within_half_a_minute() {
    let net = Net::new(7);
    let [one, two, three] = three(&net).await;
    let gone = three.id();
    pass(10).await;
    let start = Instant::now();
    three.crash(&net).await;
    let (reason, ()) = tokio::join!(why_left(&one, gone), two.until_without(gone));
    assert_eq!(reason, LeftReason::Dead);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_only_other_node_is_noticed_as_soon() {
    for seed in 0..20 {
        let net = Net::new(700 + seed);
        let one = Plan::new(1).on_net(&net).await;
        let two = Plan::new(2).seed(&one).on_net(&net).await;
        one.until_knows(two.id()).await;
        let gone = two.id();
        pass(10 + seed).await;
        let start = Instant::now();
        two.crash(&net).await;
        one.until_without(gone).await;
        assert!(start.elapsed() < Duration::from_secs(30), "seed {seed}: {:?}", start.elapsed());
        one.scope.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_node_and_all_its_neighbours_is_noticed_too() {
    let net = Net::new(8);
    let first = Plan::new(1).on_net(&net).await;
    let mut nodes = vec![];
    for n in 2..=12 {
        nodes.push(Plan::new(n).seed(&first).on_net(&net).await);
    }
    nodes.insert(0, first);
    for node in &nodes {
        node.until(|catalog| catalog.len() == 12).await;
    }
    // All but two die at once, so that nobody is left who probed most of them.
    let rest: Vec<_> = nodes.split_off(2);
    rest.iter().for_each(|node| net.crash(node.id()));
    rest.iter().for_each(|node| node.scope.kill());
    let start = Instant::now();
    for node in &nodes {
        within(Duration::from_secs(600), node.discovery.when(|catalog| catalog.len() == 2)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(300), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_node_supersedes_its_former_self() {
    let net = Net::new(9);
    let [one, two, three] = three(&net).await;
    let back = three.id();
    three.crash(&net).await;
    let mut plan = Plan::new(3).seed(&one);
    plan.boot = 33;
    let start = Instant::now();
    let again = plan.on_net(&net).await;
    for node in [&one, &two] {
        node.until(move |catalog| catalog.get(&back).is_some_and(|peer| peer.entry.boot == BootId(33))).await;
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    pass(1).await;
    assert!(again.discovery.stats().neighbours > 0, "the overlay takes it in");
}

#[tokio::test(start_paused = true)]
async fn ld9_clocks_that_are_days_apart_and_go_back_hide_nobody() {
    let net = Net::new(10);
    let one = Plan::new(1).on_net(&net).await;
    let mut plan = Plan::new(2).seed(&one);
    plan.clock = Clock::simulated(Wall(1_000_000_000_000 + 3 * 86_400_000));
    let two = plan.on_net(&net).await;
    let mut events = one.discovery.events();
    one.until_knows(two.id()).await;
    two.until_knows(one.id()).await;
    let told = within(Duration::from_secs(5), events.recv()).await;
    assert!(matches!(told, Ok(crate::discovery::Event::ClocksDisagree { .. })), "{told:?}");
    // The second node restarts with a clock five days before its former self's.
    let again = two.id();
    two.crash(&net).await;
    let mut plan = Plan::new(2).seed(&one);
    (plan.boot, plan.clock) = (22, Clock::simulated(Wall(1_000_000_000_000 - 2 * 86_400_000)));
    let start = Instant::now();
    let _two = plan.on_net(&net).await;
    one.until(move |catalog| catalog.get(&again).is_some_and(|peer| peer.entry.boot == BootId(22))).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_departed_node_can_come_back_in_a_new_life() {
    let net = Net::new(11);
    let [one, two, three] = three(&net).await;
    let back = three.id();
    three.discovery.depart().await;
    three.crash(&net).await;
    one.until_without(back).await;
    two.until_without(back).await;
    let mut plan = Plan::new(3).seed(&one);
    plan.boot = 33;
    let _again = plan.on_net(&net).await;
    one.until_knows(back).await;
    two.until_knows(back).await;
}

#[tokio::test(start_paused = true)]
async fn no_departure_is_imagined_in_a_quiet_hour() {
    let net = Net::new(12);
    let [one, two, three] = three(&net).await;
    let versions = [one.discovery.version(), two.discovery.version(), three.discovery.version()];
    let mut changes = one.discovery.changes().skip(3);
    let quiet = tokio::time::timeout(Duration::from_secs(3600), changes.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    assert_eq!(versions, [one.discovery.version(), two.discovery.version(), three.discovery.version()]);
}
