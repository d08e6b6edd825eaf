//! Groups are born, by every kind of committee.

use super::*;
use crate::groups::settings::Storage;

#[tokio::test(start_paused = true)]
async fn a_group_of_three_is_born_and_commits() {
    let mut lab = Lab::new(1);
    let nodes = lab.many(3, &three()).await;
    assert_eq!(give(&nodes, 7).await, 1);
    assert_eq!(give(&nodes, 8).await, 2);
    settled(&nodes, &[1, 2, 3], &[7, 8]).await;
}

#[tokio::test(start_paused = true)]
async fn a_fourth_node_has_the_state_and_no_vote() {
    let mut lab = Lab::new(2);
    let mut nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    nodes.push(lab.start(4, three()).await);
    settled(&nodes, &[1, 2, 3], &[1]).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    let view = nodes[3].until("it is taken in", |view| !view.learners.is_empty()).await;
    assert_eq!(view.learners.iter().map(|member| member.peer).collect::<Vec<_>>(), [Lab::peer(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_born_as_it_is() {
    let mut lab = Lab::new(3);
    let listed = GroupSettings::new(Voters::List([Lab::peer(2), Lab::peer(4)].into()));
    let nodes = lab.many(4, &listed).await;
    give(&nodes, 1).await;
    settled(&nodes, &[2, 4], &[1]).await;
}

#[tokio::test(start_paused = true)]
async fn one_node_of_a_machine_founds_and_the_others_join() {
    let mut lab = Lab::new(4);
    let nodes = lab.many(3, &GroupSettings::new(Voters::Founder)).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
}

#[tokio::test(start_paused = true)]
async fn the_named_founder_founds_and_nobody_else() {
    let mut lab = Lab::new(5);
    let founder = GroupSettings { founder: Some(Lab::peer(3)), ..GroupSettings::new(Voters::Founder) };
    let mut nodes = lab.many(2, &founder).await;
    sleep(Duration::from_secs(60)).await;
    assert!(nodes.iter().all(|node| !node.view().is_born() && node.view().timed_out));
    nodes.push(lab.start(3, founder).await);
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_founded_group_grows_to_its_committee_and_no_farther() {
    let mut lab = Lab::new(8);
    let five = GroupSettings { committee: Some(5), ..GroupSettings::new(Voters::Founder) };
    let mut nodes = lab.many(3, &five).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    for n in 4..=7 {
        nodes.push(lab.start(n, five.clone()).await);
    }
    let full = |view: &InstanceView| view.voters.len() == 5 && view.learners.len() == 2;
    for node in &nodes {
        node.until("five vote, two do not", full).await;
    }
    sleep(Duration::from_secs(60)).await;
    assert!(nodes.iter().all(|node| full(&node.view())), "it stays so");
    // Two of the five may be lost.
    let voters = nodes[0].view().voters.clone();
    for n in [7, 6, 5, 4, 3, 2, 1_u8]
        .into_iter()
        .filter(|n| voters.iter().any(|voter| voter.peer == Lab::peer(*n)))
        .take(2)
    {
        let place = nodes.iter().position(|node| node.instance.me() == Lab::peer(n)).expect("it runs");
        let gone = nodes.remove(place);
        lab.crash(n, gone).await;
    }
    give(&nodes, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_told_to_founds_alone() {
    let mut lab = Lab::new(6);
    let alone = GroupSettings { storage: Storage::Durable, ..GroupSettings::new(Voters::Count(1)) };
    let node = lab.start_told(1, alone, &["numbers"]).await;
    let nodes = [node];
    assert_eq!(give(&nodes, 5).await, 1);
    settled(&nodes, &[1], &[5]).await;
}

#[tokio::test(start_paused = true)]
async fn two_of_three_wait_and_say_what_is_missing() {
    let mut lab = Lab::new(7);
    let nodes = lab.many(2, &three()).await;
    let view = nodes[0].until("it says so", |view| view.timed_out).await;
    assert_eq!(view.birth.missing.to_string(), "one more node that may vote is missing");
    assert!(matches!(nodes[0].give(1).await, Err(ProposeError::NotLeader { leader: None })));
}
