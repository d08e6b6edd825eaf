//! What changes a queue, and what it then says.

use std::{fmt, ops::Bound};

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::collections::core::ordered::Ordered;

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

/// What changes a `PriorityQueue`.
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
    RemoveMany { keys: Vec<K> },
}

/// What changed in a `PriorityQueue`.
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
    /// The entries with priorities in a range are gone.
    RangeRemoved(Removed<P, K, V>),
    /// All keys are gone.
    Cleared,
    /// The queue is bounded otherwise.
    Bounded(Option<(u64, Keep)>),
}

impl<P, K, V> QueueChange<P, K, V> {
    /// The key that changed; none if several may have.
    pub fn key(&self) -> Option<&K> {
        match self {
            Self::Inserted { key, .. } | Self::Removed { key, .. } => Some(key),
            Self::RangeRemoved(_) | Self::Cleared | Self::Bounded(_) => None,
        }
    }
}

/// Entries that were removed together. A clone takes constant time.
pub struct Removed<P, K, V>(Ordered<Entry<P, K, V>>);

impl<P, K, V> Removed<P, K, V> {
    pub(super) fn of(entries: Ordered<Entry<P, K, V>>) -> Self {
        Self(entries)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, from the lowest priority to the highest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&P, &K, &V)> + ExactSizeIterator {
        self.0.iter().map(Entry::parts)
    }
}

impl<P, K, V> Clone for Removed<P, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: PartialEq, K: PartialEq, V: PartialEq> PartialEq for Removed<P, K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<P: Eq, K: Eq, V: Eq> Eq for Removed<P, K, V> {}

impl<P: fmt::Debug, K: fmt::Debug, V: fmt::Debug> fmt::Debug for Removed<P, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
