//! Who is in the committee after the birth: the leader's decisions about membership, pure.
//!
//! The leader looks at the committed membership, at the nodes that have a bond with it, and at how far each has the log, and gets at
//! most one [`Change`] to make. Everybody else decides nothing. A voter is only ever taken out when somebody takes its place, except
//! when it leaves by itself; and only when the voters that are there are a majority before and after the change, so that no
//! change can take a working group its quorum.

mod core;
#[cfg(test)]
mod tests;

pub use core::{Change, Manager, Seen, Settings, Situation};
