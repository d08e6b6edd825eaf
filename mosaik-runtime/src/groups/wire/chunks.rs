//! What a node that pulls a snapshot asks, and what it gets.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::groups::store::record::ChunkHash;

/// Asks for a part of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkAsk {
    /// The first version.
    V1 {
        /// The chunk.
        hash: ChunkHash,
        /// Where the part begins.
        offset: u32,
        /// How long it is at most.
        length: u32,
    },
}

/// The answer, in the order of the questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkAnswer {
    /// The part.
    Part {
        /// How long the chunk is.
        of: u32,
        /// The bytes.
        bytes: Bytes,
    },
    /// The chunk is not here.
    Missing,
}
