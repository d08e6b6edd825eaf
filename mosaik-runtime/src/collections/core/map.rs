//! A sorted map, whose entries may expire.

use std::{
    borrow::Borrow,
    fmt,
    ops::{Bound, RangeBounds},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{
    AddError, Container, Key, Step, Value,
    container::labelled,
    entries::{Entries, MapIntoIter},
    number,
    serial::{SortedMap, extend},
    value::{equals_itself, same, same_or_absent},
};
use crate::{
    groups::Timestamp,
    primitives::schema::{Schema, Seen, Shape},
};

/// A map from keys to values, in the order of the keys.
///
/// As a value it is immutable: operations of a `Writer` change the collection, and a snapshot stays what it was.
pub struct Map<K, V> {
    entries: Entries<K, V>,
    /// When entries expire that do.
    expiries: Entries<K, Timestamp>,
    /// The same by time.
    due: Entries<(Timestamp, K), ()>,
}

/// What changes a [`Map`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum MapOperation<K, V> {
    Insert { key: K, value: V, lives: Option<u64> },
    InsertIfAbsent { key: K, value: V },
    CompareExchange { key: K, old: Option<V>, new: Option<V> },
    Increment { key: K, by: i128 },
    Remove { key: K },
    Extend { entries: Vec<(K, V)> },
    RemoveMany { keys: Vec<K> },
    RemoveRange { from: Bound<K>, to: Bound<K> },
    RetainRange { from: Bound<K>, to: Bound<K> },
    Expire { key: K, lives: Option<u64> },
    Clear,
    Expect { key: K, value: Option<V> },
    InsertIfAbsentFor { key: K, value: V, lives: u64 },
    PopFirst,
    PopLast,
}

/// What changed in a [`Map`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapChange<K, V> {
    /// A key has a value.
    Inserted {
        /// The key.
        key: K,
        /// Its value now.
        value: V,
        /// Its value before, if it had one.
        old: Option<V>,
    },
    /// A key is gone.
    Removed {
        /// The key.
        key: K,
        /// Its value before.
        old: V,
        /// Whether its time was over.
        expired: bool,
    },
    /// All keys are gone.
    Cleared,
    /// An entry expires at another time than before. Of an entry that was inserted with a time to live, it comes behind that. What is gone
    /// has no time any more, and is not told of again.
    Expires {
        /// The key.
        key: K,
        /// When it expires now, in group time; `None` if it never does.
        at: Option<Timestamp>,
    },
}

impl<K, V> MapChange<K, V> {
    /// The key that changed; none if all did.
    pub fn key(&self) -> Option<&K> {
        match self {
            Self::Inserted { key, .. } | Self::Removed { key, .. } | Self::Expires { key, .. } => Some(key),
            Self::Cleared => None,
        }
    }
}

impl<K, V> Map<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Key, V: Value> Map<K, V> {
    /// The entries, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    /// Whether the key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.contains_key(key)
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries with keys in a range, in their order. A range that ends before it begins is empty.
    pub fn range<Q: Ord + ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let sensible = is_sensible(&range);
        sensible.then(|| self.entries.range(&range)).into_iter().flatten()
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.entries.first()
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Option<(&K, &V)> {
        self.entries.last()
    }

    /// When an entry expires, in group time; `None` if it never does, or is not there.
    pub fn expires<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Timestamp>
    where
        K: Borrow<Q>,
    {
        self.expiries.get(key).copied()
    }

    /// Returns when the entry expired before.
    fn set_expiry(&mut self, key: &K, at: Option<Timestamp>) -> Option<Timestamp> {
        let before = if self.expiries.is_empty() { None } else { self.expiries.remove(key) };
        if let Some(before) = before {
            self.due.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.expiries.insert(key.clone(), at);
            self.due.insert((at, key.clone()), ());
        }
        before
    }

    fn put(
        &mut self,
        key: K,
        value: V,
        at: Option<Timestamp>,
        step: &mut Step<'_, MapChange<K, V>>,
    ) -> Option<V> {
        let before = self.set_expiry(&key, at);
        if !step.is_followed() {
            return self.entries.insert(key, value);
        }
        let old = self.entries.insert(key.clone(), value.clone());
        let expires = (before != at).then(|| MapChange::Expires { key: key.clone(), at });
        step.changed(MapChange::Inserted { key, value, old: old.clone() });
        if let Some(expires) = expires {
            step.changed(expires);
        }
        old
    }

    fn take(&mut self, key: K, step: &mut Step<'_, MapChange<K, V>>) -> Option<V> {
        let old = self.entries.remove(&key)?;
        self.set_expiry(&key, None);
        if step.is_followed() {
            step.changed(MapChange::Removed { key, old: old.clone(), expired: false });
        }
        Some(old)
    }

    fn pop(&mut self, key: Option<K>, step: &mut Step<'_, MapChange<K, V>>) -> bool {
        let popped = key.and_then(|key| Some((key.clone(), self.take(key, step)?)));
        step.answer(&popped);
        true
    }

    fn insert_if_absent(
        &mut self,
        key: K,
        value: V,
        at: Option<Timestamp>,
        step: &mut Step<'_, MapChange<K, V>>,
    ) -> bool {
        let there = self.entries.get(&key).cloned();
        step.answer(&there);
        if there.is_none() {
            self.put(key, value, at, step);
        }
        there.is_none()
    }

    fn take_all(&mut self, keys: Vec<K>, step: &mut Step<'_, MapChange<K, V>>) -> bool {
        let before = self.len();
        for key in keys {
            self.take(key, step);
        }
        step.count(before - self.len())
    }

    fn keys_in(&self, from: Bound<&K>, to: Bound<&K>) -> Vec<K> {
        self.range::<K>((from, to)).map(|(key, _)| key.clone()).collect()
    }

    fn increment(&mut self, key: K, by: i128, step: &mut Step<'_, MapChange<K, V>>) -> bool {
        let sum: Result<V, AddError> = number::add(self.entries.get(&key), by);
        step.answer(&sum);
        let Ok(sum) = sum else { return false };
        let at = self.expires(&key);
        self.put(key, sum, at, step);
        true
    }

    fn compare_exchange(
        &mut self,
        key: K,
        old: Option<V>,
        new: Option<V>,
        step: &mut Step<'_, MapChange<K, V>>,
    ) -> bool {
        let holds = same_or_absent(self.entries.get(&key), old.as_ref());
        if holds {
            match new {
                Some(new) => {
                    let at = self.expires(&key);
                    self.put(key, new, at, step);
                }
                None => {
                    self.take(key, step);
                }
            }
        }
        step.took_place(holds)
    }
}

/// Whether a range does not end before it begins.
pub(super) fn is_sensible<Q: Ord + ?Sized>(range: &impl RangeBounds<Q>) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match (range.start_bound(), range.end_bound()) {
        (Unbounded, _) | (_, Unbounded) => true,
        (Included(from), Included(to)) => from.cmp(to).is_le(),
        (Included(from) | Excluded(from), Excluded(to)) | (Excluded(from), Included(to)) => {
            from.cmp(to).is_lt()
        }
    }
}

/// What is not in a range: what is before it, and what is behind it.
pub(super) fn outside<'a, K: Ord>(from: Bound<&'a K>, to: Bound<&'a K>) -> Vec<(Bound<&'a K>, Bound<&'a K>)> {
    use Bound::{Excluded, Included, Unbounded};
    if !is_sensible::<K>(&(from, to)) {
        return vec![(Unbounded, Unbounded)];
    }
    let before = match from {
        Included(from) => Some((Unbounded, Excluded(from))),
        Excluded(from) => Some((Unbounded, Included(from))),
        Unbounded => None,
    };
    let behind = match to {
        Included(to) => Some((Excluded(to), Unbounded)),
        Excluded(to) => Some((Included(to), Unbounded)),
        Unbounded => None,
    };
    before.into_iter().chain(behind).collect()
}

impl<K: Key, V: Value> Container for Map<K, V> {
    const KIND: &'static str = "Map";
    type Operation = MapOperation<K, V>;
    type Change = MapChange<K, V>;

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        let until = |lives: Option<u64>, now: Timestamp| {
            lives.map(|lives| Timestamp::from_millis(now.as_millis().saturating_add(lives)))
        };
        match operation {
            MapOperation::Insert { key, value, lives } => {
                let at = until(lives, step.now());
                let old = self.put(key, value, at, step);
                step.answer(&old);
                true
            }
            MapOperation::InsertIfAbsent { key, value } => self.insert_if_absent(key, value, None, step),
            MapOperation::InsertIfAbsentFor { key, value, lives } => {
                self.insert_if_absent(key, value, until(Some(lives), step.now()), step)
            }
            MapOperation::CompareExchange { key, old, new } => self.compare_exchange(key, old, new, step),
            MapOperation::Increment { key, by } => self.increment(key, by, step),
            MapOperation::Remove { key } => {
                let old = self.take(key, step);
                step.answer(&old);
                true
            }
            MapOperation::Extend { entries } => {
                let before = self.len();
                let ascends = |(one, _): &(K, V), (other, _): &(K, V)| one.cmp(other).is_lt();
                extend(entries, step.is_followed(), ascends, |(key, value)| {
                    self.put(key, value, None, step);
                });
                step.count(self.len() - before)
            }
            MapOperation::PopFirst => self.pop(self.first().map(|(key, _)| key.clone()), step),
            MapOperation::PopLast => self.pop(self.last().map(|(key, _)| key.clone()), step),
            MapOperation::RemoveMany { keys } => self.take_all(keys, step),
            MapOperation::RemoveRange { from, to } => {
                let keys = self.keys_in(from.as_ref(), to.as_ref());
                self.take_all(keys, step)
            }
            MapOperation::RetainRange { from, to } => {
                let keys = outside(from.as_ref(), to.as_ref())
                    .into_iter()
                    .flat_map(|(from, to)| self.keys_in(from, to))
                    .collect();
                self.take_all(keys, step)
            }
            MapOperation::Expire { key, lives } => {
                let there = self.entries.contains_key(&key);
                if there {
                    let at = until(lives, step.now());
                    if self.set_expiry(&key, at) != at {
                        step.changed(MapChange::Expires { key, at });
                    }
                }
                step.took_place(there)
            }
            MapOperation::Clear => {
                let count = self.len();
                *self = Self::default();
                if count > 0 {
                    step.changed(MapChange::Cleared);
                }
                step.count(count)
            }
            MapOperation::Expect { key, value } => {
                step.took_place(same_or_absent(self.entries.get(&key), value.as_ref()))
            }
        }
    }

    fn has_order(operation: &Self::Operation) -> bool {
        match operation {
            MapOperation::Extend { entries } => entries.iter().all(|(key, _)| equals_itself(key)),
            MapOperation::Insert { key, .. }
            | MapOperation::InsertIfAbsent { key, .. }
            | MapOperation::InsertIfAbsentFor { key, .. }
            | MapOperation::CompareExchange { key, .. }
            | MapOperation::Increment { key, .. } => equals_itself(key),
            // What takes away, or looks, puts no key in.
            _ => true,
        }
    }

    fn expire(&mut self, now: Timestamp, changed: &mut dyn FnMut(Self::Change)) {
        while let Some((due, ())) = self.due.first().filter(|((at, _), ())| *at <= now) {
            let due = due.clone();
            let found = self.due.remove(&due);
            let mut over = vec![due.1];
            if found.is_none() {
                // An `Ord` that contradicts itself does not find it. All that is due goes at once, so that this ends.
                let is_over = |(at, _): &(Timestamp, K)| *at <= now;
                let all = || self.due.iter().map(|(one, ())| one);
                over = all().take_while(|one| is_over(one)).map(|(_, key)| key.clone()).collect();
                self.due = all().filter(|one| !is_over(one)).map(|one| (one.clone(), ())).collect();
            }
            for key in over {
                self.expiries.remove(&key);
                if let Some(old) = self.entries.remove(&key) {
                    changed(MapChange::Removed { key, old, expired: true });
                }
            }
        }
    }

    fn next_expiry(&self) -> Option<Timestamp> {
        self.due.first().map(|((at, _), ())| *at)
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { entries: Entries::default(), expiries: Entries::default(), due: Entries::default() }
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), expiries: self.expiries.clone(), due: self.due.clone() }
    }
}

/// Equal contents, with equal times at which they expire.
impl<K: Key, V: Value> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let pairs = || self.iter().zip(other.iter());
        self.len() == other.len()
            && pairs().all(|((a, x), (b, y))| a == b && same(x, y))
            && self.due.iter().eq(other.due.iter())
    }
}

impl<K: Key + fmt::Debug, V: Value + fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Clone, V: Clone> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = MapIntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Key, V: Value> Serialize for Map<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (SortedMap(self.entries.clone()), SortedMap(self.expiries.clone())).serialize(serializer)
    }
}

impl<'de, K: Key, V: Value> Deserialize<'de> for Map<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (SortedMap(entries), SortedMap(expiries)) =
            <(SortedMap<K, V>, SortedMap<K, Timestamp>)>::deserialize(deserializer)?;
        if !expiries.iter().all(|(key, _)| entries.contains_key(key)) {
            return Err(D::Error::custom("a key expires that the map does not have"));
        }
        let due = expiries.iter().map(|(key, at)| ((*at, key.clone()), ())).collect();
        Ok(Self { entries, expiries, due })
    }
}

impl<K: Key, V: Value> Schema for Map<K, V> {
    fn shape(seen: &mut Seen) -> Shape {
        let map = Shape::Map(Box::new(K::shape(seen)), Box::new(V::shape(seen)));
        labelled("Map", 2, vec![map])
    }
}
