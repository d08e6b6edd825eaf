//! What bonds tell, and how calls over them fail.

use std::time::Duration;

use crate::{
    admission::Refusal,
    groups::wire::{BirthMessage, Hello, KeyRefusal},
    primitives::{BootId, PeerId},
    transport::LinkError,
};

/// Something happened to the bonds of a group. The events of one bond come in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BondEvent {
    /// A bond stands.
    Up {
        /// With whom.
        peer: PeerId,
        /// Where the peer stands.
        hello: Hello,
    },
    /// The peer stands elsewhere now.
    Changed {
        /// The peer.
        peer: PeerId,
        /// Where it stands.
        hello: Hello,
    },
    /// The peer's birth said something.
    Told {
        /// The peer.
        peer: PeerId,
        /// What it said.
        message: BirthMessage,
    },
    /// A bond is gone.
    Down {
        /// With whom it was.
        peer: PeerId,
        /// The process at the other end.
        boot: BootId,
    },
    /// No bond, and why. Told once until the reason changes or there is a bond.
    Refused {
        /// The peer.
        peer: PeerId,
        /// Why.
        why: BondRefused,
    },
}

/// Why two nodes of a group have no bond.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BondRefused {
    /// This side does not admit the peer to the group.
    #[error("this node does not admit it to the group: {0}")]
    ByUs(Refusal),
    /// The peer does not admit this node.
    #[error("it does not admit this node to the group: {0}")]
    ByThem(Refusal),
    /// The proofs of the key do not fit.
    #[error("{0}")]
    Key(KeyRefusal),
}

impl BondRefused {
    /// Whether trying again soon may help without anybody changing a program or a key.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::ByUs(refusal) | Self::ByThem(refusal) => refusal.may_pass(),
            Self::Key(_) => false,
        }
    }

    /// The stable word in metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ByUs(refusal) | Self::ByThem(refusal) => refusal.code(),
            Self::Key(refusal) => refusal.code(),
        }
    }
}

/// Something over a bond failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BondError {
    /// There is no bond with that peer, or it ended meanwhile: whether a question arrived is not known.
    #[error("there is no bond with that node (any more)")]
    Down,
    /// No answer in time: whether the question arrived is not known.
    #[error("no answer within {within:?}")]
    Deadline {
        /// How long was waited.
        within: Duration,
    },
    /// More is waiting to be sent than a bond holds; nothing was sent.
    #[error("too much is waiting to be sent to that node")]
    Busy,
    /// The stream of a channel failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl BondError {
    /// Whether what was asked surely did not arrive.
    pub const fn surely_unsent(&self) -> bool {
        matches!(self, Self::Busy)
    }
}
