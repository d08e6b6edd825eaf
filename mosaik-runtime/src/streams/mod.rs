//! Floor 6: streams.
pub mod core;
pub mod wire;
