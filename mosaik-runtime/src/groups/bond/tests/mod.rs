//! Bonds between nodes of a simulated network.

pub(in crate::groups) mod lab;
mod held;
mod life;
mod proof;
