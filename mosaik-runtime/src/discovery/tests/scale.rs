//! Many nodes at once.

use std::time::Duration;

use super::*;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn thirty_two_nodes_that_know_one_know_all_within_seconds() {
    let net = Net::new(30);
    let mut nodes = vec![Plan::new(1).on_net(&net).await];
    for n in 2..=32 {
        nodes.push(Plan::new(n).seed(&nodes[0]).on_net(&net).await);
    }
    let start = Instant::now();
    for node in &nodes {
        node.until(|catalog| catalog.len() == 32).await;
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // At rest, little is said.
    pass(120).await;
    let before = net.trace_hash().events;
    pass(60).await;
    let frames = net.trace_hash().events - before;
    assert!(frames < 32 * 60 * 8, "{frames} events a minute");
}

#[cfg(feature = "iroh")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_real_nodes_meet_in_a_directory() {
    let folder = Folder::new("eight");
    let mut nodes = Vec::new();
    for n in 1..=8 {
        nodes.push(Plan::new(n).meeting(Rendezvous::Directory(folder.0.clone())).on(Backend::Iroh).await);
    }
    let start = Instant::now();
    for node in &nodes {
        node.until(|catalog| catalog.len() == 8).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_trace() {
    async fn run(seed: u64) -> String {
        let net = Net::new(seed);
        net.adjust_links(|link| link.loss = 0.05);
        let mut nodes = vec![Plan::new(1).on_net(&net).await];
        for n in 2..=8 {
            nodes.push(Plan::new(n).seed(&nodes[0]).on_net(&net).await);
        }
        for node in &nodes {
            node.until(|catalog| catalog.len() == 8).await;
        }
        let ids: Vec<_> = nodes.iter().map(Node::id).collect();
        net.partition(&ids[..4], &ids[4..]);
        pass(60).await;
        net.heal();
        net.crash(ids[7]);
        pass(60).await;
        for node in nodes {
            node.scope.kill();
            node.scope.ended().await;
        }
        format!("{:?}", net.trace_hash())
    }
    assert_eq!(run(31).await, run(31).await);
    assert_ne!(run(31).await, run(32).await);
}
