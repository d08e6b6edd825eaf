//! H1, H2: bytes that mean nothing, lengths that lie, nesting without end.

use std::time::Duration;

use mosaik::{
    primitives::{Fingerprint, NodeRng, StreamId},
    transport::{Event, Limits, Refused, Side},
};
use tokio::time::timeout;

use super::{
    attacker::{Attacker, Mark},
    counted,
    handshakes::{Joined, STAGES},
    scene::Scene,
    wire::{Ask, frame, framed},
};

const PROTOCOLS: [&str; 5] = ["gossip", "catalog", "streams", "groups", "tickets"];
/// The codes of the wire.
const TOO_LARGE: u64 = 5;
const MALFORMED: u64 = 6;

/// Bytes that are no frame of anything, by a number.
fn garbage(n: u64) -> Vec<u8> {
    let mut rng = NodeRng::from_seed(n);
    let random: Vec<u8> = (0..64).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    match n % 6 {
        0 => framed(&random),
        1 => framed(b""),
        2 => vec![0xff; 4096],
        3 => framed(&[0xff; 64]),
        4 => b"GET / HTTP/1.1\r\nHost: mosaik\r\n\r\n".to_vec(),
        _ => framed(&[&[0, 0x80, 0x80, 0x80][..], &random].concat()),
    }
}

/// Bytes that are no message, by a number; they come in a frame of the right length.
fn nonsense(n: u64) -> Vec<u8> {
    let mut rng = NodeRng::from_seed(n);
    let random: Vec<u8> = (0..64).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    match n % 4 {
        0 => [&[0xfe][..], &random].concat(),
        1 => Vec::new(),
        2 => vec![0xff; 64],
        _ => [&[0, 0x80, 0x80, 0x80][..], &random].concat(),
    }
}

/// The code that a connection was closed with.
async fn code(conn: &iroh::endpoint::Connection) -> Option<u64> {
    match timeout(Duration::from_secs(20), conn.closed()).await.ok()? {
        iroh::endpoint::ConnectionError::ApplicationClosed(close) => Some(close.error_code.into_inner()),
        _ => None,
    }
}

/// Says `bytes` at each stage of each protocol; each ends the connection or the link. On links they may be `sound`.
async fn everywhere(attacker: &Attacker, bytes: &[u8], sound: bool) {
    for protocol in PROTOCOLS {
        let conn = attacker.dial(protocol).await.expect("anybody reaches the port");
        let (mut send, _recv) = conn.open_bi().await.expect("one stream");
        let _ = send.write_all(bytes).await;
        let why = code(&conn).await;
        assert!(why == Some(TOO_LARGE) || why == Some(MALFORMED), "{protocol}, instead of a hello: {why:?}");

        let mut member = attacker.join(protocol).await.expect("an open network");
        let _ = member.control.write_all(bytes).await;
        let why = code(&member.conn).await;
        assert!(why == Some(TOO_LARGE) || why == Some(MALFORMED), "{protocol}, after the hello: {why:?}");

        let member = attacker.join(protocol).await.expect("an open network");
        let mut link = member.link().await.expect("a link");
        let _ = link.send.write_all(bytes).await;
        if sound {
            // To one protocol or another it is a message: the link goes on until it is finished.
            let _ = link.send.finish();
        } else {
            let why = link.stopped().await;
            assert!(why == Some(TOO_LARGE) || why == Some(MALFORMED), "{protocol}, on a link: {why:?}");
        }
        assert!(link.ended().await, "{protocol}, on a link: it goes on");
    }
}

/// Says `body` in a frame at each later stage of a group's handshakes, and instead of a channel.
async fn in_a_group(attacker: &Attacker, group: Joined, body: &[u8]) {
    for stage in STAGES {
        let mut reached = group.reach(attacker, stage).await.expect("an open group");
        let _ = reached.talk.send.write_all(&framed(body)).await;
        assert!(reached.talk.ended().await, "{stage:?}: it goes on");
    }
    for open in [[&[0xff][..], body].concat(), group.channel()] {
        let member = attacker.join("groups").await.expect("an open network");
        let mut link = member.link().await.expect("a link");
        let _ = link.send.write_all(&framed(&open)).await;
        assert!(link.ended().await, "a channel without a bond");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h1_garbage_on_every_protocol_is_closed_with_a_code() {
    let scene = Scene::grouped(Limits::default()).await;
    let (attacker, group) = (Attacker::new(1, Mark::of(&scene)).await, Joined::of(&scene));
    let mut events = scene.target.transport().events();
    let with = attacker.clone();
    scene
        .under_fire(move |n| {
            let attacker = with.clone();
            async move {
                everywhere(&attacker, &garbage(n), false).await;
                in_a_group(&attacker, group, &nonsense(n)).await;
            }
        })
        .await;
    let told = async {
        loop {
            if let Ok(Event::Refused { peer, by: Side::Us, reason: Refused::Handshake(_) }) =
                events.recv().await
            {
                return peer;
            }
        }
    };
    let told = timeout(Duration::from_secs(5), told).await.expect("the refusal is an event");
    assert_eq!(told, Some(attacker.id()));
    attacker.close().await;
    scene.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h1_strangers_get_one_stream_and_less_than_64_kib() {
    let limits = Limits { handshake: Duration::from_secs(2), ..Limits::default() };
    let scene = Scene::with(limits).await;
    let attacker = Attacker::new(2, Mark::of(&scene)).await;
    let with = attacker.clone();
    scene
        .under_fire(move |_| {
            let attacker = with.clone();
            async move { stranger(&attacker).await }
        })
        .await;
    attacker.close().await;
    scene.settles().await;
}

/// One who says as much as it can before it has proven anything.
async fn stranger(attacker: &Attacker) {
    let conn = attacker.dial("streams").await.expect("anybody reaches the port");
    let (mut send, _recv) = conn.open_bi().await.expect("one stream");
    let second = timeout(Duration::from_millis(300), conn.open_bi()).await;
    assert!(second.is_err(), "a second stream is not granted before the hello");
    // A hello that never ends: a frame of the largest size, of which the last byte does not come, in a stream whose first
    // bytes are read as they come. What is not read is bounded by the window.
    send.write_all(&4096u32.to_le_bytes()).await.expect("written");
    let mut taken = 4;
    let flood = async {
        while send.write_all(&[0; 1024]).await.is_ok() {
            taken += 1024;
        }
    };
    let _ = timeout(Duration::from_millis(1500), flood).await;
    assert!(taken <= 64 * 1024, "the node took {taken} bytes of a stranger");
}

/// An ask whose shape is nested as deep as 16 KiB allow.
fn deep(scene: &Scene) -> Vec<u8> {
    let item = StreamId::derive("bystander.out").on(&scene.target.id());
    let (schemas, extensions) = (vec![Fingerprint([1; 16])], Vec::new());
    frame(&Ask::V1 { item, role: 1, schemas, shape: vec![2; 16 * 1024], extensions })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2_lengths_that_lie_and_deep_nesting_are_refused() {
    let scene = Scene::grouped(Limits::default()).await;
    let (attacker, group) = (Attacker::new(3, Mark::of(&scene)).await, Joined::of(&scene));
    let (deep, refused) = (deep(&scene), || counted::sum("mosaik_transport_refused_total", "us"));
    let mismatched = || counted::sum("mosaik_admission_refused_total", "schema_mismatch");
    let before = (refused(), mismatched());
    // A list that claims 2^32 elements, in a frame of the right length, as each protocol begins.
    let counts = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let lists = [&[0, 9][..], &[1, 0], &[2], &[3], &[4]].map(|head| framed(&[head, &counts[..]].concat()));
    let (with, endless) = (attacker.clone(), lists[0][4..].to_vec());
    scene
        .under_fire(move |n| {
            let (attacker, deep, endless) = (with.clone(), deep.clone(), endless.clone());
            let list = lists[usize::try_from(n % 5).expect("small")].clone();
            async move {
                everywhere(&attacker, &u32::MAX.to_le_bytes(), false).await;
                everywhere(&attacker, &list, true).await;
                let member = attacker.join("streams").await.expect("an open network");
                let mut link = member.link().await.expect("a link");
                link.send.write_all(&deep).await.expect("written");
                assert!(link.ended().await, "it is refused");
                // A list without end at each stage; some of the others are sound questions of a reader.
                in_a_group(&attacker, group, &endless).await;
            }
        })
        .await;
    assert!(refused() >= before.0 + 8, "lengths that lie are counted");
    assert!(mismatched() > before.1, "a shape that is too deep is counted as none that fits");
    attacker.close().await;
    scene.settles().await;
}
