//! The committee changes: spares take the places of those who are gone.

use super::*;
use crate::groups::settings::Storage;

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

/// A voter that was replaced while it was away, and is back: it is another member, and votes once at most.
async fn back_after_its_place_was_given_away(settings: GroupSettings, restarts: bool) {
    let mut lab = Lab::new(23);
    let mut nodes = lab.many(3, &settings).await;
    give(&nodes, 1).await;
    nodes.push(lab.start(4, settings.clone()).await);
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let before = nodes[0].view().member.expect("it takes part");
    let away = nodes.remove(0);
    let others: Vec<_> = (2..=4).map(Lab::peer).collect();
    let back = if restarts {
        lab.crash(1, away).await;
        None
    } else {
        lab.net.partition(&[Lab::peer(1)], &others);
        Some(away)
    };
    give(&nodes, 2).await;
    settled(&nodes, &[2, 3, 4], &[1, 2]).await;
    let back = match back {
        Some(back) => {
            lab.net.heal();
            back
        }
        None => lab.start(1, settings.clone()).await,
    };
    let other = |view: &InstanceView| {
        view.member.is_some_and(|member| member != before && view.learners.contains(&member))
    };
    let view = back.until("it is taken in as another one", other).await;
    assert_eq!(view.failed, None);
    give(&nodes, 3).await;
    nodes.insert(0, back);
    settled(&nodes, &[2, 3, 4], &[1, 2, 3]).await;
    let known = nodes
        .iter()
        .any(|node| node.view().voters.contains(&before) || node.view().learners.contains(&before));
    assert!(!known, "nobody knows who it was");
    // It takes a place again when one is free, and goes on through a power cut as who it is now.
    let gone = nodes.remove(1);
    lab.crash(2, gone).await;
    give(&nodes, 4).await;
    settled(&nodes, &[1, 3, 4], &[1, 2, 3, 4]).await;
    if settings.storage == Storage::Durable {
        let now = nodes[0].view().member;
        let node = nodes.remove(0);
        lab.crash(1, node).await;
        nodes.insert(0, lab.start(1, settings).await);
        settled(&nodes, &[1, 3, 4], &[1, 2, 3, 4]).await;
        assert_eq!(nodes[0].view().member, now);
    }
}

#[tokio::test(start_paused = true)]
async fn f20_a_voter_on_disk_that_was_replaced_comes_back_as_another_one() {
    back_after_its_place_was_given_away(GroupSettings { storage: Storage::Durable, ..quick() }, true).await;
}

#[tokio::test(start_paused = true)]
async fn f20_a_voter_that_was_replaced_while_it_was_cut_off_begins_again_without_a_restart() {
    back_after_its_place_was_given_away(quick(), false).await;
    back_after_its_place_was_given_away(GroupSettings { storage: Storage::Durable, ..quick() }, false).await;
}
