//! What travels, written down a second time from the page on the wire protocol.

use mosaik::{
    discovery::signed::Signed,
    primitives::{Fingerprint, NetworkId, PeerId, Version, WireId, codec},
    tickets::TicketId,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) enum Hello {
    V1 {
        revisions: Vec<u16>,
        network: Proof,
        boot: u128,
        holds_of_you: Option<Version>,
        extensions: Vec<(u16, Vec<u8>)>,
    },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Proof {
    Open(NetworkId),
    #[allow(dead_code, reason = "it has a number on the wire")]
    Secret([u8; 32]),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Gossip {
    Overlay(Overlay),
    Probe(u64),
    Answer(u64),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Overlay {
    Join,
    ForwardJoin(PeerId, u16),
    Shuffle(PeerId, Vec<PeerId>, u16),
    ShuffleReply(Vec<PeerId>),
    Neighbor(bool),
    Disconnect(bool),
    Broadcast(u16, Vec<u8>),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) nonce: u64,
    pub(crate) signed: Signed,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) mine: Signed,
    pub(crate) root: [u8; 32],
    pub(crate) holds_of_you: Option<(Version, Option<u128>)>,
    pub(crate) wall: u64,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) peer: PeerId,
    pub(crate) version: Version,
    pub(crate) mark: u64,
    pub(crate) standing: u8,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Catalog {
    Open(Opening, Vec<u128>),
    Listing(u8, Vec<Summary>),
    Statements(Vec<(Signed, u32)>),
    Want(Vec<PeerId>),
    Dead(Vec<(PeerId, Version)>),
    Over,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Ask {
    V1 { item: WireId, role: u8, schemas: Vec<Fingerprint>, shape: Vec<u8>, extensions: Vec<(u16, Vec<u8>)> },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum KeyProof {
    NoKey,
    #[allow(dead_code, reason = "it has a number on the wire")]
    Key([u8; 32]),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Prove {
    V1 { proof: KeyProof, extensions: Vec<(u16, Vec<u8>)> },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum TicketAsk {
    V1 { id: TicketId, extensions: Vec<(u16, Vec<u8>)> },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum TicketAnswer {
    Here { class: String, bytes: Vec<u8>, extensions: Vec<(u16, Vec<u8>)> },
}

/// A message as a frame.
pub(crate) fn frame<T: Serialize>(message: &T) -> Vec<u8> {
    framed(&codec::encode(message).expect("it encodes"))
}

/// Bytes as a frame.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).expect("short").to_le_bytes()[..], body].concat()
}
