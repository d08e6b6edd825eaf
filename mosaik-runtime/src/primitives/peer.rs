//! What a node knows of a peer when it decides about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    ids::{PeerId, WireId},
    schema::Fingerprint,
    tag::Tag,
};

/// What a peer does with an item of the network. The order is the wire's: variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PeerRole {
    /// Produces a stream.
    Produces,
    /// Consumes a stream.
    Consumes,
    /// May vote in a group.
    Member,
    /// Reads what a group commits, and is no member of it.
    Reads,
}

impl PeerRole {
    /// The verb, as messages use it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Produces => "produce",
            Self::Consumes => "consume",
            Self::Member => "join",
            Self::Reads => "read",
        }
    }
}

/// What a node does with one item, and by which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleEntry {
    /// What it does.
    pub role: PeerRole,
    /// The item, on this network's wire.
    pub item: WireId,
    /// The schema it speaks.
    pub schema: Fingerprint,
}

/// A peer as policies see it. Tags are claims of the peer; the rest is observed here.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerView {
    /// The peer's proven identity.
    pub id: PeerId,
    /// The tags it claims, shared with its entry; `None` while that is not known.
    pub tags: Option<Arc<BTreeSet<Tag>>>,
    /// What it says it does, shared with its entry; `None` while that is not known.
    pub roles: Option<Arc<BTreeSet<RoleEntry>>>,
    /// The least round-trip time seen of late; `None` before the first measurement.
    pub rtt: Option<Duration>,
    /// What it proved, and what it failed to prove, by the proof's name. What is not in here is not known.
    pub proofs: BTreeMap<Arc<str>, Decision>,
}

impl PeerView {
    /// A peer of which only the identity is known.
    pub fn stranger(id: PeerId) -> Self {
        Self { id, tags: None, roles: None, rtt: None, proofs: BTreeMap::new() }
    }
}

/// The answer of a policy: unknown refuses, also under `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The policy holds.
    Yes,
    /// The policy does not hold.
    No,
    /// What it asks is not known yet.
    Unknown,
}

impl From<bool> for Decision {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
