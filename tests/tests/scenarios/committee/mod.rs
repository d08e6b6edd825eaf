//! Groups under faults: many seeds, each with faults of its own choosing; first safety while things break, then everything heals
//! and serves.
//!
//! `linear` decides whether a history of a register is possible.

mod linear;
