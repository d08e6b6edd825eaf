//! Where openraft begins and ends: its types, and its storage traits over [`groups::store`](crate::groups::store).
//!
//! No other module names a type of openraft that is written to disk. What is stored has types of its own, and the conversion is here.

mod company;
pub mod convert;
#[cfg(feature = "sim")]
mod fuzz;
mod housed;
mod log;
mod machine;
mod network;
mod pace;
mod probe;
mod reverted;
mod runtime;
mod sane;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod translate;
mod types;

#[cfg(feature = "sim")]
pub(super) use fuzz::fuzz_appended;
pub use housed::{Home, Housed};
pub use log::{RaftLog, RaftReader};
pub use machine::{Builder, Digested, Machine};
pub use network::{RaftNetwork, RaftPeer};
pub use pace::Pace;
pub use probe::Probe;
pub use reverted::Reverted;
pub use runtime::{ScopeRuntime, TaskHandle, TaskLost, Watched, WatchedReceiver, WatchedSender};
pub use server::RaftServer;
pub use types::{Command, RaftTypes, Reply};
