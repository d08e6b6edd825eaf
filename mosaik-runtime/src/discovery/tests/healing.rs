//! Partitions heal, overlays merge, loss costs time only.

use std::time::Duration;

use super::*;
use tokio::time::Instant;

/// Nodes that know each other and have no seeds: what they lose, they must remember.
async fn nodes(net: &Net, count: u8) -> Vec<Node> {
    let mut nodes = vec![Plan::new(1).on_net(net).await];
    for n in 2..=count {
        let node = Plan::new(n).on_net(net).await;
        node.transport.book().set(nodes[0].id(), nodes[0].addr().addresses);
        while node.discovery.sync_with(nodes[0].id()).await.is_err() {}
        nodes.push(node);
    }
    for node in &nodes {
        node.until(move |catalog| catalog.len() == usize::from(count)).await;
    }
    nodes
}

fn ids(nodes: &[Node]) -> Vec<PeerId> {
    nodes.iter().map(Node::id).collect()
}

#[tokio::test(start_paused = true)]
async fn two_halves_forget_each_other_and_merge_within_a_minute_after_the_heal() {
    let net = Net::new(20);
    let nodes = nodes(&net, 10).await;
    let (left, right) = nodes.split_at(5);
    net.partition(&ids(left), &ids(right));
    for node in &nodes {
        within(Duration::from_secs(300), node.discovery.when(|catalog| catalog.len() == 5)).await;
    }
    net.heal();
    let start = Instant::now();
    for node in &nodes {
        within(Duration::from_secs(180), node.discovery.when(|catalog| catalog.len() == 10)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    // And it stays so: no suspicion of the past kills anyone.
    pass(120).await;
    assert!(nodes.iter().all(|node| node.catalog().len() == 10));
}

#[tokio::test(start_paused = true)]
async fn overlays_that_never_met_merge_once_one_node_knows_both() {
    let net = Net::new(21);
    let left = nodes(&net, 4).await;
    let mut right = vec![Plan::new(11).on_net(&net).await];
    for n in 12..=14 {
        right.push(Plan::new(n).seed(&right[0]).on_net(&net).await);
    }
    for node in &right {
        node.until(|catalog| catalog.len() == 4).await;
    }
    left[3].discovery.add_peer(right[3].addr()).await;
    let start = Instant::now();
    for node in left.iter().chain(&right) {
        node.until(|catalog| catalog.len() == 8).await;
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_change_reaches_everyone_with_a_tenth_of_the_frames_lost() {
    let net = Net::new(22);
    net.adjust_links(|link| link.loss = 0.1);
    let nodes = nodes(&net, 5).await;
    let changed = nodes[4].id();
    nodes[4].discovery.tags().insert(tag("news")).expect("room");
    let start = Instant::now();
    for node in &nodes {
        node.until(move |catalog| catalog.get(&changed).is_some_and(|peer| peer.entry.tags.contains("news")))
            .await;
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cut_between_two_nodes_kills_neither_while_others_reach_both() {
    let net = Net::new(23);
    let nodes = nodes(&net, 5).await;
    let (one, two) = (nodes[1].id(), nodes[2].id());
    net.partition(&[one], &[two]);
    pass(300).await;
    assert!(
        nodes.iter().all(|node| node.catalog().len() == 5),
        "{:?}",
        nodes.iter().map(|node| node.catalog().len()).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn two_nodes_that_hold_each_other_dead_meet_again_within_a_minute() {
    let net = Net::new(24);
    let nodes = nodes(&net, 2).await;
    let (one, two) = (nodes[0].id(), nodes[1].id());
    net.partition(&[one], &[two]);
    nodes[0].until_without(two).await;
    nodes[1].until_without(one).await;
    pass(600).await;
    net.heal();
    let start = Instant::now();
    nodes[0].until_knows(two).await;
    nodes[1].until_knows(one).await;
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// One network under everything at once: loss, cuts, crashes, restarts, departures. Then all heals, and all who live agree.
async fn trouble(seed: u64) {
    let net = Net::new(seed);
    let mut dice = NodeRng::from_seed(seed);
    let count = 4 + dice.below(9) as u8;
    let loss = dice.unit() * 0.15;
    net.adjust_links(|link| link.loss = loss);
    let first = Plan::new(1).on_net(&net).await;
    let hub = first.addr();
    let mut nodes = vec![first];
    for n in 2..=count {
        nodes.push(Plan::new(n).seed(&nodes[0]).on_net(&net).await);
    }
    for step in 0..8u8 {
        let all = ids(&nodes);
        let cut = dice.below(all.len());
        match dice.below(5) {
            0 => net.partition(&all[..cut], &all[cut..]),
            1 => net.heal(),
            2 if nodes.len() > 3 => nodes.swap_remove(1 + dice.below(nodes.len() - 1)).crash(&net).await,
            3 if nodes.len() > 3 => {
                let node = nodes.swap_remove(1 + dice.below(nodes.len() - 1));
                node.discovery.depart().await;
                node.crash(&net).await;
            }
            _ => {
                let mut plan = Plan::new(100 + step);
                plan.seeds.push(hub.clone());
                nodes.push(plan.on_net(&net).await);
            }
        }
        let name = format!("step-{step}");
        nodes[dice.below(nodes.len())].discovery.tags().insert(tag(&name)).expect("room");
        pass(dice.below(40) as u64).await;
    }
    net.heal();
    let expected = ids(&nodes);
    let start = Instant::now();
    for node in &nodes {
        let expected: std::collections::BTreeSet<_> = expected.iter().copied().collect();
        let agrees = node
            .discovery
            .when(move |catalog| catalog.peers().map(|peer| peer.id).eq(expected.iter().copied()));
        let agreed = tokio::time::timeout(Duration::from_secs(180), agrees).await;
        assert!(
            agreed.is_ok(),
            "seed {seed}: {} holds {} of {}",
            node.id().short(),
            node.catalog().len(),
            nodes.len()
        );
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(120), "seed {seed}: {took:?}");
    let entries = |node: &Node| node.catalog().peers().map(|peer| peer.signed.clone()).collect::<Vec<_>>();
    pass(60).await;
    assert!(nodes.iter().all(|node| entries(node) == entries(&nodes[0])), "seed {seed}: entries differ");
    for node in &nodes {
        assert_eq!(node.scope.panics(), 0, "seed {seed}");
        node.scope.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn after_any_trouble_all_who_live_agree() {
    let seeds = if std::env::var_os("MOSAIK_LONG").is_some() { 300 } else { 10 };
    for seed in 0..seeds {
        trouble(1000 + seed).await;
    }
}
