//! What the members on a node must not forget: one store for all groups of a node.
//!
//! A store keeps, for each group, a vote, a log, how far it is committed, small notes, and a snapshot. Two kinds share one
//! interface: `memory` keeps all of it as long as the process lives, and `durable` keeps it on disk, where the writes of all
//! groups are committed in batches, one flush for each. What is acknowledged is kept, whatever happens to the process or the machine; a disk
//! that fails once is not used again.
//!
//! The store knows no consensus: it takes what [`groups::raft`](crate::groups::raft) hands it, in types of its own.

#![cfg_attr(not(feature = "durable"), allow(dead_code, reason = "without a disk nothing waits for one"))]

mod commit;
mod core;
#[cfg(feature = "durable")]
mod durable;
pub mod error;
mod files;
mod group;
mod handle;
mod health;
#[cfg(feature = "durable")]
mod lane;
#[cfg(feature = "durable")]
mod open;
mod queue;
pub mod record;
mod seal;
#[cfg(all(feature = "durable", any(test, feature = "sim")))]
pub mod sim;
mod snapshots;
#[cfg(test)]
pub(in crate::groups) mod tests;

pub use error::{OpenError, StoreError};
pub use group::{GroupLog, LogReader, LogState};
pub use handle::{MAX_NOTE, Store};
pub use snapshots::Snapshots;
