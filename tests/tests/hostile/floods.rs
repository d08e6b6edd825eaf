//! H11, H12: connections, handshakes and streams by the thousand, and protocols that nobody speaks.

use std::time::Duration;

use mosaik::{Network, primitives::StreamId};
use mosaik_tests::scratch::Scratch;
use tokio::time::timeout;

use super::{
    attacker::{Attacker, Mark},
    counted,
    scene::Scene,
    wire::{Ask, frame},
};

/// Connections that an attacker begins at once.
const AT_ONCE: usize = 32;

/// Begins connections: some are dropped at once, some say nothing, some are members for a moment.
async fn connections(attacker: &Attacker) {
    let begin = |n: usize| {
        let attacker = attacker.clone();
        async move {
            match n % 4 {
                0 => drop(timeout(Duration::from_millis(2), attacker.dial("streams")).await),
                1 => drop(attacker.join("gossip").await),
                _ => drop(attacker.dial("catalog").await),
            }
        }
    };
    futures::future::join_all((0..AT_ONCE).map(begin)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h11_floods_of_connections_and_handshakes_leave_others_their_work() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let attackers = [Attacker::new(20, mark).await, Attacker::new(21, mark).await];
    let refused = || counted::sum("mosaik_transport_refused_total", "us");
    let before = refused();
    let with = attackers.clone();
    scene
        .under_fire(move |_| {
            let [one, two] = with.clone();
            async move {
                futures::join!(connections(&one), connections(&two));
            }
        })
        .await;
    // Somebody new comes in while it goes on.
    let (with, elsewhere) = (attackers[0].clone(), Scratch::new());
    let newcomer = async {
        let seed = scene.target.local().peer_addr();
        let builder = Network::builder("under-fire").runtime_dir(elsewhere.path()).bootstrap(seed);
        let newcomer = builder.build().await.expect("it starts");
        let met = newcomer.discovery().when(move |catalog| catalog.get(&mark.id).is_some());
        timeout(Duration::from_secs(20), met).await.expect("the newcomer comes in");
        newcomer.shutdown().await;
    };
    let flood = async {
        loop {
            let attacker = with.clone();
            scene.attack(async move { connections(&attacker).await }).await;
        }
    };
    tokio::select! {
        biased;
        () = newcomer => {}
        () = flood => {}
    }
    assert!(refused() >= before + AT_ONCE as u64, "connections that were let go are counted");
    for attacker in &attackers {
        attacker.close().await;
    }
    scene.settles().await;
}

/// Opens links as fast as it can: asks for what is not there, garbage, nothing at all.
async fn links(attacker: &Attacker, item: mosaik::primitives::WireId) {
    let Some(member) = attacker.join("streams").await else { return };
    let (schemas, shape, extensions) = (Vec::new(), Vec::new(), Vec::new());
    let ask = frame(&Ask::V1 { item, role: 1, schemas, shape, extensions });
    let mut open = Vec::new();
    for n in 0..2000 {
        let Ok(Ok((mut send, recv))) = timeout(Duration::from_millis(100), member.conn.open_bi()).await
        else {
            break;
        };
        match n % 3 {
            0 => drop(send.write_all(&ask).await),
            1 => drop(send.write_all(&[0xff; 64]).await),
            _ => drop(send.write_all(&ask[..5]).await),
        }
        open.push((send, recv));
    }
    // Held for a moment, then let go of all at once.
    drop(open);
    drop(member);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h12_floods_of_streams_and_unknown_protocols_stay_within_the_budget_of_a_peer() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let attacker = Attacker::new(22, mark).await;
    assert!(attacker.dial("nothing").await.is_none(), "nobody speaks it");
    let item = StreamId::derive("not.there").on(&mark.network);
    let asked = || counted::sum("mosaik_admission_refused_total", "no_such_item");
    let before = asked();
    let with = attacker.clone();
    scene
        .under_fire(move |_| {
            let attacker = with.clone();
            async move {
                for _ in 0..4 {
                    assert!(attacker.dial("nothing").await.is_none());
                }
                links(&attacker, item).await;
            }
        })
        .await;
    assert!(asked() > before, "who asks for what is not there is counted");
    let usage = scene.target.transport().usage();
    assert!(usage.halves <= 4 * 2 * 1100, "four connections of 1 024 links: {usage:?}");
    attacker.close().await;
    scene.settles().await;
}
