//! The shape of what travels: a structural tree per type, its fingerprint, and what differs between two.
//!
//! Trees are emitted by the macros as [`Schema`] impls, not traced from serde. Names of fields and variants are part of
//! the shape; names of types are not, so that a type may be renamed. Recursion is a reference back to an enclosing type.

mod diff;
mod std_types;

use std::{
    any::{Any, TypeId},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::ids::hex;

pub use diff::difference;

/// A type with a known shape on the wire. Put `#[mosaik::data]` on a type to have it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes",
    label = "it has no wire form",
    note = "if `{Self}` is yours, put `#[mosaik::data]` on it",
    note = "if it comes from another crate, put `#[mosaik(schema = \"name.v1\")]` on the field"
)]
pub trait Schema: 'static {
    /// The shape of this type; `seen` knows the types around it.
    fn shape(seen: &mut Seen) -> Shape;

    /// What an attribute says of the type beside its shape. The part of the runtime that the attribute belongs to knows its form.
    fn attribute() -> Option<&'static (dyn Any + Send + Sync)> {
        None
    }
}

/// The shape of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A type that serde encodes by itself, by its Rust name: `u8`, `f64`, `String`, `Bytes`, `()`.
    Primitive(String),
    /// A type of another crate, under the name and version that the user gave it.
    Opaque(String),
    /// Nothing, or one value.
    Option(Box<Shape>),
    /// Any number of values.
    Seq(Box<Shape>),
    /// Any number of keys with values.
    Map(Box<Shape>, Box<Shape>),
    /// A fixed number of values.
    Tuple(Vec<Shape>),
    /// `n` values of one shape.
    Array(u32, Box<Shape>),
    /// A struct; the fields of a tuple struct are named `0`, `1`, ….
    Struct(Record),
    /// An enum, with its variants in order.
    Enum(String, Option<String>, Vec<Record>),
    /// The n-th enclosing named type, 0 the innermost.
    Back(u32),
}

/// Named fields: a struct, or one variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the type (not part of the fingerprint) or of the variant (part of it).
    pub name: String,
    /// The label of `schema = "v1"`, if any.
    pub label: Option<String>,
    /// The fields in order.
    pub fields: Vec<(String, Shape)>,
}

/// A function that gives a shape: `<T as Schema>::shape`.
pub type ShapeOf = fn(&mut Seen) -> Shape;

/// The named types around the one that is being described.
#[derive(Debug, Default)]
pub struct Seen(Vec<TypeId>);

impl Seen {
    /// Describes a struct. Called by generated code.
    pub fn structure<T: 'static>(
        &mut self,
        name: &str,
        label: Option<&str>,
        fields: &[(&str, ShapeOf)],
    ) -> Shape {
        self.named::<T>(|seen| Shape::Struct(seen.record(name, label, fields)))
    }

    /// Describes an enum. Called by generated code.
    pub fn enumeration<T: 'static>(
        &mut self,
        name: &str,
        label: Option<&str>,
        variants: &[(&str, &[(&str, ShapeOf)])],
    ) -> Shape {
        self.named::<T>(|seen| {
            let variants = variants.iter().map(|(name, fields)| seen.record(name, None, fields));
            Shape::Enum(name.to_owned(), label.map(str::to_owned), variants.collect())
        })
    }

    fn named<T: 'static>(&mut self, describe: impl FnOnce(&mut Self) -> Shape) -> Shape {
        let id = TypeId::of::<T>();
        if let Some(steps) = self.0.iter().rev().position(|outer| *outer == id) {
            return Shape::Back(u32::try_from(steps).unwrap_or(u32::MAX));
        }
        self.0.push(id);
        let shape = describe(self);
        self.0.pop();
        shape
    }

    fn record(&mut self, name: &str, label: Option<&str>, fields: &[(&str, ShapeOf)]) -> Record {
        let fields = fields.iter().map(|(field, shape)| ((*field).to_owned(), shape(self)));
        Record { name: name.to_owned(), label: label.map(str::to_owned), fields: fields.collect() }
    }
}

/// The shape of `T`.
pub fn of<T: Schema>() -> Shape {
    T::shape(&mut Seen::default())
}

/// A short hash of a shape; equal fingerprints mean that each side decodes what the other encodes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", hex(&self.0[..4]))
    }
}

impl Shape {
    /// The hash of this shape without the names of types.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 schema fingerprint");
        self.feed(&mut hasher);
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(short)
    }

    fn feed(&self, to: &mut blake3::Hasher) {
        match self {
            Self::Primitive(name) => text(to, 0, name),
            Self::Opaque(name) => text(to, 1, name),
            Self::Option(inner) => nest(to, 2, [&**inner]),
            Self::Seq(inner) => nest(to, 3, [&**inner]),
            Self::Map(key, value) => nest(to, 4, [&**key, &**value]),
            Self::Tuple(items) => nest(to, 5, items),
            Self::Array(n, inner) => {
                number(to, 6, *n as usize);
                inner.feed(to);
            }
            Self::Struct(record) => {
                to.update(&[7]);
                record.feed(to, false);
            }
            Self::Enum(_, label, variants) => {
                number(to, 8, variants.len());
                text(to, 0, label.as_deref().unwrap_or_default());
                variants.iter().for_each(|variant| variant.feed(to, true));
            }
            Self::Back(steps) => number(to, 9, *steps as usize),
        }
    }

    /// Whether the type holds a sequence of elements that take no bytes. A frame of a few bytes could then claim any
    /// number of them, so such a type must not be decoded.
    pub fn has_weightless_elements(&self) -> bool {
        match self {
            Self::Primitive(_) | Self::Opaque(_) | Self::Back(_) => false,
            Self::Seq(inner) => inner.is_weightless() || inner.has_weightless_elements(),
            Self::Option(inner) | Self::Array(_, inner) => inner.has_weightless_elements(),
            Self::Map(key, value) => {
                key.is_weightless() && value.is_weightless()
                    || key.has_weightless_elements()
                    || value.has_weightless_elements()
            }
            Self::Tuple(items) => items.iter().any(Self::has_weightless_elements),
            Self::Struct(record) => record.shapes().any(Self::has_weightless_elements),
            Self::Enum(_, _, variants) => {
                variants.iter().flat_map(Record::shapes).any(Self::has_weightless_elements)
            }
        }
    }

    fn is_weightless(&self) -> bool {
        match self {
            Self::Primitive(name) => name == "()",
            Self::Tuple(items) => items.iter().all(Self::is_weightless),
            Self::Array(n, inner) => *n == 0 || inner.is_weightless(),
            Self::Struct(record) => record.shapes().all(Self::is_weightless),
            _ => false,
        }
    }

    /// Whether the type contains itself, so that its values may nest without bound.
    pub fn is_recursive(&self) -> bool {
        match self {
            Self::Back(_) => true,
            Self::Primitive(_) | Self::Opaque(_) => false,
            Self::Option(inner) | Self::Seq(inner) | Self::Array(_, inner) => inner.is_recursive(),
            Self::Map(key, value) => key.is_recursive() || value.is_recursive(),
            Self::Tuple(items) => items.iter().any(Self::is_recursive),
            Self::Struct(record) => record.shapes().any(Self::is_recursive),
            Self::Enum(_, _, variants) => variants.iter().flat_map(Record::shapes).any(Self::is_recursive),
        }
    }
}

impl Record {
    fn feed(&self, to: &mut blake3::Hasher, with_name: bool) {
        if with_name {
            text(to, 0, &self.name);
        }
        text(to, 0, self.label.as_deref().unwrap_or_default());
        number(to, 0, self.fields.len());
        for (name, shape) in &self.fields {
            text(to, 0, name);
            shape.feed(to);
        }
    }

    fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.fields.iter().map(|(_, shape)| shape)
    }
}

fn number(to: &mut blake3::Hasher, kind: u8, n: usize) {
    to.update(&[kind]);
    to.update(&(n as u64).to_le_bytes());
}

fn text(to: &mut blake3::Hasher, kind: u8, text: &str) {
    number(to, kind, text.len());
    to.update(text.as_bytes());
}

fn nest<'a>(
    to: &mut blake3::Hasher,
    kind: u8,
    inner: impl IntoIterator<Item = &'a Shape, IntoIter: ExactSizeIterator>,
) {
    let inner = inner.into_iter();
    number(to, kind, inner.len());
    inner.for_each(|shape| shape.feed(to));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reading;
    impl Schema for Reading {
        fn shape(seen: &mut Seen) -> Shape {
            seen.structure::<Self>("Reading", None, &[("probe", u16::shape), ("celsius", f32::shape)])
        }
    }

    enum Tree {}
    impl Schema for Tree {
        fn shape(seen: &mut Seen) -> Shape {
            let node: &[(&str, ShapeOf)] = &[("0", <Vec<Tree>>::shape)];
            seen.enumeration::<Self>("Tree", None, &[("Leaf", &[]), ("Node", node)])
        }
    }

    #[test]
    fn fingerprints_are_stable() {
        assert_eq!(of::<Reading>().fingerprint().to_string(), "0cb3e62dda71e01582ded798b1dd1337");
    }

    #[test]
    fn recursion_ends_at_a_reference_back() {
        let tree = of::<Tree>();
        assert!(tree.is_recursive() && !of::<Reading>().is_recursive());
        let Shape::Enum(_, _, variants) = tree else { panic!("an enum") };
        assert_eq!(variants[1].fields[0].1, Shape::Seq(Box::new(Shape::Back(0))));
    }

    #[test]
    fn sequences_of_nothing_are_recognised() {
        assert!(of::<Vec<()>>().has_weightless_elements());
        assert!(of::<Option<(u8, Vec<[u64; 0]>)>>().has_weightless_elements());
        assert!(!of::<Vec<(u8, ())>>().has_weightless_elements());
        assert!(!of::<Tree>().has_weightless_elements());
    }

    #[test]
    fn shape_counts_and_type_names_do_not() {
        struct Renamed;
        impl Schema for Renamed {
            fn shape(seen: &mut Seen) -> Shape {
                seen.structure::<Self>("Renamed", None, &[("probe", u16::shape), ("celsius", f32::shape)])
            }
        }
        assert_eq!(of::<Renamed>().fingerprint(), of::<Reading>().fingerprint());
        assert_ne!(of::<Option<u8>>().fingerprint(), of::<Vec<u8>>().fingerprint());
        assert_ne!(of::<(u8, u16)>().fingerprint(), of::<(u16, u8)>().fingerprint());
    }
}
