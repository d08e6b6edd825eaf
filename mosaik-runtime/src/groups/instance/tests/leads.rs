//! Who leads, as far as a node may choose.

use super::*;
use crate::groups::settings::Leads;

fn leading(leads: Leads) -> GroupSettings {
    GroupSettings { leads, ..three() }
}

/// The number of the node that leads, once all agree.
async fn leader(nodes: &[Node]) -> usize {
    let agreed = async {
        loop {
            let leaders: BTreeSet<_> = nodes.iter().map(|node| node.view().leader).collect();
            if leaders.len() == 1
                && let Some(place) = nodes.iter().position(|node| node.view().is_leader)
            {
                return place;
            }
            sleep(STEP).await;
        }
    };
    timeout(LONG, agreed).await.expect("somebody leads")
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_leads_is_not_elected() {
    let mut lab = Lab::new(51);
    let mut nodes = vec![lab.start(1, leading(Leads::Never)).await];
    nodes.push(lab.start(2, three()).await);
    nodes.push(lab.start(3, three()).await);
    let first = leader(&nodes).await;
    assert_ne!(first, 0);
    give(&nodes, 1).await;
    let gone = nodes.remove(first);
    lab.crash(first as u8 + 1, gone).await;
    let next = async {
        while !nodes[1].view().is_leader {
            assert!(!nodes[0].view().is_leader);
            sleep(STEP).await;
        }
    };
    timeout(LONG, next).await.expect("the other one leads");
    give(&nodes, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_reluctant_leader_hands_over_and_is_not_asked_again() {
    let mut lab = Lab::new(52);
    let mut nodes = lab.many(2, &three()).await;
    nodes.push(lab.start(3, leading(Leads::Reluctant)).await);
    let first = leader(&nodes).await;
    give(&nodes, 1).await;
    if first != 2 {
        let running = nodes[first].instance.running().expect("it runs");
        let reluctant = nodes[2].view().member.expect("a member");
        running.raft.trigger().transfer_leader(reluctant).await.expect("it hands over");
        nodes[2].until("it leads", |view| view.is_leader).await;
    }
    nodes[2].until("it has handed over", |view| !view.is_leader && view.leader.is_some()).await;
    give(&nodes, 2).await;
    for _ in 0..200 {
        assert!(!nodes[2].view().is_leader, "while others lead it does not");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_or_rests_makes_nobody_lead_who_never_leads() {
    let mut lab = Lab::new(53);
    let mut nodes = vec![lab.start(1, leading(Leads::Never)).await];
    nodes.push(lab.start(2, leading(Leads::Reluctant)).await);
    nodes.push(lab.start(3, leading(Leads::Reluctant)).await);
    let first = leader(&nodes).await;
    assert_ne!(first, 0);
    give(&nodes, 1).await;
    let term = nodes[first].view().term;
    for _ in 0..200 {
        assert!(nodes[first].view().is_leader, "two that would rather not do not take turns");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(nodes[first].view().term, term);
    let gone = nodes.remove(first);
    let stops = gone.end();
    let next = async {
        while !nodes[1].view().is_leader {
            assert!(!nodes[0].view().is_leader);
            sleep(STEP).await;
        }
    };
    let (next, ()) = tokio::join!(timeout(LONG, next), stops);
    next.expect("the other one leads");
    give(&nodes, 2).await;
}
