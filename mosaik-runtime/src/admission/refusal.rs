//! Why a peer was not admitted, or is no longer.

use serde::{Deserialize, Serialize};

/// Why a peer was not admitted, or is no longer. Travels to the refused peer; the order of variants is the wire's, new ones
/// are only appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The other side has no such item in that role: it was dropped, or never there.
    #[error("the peer has no such item: it may have been dropped; its entry will say so")]
    NoSuchItem,
    /// The policy was evaluated and does not hold.
    #[error("the policy `{policy}` does not hold for this peer")]
    PolicyUnmet {
        /// The policy, as its owner wrote it.
        policy: String,
    },
    /// What the policy asks is not known yet: the peer's entry has not arrived, or no round trip was measured.
    #[error("the policy `{policy}` asks for what is not known of this peer yet; it will be tried again")]
    NotKnownYet {
        /// The policy, as its owner wrote it.
        policy: String,
    },
    /// The two sides mean different types.
    #[error("the schemas differ: {difference}")]
    SchemaMismatch {
        /// What differs, seen from the side that reads this.
        difference: String,
    },
    /// The item has as many users as it allows.
    #[error("the limit of {limit} is reached (`max_consumers`)")]
    Full {
        /// The limit.
        limit: u32,
    },
    /// The other side is shutting down.
    #[error("the peer is stopping")]
    Stopping,
    /// The other side does not understand what was asked.
    #[error("the peer does not understand the request: one of the two is older")]
    Unsupported,
    /// The policy asks for a proof that the peer does not have.
    #[error("the policy `{policy}` asks for the proof `{proof}`: {why}")]
    NotProven {
        /// The policy, as its owner wrote it.
        policy: String,
        /// The proof's name.
        proof: String,
        /// Why the peer does not have it.
        why: String,
    },
}

/// How much of a text that a peer had a part in is shown, in characters.
const MOST_SHOWN: usize = 1024;

/// A text that a peer had a part in, fit for a log: one line of bounded length.
pub(super) fn shown(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let mut line: String = line.take(MOST_SHOWN).collect();
    if line.len() < text.len() && text.chars().nth(MOST_SHOWN).is_some() {
        line.push('…');
    }
    line
}

impl Refusal {
    /// A peer's refusal, fit for a log.
    pub(super) fn heard(self) -> Self {
        match self {
            Self::PolicyUnmet { policy } => Self::PolicyUnmet { policy: shown(&policy) },
            Self::NotKnownYet { policy } => Self::NotKnownYet { policy: shown(&policy) },
            Self::SchemaMismatch { difference } => Self::SchemaMismatch { difference: shown(&difference) },
            Self::NotProven { policy, proof, why } => {
                Self::NotProven { policy: shown(&policy), proof: shown(&proof), why: shown(&why) }
            }
            other => other,
        }
    }

    /// The stable code of metrics and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchItem => "no_such_item",
            Self::PolicyUnmet { .. } => "policy_unmet",
            Self::NotKnownYet { .. } => "not_known_yet",
            Self::SchemaMismatch { .. } => "schema_mismatch",
            Self::Full { .. } => "full",
            Self::Stopping => "stopping",
            Self::Unsupported => "unsupported",
            Self::NotProven { .. } => "not_proven",
        }
    }

    /// Whether asking again later may help without anybody changing a program.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::SchemaMismatch { .. } | Self::Unsupported)
    }
}
