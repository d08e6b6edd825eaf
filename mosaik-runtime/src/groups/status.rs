//! What a group looks like on one node, for conditions and for status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    MemberId,
    birth::{self, ClusterId, Phase},
    bond::BondRefused,
    settings::GroupSettings,
    wire::Why,
};
use crate::primitives::{Fingerprint, PeerId};

/// Two groups of one name have met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConflict {
    /// The node that belongs to the other one.
    pub peer: PeerId,
    /// The birth of the group here.
    pub mine: ClusterId,
    /// The birth of the group there.
    pub theirs: ClusterId,
}

/// How the birth of a group stands on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapStatus {
    /// How far it is, who was met, and what is missing.
    pub birth: Arc<birth::View>,
    /// What was reported last.
    pub report: Option<birth::Report>,
    /// Whether it was reported to take longer than its deadline. A strict birth is over then.
    pub timed_out: bool,
}

/// How this node's request for a place in a group that exists goes, until it has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joining {
    /// How often somebody was asked.
    pub attempts: u64,
    /// Who was asked last.
    pub asked: Option<PeerId>,
    /// Why that one did not take this node in.
    pub refused: Option<JoinRefused>,
}

/// Why a node was not taken into a group. It asks again all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// There is no bond with a node of the group now.
    #[error("no node of the group has a bond with this one now: see `status().refused`")]
    NoBond,
    /// No answer came in time, or the bond ended.
    #[error("the node that was asked did not answer: {0}")]
    NoAnswer(String),
    /// The answer was no.
    #[error(transparent)]
    Refused(Why),
}

impl JoinRefused {
    /// Whether asking again helps only after somebody has done something.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Refused(Why::Fenced | Why::OtherCluster | Why::Unsupported | Why::Failed(_)))
    }
}

/// How far the snapshot is that this node gets from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    /// Bytes of it that are here.
    pub here: u64,
    /// Bytes in all.
    pub of: u64,
    /// Why it was not installed, if it was not. The leader offers it again.
    pub failed: Option<Arc<str>>,
}

/// A group on one node, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// What all members must share: the shape of the state and of its methods, its first value, and its limits.
    pub contract: Fingerprint,
    /// The birth: how far it is, and what is missing.
    pub birth: Arc<birth::View>,
    /// What was reported last.
    pub report: Option<birth::Report>,
    /// Whether the birth was reported to take longer than its deadline.
    pub timed_out: bool,
    /// As which member this node takes part.
    pub member: Option<MemberId>,
    /// Who leads, as far as this node knows.
    pub leader: Option<MemberId>,
    /// Whether this node leads.
    pub is_leader: bool,
    /// Whether the member here is parked: nobody used the group for a while, and it keeps no time.
    pub parked: bool,
    /// The term.
    pub term: u64,
    /// The voters, as last committed here.
    pub voters: Arc<BTreeSet<MemberId>>,
    /// The members that do not vote.
    pub learners: Arc<BTreeSet<MemberId>>,
    /// Members that lost entries which they had acknowledged to this one as their leader: their disks are not sound.
    pub reverted: Arc<BTreeSet<MemberId>>,
    /// Nodes that are farther away, there and back, than the group stands (`round_trip`): what was measured when that was seen.
    pub far: Arc<BTreeMap<PeerId, Duration>>,
    /// Nodes that have declared another `round_trip` than this one, and which.
    pub round_trips: Arc<BTreeMap<PeerId, Duration>>,
    /// Whether a majority of the voters is connected, this node included.
    pub quorum: bool,
    /// The last entry that was applied here.
    pub applied: u64,
    /// The last entry that is known to be committed.
    pub committed: u64,
    /// How far the snapshot is that this node gets, while it gets one.
    pub catch_up: Option<CatchUp>,
    /// How the request for a place goes, while this node has none in a group that exists.
    pub joining: Option<Arc<Joining>>,
    /// Another group of this name that was met.
    pub conflict: Option<GroupConflict>,
    /// Whether the group has fenced itself: it accepts no more commands.
    pub fenced: bool,
    /// Whether most voters of a group in memory came back without its state: what is here can be read and never changed.
    pub storage_lost: bool,
    /// Nodes that this one has no bond with, and why: another key, a policy, another version of the state machine.
    pub refused: Arc<BTreeMap<PeerId, BondRefused>>,
    /// Why the member here stopped, if it did.
    pub failed: Option<Arc<str>>,
    /// Whether the node is stopping.
    pub stopped: bool,
}

impl InstanceView {
    /// A group that was just opened.
    pub(super) fn new(settings: &GroupSettings) -> Self {
        let birth = birth::View {
            phase: Phase::Dormant,
            wanted: settings.voters.count(),
            seen: 0,
            ready: 0,
            missing: birth::Missing::Store,
            promised: None,
            cluster: None,
        };
        Self {
            contract: Fingerprint([0; 16]),
            birth: Arc::new(birth),
            report: None,
            timed_out: false,
            member: None,
            leader: None,
            is_leader: false,
            parked: false,
            term: 0,
            voters: Arc::default(),
            learners: Arc::default(),
            reverted: Arc::default(),
            far: Arc::default(),
            round_trips: Arc::default(),
            quorum: false,
            applied: 0,
            committed: 0,
            catch_up: None,
            joining: None,
            conflict: None,
            fenced: false,
            storage_lost: false,
            refused: Arc::default(),
            failed: None,
            stopped: false,
        }
    }

    /// Whether commands can be expected to work: a leader is known, and a majority of the committed voters is there.
    pub fn is_online(&self) -> bool {
        self.leader.is_some()
            && self.quorum
            && !self.voters.is_empty()
            && !self.fenced
            && !self.stopped
            && self.failed.is_none()
    }

    /// The part that tells of the birth.
    pub fn bootstrap(&self) -> BootstrapStatus {
        let timed_out = self.timed_out || self.birth.phase == Phase::TimedOut;
        BootstrapStatus { birth: self.birth.clone(), report: self.report.clone(), timed_out }
    }

    /// Whether the group exists, as far as this node knows.
    pub fn is_born(&self) -> bool {
        matches!(self.birth.phase, Phase::Concluded | Phase::Resuming | Phase::Joining)
    }
}
