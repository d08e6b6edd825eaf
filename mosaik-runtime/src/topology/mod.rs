//! What a program declares: descriptors, the graph, its renderings, and what is wrong with it before it starts.
//!
//! The macros emit a const descriptor per declaration; the nodes of a program name all others. From these alone, without
//! running anything, comes the topology document. This floor knows names and ids only; it opens no socket.

pub mod check;
pub mod collection;
pub mod descriptor;
pub mod graph;
pub mod group;
pub mod render;

#[cfg(test)]
pub(crate) mod fixtures;

pub use check::{Problem, Problems, check};
pub use collection::{BundleDescriptor, CollectionDescriptor};
pub use descriptor::{
    Intent, NodeDescriptor, OnlineWhen, Overflow, Role, Source, StreamDescriptor, StreamOptions,
};
pub use graph::Graph;
pub use group::{GroupDescriptor, GroupOptions, KeySource, MOST_VOTERS, Storage, VoterSet};
pub use render::Format;
