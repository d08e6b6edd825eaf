//! Commands that are given together.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{BatchId, session::Session};
use crate::groups::{error::CommandError, machine::SessionId};

/// A command, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups::client) struct Body {
    /// The method.
    pub(in crate::groups::client) method: u64,
    /// Its arguments.
    pub(in crate::groups::client) bytes: Bytes,
}

/// Commands that are given together: they are applied in this order, and nothing comes between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups::client) struct Parcel {
    /// At least one, and at most [`BATCH_ITEMS`](super::BATCH_ITEMS).
    pub(in crate::groups::client) bodies: Vec<Body>,
    /// How long the caller waits.
    pub(in crate::groups::client) within: Duration,
    /// Until when that is.
    pub(in crate::groups::client) deadline: Instant,
}

impl Parcel {
    pub(super) fn bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.bytes.len()).sum()
    }
}

/// Where a parcel has its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) session: SessionId,
    pub(super) first: u64,
    /// What was acknowledged when it was numbered: for a session that is not the present one.
    pub(super) acked_below: u64,
}

/// A parcel that the pump has.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) parcel: Parcel,
    pub(super) numbered: Option<Numbered>,
    /// An attempt ended without anybody saying whether it was taken.
    pub(super) in_doubt: bool,
    /// The batch that it is on its way in.
    pub(super) flight: Option<BatchId>,
    /// The results of the commands before those that the parcel still has.
    pub(super) before: Vec<Result<Bytes, CommandError>>,
    /// What was acknowledged when the group had no room for its next result: it waits until that is more.
    pub(super) full: Option<u64>,
}

impl Held {
    pub(super) fn new(parcel: Parcel) -> Self {
        Self { parcel, numbered: None, in_doubt: false, flight: None, before: Vec::new(), full: None }
    }

    pub(super) fn count(&self) -> usize {
        self.parcel.bodies.len()
    }

    /// So many of its commands have these results, and the group has no room for the result of the next one.
    pub(super) fn go_on(&mut self, results: impl Iterator<Item = Result<Bytes, CommandError>>) -> usize {
        let known = self.before.len();
        self.before.extend(results);
        let count = self.before.len() - known;
        self.parcel.bodies.drain(..count);
        if let Some(numbered) = &mut self.numbered {
            numbered.first += count as u64;
        }
        count
    }

    /// Whether more was acknowledged since the group had no room for it, or it waits for nothing else.
    pub(super) fn has_room(&self, session: Option<&Session>) -> bool {
        let (Some(full), Some(numbered), Some(session)) = (self.full, self.numbered, session) else {
            return true;
        };
        session.id != numbered.session
            || session.acked_below() > full
            || session.acked_below() == numbered.first
    }

    /// Whether it may be in a log.
    pub(super) fn may_be_taken(&self) -> bool {
        self.in_doubt || self.flight.is_some()
    }
}
