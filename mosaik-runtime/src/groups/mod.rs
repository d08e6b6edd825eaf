//! Replicated state machines.
//!
//! [`birth`] decides when a group begins and with whom; Raft decides everything after that.

pub mod birth;
