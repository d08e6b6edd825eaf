//! Tests over several crates and processes, and the benches.
