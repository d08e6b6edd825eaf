//! Replicated containers: maps, sequences, sets, cells and priority queues that all nodes see alike.
//!
//! [`core`] is what they are and what their operations do.

pub mod core;
