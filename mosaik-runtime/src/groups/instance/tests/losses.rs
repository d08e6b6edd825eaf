//! Groups in memory that lose what they knew, and founders that come back.

use super::*;
use crate::groups::{birth::Report, settings::Storage};

fn founded() -> GroupSettings {
    GroupSettings { founder: Some(Lab::peer(1)), ..GroupSettings::new(Voters::Founder) }
}

#[tokio::test(start_paused = true)]
async fn lc13_a_founder_in_memory_that_restarts_unseen_does_not_found_a_second_group() {
    let mut lab = Lab::new(41);
    let mut nodes = lab.many(3, &founded()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let first = nodes[1].view().birth.cluster;
    let founder = nodes.remove(0);
    lab.crash(1, founder).await;
    lab.net.partition(&[Lab::peer(1)], &[Lab::peer(2), Lab::peer(3)]);
    let founder = lab.start(1, founded()).await;
    let view = founder.until("its deadline passes", |view| view.timed_out).await;
    sleep(Duration::from_secs(60)).await;
    assert!(!founder.view().is_born(), "{:#?}", founder.view());
    let said = view.birth.missing.to_string();
    assert!(said.contains("nodes that may hold its state have not answered"), "{said}");
    give(&nodes, 2).await;
    lab.net.heal();
    nodes.insert(0, founder);
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    assert!(nodes.iter().all(|node| node.view().birth.cluster == first && node.view().conflict.is_none()));
}

#[tokio::test(start_paused = true)]
async fn f4_a_majority_that_lost_its_disks_stops_the_group_until_an_operator_makes_another_one() {
    let mut lab = Lab::new(46);
    let durable = || GroupSettings { storage: Storage::Durable, ..three() };
    let mut nodes = lab.many(3, &durable()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let first = nodes[0].view().birth.cluster;
    for n in [3, 2] {
        let gone = nodes.remove(usize::from(n) - 1);
        lab.crash(n, gone).await;
        lab.disks[usize::from(n)] = SimDisk::new();
    }
    for n in [2, 3] {
        nodes.push(lab.start(n, durable()).await);
    }
    let lost = Some(Report::StorageLost { lost: 2, of: 3, durable: true });
    let committed = nodes[0].until("it says what is lost", |view| view.report == lost).await.committed;
    // Time alone mends nothing: the empty ones found nothing, and the survivor commits nothing.
    sleep(Duration::from_secs(300)).await;
    let given = timeout(Duration::from_secs(5), nodes[0].give(2)).await;
    assert!(!matches!(given, Ok(Ok(_))), "{given:?}");
    assert_eq!(nodes[0].view().committed, committed, "two of three are gone");
    let waits =
        |view: InstanceView| view.birth.cluster.is_none_or(|id| Some(id) == first) && !view.is_online();
    assert!(nodes.iter().all(|node| waits(node.view())), "nobody begins another group beside it");
    // An operator takes what the survivor has.
    let gone = nodes.remove(0);
    lab.crash(1, gone).await;
    nodes.insert(0, lab.start_forced(1, durable(), &["numbers"]).await);
    give(&nodes, 2).await;
    // Those that waited for a place in the old group are told of the other one, and begin again.
    for n in [2, 3] {
        let waits = nodes.remove(1);
        waits.until("it is told", |view| view.conflict.is_some()).await;
        lab.crash(n, waits).await;
        nodes.push(lab.start(n, durable()).await);
    }
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    assert_ne!(nodes[0].view().birth.cluster, first, "it is another group");
}

#[tokio::test(start_paused = true)]
async fn f4_a_founded_group_in_memory_that_all_lost_is_founded_again() {
    let mut lab = Lab::new(42);
    let nodes = lab.many(3, &founded()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    for (n, node) in (1..).zip(nodes) {
        lab.crash(n, node).await;
    }
    let nodes = lab.many(3, &founded()).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_durable_founder_whose_store_is_gone_has_used_its_right() {
    let mut lab = Lab::new(43);
    let durable = GroupSettings { storage: Storage::Durable, ..founded() };
    let node = lab.start(1, durable.clone()).await;
    node.until("it leads", |view| view.is_leader).await;
    node.give(1).await.expect("it leads");
    lab.crash(1, node).await;
    // The same record of the birth, and a store that holds nothing of the group.
    let node = lab.start_forgetful(1, durable.clone()).await;
    let view = node.until("it says so", |view| view.report == Some(Report::RightSpent)).await;
    assert!(view.report.is_some_and(|report| report.to_string().contains("grant a new right")));
    sleep(Duration::from_secs(60)).await;
    assert!(!node.view().is_born());
}

#[tokio::test(start_paused = true)]
async fn a_durable_group_that_was_founded_on_a_machine_is_not_founded_there_again() {
    let mut lab = Lab::new(44);
    let durable = GroupSettings { storage: Storage::Durable, ..GroupSettings::new(Voters::Founder) };
    let node = lab.start(1, durable.clone()).await;
    node.until("it leads", |view| view.is_leader).await;
    lab.crash(1, node).await;
    // Another node of the machine finds the lock free, and what it says.
    let node = lab.start(2, durable.clone()).await;
    let view = node.until("its deadline passes", |view| view.timed_out).await;
    assert!(!view.is_born(), "{view:#?}");
    let founder = lab.start(1, durable).await;
    founder.until("it leads", |view| view.is_leader).await;
    settled(&[founder, node], &[1, 2], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn f4_a_majority_in_memory_that_restarts_and_then_the_survivor_too_begin_anew() {
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let mut lab = Lab::new(45);
        let mut nodes: Vec<_> = lab.many(3, &three()).await.into_iter().map(Some).collect();
        let born: Vec<_> = nodes.iter().flatten().collect();
        timeout(LONG, async {
            while !born.iter().all(|node| node.view().is_online()) {
                sleep(STEP).await;
            }
        })
        .await
        .expect("online");
        let [first, second, survivor] = order;
        for n in [first, second] {
            let gone = nodes[usize::from(n) - 1].take().expect("it runs");
            lab.crash(n, gone).await;
        }
        for n in [first, second] {
            nodes[usize::from(n) - 1] = Some(lab.start(n, three()).await);
        }
        let left = nodes[usize::from(survivor) - 1].as_ref().expect("it runs");
        let view = left.until("it says that the state is lost", |view| view.storage_lost).await;
        assert_eq!(view.report, Some(Report::StorageLost { lost: 2, of: 3, durable: false }));
        sleep(Duration::from_secs(60)).await;
        let gone = nodes[usize::from(survivor) - 1].take().expect("it runs");
        lab.crash(survivor, gone).await;
        nodes[usize::from(survivor) - 1] = Some(lab.start(survivor, three()).await);
        let nodes: Vec<_> = nodes.into_iter().flatten().collect();
        give(&nodes, 7).await;
        settled(&nodes, &[1, 2, 3], &[7]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_durable_group_that_a_told_node_founded_is_not_founded_again_by_another() {
    let mut lab = Lab::new(46);
    let durable = GroupSettings { storage: Storage::Durable, ..GroupSettings::new(Voters::Founder) };
    let node = lab.start_told(1, durable.clone(), &["numbers"]).await;
    node.until("it leads", |view| view.is_leader).await;
    lab.crash(1, node).await;
    let node = lab.start(2, durable).await;
    let view = node.until("its deadline passes", |view| view.timed_out).await;
    assert!(!view.is_born(), "{view:#?}");
}

/// Whether each of these nodes votes as what it is now, and all know.
fn all_vote(nodes: &[Option<Node>]) -> bool {
    let views: Vec<_> = nodes.iter().flatten().map(Node::view).collect();
    let members: Option<Vec<_>> = views.iter().map(|view| view.member).collect();
    members.is_some_and(|members| {
        views.iter().all(|view| members.iter().all(|member| view.voters.contains(member)))
    })
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_after_most_others_were_replaced_raises_no_alarm() {
    let mut lab = Lab::new(47);
    let five = GroupSettings::new(Voters::Count(5));
    let mut nodes: Vec<_> = lab.many(5, &five).await.into_iter().map(Some).collect();
    let all_vote = async |nodes: &[Option<Node>]| {
        let waiting = async {
            while !all_vote(nodes) {
                sleep(STEP).await;
            }
        };
        timeout(LONG, waiting).await.expect("all vote");
    };
    all_vote(&nodes).await;
    let others: Vec<_> = (1..=4).map(Lab::peer).collect();
    lab.net.partition(&[Lab::peer(5)], &others);
    let away = nodes.pop().expect("five");
    for n in 1..=3 {
        let gone = nodes[usize::from(n) - 1].take().expect("it runs");
        lab.crash(n, gone).await;
        nodes[usize::from(n) - 1] = Some(lab.start(n, five.clone()).await);
        all_vote(&nodes).await;
    }
    lab.net.heal();
    nodes.push(away);
    all_vote(&nodes).await;
    for _ in 0..3000 {
        assert!(
            !nodes.iter().flatten().any(|node| node.view().storage_lost),
            "four of five were always there"
        );
        sleep(STEP).await;
    }
}
