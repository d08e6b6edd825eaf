//! H11, H12: connections, handshakes and streams by the thousand, and protocols that nobody speaks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mosaik::{
    Network,
    primitives::{Scope, StreamId},
};
use mosaik_tests::scratch::Scratch;
use tokio::time::{Instant, interval, timeout};

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

/// Links that one connection may have open, links that it may open at once, and a second after that.
const LINKS: usize = 1024;
const BURST: f64 = 256.0;
const RATE: f64 = 128.0;
/// Connections of a peer for one protocol.
const CONNECTIONS: usize = 4;

/// Opens links as fast as it can: asks for what is not there, garbage, and mostly half a question. Returns how many links it was
/// granted, and how long it held them.
async fn links(attacker: &Attacker, item: mosaik::primitives::WireId) -> (usize, Duration) {
    let member = attacker.join("streams").await.expect("an open network");
    let begun = Instant::now();
    let (schemas, shape, extensions) = (Vec::new(), Vec::new(), Vec::new());
    let ask = frame(&Ask::V1 { item, role: 1, schemas, shape, extensions });
    let mut open = Vec::new();
    for n in 0..2000 {
        let Ok(Ok((mut send, recv))) = timeout(Duration::from_millis(100), member.conn.open_bi()).await
        else {
            break;
        };
        match n % 16 {
            0 => drop(send.write_all(&ask).await),
            1 => drop(send.write_all(&[0xff; 64]).await),
            _ => drop(send.write_all(&ask[..5]).await),
        }
        open.push((send, recv));
    }
    let granted = open.len();
    // All are let go of at once.
    drop(open);
    drop(member);
    (granted, begun.elapsed())
}

/// The most of what a node holds, as far as it can be seen by looking all the time.
struct Most {
    halves: AtomicUsize,
    granted: AtomicUsize,
    /// Milliseconds.
    longest: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h12_floods_of_streams_and_unknown_protocols_stay_within_the_budget_of_a_peer() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let attacker = Attacker::new(22, mark).await;
    assert!(attacker.dial("nothing").await.is_none(), "nobody speaks it");
    let item = StreamId::derive("not.there").on(&mark.network);
    let asked = || counted::sum("mosaik_admission_refused_total", "no_such_item");
    let held = || counted::sum("mosaik_transport_links_held_total", "");
    let before = (asked(), held(), scene.target.transport().usage().halves);
    let most = Arc::new(Most { halves: 0.into(), granted: 0.into(), longest: 0.into() });
    let (looks, seen, node) = (Scope::new(), most.clone(), scene.target.clone());
    looks.spawn("looks", async move {
        let mut ticks = interval(Duration::from_millis(2));
        loop {
            seen.halves.fetch_max(node.transport().usage().halves, Ordering::Relaxed);
            ticks.tick().await;
        }
    });
    let (with, seen) = (attacker.clone(), most.clone());
    scene
        .under_fire(move |_| {
            let (attacker, seen) = (with.clone(), seen.clone());
            async move {
                for _ in 0..4 {
                    assert!(attacker.dial("nothing").await.is_none());
                }
                let (granted, lasted) = links(&attacker, item).await;
                seen.granted.fetch_max(granted, Ordering::Relaxed);
                seen.longest.fetch_max(lasted.as_millis() as u64, Ordering::Relaxed);
            }
        })
        .await;
    looks.kill();
    let (halves, granted) = (most.halves.load(Ordering::Relaxed), most.granted.load(Ordering::Relaxed));
    let seconds = most.longest.load(Ordering::Relaxed) as f64 / 1000.0;
    // A link has two halves; a connection that was let go of may still be there when the next one comes.
    let taken = BURST + RATE * seconds;
    let allowed = before.2 + (2.0 * 2.0 * taken) as usize;
    println!(
        "{halves} halves of links at most, {allowed} allowed; {granted} links granted in at most {seconds:.2} s"
    );
    assert!(halves > before.2 + BURST as usize, "the flood was seen: {halves} halves of links");
    assert!(halves <= allowed, "{halves} halves of links are held, {allowed} allowed");
    assert!(granted <= LINKS + taken as usize, "{granted} links were granted");
    assert!(asked() > before.0, "who asks for what is not there is counted");
    assert!(held() > before.1, "links that have to wait are counted");
    crowd(&scene, &attacker).await;
    attacker.close().await;
    scene.settles().await;
}

/// One peer has so many connections for a protocol, and the oldest makes room for another.
async fn crowd(scene: &Scene, attacker: &Attacker) {
    let mut crowd = Vec::new();
    for _ in 0..2 * CONNECTIONS {
        let member = attacker.join("streams").await.expect("an open network");
        let mut link = member.link().await.expect("a link");
        let _ = link.send.write_all(&[0]).await;
        crowd.push((member, link));
        let held = scene.target.transport().sessions(&attacker.id());
        assert!(held <= CONNECTIONS + 1, "{held} connections of one peer");
    }
    let (old, _) = crowd.split_at(CONNECTIONS);
    for (member, _) in old {
        timeout(Duration::from_secs(20), member.conn.closed()).await.expect("the oldest makes room");
    }
}
