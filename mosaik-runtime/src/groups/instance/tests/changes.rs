//! The committee changes: spares take the places of those who are gone.

use super::*;

fn quick() -> GroupSettings {
    GroupSettings { evict_after: Duration::from_secs(5), ..three() }
}

#[tokio::test(start_paused = true)]
async fn f20_a_voter_that_is_gone_is_replaced_when_there_is_a_spare() {
    let mut lab = Lab::new(21);
    let mut nodes = lab.many(3, &quick()).await;
    give(&nodes, 1).await;
    nodes.push(lab.start(4, quick()).await);
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let gone = nodes.remove(0);
    lab.crash(1, gone).await;
    give(&nodes, 2).await;
    settled(&nodes, &[2, 3, 4], &[1, 2]).await;
    // Two of the three that vote now are a majority: the one that is gone counts no more.
    let gone = nodes.remove(0);
    lab.crash(2, gone).await;
    give(&nodes, 3).await;
    settled(&nodes, &[2, 3, 4], &[1, 2, 3]).await;
}

#[tokio::test(start_paused = true)]
async fn lc2_without_a_majority_nothing_is_committed_and_nobody_is_evicted() {
    let mut lab = Lab::new(22);
    let mut nodes = lab.many(3, &quick()).await;
    give(&nodes, 1).await;
    nodes.push(lab.start(4, quick()).await);
    nodes.push(lab.start(5, quick()).await);
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let id = |n| Lab::peer(n);
    lab.net.partition(&[id(1), id(4), id(5)], &[id(2), id(3)]);
    sleep(Duration::from_secs(60)).await;
    assert!(timeout(Duration::from_secs(5), nodes[0].give(66)).await.is_ok_and(|given| given.is_err()));
    assert_eq!(nodes[0].view().voters.iter().filter(|voter| voter.peer == id(2)).count(), 1);
    lab.net.heal();
    give(&nodes, 2).await;
    for node in &nodes {
        node.until("it catches up", |view| view.is_online()).await;
    }
    let all = async {
        while !nodes.iter().all(|node| node.view().applied == nodes[1].view().committed) {
            sleep(STEP).await;
        }
    };
    timeout(LONG, all).await.expect("all have all of it");
    for node in &nodes {
        assert_eq!(node.numbers().await, [1, 2]);
    }
}
