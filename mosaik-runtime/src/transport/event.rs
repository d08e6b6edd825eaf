//! What the transport tells those above it.

use crate::primitives::{BootId, PeerId, Version};

use super::{code::Code, protocol::ProtocolId};

/// A connection of the pool: one number per connection, never reused within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Something happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A connection stands and its `Hello` is proven.
    Connected {
        /// Whose.
        peer: PeerId,
        /// The peer's process.
        boot: BootId,
        /// For which protocol.
        protocol: ProtocolId,
        /// Its number.
        session: SessionId,
        /// The newest version of this node's entry that the peer holds.
        holds_of_me: Option<Version>,
    },
    /// A connection ended.
    Disconnected {
        /// Whose.
        peer: PeerId,
        /// For which protocol.
        protocol: ProtocolId,
        /// Its number.
        session: SessionId,
        /// Why.
        reason: Ended,
    },
    /// An address of this node is gone, and with it connections that the peer dialled at it. The peer does not know yet.
    CutOff {
        /// Whose connections.
        peer: PeerId,
    },
    /// A connection was refused.
    Refused {
        /// The other side; unknown when it did not get as far as its identity.
        peer: Option<PeerId>,
        /// Who refused.
        by: Side,
        /// Why. The side that refuses knows more than it tells.
        reason: Refused,
    },
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This node.
    Us,
    /// The other.
    Them,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Closed by this side.
    ByUs(Code),
    /// Closed by the peer.
    ByThem(Code),
    /// Silent for too long.
    Lost,
}

/// Why a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Said by the other side, which gives strangers no reason.
    #[error("the other side has another network name or another secret")]
    NotYourNetwork,
    /// Neither side has a secret, and the names differ.
    #[error("the peer has another network name")]
    OtherNetwork,
    /// The peer's proof fits none of this node's secrets.
    #[error("the peer has another secret, or another network name under the same secret")]
    OtherSecret,
    /// This node has a secret and the peer has none.
    #[error("the peer has no network secret, this node has one")]
    NoSecret,
    /// The peer has a secret and this node has none.
    #[error("the peer has a network secret, this node has none")]
    UnexpectedSecret,
    /// Two live processes use one key.
    #[error("two live nodes use one key: give each node a key of its own")]
    IdentityInUse,
    /// A limit is reached.
    #[error("a limit is reached: {0}")]
    Busy(&'static str),
    /// The handshake took too long.
    #[error("the handshake took too long")]
    Deadline,
    /// The handshake failed otherwise.
    #[error("the handshake failed: {0}")]
    Handshake(String),
    /// Another code.
    #[error("{0}")]
    Other(Code),
}

impl Refused {
    /// The stable word in metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotYourNetwork => "not_your_network",
            Self::OtherNetwork => "other_network",
            Self::OtherSecret => "other_secret",
            Self::NoSecret => "no_secret",
            Self::UnexpectedSecret => "unexpected_secret",
            Self::IdentityInUse => "identity_in_use",
            Self::Busy(_) => "busy",
            Self::Deadline => "deadline",
            Self::Handshake(_) => "handshake",
            Self::Other(_) => "other",
        }
    }
}
