//! Bonds between nodes of a simulated network.

mod held;
pub(in crate::groups) mod lab;
mod life;
mod proof;
