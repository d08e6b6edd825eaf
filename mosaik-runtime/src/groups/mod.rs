//! Replicated state machines.
//!
//! [`birth`] decides when a group begins and with whom; Raft decides everything after that. [`store`] keeps what a member must not
//! forget, and [`raft`] gives it to the consensus library in the library's own words.

pub mod birth;
pub mod bond;
pub mod hub;
mod instance;
pub mod machine;
pub mod manage;
mod member;
pub mod pull;
pub mod raft;
pub mod settings;
pub mod status;
pub mod store;
#[cfg(feature = "durable")]
mod temporary;
pub mod wire;

pub use member::MemberId;
