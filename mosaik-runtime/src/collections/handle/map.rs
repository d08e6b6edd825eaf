//! What can be asked of a map, and what changes it.

use std::{borrow::Borrow, ops::RangeBounds, time::Duration};

use super::{
    View,
    operations::{ends, millis, operations},
};
use crate::{
    collections::core::{AddError, Key, Map, MapOperation as Op, Number, Value},
    groups::{ReadError, Timestamp},
};

impl<K: Key, V: Value> View<Map<K, V>> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.with(|map| map.get(key).cloned())
    }

    /// The value of a key, after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn get_strong<Q: Ord + Sync + ?Sized>(&self, key: &Q) -> Result<Option<V>, ReadError>
    where
        K: Borrow<Q>,
    {
        Ok(self.strong().await?.get(key).cloned())
    }

    /// Whether the key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.with(|map| map.contains_key(key))
    }

    /// When an entry expires, in group time; `None` if it never does, or is not there. `changes()` does not tell of it.
    pub fn expires<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Timestamp>
    where
        K: Borrow<Q>,
    {
        self.with(|map| map.expires(key))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.with(Map::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of one version, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, V)> + use<K, V> {
        Map::clone(&self.snapshot()).into_iter()
    }

    /// The keys of one version, in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> + use<K, V> {
        self.iter().map(|(key, _)| key)
    }

    /// The values of one version, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = V> + use<K, V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries with keys in a range, in their order.
    pub fn range(&self, range: impl RangeBounds<K>) -> Vec<(K, V)> {
        self.with(|map| map.range::<K>(range).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(K, V)> {
        self.with(|map| map.first().map(|(key, value)| (key.clone(), value.clone())))
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Option<(K, V)> {
        self.with(|map| map.last().map(|(key, value)| (key.clone(), value.clone())))
    }
}

operations! { [K: Key, V: Value] Map<K, V>;
    /// Gives a key a value, for good: a time to live that it had ends. Answers the value before.
    fn insert(key: K, value: V) -> Option<V> = Op::Insert { key, value, lives: None };
    /// Gives a key a value for some time, in group time. Answers the value before.
    fn insert_for(key: K, value: V, lives: Duration) -> Option<V> =
        Op::Insert { key, value, lives: Some(millis(lives)) };
    /// Gives a key a value if it has none. Answers the value that it has, if it had one: then nothing was changed.
    fn insert_if_absent(key: K, value: V) -> Option<V> = Op::InsertIfAbsent { key, value };
    /// Gives a key a value for some time, in group time, if it has none. Answers the value that it has, if it had one: then nothing was
    /// changed, and that value lives as long as before.
    fn insert_if_absent_for(key: K, value: V, lives: Duration) -> Option<V> =
        Op::InsertIfAbsentFor { key, value, lives: millis(lives) };
    /// Exchanges the value of a key if it is `old`; `None` means that the key has no value. Says whether it did. Values are compared
    /// by their bytes. The key lives as long as before.
    fn compare_exchange(key: &K, old: Option<&V>, new: Option<&V>) -> bool =
        Op::CompareExchange { key: key.clone(), old: old.cloned(), new: new.cloned() };
    /// Adds to a number; a key without a value counts as zero. Answers the sum. The key lives as long as before.
    fn increment(key: K, by: i128) -> V, fails AddError [where V: Number] = Op::Increment { key, by };
    /// Removes a key. Answers the value that it had.
    fn remove(key: K) -> Option<V> = Op::Remove { key };
    /// Removes the entry with the least key and answers it.
    fn pop_first() -> Option<(K, V)> = Op::PopFirst;
    /// Removes the entry with the greatest key and answers it.
    fn pop_last() -> Option<(K, V)> = Op::PopLast;
    /// Gives many keys values for good, at once: all have one version. Answers how many keys are new. All entries together are one command,
    /// which may have 480 KiB.
    fn extend(entries: impl IntoIterator<Item = (K, V)>) -> u64 =
        Op::Extend { entries: entries.into_iter().collect() };
    /// Removes many keys at once. Answers how many were there.
    fn remove_many(keys: impl IntoIterator<Item = K>) -> u64 = Op::RemoveMany { keys: keys.into_iter().collect() };
    /// Removes the keys in a range. Answers how many there were.
    fn remove_range(range: impl RangeBounds<K>) -> u64 = {
        let (from, to) = ends(&range);
        Op::RemoveRange { from, to }
    };
    /// Removes the keys that are not in a range. Answers how many there were.
    fn retain_range(range: impl RangeBounds<K>) -> u64 = {
        let (from, to) = ends(&range);
        Op::RetainRange { from, to }
    };
    /// Sets how long an entry lives from now on, in group time; `None` means for good. Says whether the key is there.
    fn expire(key: K, lives: Option<Duration>) -> bool = Op::Expire { key, lives: lives.map(millis) };
    /// Removes all keys. Answers how many there were.
    fn clear() -> u64 = Op::Clear;
    /// Changes nothing, and says whether a key has this value. A condition of a transaction.
    fn expect(key: &K, value: Option<&V>) -> bool = Op::Expect { key: key.clone(), value: value.cloned() };
}
