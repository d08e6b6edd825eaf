//! Bonds between nodes of a simulated network.
