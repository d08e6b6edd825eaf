//! What happens to a birth.

use serde::{Deserialize, Serialize};

use super::{
    effect::Timer,
    genesis::{ClusterId, Genesis, GenesisHash, Member},
};
use crate::primitives::{BootId, PeerId};

/// Whether this node may found the group alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// It may.
    Granted,
    /// The right was used before, by a store that this node no longer has.
    Spent,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The store is open and what it holds is known: the cluster of its log, if it has one.
    LocalReady {
        /// The cluster whose log or vote the store holds.
        holds: Option<ClusterId>,
    },
    /// The handshake of a bond is done.
    PeerSeen {
        /// The peer, with its store.
        member: Member,
        /// Its process.
        boot: BootId,
        /// Whether it may become a voter.
        eligible: bool,
    },
    /// The peer's store is open, and it belongs to no group yet.
    PeerReady {
        /// The peer.
        peer: PeerId,
        /// Its process.
        boot: BootId,
    },
    /// The bond is gone.
    PeerLost {
        /// The peer.
        peer: PeerId,
        /// The process at the other end of that bond.
        boot: BootId,
    },
    /// The peer promised a list. Its proposer's promise is the proposal.
    PeerPromised {
        /// The peer.
        peer: PeerId,
        /// The list.
        genesis: Genesis,
        /// As which member it promised.
        by: Member,
    },
    /// The peer will never promise this list.
    PeerRefused {
        /// The peer.
        peer: PeerId,
        /// The list.
        hash: GenesisHash,
    },
    /// The peer says that the group exists.
    PeerInitialised {
        /// The peer.
        peer: PeerId,
        /// The birth of its group.
        cluster: ClusterId,
    },
    /// Every peer that discovery knows for this group was asked, or did not answer.
    Surveyed,
    /// Whether this node holds the founding right.
    Founding(Right),
    /// The voters of this node's group, as committed here.
    Voters(Vec<Member>),
    /// The group took this node in, after [`RequestJoin`](super::Effect::RequestJoin).
    Joined,
    /// A timer that was armed has run out.
    Elapsed(Timer),
    /// The group let the member here go while it was away, as this peer says; nothing of that member is left.
    Evicted(PeerId),
    /// Reads the view, changes nothing.
    Query,
}

/// The name of an [`Input`], for lists of what is admissible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the input of that name")]
pub enum Kind {
    LocalReady,
    PeerSeen,
    PeerReady,
    PeerLost,
    PeerPromised,
    PeerRefused,
    PeerInitialised,
    Surveyed,
    Founding,
    Voters,
    Joined,
    Elapsed,
    Query,
    Evicted,
}

impl Input {
    /// Its name.
    pub fn kind(&self) -> Kind {
        match self {
            Self::LocalReady { .. } => Kind::LocalReady,
            Self::PeerSeen { .. } => Kind::PeerSeen,
            Self::PeerReady { .. } => Kind::PeerReady,
            Self::PeerLost { .. } => Kind::PeerLost,
            Self::PeerPromised { .. } => Kind::PeerPromised,
            Self::PeerRefused { .. } => Kind::PeerRefused,
            Self::PeerInitialised { .. } => Kind::PeerInitialised,
            Self::Surveyed => Kind::Surveyed,
            Self::Founding(_) => Kind::Founding,
            Self::Voters(_) => Kind::Voters,
            Self::Joined => Kind::Joined,
            Self::Elapsed(_) => Kind::Elapsed,
            Self::Query => Kind::Query,
            Self::Evicted(_) => Kind::Evicted,
        }
    }
}

/// The input was not taken; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// Why.
    pub reason: Why,
    /// What would be taken now.
    pub admissible: Vec<Kind>,
}

/// Why an input was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Why {
    /// The store is not open.
    #[error("the store is not open yet")]
    NotReady,
    /// It was said before.
    #[error("this was said before")]
    Again,
    /// The birth timed out, and it is strict.
    #[error("the birth has ended at its deadline: start the node again, or leave out `strict`")]
    Ended,
    /// No bond with this process of this peer.
    #[error("there is no bond with that process of the peer")]
    StaleBoot,
    /// A node does not meet itself.
    #[error("a node does not meet itself: two nodes run under one key")]
    Myself,
    /// More peers than a birth can have.
    #[error("more peers than one birth keeps")]
    TooManyPeers,
    /// The list is not one of this group, or not as this node's declaration says.
    #[error("the list is not one that this node's `voters` allows: the declarations differ")]
    WrongList,
    /// The list has no place for this node.
    #[error("the list does not name this node")]
    NotNamed,
    /// More proposers than a node can remember to have refused.
    #[error("more proposers than one birth remembers")]
    TooManyProposers,
    /// It concerns a promise that is not held.
    #[error("it concerns a list that is not promised here")]
    NotPromised,
    /// The timer was not armed.
    #[error("that timer was not armed")]
    NotArmed,
    /// This node is in no group.
    #[error("this node is in no group yet")]
    NoGroup,
    /// This node did not ask to be taken in.
    #[error("this node did not ask to be taken in")]
    NotJoining,
    /// Only a founder is asked for a right.
    #[error("this group is not founded by one node")]
    NoFounder,
}
