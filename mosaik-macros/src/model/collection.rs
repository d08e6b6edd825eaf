//! A declared collection.

use syn::Type;

use super::{Group, Policy};

/// What `#[collection]` declares.
pub(crate) struct Collection {
    /// Its group, whose state machine is the struct around the container; its members are the writers.
    pub(crate) group: Group,
    /// Who may read.
    pub(crate) readers: Option<Policy>,
    /// The group that it shares with others, where `group` stands there.
    pub(crate) shared: Option<Type>,
    /// Whether `group` stands there at all.
    pub(crate) is_shared: bool,
}

impl Collection {
    /// The container: the type of the first field.
    pub(crate) fn container(&self) -> Option<&Type> {
        self.group.data.fields().next().map(|field| &field.ty)
    }
}
