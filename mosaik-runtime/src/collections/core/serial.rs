//! Persistent structures as bytes: in their order, and read back only in that order, so that there is one form of each.

use std::fmt;

use imbl::Vector;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
    ser::{self, SerializeMap, SerializeSeq},
};

use super::{
    Key, Value,
    entries::{Entries, Sorted},
};

/// A map as bytes.
pub(super) struct SortedMap<K, V>(pub(super) Entries<K, V>);
/// A map as bytes, read back as what it holds, in whatever order: [`Sorted`] refuses what is not in its own.
pub(super) struct Pairs<K, V>(pub(super) Vec<(K, V)>);
/// A set as bytes.
pub(super) struct SortedSet<T>(pub(super) Entries<T, ()>);
/// A sequence as bytes.
pub(super) struct Sequence<T>(pub(super) Vector<T>);

const UNSORTED: &str = "the keys of a collection are not in the order that their `Ord` says: it contradicts itself, or is not the one \
                        that put them in";

/// The error is a type's own, of which the codec keeps no words: the log says why.
pub(super) fn unsorted<E>(custom: impl FnOnce(&'static str) -> E) -> E {
    tracing::error!(target: "mosaik::groups", "{UNSORTED}");
    custom(UNSORTED)
}

/// Whoever reads a state refuses one whose keys are not in their order, so nobody writes one: the log is kept then.
pub(super) fn in_order<'a, K: Ord + 'a, E: ser::Error>(
    last: &mut Option<&'a K>,
    key: &'a K,
) -> Result<(), E> {
    match last.replace(key) {
        Some(last) if !last.cmp(key).is_lt() => Err(unsorted(E::custom)),
        _ => Ok(()),
    }
}

impl<K: Key, V: Value> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        let mut last = None;
        for leaf in self.0.leaves() {
            for (key, value) in leaf {
                in_order(&mut last, key)?;
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

impl<T: Key> Serialize for SortedSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        let mut last = None;
        for leaf in self.0.leaves() {
            for (item, ()) in leaf {
                in_order(&mut last, item)?;
                seq.serialize_element(item)?;
            }
        }
        seq.end()
    }
}

impl<T: Value> Serialize for Sequence<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for item in &self.0 {
            seq.serialize_element(item)?;
        }
        seq.end()
    }
}

impl<'de, K: Key, V: Value> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<K, V>(Sorted<K, V>);
        impl<'de, K: Key, V: Value> Visitor<'de> for Read<K, V> {
            type Value = SortedMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sorted map")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self::Value, A::Error> {
                while let Some((key, value)) = entries.next_entry::<K, V>()? {
                    if !self.0.push(key, value) {
                        return Err(unsorted(A::Error::custom));
                    }
                }
                Ok(SortedMap(self.0.finish()))
            }
        }
        deserializer.deserialize_map(Read(Sorted::default()))
    }
}

/// Gives ascending elements to a sorted tree so that its leaves become full: what comes in ascending order leaves each leaf half empty,
/// and the other half of the elements fills them.
fn every_second_first<T>(
    ascending: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    mut insert: impl FnMut(T),
) {
    let ascending = ascending.into_iter();
    let mut between = Vec::with_capacity(ascending.len() / 2);
    for (at, element) in ascending.enumerate() {
        if at % 2 == 0 { insert(element) } else { between.push(element) }
    }
    between.into_iter().for_each(insert);
}

/// Gives elements to a sorted tree: ascending ones so that its leaves become full, unless somebody follows who would see the order.
pub(super) fn extend<T>(
    elements: Vec<T>,
    is_followed: bool,
    ascends: impl Fn(&T, &T) -> bool,
    insert: impl FnMut(T),
) {
    if !is_followed && elements.is_sorted_by(ascends) {
        every_second_first(elements, insert);
    } else {
        elements.into_iter().for_each(insert);
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<K, V>(Vec<(K, V)>);
        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Read<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
                while let Some(pair) = map.next_entry::<K, V>()? {
                    self.0.push(pair);
                }
                Ok(Pairs(self.0))
            }
        }
        deserializer.deserialize_map(Read(Vec::new()))
    }
}

impl<'de, T: Key> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(Sorted<T, ()>);
        impl<'de, T: Key> Visitor<'de> for Items<T> {
            type Value = SortedSet<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sorted set")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self::Value, A::Error> {
                while let Some(item) = items.next_element::<T>()? {
                    if !self.0.push(item, ()) {
                        return Err(unsorted(A::Error::custom));
                    }
                }
                Ok(SortedSet(self.0.finish()))
            }
        }
        deserializer.deserialize_seq(Items(Sorted::default()))
    }
}

impl<'de, T: Value> Deserialize<'de> for Sequence<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(Vector<T>);
        impl<'de, T: Value> Visitor<'de> for Items<T> {
            type Value = Sequence<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
                while let Some(item) = seq.next_element::<T>()? {
                    self.0.push_back(item);
                }
                Ok(Sequence(self.0))
            }
        }
        deserializer.deserialize_seq(Items(Vector::new()))
    }
}
