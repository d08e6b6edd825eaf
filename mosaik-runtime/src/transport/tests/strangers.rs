//! Those who do not belong, and those who say nothing.

use crate::{
    primitives::NetworkSecret,
    transport::{Code, backend::ConnLost},
};

use super::*;

fn secrets(seeds: &[u8]) -> Vec<NetworkSecret> {
    seeds.iter().map(|seed| NetworkSecret::new(&[*seed; 32]).expect("32 bytes")).collect()
}

async fn member(fabric: &Fabric, n: u8, name: &str, seeds: &[u8]) -> Node {
    let node = fabric.node_with(n, |config| {
        config.network = NetworkId::derive(name);
        config.secrets = secrets(seeds);
    });
    let node = node.await;
    node.echoes();
    node
}

async fn closed(conn: &Conn) -> ConnLost {
    tokio::time::timeout(SOON, conn.closed()).await.expect("it is closed")
}

fn closed_with(code: Code) -> ConnLost {
    ConnLost::Closed { code: code.number(), reason: Bytes::new() }
}

on_both! {
    async fn ld15_one_answer_for_strangers_and_the_reason_here(fabric) {
        let cases = [
            (("test", &[][..]), ("other", &[][..]), Refused::OtherNetwork),
            (("test", &[1]), ("test", &[]), Refused::NoSecret),
            (("test", &[]), ("test", &[1]), Refused::UnexpectedSecret),
            (("test", &[1]), ("test", &[2]), Refused::OtherSecret),
            (("test", &[1]), ("other", &[1]), Refused::OtherSecret),
        ];
        for (at, (ours, theirs, reason)) in (1..).zip(cases) {
            let mut acceptor = member(&fabric, 2 * at, ours.0, ours.1).await;
            let mut dialler = member(&fabric, 2 * at + 1, theirs.0, theirs.1).await;
            dialler.knows(&acceptor);
            let error = refused(&dialler, &acceptor).await;
            assert_eq!(error, LinkError::NotYourNetwork { peer: acceptor.id() });
            assert!(error.to_string().contains("the other side has another network name or another secret"));
            assert_eq!(acceptor.refusal().await, (Some(dialler.id()), Side::Us, reason));
            let seen = dialler.refusal().await;
            assert_eq!(seen, (Some(acceptor.id()), Side::Them, Refused::NotYourNetwork));
            assert_eq!(acceptor.transport.sessions(&dialler.id()), 0);
        }
    }

    async fn a_secret_is_rotated_without_a_cut(fabric) {
        let stages: [&[u8]; 4] = [&[1], &[1, 2], &[2, 1], &[2]];
        for (at, pair) in (1..).zip(stages.windows(2)) {
            for (turn, (dialler, acceptor)) in (0..).zip([(pair[0], pair[1]), (pair[1], pair[0])]) {
                let one = member(&fabric, 8 * at + turn, "test", dialler).await;
                let two = member(&fabric, 8 * at + turn + 4, "test", acceptor).await;
                one.knows(&two);
                says(&mut one.link(&two).await, "hello").await;
            }
        }
    }

    async fn ld7_those_who_say_nothing_are_dropped_and_the_others_go_on(fabric) {
        let node = fabric.node_with(1, |config| {
            config.limits.handshake = Duration::from_millis(400);
            config.limits.half_open = 3;
        });
        let mut node = node.await;
        node.echoes();
        let stranger = fabric.stranger(9).await;
        let silent = dial_raw(&stranger, &node).await;
        let friend = fabric.node(2).await;
        friend.knows(&node);
        says(&mut friend.link(&node).await, "not kept waiting").await;
        assert_eq!(closed(&silent).await, closed_with(Code::Deadline));
        assert_eq!(node.refusal().await, (Some(key(9).peer_id()), Side::Us, Refused::Deadline));
        let addresses = node.transport.addresses().borrow().clone();
        let silent = |_| stranger.connect(node.id(), &addresses, b"/mosaik/echo/1");
        let crowd = futures::future::join_all((0..5).map(silent)).await;
        let newcomer = fabric.node(3).await;
        newcomer.knows(&node);
        says(&mut newcomer.link(&node).await, "the oldest made room").await;
        drop(crowd);
    }

    async fn a_slow_or_malformed_hello_is_closed_with_its_code(fabric) {
        let node = fabric.node_with(1, |config| config.limits.handshake = Duration::from_millis(400)).await;
        node.echoes();
        let stranger = fabric.stranger(9).await;
        let cases: [(&[u8], Code); 4] = [
            (&[0xff; 4], Code::TooLarge),
            (b"\x02\0\0\0zz", Code::Malformed),
            (b"\x30\0\0\0slow", Code::Deadline),
            (b"\0\0\0\0", Code::Malformed),
        ];
        for (bytes, code) in cases {
            let conn = dial_raw(&stranger, &node).await;
            let (mut send, _recv) = conn.open_bi().await.expect("a stream");
            send.write_all(bytes).await.expect("written");
            assert_eq!(closed(&conn).await, closed_with(code));
        }
    }
}
