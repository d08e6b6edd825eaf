//! A queue as bytes: its entries in the order of their keys.

use imbl::Vector;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser::SerializeMap};

use super::{Entry, Keep, PriorityQueue};
use crate::collections::core::{
    Key, Value,
    entries::Sorted,
    ordered::Ordered,
    serial::{Pairs, in_order, unsorted},
};

/// Entries as a map, in the order of their keys.
struct ByKey<'a, P, K, V>(Vec<&'a Entry<P, K, V>>);

impl<P: Key, K: Key, V: Value> Serialize for ByKey<'_, P, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        let mut last = None;
        for Entry { priority, key, value } in self.0.iter().copied() {
            in_order(&mut last, key)?;
            map.serialize_entry(key, &(priority, value))?;
        }
        map.end()
    }
}

impl<P: Key, K: Key, V: Value> Serialize for PriorityQueue<P, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<_> = self.order.iter().collect();
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        (ByKey(entries), self.bound).serialize(serializer)
    }
}

impl<'de, P: Key, K: Key, V: Value> Deserialize<'de> for PriorityQueue<P, K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Pairs(entries), bound) = <(Pairs<K, (P, V)>, Option<(u64, Keep)>)>::deserialize(deserializer)?;
        let entry = |(key, (priority, value))| Entry { priority, key, value };
        let mut order: Vec<_> = entries.into_iter().map(entry).collect();
        let mut priorities = Sorted::default();
        for Entry { key, priority, .. } in &order {
            if !priorities.push(key.clone(), priority.clone()) {
                return Err(unsorted(D::Error::custom));
            }
        }
        // It is stable: of one priority the keys stay in their order.
        order.sort_by(|one, other| one.priority.cmp(&other.priority));
        Ok(Self {
            order: Ordered::from_sorted(order),
            priorities: priorities.finish(),
            cut: Vector::new(),
            bound,
        })
    }
}
