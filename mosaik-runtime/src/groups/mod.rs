//! Replicated state machines.
//!
//! [`birth`] decides when a group begins and with whom; Raft decides everything after that. [`store`] keeps what a member must not
//! forget, and [`raft`] gives it to the consensus library in the library's own words.

pub mod birth;
pub mod bond;
mod changes;
mod client;
pub mod error;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
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
mod pulse;
pub mod raft;
pub mod settings;
pub mod status;
pub mod store;
pub mod tail;
#[cfg(feature = "durable")]
mod temporary;
pub mod timing;
mod version;
mod when;
pub mod wire;

pub use bond::{BondRefused, GroupKey, GroupKeyError};
pub use changes::{CHANGES, Change, Changes};
pub use error::{CommandError, ReadError, Rejected, Unknown};
pub use groups::{GroupBuilder, Groups, JoinError, Keyed};
pub(crate) use handle::Entrance;
pub use handle::{DEADLINE, Declared, Group, Weak};
pub use machine::{
    AppliedBatch, Apply, Command, Earlier, Method, Observer, Observing, Reply, StateMachine, Timestamp,
};
pub use member::MemberId;
pub use settings::{GroupSettings, Leads, Storage, Voters};
pub use status::{BootstrapStatus, CatchUp, GroupConflict, InstanceView, JoinRefused, Joining};
pub use tail::{Learner, LearnerView, LearnerWhen, Reaches, Received, Updated};
pub use version::{Era, EraChanged, Version};
pub use when::{Committed, GroupWhen, LeaderChanged};
pub use wire::Why;
