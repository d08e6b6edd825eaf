//! What can be asked of a priority queue, and what changes it.

use std::{borrow::Borrow, ops::RangeBounds};

use super::{
    View,
    operations::{ends, operations},
};
use crate::{
    collections::core::{Inserted, Keep, Key, PriorityQueue, QueueOperation as Op, Value},
    groups::ReadError,
};

impl<P: Key, K: Key, V: Value> View<PriorityQueue<P, K, V>> {
    /// The priority and the value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(P, V)>
    where
        K: Borrow<Q>,
    {
        self.with(|queue| queue.get(key).map(|(priority, value)| (priority.clone(), value.clone())))
    }

    /// The priority of a key.
    pub fn get_priority<Q: Ord + ?Sized>(&self, key: &Q) -> Option<P>
    where
        K: Borrow<Q>,
    {
        self.with(|queue| queue.get(key).map(|(priority, _)| priority.clone()))
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.with(|queue| queue.contains_key(key))
    }

    /// The priority and the value of a key, after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn get_strong<Q: Ord + Sync + ?Sized>(&self, key: &Q) -> Result<Option<(P, V)>, ReadError>
    where
        K: Borrow<Q>,
    {
        let queue = self.strong().await?;
        Ok(queue.get(key).map(|(priority, value)| (priority.clone(), value.clone())))
    }

    /// How many entries there may be, and which stay.
    pub fn capacity(&self) -> Option<(u64, Keep)> {
        self.with(PriorityQueue::capacity)
    }

    /// The entry with the lowest priority.
    pub fn min(&self) -> Option<(P, K, V)> {
        self.with(|queue| queue.min().map(owned))
    }

    /// The entry with the highest priority.
    pub fn max(&self) -> Option<(P, K, V)> {
        self.with(|queue| queue.max().map(owned))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.with(PriorityQueue::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of one version, from the lowest priority to the highest; `rev()` goes the other way.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (P, K, V)> + ExactSizeIterator + use<P, K, V> {
        PriorityQueue::clone(&self.snapshot()).into_entries()
    }

    /// The entries with priorities in a range, from the lowest on.
    pub fn range(&self, range: impl RangeBounds<P>) -> Vec<(P, K, V)> {
        self.with(|queue| queue.range(range).map(owned).collect())
    }
}

fn owned<P: Clone, K: Clone, V: Clone>((priority, key, value): (&P, &K, &V)) -> (P, K, V) {
    (priority.clone(), key.clone(), value.clone())
}

operations! { [P: Key, K: Key, V: Value] PriorityQueue<P, K, V>;
    /// Adds an entry, or replaces that of its key. Answers what the key had, and what was dropped because the queue was full: it may
    /// be the new entry itself.
    fn insert(priority: P, key: K, value: V) -> Inserted<P, K, V> = Op::Insert { priority, key, value };
    /// Adds many entries at once. Answers how many were dropped because the queue was full.
    fn extend(entries: impl IntoIterator<Item = (P, K, V)>) -> u64 =
        Op::Extend { entries: entries.into_iter().collect() };
    /// Gives a key another priority. Answers the one before; `None` if the key is not there.
    fn update_priority(key: K, priority: P) -> Option<P> = Op::UpdatePriority { key, priority };
    /// Gives a key another value. Answers the one before; `None` if the key is not there.
    fn update_value(key: K, value: V) -> Option<V> = Op::UpdateValue { key, value };
    /// Exchanges the priority and the value of a key if they are `old`; `None` means that the key is not there. Says whether it did. A
    /// key that comes into a full queue so makes it drop an entry, as [`insert`](Self::insert) does, and this does not say which: a
    /// transaction of `expect` and `insert` does.
    fn compare_exchange(key: &K, old: Option<(P, V)>, new: Option<(P, V)>) -> bool =
        Op::CompareExchange { key: key.clone(), old, new };
    /// Removes the entry with the lowest priority and answers it.
    fn pop_min() -> Option<(P, K, V)> = Op::PopMin;
    /// Removes the entry with the highest priority and answers it.
    fn pop_max() -> Option<(P, K, V)> = Op::PopMax;
    /// Removes a key. Answers its priority and its value.
    fn remove(key: K) -> Option<(P, V)> = Op::Remove { key };
    /// Removes many keys at once. Answers how many were there.
    fn remove_many(keys: impl IntoIterator<Item = K>) -> u64 = Op::RemoveMany { keys: keys.into_iter().collect() };
    /// Removes the entries with priorities in a range. Answers how many there were.
    fn remove_range(range: impl RangeBounds<P>) -> u64 = {
        let (from, to) = ends(&range);
        Op::RemoveRange { from, to }
    };
    /// Bounds the queue, or lets go of the bound. Answers how many entries were dropped.
    fn set_capacity(capacity: Option<(u64, Keep)>) -> u64 = Op::SetCapacity { capacity };
    /// Removes all entries. Answers how many there were.
    fn clear() -> u64 = Op::Clear;
    /// Changes nothing, and says whether a key has this priority and value. A condition of a transaction.
    fn expect(key: &K, entry: Option<(P, V)>) -> bool = Op::Expect { key: key.clone(), entry };
}
