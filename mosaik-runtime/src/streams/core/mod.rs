//! The decisions of streams, pure: numbers, buffers, policies, gaps.

pub mod chunks;
pub mod cursor;
pub mod limits;
pub mod log;
pub mod ring;
pub mod subscribe;
pub mod inbox;
pub mod source;

#[cfg(test)]
mod inbox_model;
#[cfg(test)]
mod ring_model;
#[cfg(test)]
mod ring_tests;
