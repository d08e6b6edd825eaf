//! What Raft says, in types of our own; [`groups::raft`](crate::groups::raft) alone converts.

use serde::{Deserialize, Serialize};

use crate::groups::{
    MemberId,
    store::record::{Entry, LogId, Vote},
};

/// A candidate asks for a vote, or whether it would get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteAsk {
    /// Who is asked.
    pub to: MemberId,
    /// The vote that is asked for.
    pub vote: Vote,
    /// The candidate's last entry.
    pub last: Option<LogId>,
    /// The leader has handed over to the candidate.
    pub transfer: bool,
}

/// The leader wants to park the group: nobody used it for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkAsk {
    /// Who is asked.
    pub to: MemberId,
    /// The leader's vote.
    pub vote: Vote,
    /// The last entry. All is committed and applied.
    pub last: Option<LogId>,
}

/// The answer to a [`VoteAsk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteAnswer {
    /// The vote of the one that was asked.
    pub vote: Vote,
    /// Whether it is given.
    pub granted: bool,
    /// The last entry of the one that was asked.
    pub last: Option<LogId>,
}

/// Entries from a leader; none for a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// The follower.
    pub to: MemberId,
    /// The leader.
    pub from: MemberId,
    /// What it says.
    pub appended: Appended,
}

/// Entries from a leader, on a channel that says from whom and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// The leader's vote.
    pub vote: Vote,
    /// The entry before the first.
    pub before: Option<LogId>,
    /// The entries.
    pub entries: Vec<Entry>,
    /// How far the log is committed.
    pub committed: Option<LogId>,
}

/// The answer to an [`Append`], and to each [`Appended`] of a channel in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendAnswer {
    /// The follower's log agrees with the leader's up to here.
    Matching(Option<LogId>),
    /// The follower does not have this entry.
    Conflict(Option<LogId>),
    /// The follower has voted for somebody later.
    HigherVote(Vote),
    /// The follower does not take part now. The channel ends.
    Refused(super::Why),
}

/// The leader hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferAsk {
    /// Who hears it: every member does.
    pub to: MemberId,
    /// The leader's vote.
    pub vote: Vote,
    /// Who should lead.
    pub next: MemberId,
    /// The last entry of the leader.
    pub last: Option<LogId>,
}

/// The answer to a [`TransferAsk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferAnswer {
    /// Heard.
    Heard,
    /// There was another vote since.
    VoteChanged {
        /// The vote of the one that was told.
        vote: Vote,
    },
    /// The next leader has not written all entries.
    Behind {
        /// The last that it has written.
        last: Option<LogId>,
    },
}
