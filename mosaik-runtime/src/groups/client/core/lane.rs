//! The way to the leader.

use std::time::Duration;

use tokio::time::Instant;

use super::LaneId;
use crate::primitives::PeerId;

/// How long to wait before a leader is asked again, at first; doubled each time.
const RETRY: Duration = Duration::from_millis(10);
/// How often that is doubled.
const DOUBLINGS: u32 = 5;
/// How long a lane whose other end refused a batch is kept, for what will be said of the batches before it.
pub(super) const DRAIN: Duration = Duration::from_millis(50);

/// Where batches go.
#[derive(Debug)]
pub(super) enum Lane {
    /// Nowhere, until `retry`.
    Closed { retry: Option<Instant>, hint: Option<PeerId>, failures: u32 },
    /// Being made.
    Opening { id: LaneId, to: PeerId, failures: u32 },
    /// There.
    Open { id: LaneId, to: PeerId, failures: u32 },
    /// There, but the other end does not lead any more.
    Draining { id: LaneId, to: PeerId, failures: u32, hint: Option<PeerId>, until: Instant },
}

impl Default for Lane {
    fn default() -> Self {
        Self::Closed { retry: None, hint: None, failures: 0 }
    }
}

impl Lane {
    pub(super) const fn id(&self) -> Option<LaneId> {
        match self {
            Self::Closed { .. } => None,
            Self::Opening { id, .. } | Self::Open { id, .. } | Self::Draining { id, .. } => Some(*id),
        }
    }

    pub(super) const fn to(&self) -> Option<PeerId> {
        match self {
            Self::Closed { .. } => None,
            Self::Opening { to, .. } | Self::Open { to, .. } | Self::Draining { to, .. } => Some(*to),
        }
    }

    /// What comes after it ended. Whoever is named as the leader is asked at once, unless that goes round in circles.
    pub(super) fn closed(&self, now: Instant, hint: Option<PeerId>) -> Self {
        let (Self::Closed { failures, .. }
        | Self::Opening { failures, .. }
        | Self::Open { failures, .. }
        | Self::Draining { failures, .. }) = self;
        let hint = hint.filter(|hint| self.to() != Some(*hint));
        let at_once = hint.is_some() && *failures == 0;
        let wait = if at_once { Duration::ZERO } else { RETRY * 2_u32.pow((*failures).min(DOUBLINGS)) };
        Self::Closed { retry: Some(now + wait), hint, failures: failures.saturating_add(1) }
    }
}
