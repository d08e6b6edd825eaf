//! Two groups of one name meet.

use super::*;
use crate::groups::settings::Storage;

fn named(n: u8) -> GroupSettings {
    GroupSettings { founder: Some(Lab::peer(n)), ..GroupSettings::new(Voters::Founder) }
}

fn durable(settings: GroupSettings) -> GroupSettings {
    GroupSettings { storage: Storage::Durable, ..settings }
}

async fn is_fenced(node: &Node) {
    node.until("it is fenced", |view| view.fenced).await;
    assert_eq!(node.give(99).await, Err(ProposeError::Fenced));
}

impl Lab {
    /// Node `n` starts with an empty data directory.
    async fn start_empty(&mut self, n: u8, settings: GroupSettings) -> Node {
        self.disks[usize::from(n)] = SimDisk::new();
        self.start(n, settings).await
    }
}

#[tokio::test(start_paused = true)]
async fn lc1_two_groups_of_one_name_that_meet_are_told_and_one_is_fenced() {
    let mut lab = Lab::new(31);
    let (one, two) = (Lab::peer(1), Lab::peer(2));
    lab.net.partition(&[one], &[two]);
    // Two operators named two founders.
    let mut nodes = vec![lab.start(1, named(1)).await, lab.start(2, named(2)).await];
    nodes[0].until("it leads", |view| view.is_leader).await;
    nodes[1].until("it leads", |view| view.is_leader).await;
    for number in 1..=5 {
        nodes[0].give(number).await.expect("it leads");
    }
    nodes[1].give(9).await.expect("it leads");
    lab.net.heal();
    for node in &nodes {
        node.until("it is told", |view| view.conflict.is_some()).await;
    }
    nodes[1].until("the shorter one is fenced", |view| view.fenced).await;
    assert_eq!(nodes[1].give(10).await, Err(ProposeError::Fenced));
    assert_eq!(nodes[0].give(6).await, Ok(6), "the longer one goes on");
    assert_eq!(nodes[1].numbers().await, [9], "data stays where it is");
    assert!(!nodes[0].view().fenced);
    let gone = nodes.pop().expect("two");
    lab.crash(2, gone).await;
    nodes[0].until("a group that is gone is no rival", |view| view.conflict.is_none()).await;
}

/// The steps that `docs/recovery.md` describes.
#[tokio::test(start_paused = true)]
async fn lc1_the_group_that_fenced_itself_is_the_one_to_keep_and_an_operator_forces_it() {
    let mut lab = Lab::new(32);
    let of = |n| durable(named(n));
    lab.net.partition(&[Lab::peer(1)], &[Lab::peer(2)]);
    let (one, two) = (lab.start(1, of(1)).await, lab.start(2, of(2)).await);
    one.until("it leads", |view| view.is_leader).await;
    two.until("it leads", |view| view.is_leader).await;
    for number in 1..=5 {
        one.give(number).await.expect("it leads");
    }
    two.give(100).await.expect("it leads");
    lab.net.heal();
    is_fenced(&two).await;
    lab.crash(1, one).await;
    lab.crash(2, two).await;
    // A restart alone lifts nothing.
    let two = lab.start(2, of(2)).await;
    is_fenced(&two).await;
    lab.crash(2, two).await;
    let two = lab.start_forced(2, of(2), &["numbers"]).await;
    two.until("it leads", |view| view.is_leader).await;
    for number in 101..=130 {
        assert_eq!(give(std::slice::from_ref(&two), number).await, number - 99);
        assert!(!two.view().fenced);
    }
    // Nor does a restart bring it back, from a snapshot or from the log.
    lab.crash(2, two).await;
    let two = lab.start(2, of(2)).await;
    two.until("it leads", |view| view.is_leader && !view.fenced).await;
    assert_eq!(give(std::slice::from_ref(&two), 131).await, 32);
    // The other one comes back with its data: it is the lower one now.
    let one = lab.start(1, of(1)).await;
    is_fenced(&one).await;
    assert_eq!(give(std::slice::from_ref(&two), 132).await, 33);
    assert!(!two.view().fenced);
    lab.crash(1, one).await;
    let nodes = [two, lab.start_empty(1, of(2)).await, lab.start(3, of(2)).await];
    let all: Vec<u64> = (100..=133).collect();
    assert_eq!(give(&nodes, 133).await, 34);
    settled(&nodes, &[1, 2, 3], &all).await;
}

/// One node with old data was forced by mistake: the healthy majority is fenced, and is the one to keep.
#[tokio::test(start_paused = true)]
async fn lc1_a_majority_that_a_mistaken_force_fenced_comes_back() {
    let mut lab = Lab::new(33);
    let settings = durable(three());
    let mut nodes = lab.many(3, &settings).await;
    for number in 1..=15 {
        give(&nodes, number).await;
    }
    settled(&nodes, &[1, 2, 3], &(1..=15).collect::<Vec<_>>()).await;
    let old = nodes.pop().expect("three");
    lab.crash(3, old).await;
    for number in 16..=30 {
        give(&nodes, number).await;
    }
    settled(&nodes, &[1, 2, 3], &(1..=30).collect::<Vec<_>>()).await;
    let mistaken = lab.start_forced(3, settings.clone(), &["numbers"]).await;
    for node in &nodes {
        node.until("it is fenced", |view| view.fenced).await;
    }
    // It goes on, and gets farther than they ever were.
    for number in 1..=50 {
        give(std::slice::from_ref(&mistaken), number).await;
    }
    lab.crash(3, mistaken).await;
    lab.crash(2, nodes.pop().expect("two")).await;
    lab.crash(1, nodes.pop().expect("one")).await;
    let kept = lab.start_forced(1, settings.clone(), &["numbers"]).await;
    kept.until("it leads", |view| view.is_leader && !view.fenced).await;
    assert_eq!(give(std::slice::from_ref(&kept), 31).await, 31);
    // The mistaken one meets it, and so do the old members' data: neither fences it.
    let mistaken = lab.start(3, settings.clone()).await;
    is_fenced(&mistaken).await;
    let old = lab.start(2, settings.clone()).await;
    old.until("it is told", |view| view.conflict.is_some()).await;
    assert_eq!(give(std::slice::from_ref(&kept), 32).await, 32);
    assert!(!kept.view().fenced);
    lab.crash(2, old).await;
    lab.crash(3, mistaken).await;
    let nodes =
        [kept, lab.start_empty(2, settings.clone()).await, lab.start_empty(3, settings.clone()).await];
    assert_eq!(give(&nodes, 33).await, 33);
    settled(&nodes, &[1, 2, 3], &(1..=33).collect::<Vec<_>>()).await;
}

/// A group that was forced and fenced itself later can be forced again, and not by an option that was left where it was.
#[tokio::test(start_paused = true)]
async fn lc1_a_forced_group_that_is_fenced_is_forced_again_after_a_start_without_the_option() {
    let mut lab = Lab::new(34);
    let of = |n| durable(named(n));
    lab.net.partition(&[Lab::peer(1)], &[Lab::peer(2)]);
    let founded = [lab.start(1, of(1)).await, lab.start(2, of(2)).await];
    for (n, node) in (1..).zip(&founded) {
        node.until("it leads", |view| view.is_leader).await;
        node.give(100 * n).await.expect("it leads");
    }
    for (n, node) in (1..).zip(founded) {
        lab.crash(n, node).await;
    }
    // Both are forced, and the second has the longer log.
    let forced = ["numbers"];
    let (one, two) = (lab.start_forced(1, of(1), &forced).await, lab.start_forced(2, of(2), &forced).await);
    give(std::slice::from_ref(&one), 101).await;
    for number in 201..=205 {
        give(std::slice::from_ref(&two), number).await;
    }
    lab.net.heal();
    is_fenced(&one).await;
    lab.crash(1, one).await;
    let one = lab.start_forced(1, of(1), &forced).await;
    is_fenced(&one).await;
    lab.crash(1, one).await;
    let one = lab.start(1, of(1)).await;
    is_fenced(&one).await;
    lab.crash(1, one).await;
    let one = lab.start_forced(1, of(1), &forced).await;
    is_fenced(&two).await;
    assert_eq!(give(std::slice::from_ref(&one), 102).await, 3);
    assert!(!one.view().fenced);
}
