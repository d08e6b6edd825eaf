//! Bonds between nodes of a simulated network.

mod again;
mod fake;
mod held;
pub(in crate::groups) mod lab;
mod life;
mod proof;
