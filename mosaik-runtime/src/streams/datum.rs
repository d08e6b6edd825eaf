//! What can travel on a stream.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    primitives::{
        Fingerprint, Schema,
        codec::{self, DecodeError},
        schema,
    },
    topology::StreamDescriptor,
};

/// A type whose values travel: it has a codec and a shape. Implemented for every type that can.
pub trait Travels: Serialize + DeserializeOwned + Schema + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Schema + Send + Sync + 'static> Travels for T {}

/// A declared stream: what `#[stream]` makes of a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream",
    label = "needs a stream",
    note = "add `#[stream(\"some.intent\")]` to `{Self}`",
    note = "a program that decides at run time can name it instead: `.producer::<{Self}>().named(\"some.intent\")`"
)]
pub trait Datum: Travels + Sized {
    /// What a producer must prove.
    type ProducerProof;
    /// What a consumer must prove.
    type ConsumerProof;
    /// What the attribute says.
    const DESCRIPTOR: &'static StreamDescriptor;
    /// Older types that a consumer of this one can still read, newest first.
    const ACCEPTS: &'static [Accepted<Self>] = &[];
}

/// The proof that asks for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anyone;

/// Reads one item from its bytes.
pub(crate) type Decode<T> = fn(&[u8]) -> Result<T, DecodeError>;

/// An older type that can be read as `T`.
pub struct Accepted<T> {
    schema: fn() -> Fingerprint,
    decode: Decode<T>,
    deep: Decode<T>,
    recursive: fn() -> bool,
    weightless: fn() -> bool,
}

impl<T> Accepted<T> {
    /// Values of `Old` are accepted through `From<Old>`.
    pub const fn from<Old: Travels>() -> Self
    where
        T: From<Old>,
    {
        Self {
            schema: fingerprint::<Old>,
            decode: |bytes| codec::decode::<Old>(bytes).map(T::from),
            deep: |bytes| codec::decode_deep::<Old>(bytes).map(T::from),
            recursive: recursive::<Old>,
            weightless: weightless::<Old>,
        }
    }

    /// Whether a few bytes could claim any number of its elements.
    pub(crate) fn is_weightless(&self) -> bool {
        (self.weightless)()
    }

    /// The schema, and how to read it.
    pub(crate) fn reader(&self) -> (Fingerprint, Decode<T>) {
        ((self.schema)(), if (self.recursive)() { self.deep } else { self.decode })
    }
}

impl<T: Travels> Accepted<T> {
    /// The type itself.
    pub(crate) const fn itself() -> Self {
        Self {
            schema: fingerprint::<T>,
            decode: codec::decode::<T>,
            deep: codec::decode_deep::<T>,
            recursive: recursive::<T>,
            weightless: weightless::<T>,
        }
    }
}

impl<T> fmt::Debug for Accepted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accepted({})", (self.schema)())
    }
}

fn fingerprint<T: Schema>() -> Fingerprint {
    schema::of::<T>().fingerprint()
}

fn recursive<T: Schema>() -> bool {
    schema::of::<T>().is_recursive()
}

fn weightless<T: Schema>() -> bool {
    schema::of::<T>().has_weightless_elements()
}

/// What `#[stream]` says of the type, if it has that attribute.
pub(crate) fn descriptor_of<T: Schema>() -> Option<&'static StreamDescriptor> {
    T::attribute()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Wide(u64);

    impl From<u32> for Wide {
        fn from(narrow: u32) -> Self {
            Self(u64::from(narrow))
        }
    }

    #[test]
    fn an_older_type_is_read_as_the_newer() {
        const OLD: Accepted<Wide> = Accepted::from::<u32>();
        let (schema, decode) = OLD.reader();
        assert_eq!(schema, schema::of::<u32>().fingerprint());
        assert_eq!(decode(&codec::encode(&7u32).expect("encodes")), Ok(Wide(7)));
    }
}
