//! The door through which generated code enters: the only names that it uses.
//!
//! Not for people. Names here may change with any release, together with the attributes.

pub use futures::future::BoxFuture;
pub use mosaik_runtime::{
    primitives::{
        PeerView, Reach,
        policy::Rule,
        schema::{Schema, Seen, Shape, ShapeOf},
    },
    topology::{Intent, NodeDescriptor, OnlineWhen, Overflow, Role, Source, StreamDescriptor, StreamOptions},
};
pub use serde::{self, Deserialize, Serialize};
