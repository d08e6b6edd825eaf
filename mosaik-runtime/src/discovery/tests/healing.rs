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
