//! Bonds between nodes of a simulated network.

mod again;
mod fake;
pub(in crate::groups) mod hand;
mod held;
pub(in crate::groups) mod lab;
mod life;
pub(in crate::groups) mod paused;
mod proof;
