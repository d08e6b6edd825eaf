//! Where openraft begins and ends: its types, and its storage traits over [`groups::store`](crate::groups::store).
//!
//! No other module names a type of openraft that is written to disk. What is stored has types of its own, and the conversion is here.

pub mod convert;
mod log;
mod machine;
#[cfg(test)]
mod tests;
mod types;

pub use log::{RaftLog, RaftReader};
pub use machine::{Builder, Machine};
pub use types::{Command, RaftTypes, Reply};
