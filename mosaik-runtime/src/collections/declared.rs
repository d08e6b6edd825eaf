//! Collections that an attribute declares, and their handles.

use std::{any::Any, fmt, marker::PhantomData, ops::Deref, sync::Arc};

use super::{
    core::{Cell, Container, Key, Map, Once, PriorityQueue, Set, Value, Vec},
    machine::{Machine, Only},
    shared::{Handles, Holds},
};
use crate::{
    groups,
    primitives::schema::{Seen, Shape},
    topology::CollectionDescriptor,
};

/// What a [`Writer`] or a [`Reader`] can be of: a declared collection, or a container.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "needs a collection",
    note = "declare one: `#[collection(\"some.name\", voters = 1)] pub struct Prices(collections::Map<String, u64>);`"
)]
pub trait Collection: 'static {
    /// What it is.
    type Container: Container;
}

/// A collection that `#[collection]` declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a collection",
    label = "needs a declared collection",
    note = "declare one: `#[collection(\"some.name\", voters = 1)] pub struct Prices(collections::Map<String, u64>);`"
)]
pub trait Declared: Collection + Sized {
    /// The group that holds it: its own, or one that it shares with others.
    type Bundle: Holds<Self>;
    /// What the attribute says.
    const DESCRIPTOR: &'static CollectionDescriptor;
}

macro_rules! containers {
    ($([$($generics:tt)*] $container:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Collection for $container {
            type Container = Self;
        }
    )*};
}

containers! {
    [K: Key, V: Value] Map<K, V>;
    [T: Value] Vec<T>;
    [T: Key] Set<T>;
    [T: Value] Cell<T>;
    [T: Value] Once<T>;
    [P: Key, K: Key, V: Value] PriorityQueue<P, K, V>;
}

/// The shape of the group of a collection: what its members compare. For descriptors.
pub fn collection_shape<C: Collection>(_: &mut Seen) -> Shape {
    groups::machine::schema::<Machine<Only<C::Container>>>().1
}

/// Writes and reads a collection. As a parameter of a node it makes the node a member of the collection's group.
///
/// What can be done depends on the container: see [`Write`](super::Write) for it, and [`View`](super::View) for reading. Of a group of
/// collections it has the writers of all of them as fields, and [changes them together](super::Writers::transaction).
pub struct Writer<C> {
    write: Arc<dyn Any + Send + Sync>,
    collection: PhantomData<fn() -> C>,
}

/// Reads a collection. As a parameter of a node it gives the node a copy, and no part in the collection's group.
///
/// What can be asked depends on the container: see [`View`](super::View). Of a group of collections it has the readers of all of them as
/// fields.
pub struct Reader<C> {
    read: Arc<dyn Any + Send + Sync>,
    collection: PhantomData<fn() -> C>,
}

impl<C: Handles> Writer<C> {
    pub(super) fn new(write: C::Write) -> Self {
        Self { write: Arc::new(write), collection: PhantomData }
    }
}

impl<C: Handles> Reader<C> {
    pub(super) fn new(read: C::Read) -> Self {
        Self { read: Arc::new(read), collection: PhantomData }
    }
}

impl<C: Handles> Deref for Writer<C> {
    type Target = C::Write;

    fn deref(&self) -> &Self::Target {
        self.write.downcast_ref().expect("a handle of this type") // impossible: only `new` makes one
    }
}

impl<C: Handles> Deref for Reader<C> {
    type Target = C::Read;

    fn deref(&self) -> &Self::Target {
        self.read.downcast_ref().expect("a handle of this type") // impossible: only `new` makes one
    }
}

impl<C> Clone for Writer<C> {
    fn clone(&self) -> Self {
        Self { write: self.write.clone(), collection: PhantomData }
    }
}

impl<C> Clone for Reader<C> {
    fn clone(&self) -> Self {
        Self { read: self.read.clone(), collection: PhantomData }
    }
}

impl<C: Handles> fmt::Debug for Writer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<C: Handles> fmt::Debug for Reader<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
