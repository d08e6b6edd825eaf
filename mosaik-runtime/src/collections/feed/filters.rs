//! Changes of some keys only.
//!
//! What concerns all keys at once, such as that a collection was cleared, passes every filter: whoever follows a key must learn of it.

use std::ops::RangeBounds;

use super::Changes;
use crate::collections::core::{
    Key, Map, MapChange, PriorityQueue, QueueChange, Removed, Set, SetChange, Value,
};

impl<K: Key, V: Value> Changes<Map<K, V>> {
    /// Only changes of this key, and that the map was cleared.
    #[must_use]
    pub fn of_key(self, key: K) -> Self {
        self.only(move |change: &MapChange<K, V>| change.key().is_none_or(|changed| *changed == key))
    }

    /// Only changes of keys in this range, and that the map was cleared.
    #[must_use]
    pub fn in_range(self, range: impl RangeBounds<K> + Send + Sync + 'static) -> Self {
        self.only(move |change: &MapChange<K, V>| change.key().is_none_or(|changed| range.contains(changed)))
    }
}

impl<T: Key> Changes<Set<T>> {
    /// Only changes of this element, and that the set was cleared.
    #[must_use]
    pub fn of_item(self, item: T) -> Self {
        self.only(move |change: &SetChange<T>| change.item().is_none_or(|changed| *changed == item))
    }

    /// Only changes of elements in this range, and that the set was cleared.
    #[must_use]
    pub fn in_range(self, range: impl RangeBounds<T> + Send + Sync + 'static) -> Self {
        self.only(move |change: &SetChange<T>| change.item().is_none_or(|changed| range.contains(changed)))
    }
}

impl<P: Key, K: Key, V: Value> Changes<PriorityQueue<P, K, V>> {
    /// Only changes of this key, and what concerns all. A range that was removed comes if the key was in it.
    #[must_use]
    pub fn of_key(self, key: K) -> Self {
        let has = move |removed: &Removed<P, K, V>, key: &K| removed.iter().any(|(_, gone, _)| gone == key);
        self.only(move |change: &QueueChange<P, K, V>| match change {
            QueueChange::RangeRemoved(removed) => has(removed, &key),
            change => change.key().is_none_or(|changed| *changed == key),
        })
    }

    /// Only changes of entries whose priority is in this range, or was, and what concerns all.
    #[must_use]
    pub fn in_range(self, range: impl RangeBounds<P> + Send + Sync + 'static) -> Self {
        self.only(move |change: &QueueChange<P, K, V>| match change {
            QueueChange::Inserted { priority, old, .. } => {
                range.contains(priority) || old.as_ref().is_some_and(|(before, _)| range.contains(before))
            }
            QueueChange::Removed { priority, .. } => range.contains(priority),
            QueueChange::RangeRemoved(removed) => removed.iter().any(|(gone, ..)| range.contains(gone)),
            QueueChange::Cleared | QueueChange::Bounded(_) => true,
        })
    }
}
