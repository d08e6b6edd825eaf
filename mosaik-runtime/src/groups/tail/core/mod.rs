//! The decisions of both sides. Pure.

pub(in crate::groups) mod cursor;
pub(in crate::groups) mod event;
pub(in crate::groups) mod pull;
pub(in crate::groups) mod reader;
#[cfg(test)]
mod tests;
