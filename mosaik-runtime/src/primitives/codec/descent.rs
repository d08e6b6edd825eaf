//! A bound on how deep an encoded value may nest: as deep as it may be when it is decoded.
//!
//! A recursive value encodes by recursion, so one that nests without end would exhaust the stack, and end the process. This wraps
//! a serializer and counts; it changes nothing about the bytes.

use std::{cell::Cell, fmt::Display};

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::depth::LIMIT;

/// A serializer, a value or what holds values, that may go `left` levels deeper.
pub(super) struct Descent<'o, T> {
    inner: T,
    left: usize,
    /// Whether something went too deep: the error of the codec does not keep what it is told.
    over: &'o Cell<bool>,
}

impl<'o, T> Descent<'o, T> {
    pub(super) fn new(inner: T, over: &'o Cell<bool>) -> Self {
        Self { inner, left: LIMIT, over }
    }

    /// The serializer, and what comes so many levels below.
    fn below<E: Error>(self, levels: usize) -> Result<(T, Level<'o>), E> {
        match self.left.checked_sub(levels) {
            Some(left) => Ok((self.inner, Level { left, over: self.over })),
            None => {
                self.over.set(true);
                Err(E::custom(format_args!("the value nests deeper than {LIMIT} levels")))
            }
        }
    }
}

/// How deep it may still go.
#[derive(Clone, Copy)]
struct Level<'o> {
    left: usize,
    over: &'o Cell<bool>,
}

impl<'o> Level<'o> {
    fn of<T>(self, inner: T) -> Descent<'o, T> {
        Descent { inner, left: self.left, over: self.over }
    }
}

impl<T: Serialize + ?Sized> Serialize for Descent<'_, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(Descent { inner: serializer, left: self.left, over: self.over })
    }
}

macro_rules! forward {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'o, S: Serializer> Serializer for Descent<'o, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Descent<'o, S::SerializeSeq>;
    type SerializeTuple = Descent<'o, S::SerializeTuple>;
    type SerializeTupleStruct = Descent<'o, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Descent<'o, S::SerializeTupleVariant>;
    type SerializeMap = Descent<'o, S::SerializeMap>;
    type SerializeStruct = Descent<'o, S::SerializeStruct>;
    type SerializeStructVariant = Descent<'o, S::SerializeStructVariant>;

    forward! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let (inner, level) = self.below(1)?;
        inner.serialize_some(&level.of(value))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        let (inner, _) = self.below(1)?;
        inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let (inner, level) = self.below(1)?;
        inner.serialize_newtype_struct(name, &level.of(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let (inner, level) = self.below(1)?;
        inner.serialize_newtype_variant(name, index, variant, &level.of(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let (inner, level) = self.below(1)?;
        Ok(level.of(inner.serialize_seq(len)?))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let (inner, level) = self.below(1)?;
        Ok(level.of(inner.serialize_tuple(len)?))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let (inner, level) = self.below(1)?;
        Ok(level.of(inner.serialize_tuple_struct(name, len)?))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let (inner, level) = self.below(2)?;
        Ok(level.of(inner.serialize_tuple_variant(name, index, variant, len)?))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let (inner, level) = self.below(1)?;
        Ok(level.of(inner.serialize_map(len)?))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let (inner, level) = self.below(1)?;
        Ok(level.of(inner.serialize_struct(name, len)?))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let (inner, level) = self.below(2)?;
        Ok(level.of(inner.serialize_struct_variant(name, index, variant, len)?))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($trait:ident: $method:ident),* $(,)?) => {$(
        impl<C: $trait> $trait for Descent<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = Descent { inner: value, left: self.left, over: self.over };
                self.inner.$method(&value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq: serialize_element, SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl<C: $trait> $trait for Descent<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let value = Descent { inner: value, left: self.left, over: self.over };
                self.inner.serialize_field(name, &value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Descent<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let key = Descent { inner: key, left: self.left, over: self.over };
        self.inner.serialize_key(&key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = Descent { inner: value, left: self.left, over: self.over };
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::{
        super::{EncodeError, decode_deep, encode, encode_deep_into},
        *,
    };

    /// What ends only where the codec ends it, without a value that is as deep.
    struct Endless;

    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_some(self)
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf { value: Option<u8> },
        Pair(Box<Tree>, Box<Tree>),
        Node(Vec<Tree>),
        One(Box<Tree>),
        Empty,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        trees: Vec<Tree>,
        map: BTreeMap<String, (u8, Option<f64>)>,
        text: String,
        unit: (),
        array: [u16; 3],
    }

    #[test]
    fn the_bytes_are_those_of_the_codec_itself() {
        let everything = Everything {
            trees: vec![
                Tree::Leaf { value: Some(3) },
                Tree::Node(vec![Tree::Empty]),
                Tree::Pair(Box::new(Tree::Empty), Box::new(Tree::One(Box::new(Tree::Leaf { value: None })))),
            ],
            map: BTreeMap::from([("a".to_owned(), (1, None)), ("b".to_owned(), (2, Some(0.5)))]),
            text: "text".to_owned(),
            unit: (),
            array: [1, 2, 300],
        };
        let mut bytes = b"before".to_vec();
        encode_deep_into(&everything, &mut bytes).expect("it is shallow");
        assert_eq!(bytes[6..], encode(&everything).expect("encodes"));
        assert_eq!(decode_deep(&bytes[6..]), Ok(everything));
    }

    #[test]
    fn h2_what_nests_without_end_is_an_error_and_leaves_the_buffer_as_it_was() {
        let mut bytes = b"before".to_vec();
        let endless = encode_deep_into(&Endless, &mut bytes);
        let Err(EncodeError::Refused(why)) = endless else { panic!("{endless:?}") };
        assert_eq!(why, format!("the value nests deeper than {LIMIT} levels"));
        assert_eq!(bytes, b"before");
    }

    /// Nothing is written that nobody could read.
    #[test]
    fn what_encodes_also_decodes_at_every_depth() {
        let shapes: [fn(Tree) -> Tree; 3] = [
            |tree| Tree::Node(vec![tree]),
            |tree| Tree::Pair(Box::new(tree), Box::new(Tree::Empty)),
            |tree| Tree::One(Box::new(tree)),
        ];
        for shape in shapes {
            let (mut fits, mut refused) = (0, 0);
            for depth in 0..LIMIT + 8 {
                let tree = (0..depth).fold(Tree::Leaf { value: Some(1) }, |tree, _| shape(tree));
                let mut bytes = Vec::new();
                match encode_deep_into(&tree, &mut bytes) {
                    Ok(()) => {
                        assert_eq!(decode_deep(&bytes), Ok(tree), "{depth} levels");
                        fits += 1;
                    }
                    Err(_) => {
                        let plain = encode(&tree).expect("encodes");
                        assert!(decode_deep::<Tree>(&plain).is_err(), "{depth} levels could be read");
                        refused += 1;
                    }
                }
            }
            assert!(fits > 40 && refused > 7, "{fits} {refused}");
        }
    }
}
