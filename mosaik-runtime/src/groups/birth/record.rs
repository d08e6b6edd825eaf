//! What a birth must not forget: it is on disk before a word of it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::genesis::{ClusterId, Genesis, Member};

/// How many proposers' refused attempts are remembered. What cannot be remembered is not refused, and not promised either.
pub(super) const MOST_PROPOSERS: usize = 1024;

/// The promise of a node, for one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Promise {
    /// It promised nothing, or what it promised cannot come to be.
    #[default]
    Free,
    /// It promised this list, as this member. No time-out takes that back.
    Given {
        /// The list.
        genesis: Genesis,
        /// The member that promised; its store may have been lost since.
        by: Member,
    },
    /// All members of this list promised it: the group was born, or will be.
    Sealed {
        /// The list.
        genesis: Genesis,
    },
    /// The group has lived here.
    Bound {
        /// Its birth.
        cluster: ClusterId,
        /// Its voters, as last committed here.
        voters: Vec<Member>,
    },
}

/// The durable part of a birth, of a few hundred bytes. It is kept beside the store, also when the group lives in memory: a
/// promise must outlive the process that gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The promise.
    pub promise: Promise,
    /// How many lists this node proposed.
    pub proposals: u32,
    /// The highest attempt of each proposer that was refused: nothing up to it is ever promised.
    pub refused: BTreeMap<Member, u32>,
}

impl Promise {
    /// The members that this promise binds to: while one of them may hold the group, nothing else is promised.
    pub(super) fn members(&self) -> &[Member] {
        match self {
            Self::Free => &[],
            Self::Given { genesis, .. } | Self::Sealed { genesis } => &genesis.members,
            Self::Bound { voters, .. } => voters,
        }
    }
}

impl Record {
    /// Whether this list, or a later one of its proposer, was refused.
    pub(super) fn has_refused(&self, genesis: &Genesis) -> bool {
        self.refused.get(&genesis.proposer).is_some_and(|attempt| *attempt >= genesis.attempt)
    }

    /// Notes that this list is never promised; false when there is no room to remember it.
    pub(super) fn refuse(&mut self, genesis: &Genesis) -> bool {
        if !self.refused.contains_key(&genesis.proposer) && self.refused.len() >= MOST_PROPOSERS {
            return false;
        }
        let highest = self.refused.entry(genesis.proposer).or_insert(genesis.attempt);
        *highest = (*highest).max(genesis.attempt);
        true
    }
}
