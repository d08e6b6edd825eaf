//! The decisions of streams, pure: numbers, buffers, policies, gaps.

pub mod chunks;
pub mod cursor;
pub mod entry;
mod history;
pub mod inbox;
pub mod limits;
pub mod log;
pub mod nearest;
pub mod ring;
mod slow;
pub mod source;
pub mod subscribe;

#[cfg(test)]
mod inbox_model;
#[cfg(test)]
mod inbox_tests;
pub mod pace;
#[cfg(test)]
mod ring_model;
#[cfg(test)]
mod ring_tests;
