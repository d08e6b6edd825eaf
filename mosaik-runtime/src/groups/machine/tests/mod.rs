//! Tests of machines, and the machine that they share.

mod earlier;
mod fences;
mod golden;
mod panics;
mod replay;
mod schemas;
mod sessions;
mod told;
pub(in crate::groups) mod toy;
