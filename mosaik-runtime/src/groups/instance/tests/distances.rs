//! Links that are long, or carry one way only.

use super::*;
use crate::transport::sim::LinkSettings;

/// A member that hears and is not heard, or is heard and does not hear, asks before it counts up: nobody is deposed for it.
#[tokio::test(start_paused = true)]
async fn f6_a_link_that_carries_one_way_only_raises_no_term() {
    for deaf in [true, false] {
        let mut lab = Lab::new(91);
        let nodes = lab.many(3, &three()).await;
        give(&nodes, 1).await;
        let at = agreed(&nodes).await;
        let term = nodes[at].view().term;
        let away = (at + 1) % 3;
        let all: Vec<_> = nodes.iter().map(|node| node.instance.me()).collect();
        for other in all.iter().filter(|peer| **peer != all[away]) {
            let (from, to) = if deaf { (*other, all[away]) } else { (all[away], *other) };
            lab.net.cut(from, to);
        }
        sleep(Duration::from_secs(120)).await;
        assert_eq!(nodes[away].view().term, term, "deaf {deaf}: it asks before it counts up");
        give(&nodes, 2).await;
        lab.net.heal();
        settled(&nodes, &[1, 2, 3], &[1, 2]).await;
        assert_eq!((agreed(&nodes).await, nodes[at].view().term), (at, term), "deaf {deaf}");
    }
}

/// Three members, each this far from each other one: born, with commands, and with another leader once theirs is gone.
async fn far_apart(seed: u64, latency: Duration, settings: GroupSettings) {
    let mut lab = Lab::new(seed);
    lab.net.set_links(LinkSettings { latency, jitter: 0.2, ..LinkSettings::default() });
    let mut nodes = lab.many(3, &settings).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let (at, term) = (agreed(&nodes).await, nodes[0].view().term);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(
        (agreed(&nodes).await, nodes[0].view().term),
        (at, term),
        "whoever leads is not deposed for the distance"
    );
    let gone = nodes.remove(at);
    let n = u8::try_from(at + 1).expect("three");
    lab.crash(n, gone).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn f10_members_50_ms_from_each_other_and_back_elect_and_go_on() {
    far_apart(92, Duration::from_millis(25), three()).await;
}
