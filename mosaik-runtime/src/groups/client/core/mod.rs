//! What a node does with the commands that are given on it, pure: which go where, which again, and what may be said of each.
//!
//! Commands come in *parcels*: one command, or a run of them that keeps its order. A parcel is never taken apart, because what one log
//! entry holds is applied as a whole. Parcels travel in batches over the present *lane*, to the leader that this node knows. When a
//! lane ends, what was on it goes again over the next one, with the session and serials that it had, so that it is applied once.
//!
//! The pump never guesses. A command is *in doubt* from the moment that it is on a lane until the leader said that it surely did not
//! take it; when an attempt ends otherwise, it stays in doubt for good. Only a command that is not in doubt is ever rejected.

mod lane;
mod parcel;
mod pump;
mod rounds;
mod session;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

pub(super) use parcel::{Body, Parcel};
pub(super) use pump::Pump;
pub(super) use rounds::Rounds;

use crate::{
    groups::{
        error::{CommandError, Rejected, Unknown},
        machine::{Item, Outcome},
    },
    primitives::PeerId,
};

/// How many commands may be without an answer, in one session: what the machine remembers.
pub(super) const OUTSTANDING: u64 = 1_024;
/// How many commands a batch has at most.
pub(super) const BATCH_ITEMS: usize = 1_024;
/// How many bytes of arguments a batch has, unless one parcel alone has more.
pub(super) const BATCH_BYTES: usize = 256 * 1024;
/// How many batches are on their way at a time.
pub(super) const FLIGHTS: usize = 8;
/// So long a small batch waits for one that is on its way, if the last one took no longer: what is given meanwhile goes with it, and a
/// batch costs the members about as much with one command as with a hundred. Over a longer way waiting would cost more than that.
pub(super) const NEAR: Duration = Duration::from_millis(2);
/// A batch of so many commands waits for none.
pub(super) const LARGE: usize = 128;
/// Nor does one of so many bytes of arguments.
pub(super) const LARGE_BYTES: usize = 32 * 1024;

/// A parcel, in the order in which they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ParcelId(pub(super) u64);

/// One way to one leader. A lane that ended never comes back; what is still told of it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneId(pub(super) u64);

/// What travels as one, and becomes one log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchId(pub(super) u64);

/// What happens to a pump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// Somebody gives commands.
    Give(Parcel),
    /// This node knows another leader, or none.
    Leader(Option<PeerId>),
    /// The lane takes batches.
    Ready(LaneId),
    /// The lane has ended. Whether what was on it arrived is not known.
    Lost(LaneId),
    /// A batch was applied, or could not be; one outcome for each item.
    Answered(LaneId, BatchId, Vec<Outcome>),
    /// A batch is surely not in any log.
    Refused(LaneId, BatchId, NotTaken),
    /// Whether the batch is in a log is not known, and nothing more will be told of it.
    Unsure(LaneId, BatchId),
    /// Time passed.
    Tick,
    /// The node stops.
    Stop,
    /// The member on this node has stopped for good: its birth ended, its disk failed.
    Failed(Arc<str>),
}

/// Why a batch is surely not in any log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// The node at the other end cannot take it now.
    NotLeader {
        /// Who leads, as far as that node knows.
        leader: Option<PeerId>,
    },
    /// The group takes nothing any more.
    Fenced,
}

/// What a pump wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Make a way to this node and say [`Input::Ready`], or [`Input::Lost`].
    Open(LaneId, PeerId),
    /// Forget this lane.
    Close(LaneId),
    /// Send it.
    Send(LaneId, BatchId, Vec<Item>),
    /// Tell whoever gave the parcel.
    Done(ParcelId, Done),
}

/// What became of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// It was applied, or at least looked at: one result for each command.
    Results(Vec<Result<Bytes, CommandError>>),
    /// None of it was applied.
    Rejected(Rejected),
    /// Nobody can say.
    Unknown(Unknown),
}

impl Done {
    /// The same, behind results that were known before, for so many commands.
    fn after(self, mut before: Vec<Result<Bytes, CommandError>>, count: usize) -> Self {
        if before.is_empty() {
            return self;
        }
        match self {
            Self::Results(results) => before.extend(results),
            Self::Rejected(why) => before.extend(std::iter::repeat_n(Err(why.into()), count)),
            Self::Unknown(why) => before.extend(std::iter::repeat_n(Err(why.into()), count)),
        }
        Self::Results(before)
    }
}

/// When the pump wants an [`Input::Tick`].
pub(super) type Wake = Option<Instant>;
