//! H13: identities by the thousand, and addresses that an attacker chooses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mosaik::{
    discovery::Event,
    primitives::{PeerId, Scope},
};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

use super::{
    attacker::{Attacker, Mark, entry, key, version},
    scene::Scene,
};

/// More than one node may introduce (1 024).
const CROWD: u64 = 1400;
/// Dials on the word of others: a burst of 64, then 16 a second. A dial that nobody answers sends some packets before its deadline.
const PACKETS: f64 = 16.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h13_a_crowd_of_identities_is_capped_and_dials_have_a_rate() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let mut events = scene.target.discovery().events();
    // The address that all of them claim to have: nobody there answers, and every packet is counted.
    let victim = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a socket"));
    let (at, packets, listening) =
        (victim.local_addr().expect("bound"), Arc::new(AtomicU64::new(0)), Scope::new());
    let counted = packets.clone();
    listening.spawn("victim", async move {
        let mut buffer = [0; 2048];
        while victim.recv_from(&mut buffer).await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let begun = Instant::now();
    let attacker = Attacker::new(30, mark).await;
    let with = attacker.clone();
    let network = mark.network;
    scene
        .under_fire(move |n| {
            let attacker = with.clone();
            async move {
                // A fifth of the crowd in each window, and again and again.
                let from = 10_000 + (n >> 32) * (CROWD / 5);
                let keys: Vec<_> = (from..from + CROWD / 5).map(key).collect();
                let crowd = keys.iter().map(|key| (entry(key, network, version(1, n & 0xff), &[at]), 0));
                let ids: Vec<PeerId> = keys.iter().map(mosaik::primitives::SecretKey::peer_id).collect();
                drop(attacker.bring(crowd.collect(), &ids).await);
            }
        })
        .await;
    let full = async { while !matches!(events.recv().await, Ok(Event::NoRoom { .. })) {} };
    timeout(Duration::from_secs(20), full).await.expect("the operator is told");
    let known = scene.target.discovery().catalog().len();
    assert!(known <= 3 + 1024, "{known} nodes in the catalog");
    assert!(scene.target.transport().usage().addresses <= 3 + 1024 + 16);
    let (seconds, packets) = (begun.elapsed().as_secs_f64(), packets.load(Ordering::Relaxed) as f64);
    let most = (64.0 + 16.0 * seconds) * PACKETS;
    println!("{packets} packets to an address of the attacker's choice in {seconds:.1} s, {most:.0} allowed");
    assert!(packets <= most, "{packets} packets to an address of the attacker's choice");
    listening.kill();
    attacker.close().await;
    scene.settles().await;
}
