//! What a reader looks like, for conditions and for status.

use std::sync::Arc;

use crate::{
    groups::version::{Era, Version},
    primitives::PeerId,
};

/// What a reader has received, in its whole life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Entries of the log.
    pub entries: u64,
    /// Bytes of frames, of all kinds.
    pub bytes: u64,
    /// Snapshots that were installed.
    pub snapshots: u64,
    /// Members that were read from, one after the other.
    pub members: u64,
    /// Bytes of frames of other members, which gave parts of snapshots beside the one that was read from.
    pub helped: u64,
}

/// A reader as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LearnerView {
    /// Which birth of the group the copy here is of; none before the first answer of a member.
    pub era: Era,
    /// The last entry that is applied here.
    pub applied: u64,
    /// How far the member was when it said so last.
    pub target: u64,
    /// The member that is read from.
    pub source: Option<PeerId>,
    /// Whether that member knows of a leader and of a majority.
    pub quorum: bool,
    /// Who leads the group, as that member knows.
    pub leader: Option<PeerId>,
    /// Whether the copy was as far as its member since that member is read from.
    pub caught_up: bool,
    /// A snapshot that is being pulled: bytes here, bytes in all.
    pub pulling: Option<(u64, u64)>,
    /// Members that discovery knows.
    pub members: usize,
    /// What has been received.
    pub received: Received,
    /// Why a member could not be read from, last.
    pub refused: Option<Arc<str>>,
    /// How often a member has said where it stands.
    pub heard: u64,
    /// Why the reader stopped for good, if it did.
    pub failed: Option<Arc<str>>,
    /// Whether the node is stopping.
    pub stopped: bool,
}

impl LearnerView {
    /// The version of the copy.
    pub fn version(&self) -> Version {
        Version::new(self.era, self.applied)
    }

    /// Whether the copy follows a group that works: it was as far as the member that it is read from, and that one knows of a leader
    /// and of a majority.
    pub fn is_online(&self) -> bool {
        self.source.is_some() && self.caught_up && self.quorum && !self.stopped && self.failed.is_none()
    }
}
