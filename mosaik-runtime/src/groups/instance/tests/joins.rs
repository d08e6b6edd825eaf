//! A node comes to a group that exists: what it shows until it has its place and the state.

use super::*;
use crate::{
    groups::{
        birth::{ClusterId, Phase},
        machine::{COMMAND, Fence},
        status::JoinRefused,
        wire::Why,
    },
    transport::sim::LinkSettings,
};

fn why(view: &InstanceView) -> Option<JoinRefused> {
    view.joining.as_ref().and_then(|joining| joining.refused.clone())
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_taken_in_says_why_until_it_is() {
    let mut lab = Lab::new(61);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    // Nobody is left who could commit a place.
    let others: Vec<_> = (1..=3).map(Lab::peer).collect();
    for peer in &others {
        let rest: Vec<_> = others.iter().copied().filter(|other| other != peer).collect();
        lab.net.partition(&[*peer], &rest);
    }
    let late = lab.start(4, three()).await;
    let view = late.until("it is refused", |view| why(view).is_some()).await;
    assert_eq!(view.birth.phase, Phase::Joining);
    assert!(why(&view).is_some_and(|why| !why.is_final()), "{:?}", view.joining);
    late.until("it asks again", |view| view.joining.as_ref().is_some_and(|joining| joining.attempts > 2))
        .await;
    lab.net.heal();
    late.until("it has a place", |view| view.member.is_some() && view.joining.is_none()).await;
    nodes.push(late);
    settled(&nodes, &[1, 2, 3], &[1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_takes_nobody_in_any_more_says_so() {
    let mut lab = Lab::new(62);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let leader = nodes.iter().find(|node| node.view().is_leader).expect("it took the number");
    let fence = Item::Fence(Fence { rival: ClusterId::from_bytes([9; 32]), rival_committed: 7 });
    leader.instance.propose(vec![fence]).await.expect("it is committed");
    let late = lab.start(4, three()).await;
    let fenced = JoinRefused::Refused(Why::Fenced);
    let view = late.until("it is refused for good", |view| why(view).as_ref() == Some(&fenced)).await;
    assert!(fenced.is_final() && view.member.is_none() && !view.is_online());
    assert!(fenced.to_string().contains("remove the other's data"), "{fenced}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_on_its_way_is_shown_until_it_is_here() {
    let mut lab = Lab::new(63);
    let settings = GroupSettings { kept: 1, ..three() };
    let mut nodes = lab.many(3, &settings).await;
    give(&nodes, u64::MAX).await;
    let leader = nodes.iter().find(|node| node.view().is_leader).expect("it took the number");
    let open = Item::Open { owner: leader.instance.me(), boot: leader.instance.boot() };
    let opened = leader.instance.propose(vec![open]).await.expect("it leads");
    let [Outcome::Opened(session)] = opened[..] else { panic!("{opened:?}") };
    let body: bytes::Bytes = codec::encode(&u64::MAX).expect("encodes").into();
    for batch in 0..70_u64 {
        let acked_below = batch * 1000;
        let one =
            |serial| Item::Command { session, serial, acked_below, method: COMMAND, body: body.clone() };
        leader
            .instance
            .propose((acked_below..acked_below + 1000).map(one).collect())
            .await
            .expect("it leads");
    }
    let slow = LinkSettings { latency: Duration::from_millis(100), ..LinkSettings::default() };
    for n in 1..=3 {
        lab.net.set_link(Lab::peer(n), Lab::peer(4), slow);
        lab.net.set_link(Lab::peer(4), Lab::peer(n), slow);
    }
    nodes.push(lab.start(4, settings).await);
    let late = &nodes[3];
    let view = late.until("it is under way", |view| view.catch_up.is_some()).await;
    let catch_up = view.catch_up.expect("it is under way");
    assert!(catch_up.of > 500_000 && catch_up.here < catch_up.of, "{catch_up:?}");
    assert_eq!((view.applied, catch_up.failed), (0, None));
    late.until("all of it is here", |view| view.catch_up.is_none() && view.applied > 70).await;
    let numbers = nodes[0].numbers().await;
    assert_eq!(numbers.len(), 70_001);
    settled(&nodes, &[1, 2, 3], &numbers).await;
}
