//! H4: forged entries, entries of others, entries of other networks, at every entrance.

use std::time::Duration;

use mosaik::{
    Network,
    discovery::signed::Signed,
    primitives::{NetworkId, codec},
};
use tokio::time::{interval, timeout};

use super::{
    attacker::{Attacker, Mark, Talk, entry, key, version},
    scene::Scene,
    wire::{Announcement, Overlay},
};

/// A broadcast of a statement.
pub(crate) fn broadcast(nonce: u64, signed: &Signed) -> Overlay {
    let said = Announcement { nonce, signed: signed.clone() };
    Overlay::Broadcast(0, codec::encode(&said).expect("it encodes"))
}

/// What must not be believed of key `of`: tampered with, of another network, too far ahead.
fn bad(of: u64, mark: &Mark) -> Vec<Signed> {
    let honest = entry(&key(of), mark.network, version(1, 0), &[]);
    let mut bytes = codec::encode(&honest).expect("it encodes");
    *bytes.last_mut().expect("bytes") ^= 1;
    let tampered = codec::decode(&bytes).expect("it still decodes");
    let foreign = entry(&key(of), NetworkId::derive("another"), version(1, 0), &[]);
    let absurd = entry(&key(of), mark.network, version((1 << 40) + 1, 0), &[]);
    vec![tampered, foreign, absurd]
}

/// Waits until the node has refused more statements than before.
async fn is_refused(node: &Network, before: u64, within: Duration) -> bool {
    let mut looks = interval(Duration::from_millis(5));
    let refused = async {
        while refusals(node) <= before {
            looks.tick().await;
        }
    };
    timeout(within, refused).await.is_ok()
}

/// Waits until the node has refused what was brought through this entrance.
pub(crate) async fn refused(node: &Network, before: u64, entrance: &str) {
    assert!(
        is_refused(node, before, Duration::from_secs(5)).await,
        "nothing was refused of what came {entrance}"
    );
}

/// Gossips a statement, and waits until it is refused. A node may end the link of a stranger before it has read what came over it: then it
/// is said again. Returns the link.
pub(crate) async fn gossiped(attacker: &Attacker, target: &Network, nonce: u64, signed: &Signed) -> Talk {
    for attempt in 0..10 {
        let before = refusals(target);
        let said = attacker.gossip(vec![broadcast(nonce << 8 | attempt, signed)]).await;
        if is_refused(target, before, Duration::from_secs(1)).await {
            return said.expect("it is read");
        }
    }
    panic!("nothing was refused of what came by gossip");
}

/// Statements that a node did not believe, or set aside.
pub(crate) fn refusals(node: &Network) -> u64 {
    let stats = node.discovery().stats();
    stats.not_believed + stats.outdated
}

/// Brings each bad statement through each entrance: ten refusals, each seen before the next one is brought.
async fn forge(attacker: &Attacker, target: &Network, mark: Mark, nonce: u64) {
    let of = 4000;
    for signed in bad(of, &mark) {
        let mut gossip = gossiped(attacker, target, nonce, &signed).await;
        assert!(gossip.ended().await, "who forges loses the link");
        let before = refusals(target);
        let brought = attacker.bring(vec![(signed.clone(), 0)], &[key(of).peer_id()]).await;
        assert!(brought.is_some(), "the node asked for it");
        refused(target, before, "in a comparison").await;
        let before = refusals(target);
        let opened = attacker.open(signed, None).await;
        assert!(opened.expect("an open network").ended().await, "its own entry must be its own");
        refused(target, before, "as its opening").await;
    }
    // A sound entry of another node is not the speaker's own.
    let (of_another, before) = (entry(&key(of), mark.network, version(1, 0), &[]), refusals(target));
    assert!(attacker.open(of_another, None).await.expect("an open network").ended().await);
    refused(target, before, "as the entry of another").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h4_forged_and_foreign_entries_are_refused_at_every_entrance() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let attacker = Attacker::new(5, mark).await;
    let (with, target) = (attacker.clone(), scene.target.clone());
    scene
        .under_fire(move |n| {
            let (attacker, target) = (with.clone(), target.clone());
            async move { forge(&attacker, &target, mark, n).await }
        })
        .await;
    for node in [&scene.target, &scene.friend] {
        assert!(node.discovery().catalog().get(&key(4000).peer_id()).is_none());
    }
    assert_eq!(scene.friend.discovery().stats().not_believed, 0, "nothing of it was relayed");
    attacker.close().await;
    scene.settles().await;
}
