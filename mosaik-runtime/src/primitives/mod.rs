//! What every floor speaks: ids, tags, codec, schemas, conditions, clocks, policies.
//!
//! This is the ground floor: it knows no network and no disk. It is not a place for helpers that one
//! subsystem alone needs.

pub mod backoff;
pub mod canary;
pub mod clock;
pub mod codec;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
pub mod ids;
pub mod intent;
pub mod keyfile;
pub mod keys;
pub(crate) mod level;
pub mod peer;
pub mod policy;
pub mod reach;
pub mod rng;
pub mod schema;
pub mod scope;
pub mod stopped;
pub mod tag;
pub mod watch;
pub mod when;

pub use clock::{Clock, Wall};
pub use ids::{BootId, CollectionId, GroupId, NetworkId, PeerId, ServiceId, StreamId, Version, WireId};
pub use keys::{NetworkSecret, SecretKey, Signature};
pub(crate) use level::Level;
pub use peer::{Decision, PeerRole, PeerView, RoleEntry};
pub use policy::Policy;
pub use reach::Reach;
pub use rng::NodeRng;
pub use schema::{Fingerprint, Schema};
pub use scope::{Scope, WorkerDied};
pub use stopped::Stopped;
pub use tag::Tag;
pub use when::Condition;
