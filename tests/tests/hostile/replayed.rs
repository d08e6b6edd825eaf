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
    counted,
    forged::{broadcast, gossiped, refusals, refused},
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

/// Says each statement as gossip and in a comparison, as often as it is asked. Each time the node sets it aside, or does not
/// believe it.
async fn replay(attacker: &Attacker, target: &Network, statements: &[Signed], about: PeerId, nonce: u64) {
    for signed in statements {
        gossiped(attacker, target, nonce, signed).await;
        for age in [0, 60, u32::MAX] {
            let before = refusals(target);
            attacker.bring(vec![(signed.clone(), age)], &[about]).await.expect("it is asked for");
            refused(target, before, "in a comparison").await;
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
    ];
    // Of a version that the suspect can never refute.
    let suspicion = Signed::suspicion(&attacker.key, network, life.peer_id(), of(1 << 40, 1 << 48));
    let (old, with, about) = (Arc::new((old, suspicion)), attacker.clone(), life.peer_id());
    let target = scene.target.clone();
    let fire = scene.under_fire(move |n| {
        let (attacker, target, old) = (with.clone(), target.clone(), old.clone());
        async move {
            replay(&attacker, &target, &old.0, about, n).await;
            attacker.gossip(vec![broadcast(n, &old.1)]).await.expect("it is read");
            drop(attacker.bring(vec![(old.1.clone(), 0)], &[about]).await);
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
    let (with, target, last) = (attacker.clone(), scene.target.clone(), Arc::new([last]));
    let (heard, buried) =
        (scene.target.discovery().stats(), counted::sum("mosaik_discovery_outdated_total", "buried"));
    scene
        .under_fire(move |n| {
            let (attacker, target, last) = (with.clone(), target.clone(), last.clone());
            async move { replay(&attacker, &target, &*last, id, n).await }
        })
        .await;
    // It was said again and again, and heard each time: by gossip, and three times as often in comparisons.
    let now = scene.target.discovery().stats();
    let compared = now.statements_compared - heard.statements_compared;
    let told = now.announcements - heard.announcements;
    let buried = counted::sum("mosaik_discovery_outdated_total", "buried") - buried;
    println!("heard {compared} times in comparisons and {told} times by gossip, set aside {buried} times");
    assert!(compared >= 18 && told >= 6 && buried >= 24, "{compared} {told} {buried}");
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
