//! Shapes of the types of std and of `bytes`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    num,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Schema, Seen, Shape};

macro_rules! primitives {
    ($($type:ty => $name:literal),* $(,)?) => {$(
        impl Schema for $type {
            fn shape(_: &mut Seen) -> Shape {
                Shape::Primitive($name.to_owned())
            }
        }
    )*};
}

primitives! {
    bool => "bool", char => "char", String => "String", () => "()", bytes::Bytes => "Bytes",
    u8 => "u8", u16 => "u16", u32 => "u32", u64 => "u64", u128 => "u128", usize => "usize",
    i8 => "i8", i16 => "i16", i32 => "i32", i64 => "i64", i128 => "i128", isize => "isize",
    f32 => "f32", f64 => "f64",
    num::NonZeroU8 => "NonZeroU8", num::NonZeroU16 => "NonZeroU16", num::NonZeroU32 => "NonZeroU32",
    num::NonZeroU64 => "NonZeroU64", num::NonZeroU128 => "NonZeroU128", num::NonZeroUsize => "NonZeroUsize",
    num::NonZeroI8 => "NonZeroI8", num::NonZeroI16 => "NonZeroI16", num::NonZeroI32 => "NonZeroI32",
    num::NonZeroI64 => "NonZeroI64", num::NonZeroI128 => "NonZeroI128", num::NonZeroIsize => "NonZeroIsize",
    std::net::IpAddr => "IpAddr", std::net::Ipv4Addr => "Ipv4Addr", std::net::Ipv6Addr => "Ipv6Addr",
    std::net::SocketAddr => "SocketAddr", std::net::SocketAddrV4 => "SocketAddrV4",
    std::net::SocketAddrV6 => "SocketAddrV6",
    Duration => "Duration", SystemTime => "SystemTime", std::path::PathBuf => "PathBuf",
    crate::primitives::PeerId => "PeerId", crate::primitives::Tag => "Tag",
}

macro_rules! sequences {
    ($($name:ident $(, $extra:ident)?);* $(;)?) => {$(
        impl<T: Schema $(, $extra: 'static)?> Schema for $name<T $(, $extra)?> {
            fn shape(seen: &mut Seen) -> Shape {
                Shape::Seq(Box::new(T::shape(seen)))
            }
        }
    )*};
}

sequences! { Vec; VecDeque; LinkedList; BTreeSet; BinaryHeap; HashSet, S }

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    fn shape(seen: &mut Seen) -> Shape {
        Shape::Map(Box::new(K::shape(seen)), Box::new(V::shape(seen)))
    }
}

impl<K: Schema, V: Schema, S: 'static> Schema for HashMap<K, V, S> {
    fn shape(seen: &mut Seen) -> Shape {
        Shape::Map(Box::new(K::shape(seen)), Box::new(V::shape(seen)))
    }
}

impl<T: Schema> Schema for Option<T> {
    fn shape(seen: &mut Seen) -> Shape {
        Shape::Option(Box::new(T::shape(seen)))
    }
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    fn shape(seen: &mut Seen) -> Shape {
        seen.enumeration::<Self>("Result", None, &[("Ok", &[("0", T::shape)]), ("Err", &[("0", E::shape)])])
    }
}

macro_rules! transparent {
    ($($pointer:ident),*) => {$(
        impl<T: Schema> Schema for $pointer<T> {
            fn shape(seen: &mut Seen) -> Shape {
                T::shape(seen)
            }
        }
    )*};
}

transparent!(Box, Arc, Rc);

impl Schema for Arc<str> {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Primitive("String".to_owned())
    }
}

impl Schema for Box<str> {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Primitive("String".to_owned())
    }
}

impl Schema for Cow<'static, str> {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Primitive("String".to_owned())
    }
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    fn shape(seen: &mut Seen) -> Shape {
        Shape::Array(u32::try_from(N).unwrap_or(u32::MAX), Box::new(T::shape(seen)))
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name: Schema),+> Schema for ($($name,)+) {
            fn shape(seen: &mut Seen) -> Shape {
                Shape::Tuple(vec![$($name::shape(seen)),+])
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G) (A, B, C, D, E, F, G, H) }
