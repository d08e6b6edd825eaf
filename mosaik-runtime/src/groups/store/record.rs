//! What is stored of Raft, in types of our own.
//!
//! Their encoding is a promise that golden vectors hold. The consensus library has types of its own, which may change with each
//! of its releases; [`groups::raft`](crate::groups::raft) alone converts.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{groups::MemberId, primitives::PeerId};

pub use crate::groups::birth::StoreId;

/// Which entry: the term of the leader that wrote it, and its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogId {
    /// The term.
    pub term: u64,
    /// The place.
    pub index: u64,
}

/// For whom a member voted, or whom it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The term.
    pub term: u64,
    /// The candidate or leader.
    pub member: MemberId,
    /// Whether a majority is known to have voted so.
    pub committed: bool,
}

/// Who votes and who only learns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// One set of voters, or two while one replaces the other.
    pub configs: Vec<BTreeSet<MemberId>>,
    /// All members, learners too.
    pub members: BTreeSet<MemberId>,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: a leader's first.
    Blank,
    /// A batch of commands, encoded.
    Command(Bytes),
    /// Another membership.
    Membership(Membership),
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which one.
    pub id: LogId,
    /// What it says.
    pub payload: Payload,
}

impl Entry {
    /// Roughly what it takes in memory and on disk.
    pub(in crate::groups) fn size(&self) -> usize {
        let payload = match &self.payload {
            Payload::Blank => 0,
            Payload::Command(bytes) => bytes.len(),
            Payload::Membership(membership) => 48 * membership.members.len(),
        };
        payload + 64
    }
}

/// Whose store it is, and in which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The format, see [`FORMAT`].
    pub format: u32,
    /// The node.
    pub owner: PeerId,
    /// The store.
    pub store: StoreId,
}

/// The format that this build writes. It also reads format 1, which had no journal, and makes it this one.
pub const FORMAT: u32 = 2;

/// The hash of a chunk of a snapshot, which is also its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChunkHash(pub [u8; 32]);

impl ChunkHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl std::fmt::Display for ChunkHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::primitives::ids::hex(&self.0))
    }
}

impl std::fmt::Debug for ChunkHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkHash({})", crate::primitives::ids::hex(&self.0[..5]))
    }
}

/// A snapshot: the state after an entry, as a list of chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The last entry that is in it.
    pub last: Option<LogId>,
    /// The entry that made the membership.
    pub membership_at: Option<LogId>,
    /// The membership after that entry.
    pub membership: Membership,
    /// How many bytes the chunks have in all.
    pub bytes: u64,
    /// The chunks, in order.
    pub chunks: Vec<ChunkHash>,
}
