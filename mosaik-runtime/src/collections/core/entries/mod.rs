//! The entries of a map, or the elements of a set: a sorted tree whose clone takes constant time and shares what does not change.
//!
//! A B+ tree of wide nodes, three or four levels for 100 000 entries. What an insertion waits for is memory, and it is found level by level:
//! so there are few of them, and a node is searched from its beginning, which a processor does ahead of time. What only reads finds more of the
//! tree in the caches, and looks at all keys of a node without a jump. Whether a node is shared is a plain load, since its count has no weak
//! references beside it.

mod node;
mod sorted;
mod walk;

use std::{borrow::Borrow, mem, ops::RangeBounds};

use self::node::{Branch, Node, Put, Shape};
pub(super) use self::sorted::Sorted;
pub use self::walk::MapIntoIter;
use self::walk::{All, Walk};

/// Sorted entries.
pub(super) struct Entries<K, V> {
    root: Node<K, V>,
    len: usize,
}

impl<K, V> Entries<K, V> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, in the order of their keys.
    pub(super) fn iter(&self) -> All<'_, K, V> {
        All::new(&self.root, self.len)
    }

    /// The same, so many at a time as are side by side.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &[(K, V)]> {
        walk::leaves(&self.root)
    }

    /// The first.
    pub(super) fn first(&self) -> Option<(&K, &V)> {
        let mut node = &self.root;
        loop {
            match node.shape() {
                Shape::Leaf(entries) => return entries.first().map(|(key, value)| (key, value)),
                Shape::Branch(branch) => node = branch.kids.first()?,
            }
        }
    }

    /// The last.
    pub(super) fn last(&self) -> Option<(&K, &V)> {
        let mut node = &self.root;
        loop {
            match node.shape() {
                Shape::Leaf(entries) => return entries.last().map(|(key, value)| (key, value)),
                Shape::Branch(branch) => node = branch.kids.last()?,
            }
        }
    }
}

impl<K: Ord, V> Entries<K, V> {
    /// The value of a key.
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = &self.root;
        loop {
            match node.shape() {
                Shape::Leaf(entries) => return node::find(entries, key),
                Shape::Branch(branch) => node = branch.find(key)?,
            }
        }
    }

    /// Whether a key has a value.
    pub(super) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The entries with keys in a range that does not end before it begins.
    pub(super) fn range<Q: Ord + ?Sized>(&self, range: &impl RangeBounds<Q>) -> Walk<'_, K, V>
    where
        K: Borrow<Q>,
    {
        Walk::new(&self.root, range.start_bound(), range.end_bound())
    }
}

impl<K: Ord + Clone, V: Clone> Entries<K, V> {
    /// Gives a key a value; returns the one that it had.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (key, value) = match self.root.put(key, value) {
            Put::Replaced(old) => return Some(old),
            Put::Added => {
                self.len += 1;
                return None;
            }
            Put::Full(key, value) => (key, value),
        };
        if let Some((separator, right)) = self.root.split_at(key, value) {
            let left = mem::take(&mut self.root);
            self.root = Branch::of_two(left, separator, right);
        }
        self.len += 1;
        None
    }

    /// Removes a key; returns its value. Nothing is copied when it has none.
    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let removed = self.root.remove(key);
        if let Some(only) = self.root.only_kid() {
            self.root = only;
        }
        self.len -= usize::from(removed.is_some());
        removed
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Entries<K, V> {
    /// In whatever order they come. For what is in its order there is [`Sorted`].
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut entries = Self::default();
        for (key, value) in all {
            entries.insert(key, value);
        }
        entries
    }
}

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self { root: Node::default(), len: 0 }
    }
}

impl<K, V> Clone for Entries<K, V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), len: self.len }
    }
}

impl<K: Clone, V: Clone> IntoIterator for Entries<K, V> {
    type Item = (K, V);
    type IntoIter = MapIntoIter<K, V>;

    fn into_iter(self) -> MapIntoIter<K, V> {
        MapIntoIter::new(self.root, self.len)
    }
}

#[cfg(test)]
pub(super) mod checks {
    use super::{node::WIDTH, *};

    impl<K: Ord, V> Entries<K, V> {
        /// Whether it is what it must be: sorted, counted, all leaves at one depth, no node too small.
        pub(in crate::collections::core) fn check(&self) {
            fn node<K: Ord, V>(of: &Node<K, V>, is_root: bool) -> (usize, usize) {
                match of.shape() {
                    Shape::Leaf(entries) => {
                        assert!(is_root || entries.len() >= WIDTH / 3, "a leaf of {}", entries.len());
                        (entries.len(), 0)
                    }
                    Shape::Branch(branch) => {
                        let least = if is_root { 2 } else { WIDTH / 3 };
                        assert!(branch.kids.len() >= least, "a branch of {}", branch.kids.len());
                        assert_eq!(branch.kids.len(), branch.keys.len() + 1);
                        let below: std::vec::Vec<_> =
                            branch.kids.iter().map(|kid| node(kid, false)).collect();
                        assert!(below.iter().all(|(_, depth)| *depth == below[0].1), "uneven");
                        (below.iter().map(|(len, _)| len).sum(), below[0].1 + 1)
                    }
                }
            }
            assert_eq!(node(&self.root, true).0, self.len);
            assert!(self.iter().is_sorted_by(|one, other| one.0 < other.0));
            assert!(self.iter().all(|(key, _)| self.contains_key(key)), "a key is where nobody looks");
        }
    }
}
