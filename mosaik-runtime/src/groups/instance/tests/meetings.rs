//! Two groups of one name meet.

use super::*;

#[tokio::test(start_paused = true)]
async fn lc1_two_groups_of_one_name_that_meet_are_told_and_one_is_fenced() {
    let mut lab = Lab::new(31);
    let named = |n| GroupSettings { founder: Some(Lab::peer(n)), ..GroupSettings::new(Voters::Founder) };
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
