//! What a birth looks like from outside.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::genesis::{ClusterId, GenesisHash};
use crate::primitives::PeerId;

/// How far a birth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The store is not open.
    Dormant,
    /// Meeting the others.
    Gathering,
    /// A list is promised here, and not yet by all its members.
    Waiting,
    /// A list is sealed, and this node is of it. Final.
    Concluded,
    /// The store already belongs to a group. Final.
    Resuming,
    /// The group exists elsewhere. Final, unless it lived in memory and nobody is left who knows it.
    Joining,
    /// The deadline passed and the birth is strict. Final.
    TimedOut,
}

/// What keeps a birth from going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// Nothing: it is over.
    Nothing,
    /// The store is not open.
    Store,
    /// So many more nodes that may vote.
    Voters(usize),
    /// These listed nodes are not ready.
    Listed(BTreeSet<PeerId>),
    /// These nodes were asked to promise and have not answered.
    Promises(BTreeSet<PeerId>),
    /// Nobody is known to hold the founding right.
    Founder,
    /// Peers that may know the group have not answered yet.
    Survey,
    /// Nobody knows the group yet, and this node cannot vote.
    Group,
    /// Everybody is there: somebody's turn to propose.
    Proposal,
    /// These voted when the group was last seen here, and have not said yet that they know nothing of it.
    Answers(BTreeSet<PeerId>),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |peers: &BTreeSet<PeerId>| peers.iter().map(PeerId::short).collect::<Vec<_>>().join(", ");
        match self {
            Self::Nothing => f.write_str("nothing is missing"),
            Self::Store => f.write_str("the store is not open"),
            Self::Voters(1) => f.write_str("one more node that may vote is missing"),
            Self::Voters(count) => write!(f, "{count} more nodes that may vote are missing"),
            Self::Listed(peers) => write!(f, "listed voters are missing: {}", names(peers)),
            Self::Promises(peers) => {
                write!(
                    f,
                    "nodes that were there have not promised the first committee: {}. It waits for them",
                    names(peers)
                )
            }
            Self::Founder => f.write_str("nobody may found it: start one node with `--found` and its name"),
            Self::Survey => f.write_str("peers that may know it have not answered yet"),
            Self::Group => f.write_str("nobody here knows it, and this node cannot vote"),
            Self::Proposal => f.write_str("everybody is there, and a proposal is due"),
            Self::Answers(peers) => {
                write!(
                    f,
                    "nodes that may hold its state have not answered: {}. A second group beside theirs would be worse than waiting",
                    names(peers)
                )
            }
        }
    }
}

/// A birth, as `status().birth` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// How far it is.
    pub phase: Phase,
    /// How many make up the first committee.
    pub wanted: usize,
    /// Eligible nodes with a bond now, this one included when it is eligible.
    pub seen: usize,
    /// Those of them that are ready.
    pub ready: usize,
    /// What is missing.
    pub missing: Missing,
    /// The list that is promised here.
    pub promised: Option<GenesisHash>,
    /// The birth of the group, once it is known.
    pub cluster: Option<ClusterId>,
}
