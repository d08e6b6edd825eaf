//! Leaders crash, members come back, nodes stop in order.

use super::*;
use crate::groups::{birth::Report, settings::Storage};

fn durable() -> GroupSettings {
    GroupSettings { storage: Storage::Durable, ..three() }
}

/// Which of the nodes leads.
pub(super) async fn leader_of(nodes: &[Node]) -> usize {
    let looking = async {
        loop {
            if let Some(at) = nodes.iter().position(|node| node.view().is_leader) {
                return at;
            }
            sleep(STEP).await;
        }
    };
    timeout(LONG, looking).await.expect("somebody leads")
}

#[tokio::test(start_paused = true)]
async fn r3_what_was_acknowledged_survives_the_leader() {
    let mut lab = Lab::new(11);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let at = leader_of(&nodes).await;
    let gone = nodes.remove(at);
    lab.crash(at as u8 + 1, gone).await;
    let begin = tokio::time::Instant::now();
    give(&nodes, 2).await;
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    for node in &nodes {
        node.replica.wait_applied(node.view().committed).await.expect("it lives");
        assert_eq!(node.numbers().await[..1], [1]);
    }
    assert_eq!(nodes[0].view().voters.len(), 3, "the committee does not shrink by itself");
}

#[tokio::test(start_paused = true)]
async fn lc7_f3_a_member_in_memory_comes_back_as_another_one() {
    let mut lab = Lab::new(12);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let before = nodes[2].view().member.expect("it takes part");
    let gone = nodes.remove(2);
    lab.crash(3, gone).await;
    give(&nodes, 2).await;
    nodes.push(lab.start(3, three()).await);
    let after = nodes[2].until("it takes part", |view| view.member.is_some()).await;
    assert_ne!(after.member, Some(before), "its log is gone, and with it who it was");
    let swapped = |view: &InstanceView| view.member.is_some_and(|member| view.voters.contains(&member));
    nodes[2].until("it votes", swapped).await;
    assert!(!nodes[2].view().voters.contains(&before), "nobody votes twice");
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn f3_a_member_that_lost_its_disk_is_told_of_and_begins_as_another_one_without_a_vote() {
    let mut lab = Lab::new(16);
    let mut nodes = lab.many(3, &durable()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let before = nodes[2].view().member.expect("it takes part");
    let gone = nodes.remove(2);
    lab.crash(3, gone).await;
    lab.disks[3] = SimDisk::new();
    give(&nodes, 2).await;
    nodes.push(lab.start(3, durable()).await);
    let after = nodes[2].until("it is taken in", |view| view.member.is_some()).await;
    assert_ne!(after.member, Some(before), "its log is gone, and with it who it was");
    let me = after.member.expect("just seen");
    let (mut seen, mut learned) = (nodes[0].instance.view(), false);
    let first = async {
        loop {
            let view = seen.borrow_and_update().clone();
            learned |= view.learners.contains(&me) && !view.voters.contains(&me);
            if view.voters.contains(&me) {
                return;
            }
            seen.changed().await.expect("it lives");
        }
    };
    timeout(LONG, first).await.expect("it votes in the end");
    assert!(learned, "it votes, and did not learn first");
    let lost = Some(Report::StorageLost { lost: 1, of: 3, durable: true });
    let told = |node: &Node| node.view().report == lost;
    assert!(nodes[..2].iter().all(told), "{:?} {:?}", nodes[0].view().report, nodes[1].view().report);
    assert!(nodes.iter().all(|node| !node.view().storage_lost), "two of three go on");
    let takes_over = |view: &InstanceView| view.voters.contains(&me) && !view.voters.contains(&before);
    nodes[0].until("it votes instead of whom it was", takes_over).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn f1_f2_members_on_disk_go_on_after_a_power_cut_of_all() {
    let mut lab = Lab::new(13);
    let nodes = lab.many(3, &durable()).await;
    for number in 1..=30 {
        give(&nodes, number).await;
    }
    let before: Vec<_> = nodes.iter().map(|node| node.view().member).collect();
    for (n, node) in (1..).zip(nodes) {
        lab.crash(n, node).await;
    }
    let nodes = lab.many(3, &durable()).await;
    give(&nodes, 31).await;
    let all: Vec<u64> = (1..=31).collect();
    settled(&nodes, &[1, 2, 3], &all).await;
    let after: Vec<_> = nodes.iter().map(|node| node.view().member).collect();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn f4_a_group_in_memory_that_all_lost_is_born_again_empty() {
    let mut lab = Lab::new(14);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let before = nodes[0].view().birth.cluster;
    for (n, node) in (1..).zip(nodes) {
        lab.crash(n, node).await;
    }
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[2]).await;
    assert_ne!(nodes[0].view().birth.cluster, before, "it is another group");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_hands_over_and_a_member_in_memory_leaves() {
    let mut lab = Lab::new(15);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let at = leader_of(&nodes).await;
    let leaver = nodes.remove(at);
    let gone = leaver.instance.me();
    let begin = tokio::time::Instant::now();
    let ended = async {
        leaver.end().await;
        begin.elapsed()
    };
    let committed = async {
        give(&nodes, 2).await;
        begin.elapsed()
    };
    let (ended, committed) = futures::join!(ended, committed);
    assert!(ended < Duration::from_secs(5), "{ended:?}");
    assert!(committed < Duration::from_millis(300), "nobody waits for an election: {committed:?}");
    for node in &nodes {
        let left = |view: &InstanceView| {
            view.voters.len() == 2 && view.voters.iter().all(|voter| voter.peer != gone)
        };
        node.until("it has left", left).await;
    }
    give(&nodes, 3).await;
    let remembered = |node: &Node| !node.instance.0.leaving.lock().expect("nobody panics").is_empty();
    let forgotten = async {
        while nodes.iter().any(remembered) {
            sleep(STEP).await;
        }
    };
    timeout(LONG, forgotten).await.expect("who has left is not remembered for ever");
    let placed = async {
        while nodes
            .iter()
            .any(|node| node.replica.system().welcomed.iter().any(|(member, _)| member.peer == gone))
        {
            sleep(STEP).await;
        }
    };
    timeout(LONG, placed).await.expect("nor is its place kept");
}

#[tokio::test(start_paused = true)]
async fn a_member_on_disk_that_stops_keeps_its_vote() {
    let mut lab = Lab::new(16);
    let mut nodes = lab.many(3, &durable()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    nodes.remove(2).end().await;
    give(&nodes, 2).await;
    assert_eq!(nodes[0].view().voters.len(), 3);
    nodes.push(lab.start(3, durable()).await);
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn lc12_a_group_is_opened_once_and_differences_are_named() {
    let mut lab = Lab::new(17);
    let node = lab.start(1, three()).await;
    let (again, _) = open(&node.hub, three()).await.expect("it is shared");
    assert!(std::sync::Arc::ptr_eq(&again.0, &node.instance.0));
    let other = open(&node.hub, GroupSettings::new(Voters::Count(5))).await;
    let Err(error) = other else { panic!("two settings for one group") };
    assert!(error.to_string().contains("`voters` is 5 here and 3 there"), "{error}");
    node.hub.stop();
    assert!(matches!(node.give(1).await, Err(ProposeError::Stopped)));
    assert!(matches!(open(&node.hub, three()).await, Err(OpenError::Stopped(_))));
}
