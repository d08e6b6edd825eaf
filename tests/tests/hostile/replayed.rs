//! H5, H6: what was said once and is said again, from far ahead or long ago, and the dead.

use std::{sync::Arc, time::Duration};

use mosaik::{
    Network,
    discovery::{Event, signed::Signed},
    primitives::{PeerId, SecretKey},
};
use tokio::time::{interval, timeout};

use super::{
    attacker::{Attacker, Mark, entry, key, version},
    forged::broadcast,
    scene::Scene,
    wire::Catalog,
};

const SOON: Duration = Duration::from_secs(20);

/// Waits until a node knows a peer, or does not; says what it holds when that takes too long.
async fn knows(what: &str, node: &Network, peer: PeerId, is: bool) {
    let met = node.discovery().when(move |catalog| catalog.get(&peer).is_some() == is);
    if timeout(SOON, met).await.is_err() {
        let held = node.discovery().catalog().get(&peer).map(|held| held.entry.version);
        let (stats, usage) = (node.discovery().stats(), node.transport().usage());
        panic!("{what}: within {SOON:?} it is not so; held {held:?}, {stats:?}, {usage:?}");
    }
}

/// Longer than an attack takes.
const WHILE_IT_LASTS: Duration = Duration::from_secs(120);

async fn start(scene: &Scene, key: &SecretKey) -> Network {
    let builder = Network::builder("under-fire").runtime_dir(scene.meet.path());
    builder.secret_key(key.clone()).build().await.expect("it starts")
}

/// Says each statement as gossip and in a comparison, as often as it is asked.
async fn replay(attacker: &Attacker, statements: &[Signed], about: PeerId, nonce: u64) {
    for signed in statements {
        drop(attacker.gossip(&[broadcast(nonce, signed)]).await);
        for age in [0, 60, u32::MAX] {
            drop(attacker.bring(vec![(signed.clone(), age)], &[about]).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h5_replayed_and_far_dated_statements_change_nothing() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let life = key(6);
    let lives = start(&scene, &life).await;
    knows("it is there", &scene.target, life.peer_id(), true).await;
    let attacker = Attacker::new(7, mark).await;
    let mut events = scene.target.discovery().events();
    let of = |incarnation, counter| version(incarnation, counter);
    let network = mark.network;
    // Of an earlier life: true once, and over.
    let old = [
        entry(&life, network, of(0, 0), &[]),
        Signed::departure(&life, network, of(0, 1 << 47)),
        // From far ahead: signed, and no node gets there.
        entry(&life, network, of((1 << 40) + 1, 0), &[]),
        entry(&life, network, of(1, (1 << 48) + 1), &[]),
        Signed::departure(&life, network, of(u64::MAX, u64::MAX)),
        // A suspicion of a version that the suspect can never refute.
        Signed::suspicion(&attacker.key, network, life.peer_id(), of(1 << 40, 1 << 48)),
    ];
    let (old, with, about) = (Arc::new(old), attacker.clone(), life.peer_id());
    let fire = scene.under_fire(move |n| {
        let (attacker, old) = (with.clone(), old.clone());
        async move {
            replay(&attacker, &*old, about, n).await;
            // What it claims to hold of the node itself, in both places where that is said.
            let absurd = version(u64::MAX, u64::MAX);
            drop(attacker.join_holding("catalog", Some(absurd)).await);
            if let Some(mut talk) = attacker.open(attacker.mine(), Some((absurd, Some(1)))).await {
                let _ = talk.hear::<Catalog>().await;
                // Both turns are over with it.
                let _ = talk.say(&Catalog::Over).await;
                let _ = talk.say(&Catalog::Over).await;
                talk.ended().await;
            }
        }
    });
    // Its clock says the end of time. Events that nobody takes are dropped, so they are taken meanwhile.
    let clocks = async { while !matches!(events.recv().await, Ok(Event::ClocksDisagree { .. })) {} };
    let ((), told) = tokio::join!(fire, timeout(WHILE_IT_LASTS, clocks));
    told.expect("the operator is told");
    let catalog = scene.target.discovery().catalog();
    let held = catalog.get(&life.peer_id()).expect("it lives, and is known").entry.version;
    assert!(held.incarnation >= 1 && held.incarnation < 1 << 33, "{held:?}");
    let own = scene.target.discovery().version();
    assert!(own.incarnation < 1 << 33, "the node was not driven away: {own:?}");
    lives.shutdown().await;
    attacker.close().await;
    scene.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h6_a_departed_peer_stays_gone_until_it_returns_itself() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let life = key(8);
    let lives = start(&scene, &life).await;
    let id = life.peer_id();
    knows("it is there", &scene.target, id, true).await;
    knows("the friend knows it", &scene.friend, id, true).await;
    let last = scene.target.discovery().catalog().get(&id).expect("known").signed.clone();
    lives.shutdown().await;
    knows("it left", &scene.target, id, false).await;
    let attacker = Attacker::new(9, mark).await;
    let (with, last) = (attacker.clone(), Arc::new([last]));
    let heard = scene.target.discovery().stats().statements_compared;
    scene
        .under_fire(move |n| {
            let (attacker, last) = (with.clone(), last.clone());
            async move { replay(&attacker, &*last, id, n).await }
        })
        .await;
    // It was said again and again, and heard each time.
    let compared = scene.target.discovery().stats().statements_compared - heard;
    assert!(compared > 5, "the target heard {compared} statements");
    for node in [&scene.target, &scene.friend] {
        assert!(node.discovery().catalog().get(&id).is_none(), "it left, and stays gone");
    }
    // Its own next life is believed.
    let again = start(&scene, &life).await;
    knows("it is back", &scene.target, id, true).await;
    again.shutdown().await;
    knows("it left again", &scene.target, id, false).await;
    let mut looks = interval(Duration::from_millis(50));
    let gone = async {
        while scene.target.transport().sessions(&id) > 0 {
            looks.tick().await;
        }
    };
    timeout(SOON, gone).await.expect("its connections end");
    attacker.close().await;
    scene.settles().await;
}
