//! Cases to design out, each by its label.

use super::*;
use crate::groups::{machine::Digest, timing::Timing};

/// All nodes have applied the same, and have equal states.
async fn equal(nodes: &[Node]) {
    let digests = || nodes.iter().map(|node| node.replica.digest()).collect::<Vec<Option<Digest>>>();
    let same = async {
        while !digests().windows(2).all(|pair| pair[0].is_some() && pair[0] == pair[1]) {
            sleep(STEP).await;
        }
    };
    if timeout(LONG, same).await.is_err() {
        panic!("the states differ: {:?}", digests());
    }
}

/// Nobody hears this node any more, and it hears nobody.
fn cut_off(lab: &Lab, nodes: &[Node], at: usize) {
    let alone = nodes[at].instance.me();
    let others: Vec<_> = nodes.iter().map(|node| node.instance.me()).filter(|peer| *peer != alone).collect();
    lab.net.partition(&[alone], &others);
}

/// The votes are standard: with one link broken and everybody alive, at no time two lead in one term, and it goes on.
#[tokio::test(start_paused = true)]
async fn lc3_one_broken_link_makes_no_two_leaders_in_a_term() {
    for pair in [(0, 1), (0, 2), (1, 2)] {
        let mut lab = Lab::new(61);
        let nodes = lab.many(3, &three()).await;
        give(&nodes, 1).await;
        agreed(&nodes).await;
        let (a, b) = (nodes[pair.0].instance.me(), nodes[pair.1].instance.me());
        lab.net.partition(&[a], &[b]);
        let mut leaders = std::collections::BTreeMap::new();
        for number in 2..12 {
            for _ in 0..50 {
                for node in nodes.iter().filter(|node| node.view().is_leader) {
                    let before = leaders.insert(node.view().term, node.instance.me());
                    assert!(before.is_none_or(|before| before == node.instance.me()), "two lead in one term");
                }
                sleep(STEP).await;
            }
            give(&nodes, number).await;
        }
        lab.net.heal();
        settled(&nodes, &[1, 2, 3], &(1..12).collect::<Vec<_>>()).await;
        equal(&nodes).await;
    }
}

/// Nothing is acknowledged by one of three, whoever leads; nor applied.
#[tokio::test(start_paused = true)]
async fn lc4_a_leader_alone_acknowledges_nothing() {
    let mut lab = Lab::new(62);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let at = agreed(&nodes).await;
    cut_off(&lab, &nodes, at);
    // At once, while it still believes that it leads.
    let given = timeout(Duration::from_secs(30), nodes[at].give(2)).await;
    assert!(!matches!(given, Ok(Ok(_))), "{given:?}");
    assert_eq!(nodes[at].numbers().await, [1]);
}

/// Within two elections a leader alone says that it does not lead, and keeps saying so.
#[tokio::test(start_paused = true)]
async fn f7_a_leader_alone_says_soon_that_it_does_not_lead() {
    let mut lab = Lab::new(69);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let at = agreed(&nodes).await;
    cut_off(&lab, &nodes, at);
    let timing = Timing::default();
    let steps_down = async {
        while nodes[at].view().is_leader {
            sleep(STEP).await;
        }
    };
    // An election begins after two leases at the latest.
    timeout(4 * timing.lease(), steps_down).await.expect("it steps down");
    for _ in 0..500 {
        let view = nodes[at].view();
        assert_eq!((view.leader, view.is_leader), (None, false));
        sleep(STEP).await;
    }
    lab.net.heal();
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    agreed(&nodes).await;
}

/// What a deposed leader had in its log and nobody else had is replaced, not only its last entry; and the states are equal.
#[tokio::test(start_paused = true)]
async fn lc6_a_deposed_leader_drops_all_that_was_not_committed() {
    for seed in 0..4 {
        let mut lab = Lab::new(63 + seed);
        let nodes = lab.many(3, &three()).await;
        give(&nodes, 1).await;
        settled(&nodes, &[1, 2, 3], &[1]).await;
        let at = agreed(&nodes).await;
        cut_off(&lab, &nodes, at);
        let alone = nodes[at].instance.me();
        // Several entries that only it has.
        let lost = (0..5).map(|n| {
            let open = Item::Open { owner: alone, boot: BootId(100 + n) };
            timeout(Duration::from_secs(3), nodes[at].instance.propose(vec![open]))
        });
        let lost = futures::future::join_all(lost).await;
        assert!(lost.iter().all(|lost| !matches!(lost, Ok(Ok(_)))), "{lost:?}");
        let rest: Vec<&Node> = nodes.iter().filter(|node| node.instance.me() != alone).collect();
        let leads = async {
            loop {
                for node in &rest {
                    if let (true, Ok(Ok(_))) = (node.view().is_leader, timeout(LONG, node.give(2)).await) {
                        return;
                    }
                }
                sleep(STEP).await;
            }
        };
        timeout(LONG, leads).await.expect("the others go on");
        lab.net.heal();
        settled(&nodes, &[1, 2, 3], &[1, 2]).await;
        equal(&nodes).await;
        let open = nodes[at].replica.system().sessions;
        assert_eq!(open, nodes[(at + 1) % 3].replica.system().sessions);
    }
}

/// A member that was cut off for long does not come back with a term that deposes a healthy leader.
#[tokio::test(start_paused = true)]
async fn lc11_f6_a_member_that_was_cut_off_does_not_depose_the_leader() {
    let mut lab = Lab::new(67);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    let at = agreed(&nodes).await;
    let term = nodes[at].view().term;
    let away = (at + 1) % 3;
    cut_off(&lab, &nodes, away);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(nodes[away].view().term, term, "it asks before it counts up");
    give(&nodes, 2).await;
    lab.net.heal();
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    assert_eq!((agreed(&nodes).await, nodes[at].view().term), (at, term));
}

/// The first committee is never whoever a node happened to see: no part of those who should vote begins alone, however they meet.
#[tokio::test(start_paused = true)]
async fn lc13_what_a_node_happens_to_see_is_no_committee() {
    let mut lab = Lab::new(68);
    let peers: Vec<_> = (1..=5).map(Lab::peer).collect();
    lab.net.partition(&peers[..2], &peers[2..]);
    lab.net.partition(&peers[2..4], &peers[4..]);
    let nodes = lab.many(5, &three()).await;
    sleep(Duration::from_secs(120)).await;
    assert!(nodes.iter().all(|node| !node.view().is_born()), "two, two and one are not three");
    lab.net.heal();
    give(&nodes, 1).await;
    let one = async {
        loop {
            let clusters: BTreeSet<_> = nodes.iter().map(|node| node.view().birth.cluster).collect();
            if clusters.len() == 1 && !clusters.contains(&None) {
                return;
            }
            sleep(STEP).await;
        }
    };
    timeout(LONG, one).await.expect("one group");
    equal(&nodes).await;
    assert!(nodes.iter().all(|node| node.view().conflict.is_none()));
}
