//! The bytes that travel and are stored. A change here is a change of the wire: it needs a new variant or a new major.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::{
    discovery::{
        Entry, RoleEntry,
        core::{Standing, Summary},
        signed::Signed,
        wire::{Announcement, CatalogFrame, GossipFrame, Opening, Overlay, Relayed},
    },
    primitives::{Fingerprint, PeerRole, StreamId, Version, codec, ids::hex},
};

fn golden() -> NetworkId {
    NetworkId::derive("golden")
}

fn at(incarnation: u64, counter: u64) -> Version {
    Version { incarnation, counter }
}

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 32])
}

fn entry() -> Signed {
    let item = StreamId::derive("host.load").on(&network());
    let entry = Entry {
        version: at(2, 7),
        boot: BootId(9),
        addresses: vec!["127.0.0.1:4000".parse().expect("an address")],
        tags: Arc::new([tag("sensor")].into()),
        roles: Arc::new([RoleEntry { role: PeerRole::Produces, item, schema: Fingerprint([1; 16]) }].into()),
        protocols: vec![("streams".to_owned(), 1)],
        extensions: Vec::new(),
    };
    Signed::entry(&key(1), golden(), &entry).expect("small")
}

fn all() -> Vec<(&'static str, Vec<u8>)> {
    let departure = Signed::departure(&key(1), golden(), at(2, 8));
    let suspicion = Signed::suspicion(&key(1), golden(), peer(2), at(3, 300));
    let opening = Opening {
        mine: departure.clone(),
        root: [3; 32],
        holds_of_you: Some((at(1, 2), Some(BootId(9)))),
        wall: Wall(1_000_000),
        extensions: vec![(7, Bytes::from_static(b"x"))],
    };
    let summary = Summary { peer: peer(2), version: at(1, 2), mark: 300, standing: Standing::Departed };
    let overlay = |overlay| codec::encode(&GossipFrame::Overlay(overlay));
    let content = codec::encode(&Announcement { nonce: 300, signed: departure.clone() });
    let frames = [
        ("signed departure", codec::encode(&departure)),
        ("announcement", content),
        ("probe", codec::encode(&GossipFrame::Probe(300))),
        ("answer", codec::encode(&GossipFrame::Answer(1))),
        ("join", overlay(Overlay::Join)),
        ("forward join", overlay(Overlay::ForwardJoin { peer: peer(2), hops_left: 6 })),
        ("shuffle", overlay(Overlay::Shuffle { origin: peer(2), peers: vec![peer(3)], hops_left: 6 })),
        ("shuffle reply", overlay(Overlay::ShuffleReply { peers: vec![peer(3)] })),
        ("neighbor", overlay(Overlay::Neighbor { must: true })),
        ("disconnect", overlay(Overlay::Disconnect { alive: true })),
        ("broadcast", overlay(Overlay::Broadcast { hops: 3, content: Bytes::from_static(b"said") })),
        ("prune", overlay(Overlay::Prune)),
        ("graft", overlay(Overlay::Graft { id: Some([5; 32]), hops: 2 })),
        ("i have", overlay(Overlay::IHave(vec![([5; 32], 2)]))),
        ("open", codec::encode(&CatalogFrame::Open { opening, buckets: vec![300] })),
        ("listing", codec::encode(&CatalogFrame::Listing { bucket: 2, summaries: vec![summary] })),
        (
            "statements",
            codec::encode(&CatalogFrame::Statements(vec![Relayed { signed: departure.clone(), age: 60 }])),
        ),
        ("want", codec::encode(&CatalogFrame::Want(vec![peer(2)]))),
        ("dead", codec::encode(&CatalogFrame::Dead(vec![(peer(2), at(1, 2))]))),
        ("over", codec::encode(&CatalogFrame::Over)),
    ];
    let statements = [("entry", entry()), ("departure", departure.clone()), ("suspicion", suspicion)];
    let bytes = statements.map(|(name, signed)| (name, signed.bytes().to_vec()));
    bytes.into_iter().chain(frames.map(|(name, frame)| (name, frame.expect("it encodes")))).collect()
}

#[test]
fn the_bytes_of_discovery_are_stable() {
    let text: String = all().iter().map(|(name, bytes)| format!("{name}: {}\n", hex(bytes))).collect();
    assert_eq!(text, include_str!("wire.golden"), "actual:\n{text}");
}

#[test]
fn golden_statements_verify_in_their_network_only() {
    assert!(entry().verify(&golden()).is_ok());
    assert!(entry().verify(&network()).is_err());
}
