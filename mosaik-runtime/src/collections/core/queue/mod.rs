//! A priority queue whose entries have keys, and which may be bounded.

mod bytes;
mod change;

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    ops::{Bound, RangeBounds},
};

use imbl::Vector;

pub use change::{Inserted, Keep, QueueChange, QueueOperation, Removed};

use super::{
    Container, Key, Step, Value,
    container::labelled,
    entries::Entries,
    map::is_sensible,
    ordered::Ordered,
    value::{equals_itself, same, same_or_absent},
};
use crate::primitives::schema::{Schema, Seen, Shape};

/// Entries with a priority, a key and a value, in the order of their priorities; of one priority, in that of their keys.
///
/// A queue with a capacity drops an entry as soon as it has one too many: the one with the lowest priority or the one with the highest,
/// as [`Keep`] says, and of one priority the one with the greatest key. As a value it is immutable: operations of a `Writer` change the
/// collection, and a snapshot stays what it was.
///
/// A range of priorities is removed in logarithmic time, however many entries are in it. The memory of a large one is given back little
/// by little, by the operations that come later.
pub struct PriorityQueue<P, K, V> {
    /// By priority, and of one priority by key.
    order: Ordered<Entry<P, K, V>>,
    /// The priority of each key, and of some keys that are gone: what is not in the order is not there.
    priorities: Entries<K, P>,
    /// Ranges that were cut out of the order and whose keys still have a priority.
    cut: Vector<Ordered<Entry<P, K, V>>>,
    bound: Option<(u64, Keep)>,
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry<P, K, V> {
    priority: P,
    key: K,
    value: V,
}

/// How many keys of ranges that were cut out are forgotten with each operation.
const FORGOTTEN: usize = 16;

impl<P, K, V> Entry<P, K, V> {
    fn parts(&self) -> (&P, &K, &V) {
        (&self.priority, &self.key, &self.value)
    }
}

impl<P: Ord, K: Ord, V> Entry<P, K, V> {
    /// How an entry compares with that of this priority and key.
    fn beside<'a, Q: Ord + ?Sized>(priority: &'a P, key: &'a Q) -> impl Fn(&Self) -> Ordering + 'a
    where
        K: Borrow<Q>,
    {
        move |entry| entry.priority.cmp(priority).then_with(|| entry.key.borrow().cmp(key))
    }
}

/// Whether a priority is below a range.
fn is_below<P: Ord>(from: Bound<&P>, priority: &P) -> bool {
    match from {
        Bound::Included(from) => priority.cmp(from).is_lt(),
        Bound::Excluded(from) => priority.cmp(from).is_le(),
        Bound::Unbounded => false,
    }
}

/// Whether a priority is not above a range.
fn is_up_to<P: Ord>(to: Bound<&P>, priority: &P) -> bool {
    match to {
        Bound::Included(to) => priority.cmp(to).is_le(),
        Bound::Excluded(to) => priority.cmp(to).is_lt(),
        Bound::Unbounded => true,
    }
}

type In<'a, 'b, P, K, V> = &'a mut Step<'b, QueueChange<P, K, V>>;

impl<P, K, V> PriorityQueue<P, K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
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
        self.entry(key).map(|entry| (&entry.priority, &entry.value))
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entry(key).is_some()
    }

    /// The entry with the lowest priority.
    pub fn min(&self) -> Option<(&P, &K, &V)> {
        self.order.first().map(Entry::parts)
    }

    /// The entry with the highest priority.
    pub fn max(&self) -> Option<(&P, &K, &V)> {
        self.order.last().map(Entry::parts)
    }

    /// The entries, from the lowest priority to the highest; `rev()` goes the other way.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&P, &K, &V)> + ExactSizeIterator {
        self.order.iter().map(Entry::parts)
    }

    /// The same of a queue that nobody needs any more.
    pub(in crate::collections) fn into_entries(
        self,
    ) -> impl DoubleEndedIterator<Item = (P, K, V)> + ExactSizeIterator {
        (0..self.len()).map(move |at| {
            let (priority, key, value) = self.order.at(at).map(Entry::parts).expect("an entry"); // impossible: below the length
            (priority.clone(), key.clone(), value.clone())
        })
    }

    /// The entries with priorities in a range. A range that ends before it begins is empty.
    pub fn range(
        &self,
        range: impl RangeBounds<P>,
    ) -> impl DoubleEndedIterator<Item = (&P, &K, &V)> + ExactSizeIterator {
        let from = self.order.count(|entry| is_below(range.start_bound(), &entry.priority));
        let to = match is_sensible(&range) {
            true => self.order.count(|entry| is_up_to(range.end_bound(), &entry.priority)),
            false => from,
        };
        self.order.between(from, to).map(Entry::parts)
    }

    fn entry<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Entry<P, K, V>>
    where
        K: Borrow<Q>,
    {
        let priority = self.priorities.get(key)?;
        self.order.get(Entry::beside(priority, key))
    }

    fn content(&self, key: &K) -> Option<(P, V)> {
        self.get(key).map(|(priority, value)| (priority.clone(), value.clone()))
    }

    fn put(&mut self, priority: P, key: K, value: V, step: In<'_, '_, P, K, V>) -> Option<(P, V)> {
        let before = self.priorities.insert(key.clone(), priority.clone());
        let old = before.and_then(|before| self.order.remove(Entry::beside(&before, &key)));
        let old = old.map(|entry| (entry.priority, entry.value));
        let entry = Entry { priority: priority.clone(), key: key.clone(), value: value.clone() };
        self.order.insert(entry, Entry::beside(&priority, &key));
        step.changed(QueueChange::Inserted { priority, key, value, old: old.clone() });
        old
    }

    fn take(&mut self, key: K, evicted: bool, step: In<'_, '_, P, K, V>) -> Option<(P, K, V)> {
        let priority = self.priorities.remove(&key)?;
        let Entry { priority, key, value } = self.order.remove(Entry::beside(&priority, &key))?;
        let gone = (priority.clone(), key.clone(), value.clone());
        step.changed(QueueChange::Removed { priority, key, value, evicted });
        Some(gone)
    }

    fn remove_many(&mut self, keys: Vec<K>, step: In<'_, '_, P, K, V>) -> bool {
        let before = self.len();
        for key in keys {
            self.take(key, false, step);
        }
        step.count(before - self.len())
    }

    /// Cuts a range out of the order. Its keys are forgotten little by little, by what comes later.
    fn remove_range(&mut self, from: Bound<&P>, to: Bound<&P>, step: In<'_, '_, P, K, V>) -> bool {
        if !is_sensible::<P>(&(from, to)) {
            return step.count(0);
        }
        let mut gone = self.order.split_off(|entry| is_below(from, &entry.priority));
        self.order.append(gone.split_off(|entry| is_up_to(to, &entry.priority)));
        if !gone.is_empty() {
            self.cut.push_back(gone.clone());
            step.changed(QueueChange::RangeRemoved(Removed::of(gone.clone())));
        }
        step.count(gone.len())
    }

    /// Forgets some keys that were removed with a range, unless they came back.
    fn tidy(&mut self) {
        for _ in 0..FORGOTTEN {
            let Some(mut cut) = self.cut.pop_front() else { return };
            if let Some(Entry { priority, key, .. }) = cut.pop_first()
                && self.priorities.get(&key).is_some_and(|now| now.cmp(&priority).is_eq())
                && self.order.get(Entry::beside(&priority, &key)).is_none()
            {
                self.priorities.remove(&key);
            }
            if !cut.is_empty() {
                self.cut.push_front(cut);
            }
        }
    }

    /// Drops one entry if there are too many.
    fn evict(&mut self, step: In<'_, '_, P, K, V>) -> Option<(P, K, V)> {
        let (capacity, keep) = self.bound?;
        if self.len() as u64 <= capacity {
            return None;
        }
        let last = match keep {
            Keep::Highest => {
                let lowest = &self.order.first()?.priority;
                self.order.at(self.order.count(|entry| entry.priority.cmp(lowest).is_le()).checked_sub(1)?)
            }
            Keep::Lowest => self.order.last(),
        };
        let key = last?.key.clone();
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
        let (old_priority, old_value) = self.content(&key)?;
        self.put(priority.unwrap_or(old_priority), key, value.unwrap_or(old_value), step)
    }

    fn compare_exchange(
        &mut self,
        key: K,
        old: Option<&(P, V)>,
        new: Option<(P, V)>,
        step: In<'_, '_, P, K, V>,
    ) -> bool {
        let holds = same_or_absent(self.content(&key).as_ref(), old);
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

    fn has_order(operation: &Self::Operation) -> bool {
        match operation {
            QueueOperation::Extend { entries } => {
                entries.iter().all(|(priority, key, _)| equals_itself(priority) && equals_itself(key))
            }
            QueueOperation::Insert { priority, key, .. }
            | QueueOperation::UpdatePriority { key, priority } => {
                equals_itself(priority) && equals_itself(key)
            }
            QueueOperation::CompareExchange { key, new, .. } => {
                equals_itself(key) && new.as_ref().is_none_or(|(priority, _)| equals_itself(priority))
            }
            // What takes away, or looks, puts nothing in.
            _ => true,
        }
    }

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        self.tidy();
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
            QueueOperation::RemoveMany { keys } => self.remove_many(keys, step),
            QueueOperation::RemoveRange { from, to } => self.remove_range(from.as_ref(), to.as_ref(), step),
            QueueOperation::SetCapacity { capacity } => {
                self.bound = capacity;
                step.changed(QueueChange::Bounded(capacity));
                let before = self.len();
                while self.evict(step).is_some() {}
                step.count(before - self.len())
            }
            QueueOperation::Clear => {
                let count = self.len();
                *self = Self { bound: self.bound, ..Self::default() };
                if count > 0 {
                    step.changed(QueueChange::Cleared);
                }
                step.count(count)
            }
            QueueOperation::Expect { key, entry } => {
                step.took_place(same_or_absent(self.content(&key).as_ref(), entry.as_ref()))
            }
        }
    }
}

impl<P, K, V> Default for PriorityQueue<P, K, V> {
    fn default() -> Self {
        Self { order: Ordered::default(), priorities: Entries::default(), cut: Vector::new(), bound: None }
    }
}

impl<P, K, V> Clone for PriorityQueue<P, K, V> {
    fn clone(&self) -> Self {
        let (order, priorities) = (self.order.clone(), self.priorities.clone());
        Self { order, priorities, cut: self.cut.clone(), bound: self.bound }
    }
}

impl<P: Key, K: Key, V: Value> PartialEq for PriorityQueue<P, K, V> {
    fn eq(&self, other: &Self) -> bool {
        let is_same = |(one, other): ((&P, &K, &V), (&P, &K, &V))| {
            (one.0, one.1) == (other.0, other.1) && same(one.2, other.2)
        };
        self.bound == other.bound && self.len() == other.len() && self.iter().zip(other.iter()).all(is_same)
    }
}

impl<P: Key + fmt::Debug, K: Key + fmt::Debug, V: Value + fmt::Debug> fmt::Debug for PriorityQueue<P, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<P: Key, K: Key, V: Value> Schema for PriorityQueue<P, K, V> {
    fn shape(seen: &mut Seen) -> Shape {
        let shapes = vec![P::shape(seen), K::shape(seen), V::shape(seen)];
        labelled("PriorityQueue", 2, vec![Shape::Seq(Box::new(Shape::Tuple(shapes)))])
    }
}
