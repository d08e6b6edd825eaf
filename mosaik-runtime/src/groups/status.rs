//! What a group looks like on one node, for conditions and for status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    MemberId,
    birth::{self, ClusterId, Phase},
    bond::BondRefused,
    settings::GroupSettings,
};
use crate::primitives::PeerId;

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

/// A group on one node, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
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
    /// The term.
    pub term: u64,
    /// The voters, as last committed here.
    pub voters: Arc<BTreeSet<MemberId>>,
    /// The members that do not vote.
    pub learners: Arc<BTreeSet<MemberId>>,
    /// Whether a majority of the voters is connected, this node included.
    pub quorum: bool,
    /// The last entry that was applied here.
    pub applied: u64,
    /// The last entry that is known to be committed.
    pub committed: u64,
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
            birth: Arc::new(birth),
            report: None,
            timed_out: false,
            member: None,
            leader: None,
            is_leader: false,
            term: 0,
            voters: Arc::default(),
            learners: Arc::default(),
            quorum: false,
            applied: 0,
            committed: 0,
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
