//! Which collections a group holds.

use std::{any::TypeId, fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, Visitor},
};

use super::slot::{AnySlot, Slot};
use crate::{
    collections::{
        core::Container,
        feed::{AnyLine, Line, MakeLine},
    },
    primitives::{
        codec::{self, DecodeError},
        schema::{Seen, Shape, ShapeOf},
    },
};

/// The collections of a group, in an order that all its members share.
pub trait Bundle: Send + Sync + 'static {
    /// All of them.
    fn parts() -> Vec<Part>;
}

/// Reads a container from its bytes.
type Restore = fn(&[u8]) -> Result<Box<dyn AnySlot>, DecodeError>;

/// One collection of a group.
#[derive(Clone, Copy)]
pub struct Part {
    name: &'static str,
    kind: &'static str,
    container: TypeId,
    shape: ShapeOf,
    empty: fn() -> Box<dyn AnySlot>,
    restore: Restore,
    line: MakeLine,
}

impl Part {
    /// A collection with this name and container. The name of the only collection of a group is empty.
    pub fn new<T: Container>(name: &'static str) -> Self {
        Self {
            name,
            kind: T::KIND,
            container: TypeId::of::<T>(),
            shape: T::shape,
            empty: || Box::new(Slot::<T>::default()),
            restore: |bytes| Ok(Box::new(Slot::<T>::of(codec::decode_deep(bytes)?))),
            line: || Arc::new(Line::<T>::new()),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its container is this type.
    pub fn holds<T: Container>(&self) -> bool {
        self.container == TypeId::of::<T>()
    }

    pub(super) fn shape(&self, seen: &mut Seen) -> Shape {
        (self.shape)(seen)
    }

    pub(in crate::collections) fn line(&self) -> Arc<dyn AnyLine> {
        (self.line)()
    }

    pub(super) fn empty(&self) -> Box<dyn AnySlot> {
        (self.empty)()
    }
}

/// Reads the state of a collection from a field of bytes, without a copy of them.
pub(super) struct Restoring(pub(super) Part);

impl<'de> DeserializeSeed<'de> for Restoring {
    type Value = Box<dyn AnySlot>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Restoring {
    type Value = Box<dyn AnySlot>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} as bytes", self.0.kind)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        (self.0.restore)(bytes).map_err(E::custom)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({:?}: {})", self.name, self.kind)
    }
}

/// A group that holds one collection.
pub struct Only<T>(PhantomData<fn() -> T>);

impl<T: Container> Bundle for Only<T> {
    fn parts() -> Vec<Part> {
        vec![Part::new::<T>("")]
    }
}
