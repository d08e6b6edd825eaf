//! Challenges: bytes that nobody could know before, over which a peer makes a proof anew.
//!
//! A ticket says when it was made, by a clock. An answer to a challenge was made after the question, whatever clocks say.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::primitives::ids::hex;

/// Random bytes that one node chose for one question to one peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// A nonce of these bytes, which must be random.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", hex(&self.0[..5]))
    }
}

/// Why a peer does not answer a challenge. Travels; the order of variants is the wire's, new ones are only appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unanswered {
    /// It has nothing that makes such proofs.
    #[error("it makes no proofs of this class: let its program answer challenges")]
    NotHere,
    /// It was asked more often than it answers.
    #[error("it was asked too often, and answers again in {} s", .after_ms.div_ceil(1000))]
    TooOften {
        /// When to ask again, in milliseconds.
        after_ms: u32,
    },
    /// It makes other proofs.
    #[error("it makes proofs for others")]
    Busy,
    /// It could not make one.
    #[error("it could not make one: its log says why")]
    Failed,
}

impl Unanswered {
    /// The stable code of metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotHere => "not_here",
            Self::TooOften { .. } => "too_often",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}
