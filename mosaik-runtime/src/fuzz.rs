//! Fuzz targets: every place where bytes of a peer are read, as a function that must not panic. For tests and fuzzers only.

#[cfg(any(feature = "jwt", feature = "tdx"))]
use crate::tickets;
use crate::{admission, collections, discovery, groups, primitives, streams, transport};

pub use crate::primitives::fuzz::Target;

/// All targets.
pub const TARGETS: &[Target] = &[
    transport::fuzz::FRAMES,
    transport::fuzz::HELLO,
    transport::fuzz::CONTROL,
    admission::fuzz::ADMISSION,
    #[cfg(feature = "jwt")]
    tickets::jwt::fuzz::TOKENS,
    #[cfg(feature = "tdx")]
    tickets::tdx::fuzz::QUOTES,
    discovery::fuzz::ENTRIES,
    discovery::fuzz::CATALOG,
    discovery::fuzz::DECISIONS,
    discovery::fuzz::GOSSIP,
    streams::fuzz::BLOCKS,
    streams::fuzz::ACKS,
    groups::tail::fuzz::READERS,
    groups::tail::fuzz::TOLD,
    groups::fuzz::BONDS,
    groups::fuzz::MEMBERS,
    groups::fuzz::CHANNELS,
    collections::fuzz::OPERATIONS,
    primitives::fuzz::SHAPES,
];

/// Runs the target with this name.
///
/// # Panics
///
/// When there is none, and when it finds something.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target with that name").run)(bytes); // impossible: a fuzzer that names no target is a mistake
}
