//! The const descriptor of a collection, as `#[collection]` emits it.

use super::{
    descriptor::{Intent, Source},
    group::GroupDescriptor,
};
use crate::primitives::{CollectionId, policy::Rule};

/// A declared collection.
#[derive(Debug, Clone, Copy)]
pub struct CollectionDescriptor {
    /// Its name and id.
    pub intent: Intent,
    /// The container, for the picture and for messages.
    pub container: &'static str,
    /// The group that holds it: its own, or one that it shares.
    pub group: &'static GroupDescriptor,
    /// Its name in a group that it shares with others; empty when the group is its own.
    pub part: &'static str,
    /// Who may read.
    pub readers: Rule,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

/// A declared group of collections.
#[derive(Debug, Clone, Copy)]
pub struct BundleDescriptor {
    /// The group; its members are who may write.
    pub group: &'static GroupDescriptor,
    /// Who may read.
    pub readers: Rule,
}

impl CollectionDescriptor {
    /// The declared id.
    pub const fn id(&self) -> CollectionId {
        CollectionId::from_bytes(self.intent.id)
    }
}
