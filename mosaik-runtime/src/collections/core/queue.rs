//! A priority queue whose entries have keys, and which may be bounded.

use std::{
    borrow::Borrow,
    fmt,
    ops::{Bound, RangeBounds},
};

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Container, Key, Step, Value,
    container::labelled,
    map::is_sensible,
    serial::SortedMap,
    value::{same, same_or_absent},
};
use crate::primitives::schema::{Schema, Seen, Shape};

/// Entries with a priority, a key and a value, in the order of their priorities; of one priority, in that of their keys.
///
/// A queue with a capacity drops an entry as soon as it has one too many: the one with the lowest priority or the one with the highest,
/// as [`Keep`] says, and of one priority the one with the greatest key. As a value it is immutable: operations of a `Writer` change the
/// collection, and a snapshot stays what it was.
pub struct PriorityQueue<P, K, V> {
    entries: OrdMap<K, (P, V)>,
    order: OrdSet<Rank<P, K>>,
    bound: Option<(u64, Keep)>,
}

/// Which entries stay in a queue that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// Those with high priorities.
    Highest,
    /// Those with low priorities.
    Lowest,
}

/// What an insertion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inserted<P, K, V> {
    /// What the key had before.
    pub old: Option<(P, V)>,
    /// What was dropped because the queue was full. It may be what was inserted.
    pub evicted: Option<(P, K, V)>,
}

/// What changes a [`PriorityQueue`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum QueueOperation<P, K, V> {
    Insert { priority: P, key: K, value: V },
    Extend { entries: Vec<(P, K, V)> },
    UpdatePriority { key: K, priority: P },
    UpdateValue { key: K, value: V },
    CompareExchange { key: K, old: Option<(P, V)>, new: Option<(P, V)> },
    PopMin,
    PopMax,
    Remove { key: K },
    RemoveRange { from: Bound<P>, to: Bound<P> },
    SetCapacity { capacity: Option<(u64, Keep)> },
    Clear,
    Expect { key: K, entry: Option<(P, V)> },
}

/// What changed in a [`PriorityQueue`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueChange<P, K, V> {
    /// A key has a priority and a value.
    Inserted {
        /// The priority now.
        priority: P,
        /// The key.
        key: K,
        /// The value now.
        value: V,
        /// Both before, if the key was there.
        old: Option<(P, V)>,
    },
    /// A key is gone.
    Removed {
        /// Its priority before.
        priority: P,
        /// The key.
        key: K,
        /// Its value before.
        value: V,
        /// Whether it was dropped because the queue was full.
        evicted: bool,
    },
    /// All keys are gone.
    Cleared,
    /// The queue is bounded otherwise.
    Bounded(Option<(u64, Keep)>),
}

/// The place of an entry in the order, or a place before or behind all entries of a priority.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<P, K>(P, Place<K>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place<K> {
    Before,
    At(K),
    Behind,
}

impl<P: Key, K: Key> Rank<P, K> {
    fn key(&self) -> Option<&K> {
        if let Place::At(key) = &self.1 { Some(key) } else { None }
    }
}

type In<'a, 'b, P, K, V> = &'a mut Step<'b, QueueChange<P, K, V>>;

impl<P, K, V> PriorityQueue<P, K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there may be, and which stay.
    pub fn capacity(&self) -> Option<(u64, Keep)> {
        self.bound
    }
}

impl<P: Key, K: Key, V: Value> PriorityQueue<P, K, V> {
    /// The priority and the value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&P, &V)>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(priority, value)| (priority, value))
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.contains_key(key)
    }

    /// The entry with the lowest priority.
    pub fn min(&self) -> Option<(&P, &K, &V)> {
        self.iter().next()
    }

    /// The entry with the highest priority.
    pub fn max(&self) -> Option<(&P, &K, &V)> {
        self.iter().next_back()
    }

    /// The entries, from the lowest priority to the highest; `rev()` goes the other way.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&P, &K, &V)> {
        self.order.iter().filter_map(|rank| self.entry(rank))
    }

    /// The entries with priorities in a range. A range that ends before it begins is empty.
    pub fn range(&self, range: impl RangeBounds<P>) -> impl DoubleEndedIterator<Item = (&P, &K, &V)> {
        let sensible = is_sensible(&range);
        let from = match range.start_bound() {
            Bound::Included(from) => Bound::Included(Rank(from.clone(), Place::Before)),
            Bound::Excluded(from) => Bound::Excluded(Rank(from.clone(), Place::Behind)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let to = match range.end_bound() {
            Bound::Included(to) => Bound::Included(Rank(to.clone(), Place::Behind)),
            Bound::Excluded(to) => Bound::Excluded(Rank(to.clone(), Place::Before)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let ranks = sensible.then(|| self.order.range::<_, Rank<P, K>>((from, to)));
        ranks.into_iter().flatten().filter_map(|rank| self.entry(rank))
    }

    fn entry<'a>(&'a self, rank: &'a Rank<P, K>) -> Option<(&'a P, &'a K, &'a V)> {
        let key = rank.key()?;
        self.entries.get(key).map(|(priority, value)| (priority, key, value))
    }

    fn put(&mut self, priority: P, key: K, value: V, step: In<'_, '_, P, K, V>) -> Option<(P, V)> {
        let old = self.entries.insert(key.clone(), (priority.clone(), value.clone()));
        if let Some((before, _)) = &old {
            self.order.remove(&Rank(before.clone(), Place::At(key.clone())));
        }
        self.order.insert(Rank(priority.clone(), Place::At(key.clone())));
        step.changed(QueueChange::Inserted { priority, key, value, old: old.clone() });
        old
    }

    fn take(&mut self, key: K, evicted: bool, step: In<'_, '_, P, K, V>) -> Option<(P, K, V)> {
        let (priority, value) = self.entries.remove(&key)?;
        self.order.remove(&Rank(priority.clone(), Place::At(key.clone())));
        let gone = (priority.clone(), key.clone(), value.clone());
        step.changed(QueueChange::Removed { priority, key, value, evicted });
        Some(gone)
    }

    /// Drops one entry if there are too many.
    fn evict(&mut self, step: In<'_, '_, P, K, V>) -> Option<(P, K, V)> {
        let (capacity, keep) = self.bound?;
        if self.len() as u64 <= capacity {
            return None;
        }
        let priority = match keep {
            Keep::Highest => self.order.get_min(),
            Keep::Lowest => self.order.get_max(),
        };
        let Rank(priority, _) = priority?.clone();
        let key = self.range(priority.clone()..=priority).next_back().map(|(_, key, _)| key.clone())?;
        self.take(key, true, step)
    }

    fn pop(&mut self, key: Option<K>, step: In<'_, '_, P, K, V>) -> bool {
        let popped = key.and_then(|key| self.take(key, false, step));
        step.answer(&popped);
        true
    }

    fn update(
        &mut self,
        key: K,
        priority: Option<P>,
        value: Option<V>,
        step: In<'_, '_, P, K, V>,
    ) -> Option<(P, V)> {
        let (old_priority, old_value) = self.entries.get(&key)?.clone();
        self.put(priority.unwrap_or(old_priority), key, value.unwrap_or(old_value), step)
    }

    fn compare_exchange(
        &mut self,
        key: K,
        old: Option<&(P, V)>,
        new: Option<(P, V)>,
        step: In<'_, '_, P, K, V>,
    ) -> bool {
        let holds = same_or_absent(self.entries.get(&key), old);
        match new {
            _ if !holds => {}
            Some((priority, value)) => {
                self.put(priority, key, value, step);
                self.evict(step);
            }
            None => {
                self.take(key, false, step);
            }
        }
        step.took_place(holds)
    }
}

impl<P: Key, K: Key, V: Value> Container for PriorityQueue<P, K, V> {
    const KIND: &'static str = "PriorityQueue";
    type Operation = QueueOperation<P, K, V>;
    type Change = QueueChange<P, K, V>;

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        match operation {
            QueueOperation::Insert { priority, key, value } => {
                let old = self.put(priority, key, value, step);
                let evicted = self.evict(step);
                step.answer(&Inserted { old, evicted });
                true
            }
            QueueOperation::Extend { entries } => {
                let mut evicted = 0;
                for (priority, key, value) in entries {
                    self.put(priority, key, value, step);
                    evicted += usize::from(self.evict(step).is_some());
                }
                step.count(evicted)
            }
            QueueOperation::UpdatePriority { key, priority } => {
                let old = self.update(key, Some(priority), None, step).map(|(priority, _)| priority);
                step.answer(&old);
                old.is_some()
            }
            QueueOperation::UpdateValue { key, value } => {
                let old = self.update(key, None, Some(value), step).map(|(_, value)| value);
                step.answer(&old);
                old.is_some()
            }
            QueueOperation::CompareExchange { key, old, new } => {
                self.compare_exchange(key, old.as_ref(), new, step)
            }
            QueueOperation::PopMin => {
                let key = self.min().map(|(_, key, _)| key.clone());
                self.pop(key, step)
            }
            QueueOperation::PopMax => {
                let key = self.max().map(|(_, key, _)| key.clone());
                self.pop(key, step)
            }
            QueueOperation::Remove { key } => {
                let gone = self.take(key, false, step).map(|(priority, _, value)| (priority, value));
                step.answer(&gone);
                true
            }
            QueueOperation::RemoveRange { from, to } => {
                let keys: Vec<K> = self.range((from, to)).map(|(_, key, _)| key.clone()).collect();
                let count = keys.len();
                for key in keys {
                    self.take(key, false, step);
                }
                step.count(count)
            }
            QueueOperation::SetCapacity { capacity } => {
                self.bound = capacity;
                step.changed(QueueChange::Bounded(capacity));
                let before = self.len();
                while self.evict(step).is_some() {}
                step.count(before - self.len())
            }
            QueueOperation::Clear => {
                let count = self.len();
                (self.entries, self.order) = (OrdMap::new(), OrdSet::new());
                if count > 0 {
                    step.changed(QueueChange::Cleared);
                }
                step.count(count)
            }
            QueueOperation::Expect { key, entry } => {
                step.took_place(same_or_absent(self.entries.get(&key), entry.as_ref()))
            }
        }
    }
}

impl<P, K, V> Default for PriorityQueue<P, K, V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), order: OrdSet::new(), bound: None }
    }
}

impl<P, K, V> Clone for PriorityQueue<P, K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), order: self.order.clone(), bound: self.bound }
    }
}

impl<P: Key, K: Key, V: Value> PartialEq for PriorityQueue<P, K, V> {
    fn eq(&self, other: &Self) -> bool {
        let pairs = || self.entries.iter().zip(other.entries.iter());
        self.bound == other.bound
            && self.len() == other.len()
            && pairs().all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
    }
}

impl<P: Key + fmt::Debug, K: Key + fmt::Debug, V: Value + fmt::Debug> fmt::Debug for PriorityQueue<P, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<P: Key, K: Key, V: Value> Serialize for PriorityQueue<P, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (SortedMap(self.entries.clone()), self.bound).serialize(serializer)
    }
}

impl<'de, P: Key, K: Key, V: Value> Deserialize<'de> for PriorityQueue<P, K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (SortedMap(entries), bound) =
            <(SortedMap<K, (P, V)>, Option<(u64, Keep)>)>::deserialize(deserializer)?;
        let rank = |(key, (priority, _)): (&K, &(P, V))| Rank(priority.clone(), Place::At(key.clone()));
        let order = entries.iter().map(rank).collect();
        Ok(Self { entries, order, bound })
    }
}

impl<P: Key, K: Key, V: Value> Schema for PriorityQueue<P, K, V> {
    fn shape(seen: &mut Seen) -> Shape {
        let shapes = vec![P::shape(seen), K::shape(seen), V::shape(seen)];
        labelled("PriorityQueue", vec![Shape::Seq(Box::new(Shape::Tuple(shapes)))])
    }
}
