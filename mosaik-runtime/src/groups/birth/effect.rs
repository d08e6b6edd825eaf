//! What a birth wants done, in order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    genesis::{ClusterId, Genesis, GenesisHash, Member},
    record::Record,
    view::{Missing, View},
};
use crate::primitives::PeerId;

/// A timer of the driver. Arming one that is armed moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    /// The birth has taken too long.
    Deadline,
    /// It is this node's turn to propose.
    Propose,
    /// It is this node's turn to initialise the sealed list.
    Initialise,
}

/// One thing to do. A step's effects are done in order, each finished before the next: a record is durable before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Write this, durably.
    Persist(Record),
    /// Offer a bond to every node of the group that discovery knows, now and later.
    SendHello,
    /// Tell the peer that this node is ready.
    SendReady(PeerId),
    /// Tell the peer what was promised here.
    SendPromise {
        /// The peer.
        to: PeerId,
        /// The list.
        genesis: Genesis,
        /// As which member it was promised.
        by: Member,
    },
    /// Tell the peer what is never promised here.
    SendRefusal {
        /// The peer.
        to: PeerId,
        /// The list.
        hash: GenesisHash,
    },
    /// Tell the peer that the group exists.
    SendInitialised {
        /// The peer.
        to: PeerId,
        /// The birth.
        cluster: ClusterId,
    },
    /// Start a timer.
    Arm(Timer, Duration),
    /// Stop a timer.
    Disarm(Timer),
    /// Start Raft and initialise it with this list. Several members may do so with one list; who holds a log already does not.
    Initialise(Genesis),
    /// Start Raft with an empty log, as a member of this list: somebody else initialises it.
    AwaitLeader(Genesis),
    /// Ask this peer's leader to be taken in.
    RequestJoin {
        /// The peer.
        peer: PeerId,
        /// The birth of its group.
        cluster: ClusterId,
    },
    /// Tell the user.
    Report(Report),
    /// Ask nobody any more to be taken in; an answer that comes all the same does not count.
    StopAsking,
}

/// What a user should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Report {
    /// The deadline passed.
    #[error("the group is not born yet: {missing}")]
    TimedOut {
        /// Eligible nodes that were met, this one included.
        seen: usize,
        /// Those of them that are ready.
        ready: usize,
        /// What is missing.
        missing: Missing,
    },
    /// So many eligible nodes that two disjoint groups could be born.
    #[error(
        "{seen} nodes may vote and {wanted} voters are wanted: with twice as many, two groups could be born. Say `voters = founder`, or list the voters"
    )]
    TooManyEligible {
        /// Eligible nodes that were met, this one included.
        seen: usize,
        /// How many make up the first committee.
        wanted: usize,
    },
    /// The founding right was used before.
    #[error(
        "this node's right to found the group was used, and the store that it founded is gone: restore the store, or grant a new right"
    )]
    RightSpent,
    /// Two groups of one name.
    #[error(
        "two groups of one name have met: {mine} here, {theirs} at {peer}. Data stays where it is until somebody decides"
    )]
    Conflict {
        /// The peer.
        peer: PeerId,
        /// The birth of the group here.
        mine: ClusterId,
        /// The birth of the group there.
        theirs: ClusterId,
    },
    /// All members of a list have promised it.
    #[error("the first committee is sealed: {0}")]
    Sealed(ClusterId),
    /// The store of this node already belongs to the group.
    #[error("this node's store belongs to {0} already")]
    Resuming(ClusterId),
    /// The group exists elsewhere; this node joins.
    #[error("the group exists: joining {0}")]
    Joining(ClusterId),
    /// Voters came back without what they had stored: of a group in memory most of them, so that nothing can be committed any more;
    /// of one on disk any.
    #[error("{lost} of the group's {of} voters came back without its state: {}", what_to_do(*.durable, *.lost, *.of))]
    StorageLost {
        /// How many voters came back without the state.
        lost: usize,
        /// How many voters there were.
        of: usize,
        /// Whether the group is kept on disk.
        durable: bool,
    },
}

fn what_to_do(durable: bool, lost: usize, of: usize) -> &'static str {
    match (durable, 2 * lost >= of) {
        (_, false) => "the others go on, and take it in again as another member",
        (false, true) => {
            "a majority is needed. Read what is left with `weak()`, then restart the members that are left: the group is then born \
             again, empty"
        }
        (true, true) => {
            "a majority is needed. Start those nodes with the data directories that they had, or, if these are gone for good, make a \
             new group out of what is left with `--force-new-group`"
        }
    }
}

/// What one input led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// What the birth looks like now.
    pub view: View,
}
