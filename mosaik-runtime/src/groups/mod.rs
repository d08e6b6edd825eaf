//! Replicated state machines.
//!
//! [`birth`] decides when a group begins and with whom; Raft decides everything after that. [`store`] keeps what a member must not
//! forget, and [`raft`] gives it to the consensus library in the library's own words.

pub mod birth;
pub mod bond;
mod client;
pub mod error;
#[doc(hidden)]
pub mod generated;
#[expect(clippy::module_inception, reason = "the handle of that name")]
mod groups;
mod handle;
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
mod when;
pub mod wire;

pub use bond::{GroupKey, KeyTooShort};
pub use error::{CommandError, ReadError, Rejected, Unknown};
pub use groups::{GroupBuilder, Groups, JoinError, Keyed};
pub use handle::{DEADLINE, Declared, Group, Weak};
pub use machine::{Apply, Command, Method, Reply, StateMachine, Timestamp};
pub use member::MemberId;
pub use settings::{GroupSettings, Leads, Storage, Voters};
pub use status::{Conflict, InstanceView};
pub use when::{Committed, GroupWhen, LeaderChanged};
