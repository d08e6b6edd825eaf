//! One session: which serials were applied, and what they answered.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::primitives::{BootId, PeerId};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) owner: PeerId,
    pub(super) boot: BootId,
    /// The index of the last entry that used it.
    pub(super) used: u64,
    /// Serials below this are forgotten, and never applied again.
    floor: u64,
    /// The results of the serials from the floor on.
    results: VecDeque<Option<First>>,
    /// The bytes of these results.
    #[serde(skip)]
    kept: u64,
}

/// What a serial answered when it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum First {
    /// A reply.
    Replied(Kept),
    /// It panicked. The message is not kept: it might differ between members.
    Panicked,
}

impl First {
    fn bytes(&self) -> u64 {
        match self {
            Self::Replied(reply) => reply.as_slice().len() as u64,
            Self::Panicked => 0,
        }
    }
}

impl Session {
    pub(super) fn new(owner: PeerId, boot: BootId, used: u64) -> Self {
        Self { owner, boot, used, floor: 0, results: VecDeque::new(), kept: 0 }
    }

    /// The results of all serials below this have arrived.
    pub(super) fn forget_below(&mut self, acked: u64) {
        if acked > self.floor {
            let gone = usize::try_from(acked - self.floor).unwrap_or(usize::MAX);
            let gone = self.results.drain(..gone.min(self.results.len()));
            self.kept -= gone.flatten().map(|first| first.bytes()).sum::<u64>();
            self.floor = acked;
        }
    }

    /// Forgets the oldest serials, so that from the floor to this one there are at most `limit`.
    pub(super) fn make_room(&mut self, serial: u64, limit: u64) {
        self.forget_below(serial.saturating_sub(limit.max(1) - 1));
    }

    /// After decoding: what is not encoded.
    pub(super) fn restored(&mut self) {
        self.kept = self.results.iter().flatten().map(First::bytes).sum();
    }

    /// Whether there is no room for the result of a serial that was not applied. There always is for the one at the floor, on which
    /// all acknowledgements wait.
    pub(super) fn is_full(&self, serial: u64, limit: u64) -> bool {
        self.kept >= limit && serial > self.floor
    }

    /// The result of a serial: `None` if it is forgotten, `Some(None)` if it was not applied.
    pub(super) fn first(&self, serial: u64) -> Option<Option<&First>> {
        let place = usize::try_from(serial.checked_sub(self.floor)?).ok()?;
        Some(self.results.get(place).and_then(Option::as_ref))
    }

    /// Keeps the result of a serial that is not forgotten.
    pub(super) fn remember(&mut self, serial: u64, result: First) {
        let Some(place) = serial.checked_sub(self.floor).and_then(|place| usize::try_from(place).ok()) else {
            return;
        };
        while self.results.len() < place {
            self.results.push_back(None);
        }
        self.kept += result.bytes();
        match self.results.get_mut(place) {
            Some(slot) => *slot = Some(result),
            None => self.results.push_back(Some(result)),
        }
    }
}
