//! Fuzz targets of discovery: signed statements, comparisons, gossip, and the decisions that follow.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use crate::primitives::{
    BootId, NetworkId, NodeRng, PeerId, PeerRole, SecretKey, Tag, Version, Wall, WireId,
    fuzz::{Input, Target, bytes, pack, round_trip},
    schema,
};

use super::{
    core::{BUCKETS, Core, Digest, Effect, Setup, Summary, TableLimits, Via, answer, compare, summaries},
    entry::{Entry, RoleEntry},
    gossip,
    settings::Timing,
    signed::{NotBelieved, Signed, Statement},
    wire::{Announcement, CatalogFrame, GossipFrame, Opening, Overlay, Relayed, buckets_are_sound},
};

fn network() -> NetworkId {
    NetworkId::derive("fuzz")
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes([n; 32])
}

fn entry(n: u8, version: Version) -> Entry {
    let schema = schema::of::<u8>().fingerprint();
    let role = RoleEntry { role: PeerRole::Produces, item: WireId::from_bytes([n; 32]), schema };
    Entry {
        version,
        boot: BootId(n.into()),
        addresses: "127.0.0.1:4000".parse().into_iter().collect(),
        tags: Arc::new(Tag::new("sensor").into_iter().collect()),
        roles: Arc::new([role].into()),
        protocols: vec![("streams".to_owned(), 1)],
        extensions: vec![(3, Bytes::from_static(b"later"))],
    }
}

fn version(incarnation: u64, counter: u64) -> Version {
    Version { incarnation, counter }
}

/// Statements of three nodes about themselves and each other.
fn statements() -> Vec<Signed> {
    let entries =
        (1..=3).filter_map(|n| Signed::entry(&key(n), network(), &entry(n, version(u64::from(n), 7))).ok());
    let departure = Signed::departure(&key(2), network(), version(2, 8));
    let suspicion = Signed::suspicion(&key(3), network(), key(1).peer_id(), version(1, 7));
    entries.chain([departure, suspicion]).collect()
}

fn core(now: Instant) -> Option<Core> {
    let setup = Setup {
        key: key(1),
        network: network(),
        entry: entry(1, version(1, 0)),
        limits: TableLimits { peers: 6, per_introducer: Some(4), graves: 4, ..TableLimits::default() },
        timing: Timing::default(),
        rng: NodeRng::from_seed(1),
    };
    Core::new(setup, now).ok()
}

/// Statements as they arrive, and statements that a member signs whatever it says in them.
pub(crate) const ENTRIES: Target = Target {
    name: "entries",
    run: |bytes| {
        if let Some(signed) = round_trip::<Signed>(bytes) {
            let genuine = statements().contains(&signed);
            let believed = signed.verify(&network()).is_ok();
            assert_eq!(genuine, believed, "only what was signed is believed");
        }
        let foreign = NetworkId::derive("another");
        for signer in 1..=3 {
            let signed = Signed::fuzzed(&key(signer), bytes);
            let Ok(statement) = signed.verify(&network()) else { continue };
            assert_eq!(signed.verify(&foreign), Err(NotBelieved::OtherNetwork));
            let now = Instant::now();
            let Some(mut core) = core(now) else { return };
            core.heard(statement.clone(), Via::Itself, Duration::ZERO, now);
            core.heard(statement, Via::Other(key(3).peer_id()), Duration::from_secs(1 << 32), now);
            sound(&core);
        }
    },
    seeds: || {
        let signed = statements();
        let inner = signed.iter().map(|signed| signed.bytes().to_vec());
        signed.iter().map(bytes).chain(inner).collect()
    },
};

/// What must hold of the own entry whatever others say: everybody still believes it.
fn sound(core: &Core) {
    let mine = core.catalog().get(&key(1).peer_id());
    assert!(mine.is_some_and(|mine| mine.signed.verify(&network()).is_ok()), "the own entry is believed");
    let (live, graves) = (core.catalog().live.len(), core.catalog().graves.len());
    assert!(live <= 7 && graves <= 4, "{live} nodes, {graves} graves");
}

/// The frames of a comparison, on both sides.
pub(crate) const CATALOG: Target = Target {
    name: "catalog",
    run: |bytes| {
        let now = Instant::now();
        let Some(mut core) = core(now) else { return };
        for signed in statements().iter().take(2) {
            let Ok(statement) = signed.verify(&network()) else { continue };
            core.heard(statement, Via::Itself, Duration::ZERO, now);
        }
        let mut input = Input::new(bytes);
        let (mut buckets, mut listed): (Vec<u8>, Vec<Summary>) = Default::default();
        while let Some(piece) = input.piece() {
            match round_trip::<CatalogFrame>(piece) {
                Some(CatalogFrame::Open { opening, buckets }) => {
                    let claim = opening.holds_of_you;
                    claim.into_iter().for_each(|(version, boot)| core.claimed(version, boot, now));
                    let _ = opening.wall.distance(Wall(1));
                    if buckets_are_sound(&buckets) {
                        let differing = Digest::of(core.catalog()).differing(&buckets);
                        assert!(differing.len() <= BUCKETS);
                        differing.iter().for_each(|bucket| drop(summaries(core.catalog(), *bucket)));
                    }
                }
                Some(CatalogFrame::Listing { bucket, summaries }) => {
                    buckets.push(bucket);
                    listed.extend(summaries);
                }
                Some(CatalogFrame::Statements(relayed)) => relayed.into_iter().for_each(|relayed| {
                    let age = Duration::from_secs(relayed.age.into());
                    if let Ok(statement) = relayed.signed.verify(&network()) {
                        core.heard(statement, Via::Other(key(3).peer_id()), age, now);
                    }
                }),
                Some(CatalogFrame::Want(ids)) => {
                    assert!(answer(core.catalog(), &ids, now).len() <= ids.len());
                }
                Some(CatalogFrame::Dead(dead)) => {
                    dead.into_iter().for_each(|(peer, version)| core.doubted(peer, version, now));
                }
                Some(CatalogFrame::Over) => {
                    let plan = compare(core.catalog(), &buckets, &listed, now);
                    assert!(plan.want.len() <= listed.len());
                }
                None => {}
            }
        }
        drain(&mut core);
        sound(&core);
    },
    seeds: || {
        let signed = statements();
        let listing = {
            let peer = key(3).peer_id();
            let standing = super::core::Standing::Live;
            let summaries = vec![Summary { peer, version: version(3, 7), mark: 5, standing }];
            CatalogFrame::Listing { bucket: peer.as_bytes()[0], summaries }
        };
        let opening = |holds| Opening {
            mine: signed[2].clone(),
            root: [7; 32],
            holds_of_you: holds,
            wall: Wall(1_000_000_000_000),
            extensions: vec![(9, Bytes::from_static(b"x"))],
        };
        let relayed = |age| signed.iter().map(|signed| Relayed { signed: signed.clone(), age }).collect();
        let (us, held) = (key(1).peer_id(), Some((version(1, 9), Some(BootId(9)))));
        let frames = [
            CatalogFrame::Open { opening: opening(None), buckets: Vec::new() },
            CatalogFrame::Open { opening: opening(held), buckets: vec![1; BUCKETS] },
            listing,
            CatalogFrame::Over,
            CatalogFrame::Statements(relayed(0)),
            CatalogFrame::Statements(relayed(u32::MAX)),
            CatalogFrame::Want(vec![us, key(2).peer_id()]),
            CatalogFrame::Dead(vec![(us, version(1, 9)), (key(2).peer_id(), version(u64::MAX, u64::MAX))]),
            CatalogFrame::Over,
        ];
        let each = frames.iter().map(|frame| pack(&[bytes(frame)]));
        let all = pack(&frames.iter().map(bytes).collect::<Vec<_>>());
        each.chain([all]).collect()
    },
};

fn drain(core: &mut Core) -> Vec<Effect> {
    let mut effects = Vec::new();
    while let Some(effect) = core.next_effect() {
        effects.push(effect);
        assert!(effects.len() < 100_000, "what one input causes has an end");
    }
    effects
}

/// Everything that a node hears of itself and of others, in any order and at any time.
pub(crate) const DECISIONS: Target = Target {
    name: "decisions",
    run: |bytes| {
        let (mut input, start) = (Input::new(bytes), Instant::now());
        let Some(mut core) = core(start) else { return };
        let (mut now, mut steps) = (start, 0);
        while !input.is_empty() && steps < 500 {
            steps += 1;
            let what = input.byte();
            let n = input.byte() % 8 + 1;
            let (peer, at) = (key(n).peer_id(), version(input.number(), input.number()));
            let via =
                if what & 64 == 0 { Via::Itself } else { Via::Other(key(input.byte() % 8 + 1).peer_id()) };
            let signed = match what % 8 {
                0 | 1 => Signed::entry(&key(n), network(), &entry(n, at)).ok(),
                2 => Some(Signed::departure(&key(n), network(), at)),
                3 => Some(Signed::suspicion(&key(n), network(), key(input.byte() % 8 + 1).peer_id(), at)),
                _ => None,
            };
            match (what % 8, signed.and_then(|signed| signed.verify(&network()).ok())) {
                // Nobody else signs for this node.
                (_, Some(Statement::Entry(peer))) if peer.id == key(1).peer_id() => {}
                (_, Some(Statement::Departure(departure))) if departure.peer == key(1).peer_id() => {}
                (_, Some(statement)) => {
                    core.heard(statement, via, Duration::from_secs(input.byte().into()), now)
                }
                (4, None) => core.claimed(at, Some(BootId(n.into())), now),
                (5, None) => core.doubted(peer, at, now),
                (6, None) => core.unanswered(&peer, now),
                (7, None) => core.neighbour(peer, what & 32 == 0, now),
                _ => {}
            }
            now += Duration::from_millis(u64::from(input.byte()) * 40);
            core.tick(now);
            drain(&mut core);
            sound(&core);
        }
    },
    seeds: || {
        let steps = |what: &[u8]| what.iter().flat_map(|what| [*what, 2, 0, 1, 0, 7, 3, 0, 9]).collect();
        vec![
            steps(&[0, 2, 0, 64, 66, 3, 4, 5, 6, 7]),
            steps(&[0, 7, 6, 3, 3, 3, 6, 5]),
            vec![4, 1, 3, 0, 3, 0, 0, 5, 1, 3, 0, 3, 0, 0, 3, 2, 6, 128, 6, 128, 1, 0],
        ]
    },
};

/// Frames of gossip neighbours, of any number of them, at any time.
pub(crate) const GOSSIP: Target = Target {
    name: "gossip",
    run: |bytes| {
        let (mut input, mut now) = (Input::new(bytes), Instant::now());
        let me = key(1).peer_id();
        let mut overlay = gossip::Overlay::new(me, &network(), NodeRng::from_seed(1), now);
        while let Some(piece) = input.piece() {
            let from = PeerId::from_bytes([input.byte() % 16; 32]);
            match round_trip::<GossipFrame>(piece) {
                Some(GossipFrame::Overlay(message)) => {
                    if let Overlay::Broadcast { content, .. } = &message {
                        let _ =
                            round_trip::<Announcement>(content).map(|said| said.signed.verify(&network()));
                    }
                    let out = overlay.received(from, message, now);
                    assert!(out.is_none_or(|out| out.len() < 10_000), "one message causes few");
                }
                Some(GossipFrame::Probe(_) | GossipFrame::Answer(_)) => {}
                None => drop(overlay.lost(from, now)),
            }
            now += Duration::from_millis(u64::from(input.byte()) * 100);
            overlay.expire(now);
        }
        assert!(overlay.neighbours() <= 16);
    },
    seeds: || {
        let peer = PeerId::from_bytes([5; 32]);
        let content = bytes(&Announcement { nonce: 1, signed: statements()[2].clone() });
        let overlay = [
            Overlay::Join,
            Overlay::ForwardJoin { peer, hops_left: 3 },
            Overlay::Shuffle { origin: peer, peers: vec![peer], hops_left: 2 },
            Overlay::ShuffleReply { peers: vec![peer] },
            Overlay::Neighbor { must: true },
            Overlay::Neighbor { must: false },
            Overlay::Broadcast { hops: 3, content: content.into() },
            Overlay::Graft { id: Some([3; 32]), hops: 1 },
            Overlay::IHave(vec![([3; 32], 1)]),
            Overlay::Prune,
            Overlay::Disconnect { alive: true },
        ];
        let frames = overlay.into_iter().map(GossipFrame::Overlay).chain([GossipFrame::Probe(300)]);
        let each: Vec<Vec<u8>> = frames.map(|frame| [pack(&[bytes(&frame)]), vec![2, 10]].concat()).collect();
        let all = each.concat();
        each.into_iter().chain([all]).collect()
    },
};
