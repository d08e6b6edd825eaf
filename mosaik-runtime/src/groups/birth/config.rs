//! What a birth is told before it begins.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::primitives::{PeerId, WireId};

/// The largest first committee.
pub(super) const MOST_VOTERS: usize = 13;

/// Who makes up the first committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Voters {
    /// The one node that holds the founding right; everybody else joins by a committed change.
    Founder,
    /// So many nodes, whoever meets first. Safe while fewer than twice as many are eligible.
    Count(u8),
    /// Exactly these.
    List(BTreeSet<PeerId>),
}

impl Voters {
    /// How many there are in the first committee.
    pub fn count(&self) -> usize {
        match self {
            Self::Founder => 1,
            Self::Count(count) => usize::from(*count),
            Self::List(peers) => peers.len(),
        }
    }
}

/// One birth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The group, on its network.
    pub group: WireId,
    /// The first committee.
    pub voters: Voters,
    /// Whether this node may become a voter. A node that may not only waits for a group to join.
    pub eligible: bool,
    /// Whether the group lives in memory. Then a list whose stores are mostly gone is given up once all its members have said so;
    /// a durable group waits for its stores, or for an operator.
    pub in_memory: bool,
    /// Whether the deadline ends the birth. Otherwise it is reported, and the birth goes on.
    pub strict: bool,
    /// When an unfinished birth is reported.
    pub deadline: Duration,
    /// By how much each rank in a list waits for the ones before it.
    pub rank_delay: Duration,
}

impl Config {
    /// A birth with the defaults: eligible, durable, not strict, reported after 30 s, 500 ms a rank.
    pub fn new(group: WireId, voters: Voters) -> Self {
        Self {
            group,
            voters,
            eligible: true,
            in_memory: false,
            strict: false,
            deadline: Duration::from_secs(30),
            rank_delay: Duration::from_millis(500),
        }
    }

    /// Whether the birth can be meant.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.voters.count() {
            0 => Err(ConfigError::NoVoters),
            count if count > MOST_VOTERS => Err(ConfigError::TooMany { count }),
            _ => Ok(()),
        }
    }
}

/// The birth cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody would vote.
    #[error("a group needs at least one voter: say `voters = 3`, `voters = founder`, or list peer ids")]
    NoVoters,
    /// Each command waits for a majority of these, and each birth for all of them.
    #[error(
        "{count} voters are more than {MOST_VOTERS}: a larger committee makes every command slower and no group safer"
    )]
    TooMany {
        /// How many were asked for.
        count: usize,
    },
}
