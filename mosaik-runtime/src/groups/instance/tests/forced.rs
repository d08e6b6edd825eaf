//! A majority is gone for good, and an operator says so.

use super::*;
use crate::groups::settings::Storage;

fn durable() -> GroupSettings {
    GroupSettings { storage: Storage::Durable, ..three() }
}

#[tokio::test(start_paused = true)]
async fn a_new_group_is_forced_out_of_one_survivor_and_the_old_one_gives_way() {
    let mut lab = Lab::new(41);
    let mut nodes = lab.many(3, &durable()).await;
    for number in 1..=30 {
        give(&nodes, number).await;
    }
    let all: Vec<u64> = (1..=30).collect();
    settled(&nodes, &[1, 2, 3], &all).await;
    let before = nodes[2].view();
    for n in 1..=3 {
        let node = nodes.remove(0);
        lab.crash(n, node).await;
    }
    // Alone it is no majority. Forced, it goes on with all that it has.
    let alone = lab.start_forced(3, durable(), &["numbers"]).await;
    alone.until("it leads alone", |view| view.is_leader && view.voters.len() == 1).await;
    assert_ne!(alone.view().member, before.member, "the old members do not know it");
    assert_ne!(alone.instance.running().map(|running| running.cluster), before.birth.cluster);
    nodes.push(alone);
    assert_eq!(give(&nodes, 31).await, 31);
    nodes.push(lab.start(4, durable()).await);
    nodes.push(lab.start(5, durable()).await);
    let all: Vec<u64> = (1..=31).collect();
    settled(&nodes, &[3, 4, 5], &all).await;

    // The others come back after all, and are a majority of the old group: it gives way, though its log may be the longer one.
    let old = [lab.start(1, durable()).await, lab.start(2, durable()).await];
    for node in &old {
        node.until("it is told", |view| view.conflict.is_some()).await;
        node.until("it is fenced", |view| view.fenced).await;
    }
    give(&nodes, 32).await;
    assert!(nodes.iter().all(|node| !node.view().fenced));

    // The option is still there at the next start: nothing happens twice.
    let member = nodes[0].view().member;
    let node = nodes.remove(0);
    lab.crash(3, node).await;
    let again = lab.start_forced(3, durable(), &["numbers"]).await;
    again.until("it is back", |view| view.is_online()).await;
    assert_eq!((again.view().member, again.view().voters.len()), (member, 3));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_forced_out_of_nothing() {
    let mut lab = Lab::new(42);
    let node = lab.start_forced(1, three(), &["others"]).await;
    for (settings, why) in [(three(), "lives in memory"), (durable(), "has nothing of it")] {
        let opening = Opening {
            intent: "others".into(),
            id: GroupId::derive("others"),
            settings,
            initial: Numbers::default().into(),
            machine: MachineSettings::default(),
        };
        let refused = node.hub.open(opening).await.map(|_| ()).expect_err("nothing is there");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}
