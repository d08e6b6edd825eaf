//! The overlay without a network: translation, bounds, and a swarm of machines in one loop.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::primitives::{SecretKey, codec};

fn id(n: u8) -> PeerId {
    SecretKey::from_bytes([n; 32]).peer_id()
}

fn swarm(count: u8, now: Instant) -> BTreeMap<PeerId, Overlay> {
    let network = NetworkId::derive("overlay");
    let overlay = |n: u8| (id(n), Overlay::new(id(n), &network, NodeRng::from_seed(n.into()), now));
    let mut swarm: BTreeMap<_, _> = (1..=count).map(overlay).collect();
    for overlay in swarm.values_mut() {
        overlay.join(Vec::new(), now);
    }
    swarm
}

/// What is under way between two members of a swarm.
enum Step {
    Said(Out),
    /// The other side ended the link.
    Ended(PeerId),
}

/// Delivers everything until nothing is said any more, letting timers of up to `time` fire. Returns who received what.
fn run(
    swarm: &mut BTreeMap<PeerId, Overlay>,
    first: Vec<(PeerId, Out)>,
    mut now: Instant,
    time: Duration,
) -> Vec<(PeerId, Bytes)> {
    let mut steps: VecDeque<_> = first.into_iter().map(|(from, out)| (from, Step::Said(out))).collect();
    let (mut links, mut received, mut taken, end) = (BTreeSet::new(), Vec::new(), 0, now + time);
    let pair = |one: PeerId, two: PeerId| (one.min(two), one.max(two));
    loop {
        while let Some((from, step)) = steps.pop_front() {
            taken += 1;
            assert!(taken < 200_000, "the swarm does not come to rest");
            let (who, out) = match step {
                Step::Said(Out::Send(to, message)) => {
                    links.insert(pair(from, to));
                    let message = codec::decode(&codec::encode(&message).expect("encodes")).expect("decodes");
                    let Some(overlay) = swarm.get_mut(&to) else { continue };
                    (to, overlay.received(from, message, now).expect("its own messages are within bounds"))
                }
                Step::Said(Out::Received(_, content)) => {
                    received.push((from, content));
                    continue;
                }
                Step::Said(Out::Close(to)) => {
                    links.remove(&pair(from, to));
                    steps.push_back((to, Step::Ended(from)));
                    (from, swarm.get_mut(&from).expect("there").lost(to, now))
                }
                Step::Ended(by) if !links.contains(&pair(from, by)) => {
                    (from, swarm.get_mut(&from).map(|overlay| overlay.lost(by, now)).unwrap_or_default())
                }
                Step::Ended(_) | Step::Said(Out::Up(_) | Out::Down(_)) => continue,
            };
            steps.extend(out.into_iter().map(|out| (who, Step::Said(out))));
        }
        let next = swarm.values().map(Overlay::next_timer).min().expect("somebody");
        if next > end {
            return received;
        }
        now = next;
        for (peer, overlay) in swarm.iter_mut() {
            steps.extend(overlay.expire(now).into_iter().map(|out| (*peer, Step::Said(out))));
        }
    }
}

#[test]
fn a_broadcast_reaches_everyone_and_the_same_bytes_only_once() {
    let start = Instant::now();
    let mut swarm = swarm(40, start);
    let mut first = Vec::new();
    for n in 2..=40 {
        let out = swarm.get_mut(&id(n)).expect("there").join(vec![id(1)], start);
        first.extend(out.into_iter().map(|out| (id(n), out)));
    }
    run(&mut swarm, first, start, Duration::from_secs(1));
    for content in ["one", "two"] {
        let now = start + Duration::from_secs(2);
        let out =
            swarm.get_mut(&id(7)).expect("there").broadcast(Bytes::from_static(content.as_bytes()), now);
        let out = out.into_iter().map(|out| (id(7), out)).collect();
        let received = run(&mut swarm, out, now, Duration::from_secs(1));
        assert_eq!(received.len(), 39, "{content}");
    }
    let now = start + Duration::from_secs(4);
    let out = swarm.get_mut(&id(9)).expect("there").broadcast(Bytes::from_static(b"one"), now);
    let out = out.into_iter().map(|out| (id(9), out)).collect();
    assert_eq!(run(&mut swarm, out, now, Duration::from_secs(1)), [], "the same bytes are dropped");
}

#[test]
fn a_member_that_starts_again_is_taken_in_by_those_who_take_it_for_a_neighbour() {
    let start = Instant::now();
    let mut swarm = swarm(2, start);
    for seed in [2, 22] {
        let network = NetworkId::derive("overlay");
        let mut fresh = Overlay::new(id(2), &network, NodeRng::from_seed(seed), start);
        let out = fresh.join(vec![id(1)], start).into_iter().map(|out| (id(2), out)).collect();
        swarm.insert(id(2), fresh);
        run(&mut swarm, out, start, Duration::from_secs(1));
        assert_eq!(swarm[&id(1)].neighbours(), 1);
        assert_eq!(swarm[&id(2)].neighbours(), 1, "it is answered");
    }
}

#[test]
fn every_message_comes_back_from_the_wire_as_it_was() {
    let content = Bytes::from_static(b"said");
    let all = [
        wire::Overlay::Join,
        wire::Overlay::ForwardJoin { peer: id(2), hops_left: 6 },
        wire::Overlay::Shuffle { origin: id(2), peers: vec![id(3), id(4)], hops_left: 6 },
        wire::Overlay::ShuffleReply { peers: vec![id(5)] },
        wire::Overlay::Neighbor { must: true },
        wire::Overlay::Neighbor { must: false },
        wire::Overlay::Disconnect { alive: true },
        wire::Overlay::Broadcast { hops: 3, content },
        wire::Overlay::Prune,
        wire::Overlay::Graft { id: Some([7; 32]), hops: 2 },
        wire::Overlay::IHave(vec![([8; 32], 1)]),
    ];
    for message in all {
        let inward = translate::inward([1; 32], message.clone()).expect("within bounds");
        assert_eq!(translate::outward(&inward), Some(message));
    }
}

#[test]
fn a_broadcast_that_made_too_many_hops_is_refused_before_the_library_counts_on() {
    let content = Bytes::from_static(b"round and round");
    let message = |hops| wire::Overlay::Broadcast { hops, content: content.clone() };
    assert!(translate::inward([1; 32], message(256)).is_some());
    assert!(translate::inward([1; 32], message(257)).is_none());
    assert!(translate::inward([1; 32], message(u16::MAX)).is_none());
}

#[test]
fn ids_that_never_come_are_swept_out() {
    let start = Instant::now();
    let mut swarm = swarm(1, start);
    let overlay = swarm.get_mut(&id(1)).expect("there");
    overlay.received(id(2), wire::Overlay::Neighbor { must: true }, start);
    for round in 0..20u8 {
        let ids = (0..200u8).map(|n| (*blake3::hash(&[round, n]).as_bytes(), 0)).collect();
        overlay.received(id(2), wire::Overlay::IHave(ids), start);
    }
    assert!(overlay.timers.len() > 1000);
    let mut now = start;
    while now < start + Duration::from_secs(25) {
        now = overlay.next_timer();
        overlay.expire(now);
    }
    assert!(overlay.timers.len() < 5, "{}", overlay.timers.len());
    let state = format!("{:?}", overlay.state);
    assert!(state.contains("missing_messages: {}"), "{state}");
}

#[test]
fn neighbours_that_refuse_are_asked_slowly_after_a_burst() {
    let start = Instant::now();
    let mut swarm = swarm(1, start);
    let overlay = swarm.get_mut(&id(1)).expect("there");
    let hear = |overlay: &mut Overlay, from: u8, message, now| {
        overlay.received(id(from), message, now).expect("within bounds")
    };
    hear(overlay, 2, wire::Overlay::Neighbor { must: true }, start);
    let candidates = || wire::Overlay::ShuffleReply { peers: (10..18).map(id).collect() };
    let mut asked = 0;
    let mut out = hear(overlay, 2, candidates(), start);
    for _ in 0..500 {
        let ask = out.iter().find_map(|out| match out {
            Out::Send(peer, wire::Overlay::Neighbor { must: false }) => Some(*peer),
            _ => None,
        });
        asked += usize::from(ask.is_some());
        let refuser = (10..18).find(|n| Some(id(*n)) == ask).unwrap_or(10);
        out = hear(overlay, refuser, candidates(), start);
        out.extend(hear(overlay, refuser, wire::Overlay::Disconnect { alive: true }, start));
    }
    assert!((4..10).contains(&asked), "{asked}");
}

#[test]
fn who_is_no_neighbour_any_more_is_not_told_what_is_broadcast() {
    let start = Instant::now();
    let mut swarm = swarm(1, start);
    let overlay = swarm.get_mut(&id(1)).expect("there");
    let mut hear = |from: u8, message| overlay.received(id(from), message, start).expect("within bounds");
    let said = |content| wire::Overlay::Broadcast { hops: 1, content: Bytes::from_static(content) };
    for n in 2..=3 {
        hear(n, wire::Overlay::Neighbor { must: true });
    }
    hear(2, said(b"one"));
    hear(3, wire::Overlay::Disconnect { alive: true });
    // It was on its way when the link ended: news is taken, and nobody becomes a part of the tree by it.
    hear(3, said(b"one"));
    hear(3, wire::Overlay::Prune);
    hear(3, wire::Overlay::Graft { id: None, hops: 1 });
    hear(3, wire::Overlay::IHave(vec![([7; 32], 1)]));
    let news = hear(3, said(b"two"));
    assert!(news.iter().any(|out| matches!(out, Out::Received(..))), "{news:?}");
    let mut told = hear(2, said(b"three"));
    let mut now = start;
    while now < start + SWEEP {
        now = overlay.next_timer();
        told.extend(overlay.expire(now));
    }
    let to_it = told.iter().filter(|out| matches!(out, Out::Send(peer, _) if *peer == id(3)));
    assert_eq!(to_it.count(), 0, "{told:?}");
    let tree = format!("{:?}", overlay.state);
    let lazy = tree.split("lazy_push_peers").nth(1).and_then(|rest| rest.split('}').next());
    assert!(lazy.is_some_and(|lazy| !lazy.contains(&format!("{:?}", id(3)))), "{lazy:?}");
}
