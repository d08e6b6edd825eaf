//! What a group computes: the user's state machine, what the log says to it, and how it is applied.
//!
//! [`StateMachine`] is what a program writes, or what `#[group]` and `#[methods]` make of a type. [`payload`] is what a log entry
//! holds: a batch of commands, each with the session and the serial of who sent it. [`core`] decides what each of them does, once,
//! however often it was sent. [`Applier`] runs the user's code for it and survives its panics; [`Replica`] is the end that reads.
//!
//! Nothing here knows of consensus or of disks: [`raft::Machine`](crate::groups::raft::Machine) drives it.

mod applier;
mod command;
pub mod core;
mod earlier;
mod fence;
mod observe;
pub mod payload;
mod replica;
mod settings;
pub mod snapshot;
#[cfg(test)]
pub(in crate::groups) mod tests;
mod time;
mod traits;

pub use applier::{Applier, Applying, Encoded, Step, Trouble};
pub use command::{COMMAND, Command, Method, Reply, schema};
pub use earlier::{Beginning, Earlier};
pub(in crate::groups) use fence::{fence_after, fence_in};
pub use observe::{Batch as AppliedBatch, Observer, Observing};
pub use payload::{Batch, Fence, Item, Outcome, Payload, SessionId};
pub use replica::{Applied, Digest, Reading, Replica, SystemView};
pub use settings::{MAX_CHUNK, MAX_REPLY, MachineSettings};
pub use snapshot::SnapshotError;
pub use time::{GroupTime, Timestamp};
pub(crate) use traits::apply_decoded;
pub use traits::{Apply, NotApplied, StateMachine};
