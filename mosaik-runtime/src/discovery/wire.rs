//! What discovery says on the wire: two protocols, `/mosaik/gossip/1` and `/mosaik/catalog/1`.
//!
//! Frames are enums to which variants are only ever appended. Signed statements travel inside as they were signed.
//! The overlay's messages are our own types and not the gossip library's, so that its next version is not a change of the wire.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    primitives::{BootId, PeerId, Version, Wall},
    transport::Protocol,
};

use super::{
    core::{BUCKETS, Summary},
    signed::Signed,
};

/// The links between gossip neighbours.
#[derive(Debug)]
pub(crate) struct GossipProtocol;

impl Protocol for GossipProtocol {
    const NAME: &'static str = "gossip";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 20 * 1024;
    /// The overlay tries peers and leaves them; those that stay are kept.
    const LINGER: Duration = Duration::from_millis(500);
}

/// The comparison of two catalogs: one link each.
#[derive(Debug)]
pub(crate) struct CatalogProtocol;

impl Protocol for CatalogProtocol {
    const NAME: &'static str = "catalog";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 64 * 1024;
    /// Two nodes that have just compared have nothing to compare.
    const LINGER: Duration = Duration::from_millis(500);
}

/// A frame between gossip neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum GossipFrame {
    /// A message of the overlay.
    Overlay(Overlay),
    /// Are you there?
    Probe(u64),
    /// I am here.
    Answer(u64),
}

/// The messages of the gossip overlay: who neighbours whom, and the broadcast tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Overlay {
    Join,
    ForwardJoin { peer: PeerId, hops_left: u16 },
    Shuffle { origin: PeerId, peers: Vec<PeerId>, hops_left: u16 },
    ShuffleReply { peers: Vec<PeerId> },
    Neighbor { must: bool },
    Disconnect { alive: bool },
    Broadcast { hops: u16, content: Bytes },
    Prune,
    Graft { id: Option<[u8; 32]>, hops: u16 },
    IHave(Vec<([u8; 32], u16)>),
}

/// What is broadcast. The nonce makes two announcements of one statement different: the overlay drops what it saw lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) nonce: u64,
    pub(crate) signed: Signed,
}

/// A statement, and for a departure how many seconds ago it was made, as far as known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relayed {
    pub(crate) signed: Signed,
    pub(crate) age: u32,
}

/// How a comparison begins, on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// This side's own entry.
    pub(crate) mine: Signed,
    /// The hash over this side's catalog.
    pub(crate) root: [u8; 32],
    /// What this side holds of the other: version, and process unless only a grave is held.
    pub(crate) holds_of_you: Option<(Version, Option<BootId>)>,
    /// This side's wall clock; nothing is ordered by it.
    pub(crate) wall: Wall,
    /// What later versions say.
    pub(crate) extensions: Vec<(u16, Bytes)>,
}

/// A frame of a comparison. The dialler speaks first; the sides take turns, so that neither waits for the other to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum CatalogFrame {
    /// Dialler: this is what I have. Acceptor: the same to you; buckets only where the roots differ.
    Open { opening: Opening, buckets: Vec<u128> },
    /// Dialler: what I know in one bucket that differs.
    Listing { bucket: u8, summaries: Vec<Summary> },
    /// Statements that you lack.
    Statements(Vec<Relayed>),
    /// Acceptor: nodes of which you know more than I.
    Want(Vec<PeerId>),
    /// Acceptor: nodes that are dead here, up to these versions, and alive with you.
    Dead(Vec<(PeerId, Version)>),
    /// My turn ends.
    Over,
}

/// The most nodes in one [`CatalogFrame::Listing`]: what does not fit is compared another time.
pub(crate) const MOST_LISTED: usize = 768;
/// The most ids in one frame.
pub(crate) const MOST_IDS: usize = 1024;
/// Statements are put into one frame up to this many bytes.
pub(crate) const BATCH: usize = 40 * 1024;

/// Whether an acceptor's bucket hashes are what they should be.
pub(crate) fn buckets_are_sound(buckets: &[u128]) -> bool {
    buckets.is_empty() || buckets.len() == BUCKETS
}
