//! Bonds between nodes of a simulated network.

pub(in crate::groups) mod lab;
mod life;
mod proof;
