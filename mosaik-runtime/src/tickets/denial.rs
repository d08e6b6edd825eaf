//! Why a ticket proves nothing: one vocabulary for every kind of ticket.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::primitives::Wall;

/// Why a ticket proves nothing. Travels to the peer that showed it, so it never holds a part of the ticket that the peer did
/// not choose to show, nor a key. The order of variants is the wire's; new ones are only appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Denial {
    /// The peer shows no ticket of the class that is asked for.
    #[error("the peer shows no ticket of class `{class}`: give it one, or let it prove what it must")]
    Missing {
        /// The class.
        class: String,
    },
    /// The bytes are not a ticket of their class.
    #[error("the ticket cannot be read: {why}")]
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// It was not made by anybody who is trusted here.
    #[error("the ticket is not from anybody who is trusted here: {why}")]
    Untrusted {
        /// What is wrong.
        why: String,
    },
    /// It is over.
    #[error("the ticket expired {} s ago: renew it, and check both clocks", .ago.as_secs())]
    Expired {
        /// How long ago.
        ago: Duration,
    },
    /// It is not valid yet.
    #[error("the ticket becomes valid in {} s: check both clocks", .after.as_secs())]
    NotYet {
        /// In how long.
        after: Duration,
        /// From when on.
        from: Wall,
    },
    /// It was made for another peer.
    #[error("the ticket was made for another peer: ask for one for this peer's id")]
    OtherPeer,
    /// It was made for another network.
    #[error("the ticket was made for another network: ask for one for this network")]
    OtherNetwork,
    /// It is authentic, and does not say what is required.
    #[error("the ticket does not say what is required: {why}")]
    Unmet {
        /// What is missing.
        why: String,
    },
    /// It was revoked.
    #[error("the ticket was revoked: ask for another one")]
    Revoked,
    /// The validator lacks something that it needs.
    #[error("the ticket cannot be checked now: {why}")]
    Unavailable {
        /// What it lacks.
        why: String,
    },
    /// The validator did not answer in time.
    #[error("the check of the ticket took more than {} ms", .limit.as_millis())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The validator panicked.
    #[error("the check of the ticket failed inside: the other side's log says more")]
    Panicked,
    /// Too many tickets are being checked.
    #[error("too many tickets are being checked: it will be tried again")]
    Busy,
    /// A ticket is not enough here, and the peer gave no good answer to a challenge.
    #[error("the peer gave no fresh proof: {why}")]
    Unanswered {
        /// Why there is none.
        why: String,
    },
}

impl Denial {
    /// The stable code of metrics and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Malformed { .. } => "malformed",
            Self::Untrusted { .. } => "untrusted",
            Self::Expired { .. } => "expired",
            Self::NotYet { .. } => "not_yet",
            Self::OtherPeer => "other_peer",
            Self::OtherNetwork => "other_network",
            Self::Unmet { .. } => "unmet",
            Self::Revoked => "revoked",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut { .. } => "timed_out",
            Self::Panicked => "panicked",
            Self::Busy => "busy",
            Self::Unanswered { .. } => "unanswered",
        }
    }

    /// Whether the same ticket may pass later, without anybody changing the ticket or the validator.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotYet { .. }
                | Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::Panicked
                | Self::Busy
                | Self::Unanswered { .. }
        )
    }

    /// Of two refusals, the one that says more: that of the ticket that came closest.
    #[must_use]
    pub fn or_more_telling(self, other: Self) -> Self {
        if other.closeness() > self.closeness() { other } else { self }
    }

    const fn closeness(&self) -> u8 {
        match self {
            Self::Missing { .. } => 0,
            Self::Malformed { .. } => 1,
            Self::Untrusted { .. } => 2,
            Self::OtherPeer | Self::OtherNetwork => 3,
            Self::Busy | Self::Panicked | Self::TimedOut { .. } | Self::Unavailable { .. } => 4,
            Self::Unmet { .. } | Self::Revoked | Self::Unanswered { .. } => 5,
            Self::Expired { .. } | Self::NotYet { .. } => 6,
        }
    }
}
