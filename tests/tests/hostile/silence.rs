//! H3: those who say nothing, or a byte now and then, at every stage.

use std::{pin::pin, time::Duration};

use mosaik::{
    Network,
    transport::{Event, Limits, Refused, Side},
};
use tokio::time::{interval, timeout};

use super::{
    attacker::{Attacker, Mark, PATIENCE, Talk},
    handshakes::{Joined, Stage},
    scene::Scene,
    wire::{Catalog, Hello, Proof, frame},
};

/// A byte every so often, until the node has enough of it.
async fn drip(send: &mut iroh::endpoint::SendStream, bytes: &[u8]) {
    let mut ticks = interval(Duration::from_millis(200));
    for byte in bytes {
        ticks.tick().await;
        if send.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}

/// Before the `Hello`: silent, or slow.
async fn half_open(attacker: Attacker, protocol: &'static str, slow: bool, hello: Vec<u8>) {
    let conn = attacker.dial(protocol).await.expect("anybody reaches the port");
    if slow && let Ok((mut send, _recv)) = conn.open_bi().await {
        tokio::select! {
            biased;
            _ = conn.closed() => {}
            () = drip(&mut send, &hello) => {}
        }
    }
    timeout(Duration::from_secs(20), conn.closed()).await.expect("the stage has a deadline");
}

/// After it: a link that says half of a frame, or a byte of one now and then.
async fn half_said(attacker: Attacker, protocol: &'static str, slow: bool, half: Vec<u8>) {
    let member = attacker.join(protocol).await.expect("an open network");
    let mut link = member.link().await.expect("a link");
    if slow {
        // A frame of 1 000 bytes, which would take more than three minutes.
        let long = [&1000_u32.to_le_bytes()[..], &[0; 1000]].concat();
        let Talk { send, recv, .. } = &mut link;
        let (drip, end) = (pin!(drip(send, &long)), pin!(recv.read_to_end(1 << 20)));
        let ended = timeout(PATIENCE, futures::future::select(drip, end)).await;
        assert!(ended.is_ok(), "{protocol}: a slow frame has a deadline");
    } else {
        let _ = link.send.write_all(&half).await;
        assert!(link.ended().await, "{protocol}: the stage has a deadline");
    }
}

/// At a later stage of a group's handshakes: nothing, or half of a frame.
async fn half_joined(attacker: Attacker, group: Joined, stage: Stage, half: Vec<u8>) {
    let mut reached = group.reach(&attacker, stage).await.expect("an open group");
    let _ = reached.talk.send.write_all(&half).await;
    assert!(reached.talk.ended().await, "{stage:?}: the stage has a deadline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_who_says_nothing_or_a_byte_a_second_is_dropped_at_every_stage() {
    let limits = Limits { handshake: Duration::from_secs(3), ..Limits::default() };
    let scene = Scene::grouped(limits).await;
    let (mark, group) = (Mark::of(&scene), Joined::of(&scene));
    let mut events = scene.target.transport().events();
    let network = Proof::Open(mark.network);
    let (revisions, extensions) = (vec![1], Vec::new());
    let hello = frame(&Hello::V1 { revisions, network, boot: 7, holds_of_you: None, extensions });
    let half = frame(&Catalog::Over)[..3].to_vec();
    // Each window lasts as long as the longest stage.
    scene
        .under_fire(move |n| {
            let (hello, half) = (hello.clone(), half.clone());
            async move {
                let attacker = Attacker::new(n + 100, mark).await;
                let before = ["gossip", "catalog", "streams", "groups", "tickets"].map(|protocol| {
                    let silent = half_open(attacker.clone(), protocol, false, hello.clone());
                    let slow = half_open(attacker.clone(), protocol, true, hello.clone());
                    futures::future::join(silent, slow)
                });
                let after = ["catalog", "streams", "groups", "tickets"].map(|protocol| {
                    let silent = half_said(attacker.clone(), protocol, false, half.clone());
                    let slow = half_said(attacker.clone(), protocol, true, half.clone());
                    futures::future::join(silent, slow)
                });
                // A reader that was let in may be silent for as long as it likes. One peer has four connections for a protocol.
                let stages = [Stage::Proof, Stage::Hello, Stage::ReadersProof];
                let (mut joining, mut others) = (Vec::new(), Vec::new());
                for (stage, seed) in stages.into_iter().zip(1..) {
                    let other = Attacker::new(n + (seed << 16) + 100, mark).await;
                    let silent = half_joined(other.clone(), group, stage, Vec::new());
                    let slow = half_joined(other.clone(), group, stage, half.clone());
                    joining.push(futures::future::join(silent, slow));
                    others.push(other);
                }
                let (before, after) = (futures::future::join_all(before), futures::future::join_all(after));
                futures::join!(before, after, futures::future::join_all(joining));
                attacker.close().await;
                futures::future::join_all(others.iter().map(Attacker::close)).await;
            }
        })
        .await;
    let told = async { while !is_deadline(events.recv().await.ok()) {} };
    timeout(Duration::from_secs(5), told).await.expect("the refusal is an event");
    scene.settles().await;
}

fn is_deadline(event: Option<Event>) -> bool {
    matches!(event, Some(Event::Refused { by: Side::Us, reason: Refused::Deadline, .. }))
}

/// Forty attackers in this process would be noise to a bystander during the attack; it is looked at in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_comparisons_that_say_nothing_keep_no_newcomer_out() {
    let scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let (mut held, mut attackers) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let attacker = Attacker::new(n + 200, mark).await;
        for _ in 0..2 {
            held.push(attacker.open(attacker.mine(), None).await);
        }
        attackers.push(attacker);
    }
    let seed = scene.target.local().peer_addr();
    let elsewhere = mosaik_tests::scratch::Scratch::new();
    let builder = Network::builder("under-fire").runtime_dir(elsewhere.path()).bootstrap(seed);
    let newcomer = builder.build().await.expect("it starts");
    let (friend, target) = (scene.friend.local().id(), mark.id);
    let met = newcomer
        .discovery()
        .when(move |catalog| catalog.get(&friend).is_some() && catalog.get(&target).is_some());
    timeout(Duration::from_secs(10), met).await.expect("the newcomer knows everybody");
    newcomer.shutdown().await;
    drop(held);
    futures::future::join_all(attackers.iter().map(Attacker::close)).await;
    scene.settles().await;
}
