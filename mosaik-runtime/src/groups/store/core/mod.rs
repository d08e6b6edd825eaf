//! What a group's log is after each write: pure, and the same for memory and disk.

pub(super) mod mirror;
pub(super) mod row;
pub(super) mod sizes;
