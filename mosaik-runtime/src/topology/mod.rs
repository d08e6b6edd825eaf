//! What a program declares: descriptors, the registry, the graph, and its renderings.
//!
//! The macros emit a const descriptor per declaration. From these alone, without running anything, comes the topology
//! document. This floor knows names and ids only; it opens no socket.

pub mod descriptor;

pub use descriptor::{
    Intent, NodeDescriptor, OnlineWhen, Overflow, Role, Source, StreamDescriptor, StreamOptions,
};
