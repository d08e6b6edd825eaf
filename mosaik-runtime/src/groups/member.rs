//! Who takes part in a group: a node with one of its stores.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::birth;
use crate::primitives::PeerId;

/// A member of a group, as Raft knows it.
///
/// The generation changes whenever the node comes back without what it had written, so that a member with an empty log never
/// speaks with the voice of one that had voted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    /// The node.
    pub peer: PeerId,
    /// Its life in the group: the id of its store at the birth of the group, later the index of a committed entry.
    pub generation: u64,
}

impl MemberId {
    /// A member.
    pub const fn new(peer: PeerId, generation: u64) -> Self {
        Self { peer, generation }
    }
}

/// A member of the first committee.
impl From<birth::Member> for MemberId {
    fn from(member: birth::Member) -> Self {
        Self::new(member.peer, member.store.0)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:x}", self.peer.short(), self.generation)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({self})")
    }
}

/// Members by number, for openraft's own tests of a store.
#[cfg(test)]
impl From<u64> for MemberId {
    fn from(number: u64) -> Self {
        let mut peer = [0; 32];
        peer[24..].copy_from_slice(&number.to_be_bytes());
        Self::new(PeerId::from_bytes(peer), number)
    }
}
