use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::sleep;

use super::lab::{Echo, Events, LONG, Node, group, key, two, within};
use crate::{
    groups::{
        birth::{ClusterId, StoreId},
        bond::{BondError, BondEvent, BondsSettings},
        wire::{BirthMessage, CHANNEL, ChannelKind, GroupsProtocol, Hello, Open, Request, Response},
    },
    primitives::{BootId, codec},
    transport::{
        Code, LinkError,
        sim::{LinkSettings, Net},
    },
};

struct Pair {
    one: Node,
    two: Node,
    first: Events,
    second: Events,
    server: Arc<Echo>,
}

/// Two nodes with a bond; the first has the lower id, the second serves.
async fn bonded(net: &Net) -> Pair {
    let (one, two) = two(net).await;
    let server: Arc<Echo> = Arc::default();
    let mut first = one.bond_with(BondsSettings { key: key(1), ..one.settings() }, Arc::<Echo>::default());
    let mut second = two.bond_with(BondsSettings { key: key(1), ..two.settings() }, server.clone());
    one.bonds().offer(two.id());
    two.bonds().offer(one.id());
    assert_eq!(first.up().await, (two.id(), two.hello()));
    assert_eq!(second.up().await, (one.id(), one.hello()));
    Pair { one, two, first, second, server }
}

async fn closed(mut link: crate::transport::Link<GroupsProtocol>) -> Result<(), LinkError> {
    match within("the end of a channel", link.recv_frame(LONG)).await {
        Ok(Some(frame)) => panic!("the channel carries {frame:?}"),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    }
}

#[tokio::test(start_paused = true)]
async fn bonds_that_both_sides_begin_at_once_end_as_one() {
    for seed in 0..20 {
        let net = Net::new(seed);
        let (one, two) = two(&net).await;
        let delay = |ms| Duration::from_millis(ms);
        net.set_links(LinkSettings { latency: delay(20), jitter: 1.0, ..LinkSettings::default() });
        let mut first = one.bond_with(one.settings(), Arc::<Echo>::default());
        let mut second = two.bond_with(two.settings(), Arc::<Echo>::default());
        // The one with the higher id does not wait for its turn.
        let (here, there) = (one.bonds().clone(), two.bonds().clone());
        let (a, b) = (one.id(), two.id());
        let ((), ()) = futures::join!(async { drop(super::super::dial::dial(&here, b).await) }, async {
            drop(super::super::dial::dial(&there, a).await)
        },);
        here.offer(b);
        there.offer(a);
        within("a bond", here.bonded(b)).await;
        within("a bond", there.bonded(a)).await;
        sleep(Duration::from_secs(30)).await;
        let (here, there) = (here.get(b).expect("it stands"), there.get(a).expect("it stands"));
        assert!(matches!(here.call(Request::ReadIndex, LONG).await, Ok(Response::ReadIndex { .. })));
        assert!(matches!(there.call(Request::ReadIndex, LONG).await, Ok(Response::ReadIndex { .. })));
        assert!(here.by_lower() && there.by_lower(), "seed {seed}: the one that the lower id dialled stays");
        for events in [first.so_far(), second.so_far()] {
            let ups = events.iter().filter(|event| matches!(event, BondEvent::Up { .. })).count();
            let downs = events.iter().filter(|event| matches!(event, BondEvent::Down { .. })).count();
            assert_eq!(ups, downs + 1, "seed {seed}: {events:?}");
            assert!(ups <= 3, "seed {seed}: {events:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn questions_are_answered_in_any_order_and_have_deadlines() {
    let net = Net::new(7);
    let Pair { one, two, .. } = bonded(&net).await;
    let bond = one.bonds().get(two.id()).expect("a bond");
    let hangs = Request::Join { cluster: ClusterId::from_bytes([0; 32]), store: StoreId(1) };
    let within = Duration::from_secs(3);
    let (late, soon) = futures::join!(bond.call(hangs, within), bond.call(Request::ReadIndex, within));
    assert_eq!(late, Err(BondError::Deadline { within }));
    assert_eq!(soon, Ok(Response::ReadIndex { index: 0 }));
    assert_eq!(bond.call(Request::Ping, within).await, Ok(Response::Pong));
    bond.close();
    bond.ended().await;
    assert_eq!(bond.call(Request::Ping, within).await, Err(BondError::Down));
    assert_eq!(bond.tell(BirthMessage::Ready), Err(BondError::Down));
    assert!(matches!(bond.channel(ChannelKind::Commands).await, Err(BondError::Down)));
}

#[tokio::test(start_paused = true)]
async fn what_births_say_and_where_nodes_stand_arrives_in_order() {
    let net = Net::new(7);
    let Pair { one, two, mut second, .. } = bonded(&net).await;
    let bond = one.bonds().get(two.id()).expect("a bond");
    let cluster = ClusterId::from_bytes([3; 32]);
    bond.tell(BirthMessage::Ready).expect("told");
    bond.tell(BirthMessage::Initialised(cluster)).expect("told");
    let peer = one.id();
    assert_eq!(second.next().await, BondEvent::Told { peer, message: BirthMessage::Ready });
    let message = BirthMessage::Initialised(cluster);
    assert_eq!(second.next().await, BondEvent::Told { peer, message });
    let hello = Hello { cluster: Some(cluster), committed: 7, ..one.hello() };
    one.bonds().set_hello(hello);
    assert_eq!(second.next().await, BondEvent::Changed { peer, hello });
    assert_eq!(two.bonds().get(peer).expect("a bond").hello(), hello);
}

#[tokio::test(start_paused = true)]
async fn channels_need_a_bond_and_end_with_it() {
    let net = Net::new(7);
    let (one, two) = two(&net).await;
    let open = Open::V1 { group: group(), channel: ChannelKind::Commands, extensions: Vec::new() };
    let frame = [vec![CHANNEL], codec::encode(&open).expect("encodes")].concat();
    let server: Arc<Echo> = Arc::default();
    let _second = two.bond_with(two.settings(), server.clone());
    let mut link = one.transport.link::<GroupsProtocol>(two.id()).await.expect("a link");
    link.send_frame(&frame).await.expect("sent");
    assert_eq!(closed(link).await, Err(LinkError::Reset(Code::Refused)), "there is no bond");

    let mut first = one.bond_with(one.settings(), Arc::<Echo>::default());
    one.bonds().offer(two.id());
    first.up().await;
    let bond = one.bonds().get(two.id()).expect("a bond");
    let mut link = bond.channel(ChannelKind::Chunks).await.expect("a channel");
    link.send_frame(b"hello").await.expect("sent");
    assert_eq!(link.recv_frame(LONG).await.expect("heard").as_deref(), Some(&b"hello"[..]));
    assert_eq!(*server.channels.lock().expect("no panic"), [ChannelKind::Chunks]);
    assert_eq!(server.open.load(Ordering::SeqCst), 1);
    two.bonds().get(one.id()).expect("a bond").close();
    let _ = closed(link).await;
    assert_eq!(server.open.load(Ordering::SeqCst), 0, "it is not served any more");
    bond.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_may_follow_the_last_frame_of_the_handshake_at_once() {
    for seed in 0..20 {
        let net = Net::new(seed);
        let (one, two) = two(&net).await;
        let delay = |ms| Duration::from_millis(ms);
        net.set_links(LinkSettings { latency: delay(45), jitter: 1.0, ..LinkSettings::default() });
        let server: Arc<Echo> = Arc::default();
        let _events =
            (one.bond_with(one.settings(), server.clone()), two.bond_with(two.settings(), server.clone()));
        one.bonds().offer(two.id());
        let bond = within("a bond", one.bonds().bonded(two.id())).await;
        let mut link = bond.channel(ChannelKind::Commands).await.expect("a channel");
        link.send_frame(b"hello").await.expect("sent");
        let heard = link.recv_frame(LONG).await.expect("heard");
        assert_eq!(heard.as_deref(), Some(&b"hello"[..]), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_dies_is_missed_and_its_next_life_is_met() {
    let net = Net::new(7);
    let Pair { one, two, mut first, .. } = bonded(&net).await;
    let (peer, boot) = (two.id(), two.transport.boot());
    let number = if super::lab::id(1) == peer { 1 } else { 2 };
    two.crash(&net);
    assert_eq!(first.down().await, (peer, boot));
    assert_eq!(one.bonds().peers(), Vec::new());
    let again = Node::start(&net, number, 2).await;
    let _events = again.bond_with(BondsSettings { key: key(1), ..again.settings() }, Arc::<Echo>::default());
    let (peer, hello) = first.up().await;
    assert_eq!((peer, hello.boot), (again.id(), BootId(2 << 8 | u128::from(number))));
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_peer_is_dialled_no_more() {
    let net = Net::new(7);
    let Pair { one, two, mut first, mut second, server } = bonded(&net).await;
    two.bonds().withdraw(one.id());
    one.bonds().withdraw(two.id());
    first.down().await;
    second.down().await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!((first.so_far(), second.so_far()), (Vec::new(), Vec::new()));
    one.bonds().offer(two.id());
    first.up().await;
    two.bonds().close();
    first.down().await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(one.bonds().peers(), Vec::new(), "who has closed admits nobody");
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}
