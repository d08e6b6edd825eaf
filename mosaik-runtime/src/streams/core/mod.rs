//! The decisions of streams, pure: numbers, buffers, policies, gaps.

pub mod chunks;
pub mod cursor;
pub mod entry;
pub mod inbox;
pub mod limits;
pub mod log;
pub mod ring;
pub mod source;
pub mod subscribe;

#[cfg(test)]
mod inbox_model;
pub mod pace;
#[cfg(test)]
mod ring_model;
#[cfg(test)]
mod ring_tests;
