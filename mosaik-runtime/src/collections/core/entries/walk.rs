//! The entries one after the other, from both ends.

use std::{borrow::Borrow, collections::VecDeque, ops::Bound, slice};

use super::node::{Node, Shape, before, upto};

/// Entries of a range.
pub(in crate::collections::core) struct Walk<'a, K, V> {
    front: slice::Iter<'a, (K, V)>,
    /// What is between the leaf at the front and the one at the back.
    middle: VecDeque<&'a Node<K, V>>,
    back: slice::Iter<'a, (K, V)>,
}

/// All entries.
pub(in crate::collections::core) struct All<'a, K, V> {
    walk: Walk<'a, K, V>,
    left: usize,
}

impl<'a, K, V> All<'a, K, V> {
    /// Of a tree that has so many.
    pub(super) fn new(root: &'a Node<K, V>, left: usize) -> Self {
        let middle = VecDeque::from_iter([root]);
        Self { walk: Walk { front: [].iter(), middle, back: [].iter() }, left }
    }
}

/// The leaves below a node.
pub(super) fn leaves<K, V>(root: &Node<K, V>) -> impl Iterator<Item = &[(K, V)]> {
    let mut walk = Walk { front: [].iter(), middle: VecDeque::from_iter([root]), back: [].iter() };
    std::iter::from_fn(move || walk.next_leaf())
}

impl<'a, K, V> Walk<'a, K, V> {
    fn next_leaf(&mut self) -> Option<&'a [(K, V)]> {
        loop {
            match self.middle.pop_front()?.shape() {
                Shape::Leaf(entries) => return Some(entries),
                Shape::Branch(branch) => branch.kids.iter().rev().for_each(|kid| self.middle.push_front(kid)),
            }
        }
    }

    fn last_leaf(&mut self) -> Option<&'a [(K, V)]> {
        loop {
            match self.middle.pop_back()?.shape() {
                Shape::Leaf(entries) => return Some(entries),
                Shape::Branch(branch) => self.middle.extend(&branch.kids),
            }
        }
    }
}

impl<'a, K: Ord, V> Walk<'a, K, V> {
    /// Those of a tree between two bounds.
    pub(super) fn new<Q: Ord + ?Sized>(root: &'a Node<K, V>, from: Bound<&Q>, to: Bound<&Q>) -> Self
    where
        K: Borrow<Q>,
    {
        let mut walk = Self { front: [].iter(), middle: VecDeque::new(), back: [].iter() };
        let mut node = root;
        loop {
            match node.shape() {
                Shape::Leaf(entries) => {
                    let (start, end) = (start(entries, from), end(entries, to));
                    walk.front = entries.get(start..end).unwrap_or_default().iter();
                    return walk;
                }
                Shape::Branch(branch) => {
                    let first = key(from).map_or(0, |from| branch.kid(from));
                    let last = key(to).map_or(branch.kids.len() - 1, |to| branch.kid(to));
                    let kids = &branch.kids;
                    let (Some(left), Some(right)) = (kids.get(first), kids.get(last)) else { return walk };
                    if first == last {
                        node = left;
                        continue;
                    }
                    walk.middle.extend(kids.get(first + 1..last).unwrap_or_default());
                    walk.begin(left, from);
                    walk.end(right, to);
                    return walk;
                }
            }
        }
    }

    /// What of a node is behind a bound comes first.
    fn begin<Q: Ord + ?Sized>(&mut self, mut node: &'a Node<K, V>, from: Bound<&Q>)
    where
        K: Borrow<Q>,
    {
        loop {
            match node.shape() {
                Shape::Leaf(entries) => {
                    self.front = entries.get(start(entries, from)..).unwrap_or_default().iter();
                    return;
                }
                Shape::Branch(branch) => {
                    let at = key(from).map_or(0, |from| branch.kid(from));
                    let behind = branch.kids.get(at + 1..).unwrap_or_default();
                    behind.iter().rev().for_each(|kid| self.middle.push_front(kid));
                    let Some(kid) = branch.kids.get(at) else { return };
                    node = kid;
                }
            }
        }
    }

    /// What of a node is before a bound comes last.
    fn end<Q: Ord + ?Sized>(&mut self, mut node: &'a Node<K, V>, to: Bound<&Q>)
    where
        K: Borrow<Q>,
    {
        loop {
            match node.shape() {
                Shape::Leaf(entries) => {
                    self.back = entries.get(..end(entries, to)).unwrap_or_default().iter();
                    return;
                }
                Shape::Branch(branch) => {
                    let at = key(to).map_or(branch.kids.len() - 1, |to| branch.kid(to));
                    self.middle.extend(branch.kids.get(..at).unwrap_or_default());
                    let Some(kid) = branch.kids.get(at) else { return };
                    node = kid;
                }
            }
        }
    }
}

fn key<Q: ?Sized>(bound: Bound<&Q>) -> Option<&Q> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

/// How many entries of a leaf are before a range.
fn start<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], from: Bound<&Q>) -> usize {
    match from {
        Bound::Included(key) => before(entries, key),
        Bound::Excluded(key) => upto(entries, key),
        Bound::Unbounded => 0,
    }
}

/// How many entries of a leaf are before the end of a range.
fn end<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], to: Bound<&Q>) -> usize {
    match to {
        Bound::Included(key) => upto(entries, key),
        Bound::Excluded(key) => before(entries, key),
        Bound::Unbounded => entries.len(),
    }
}

impl<'a, K, V> Iterator for Walk<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.next_leaf() {
                Some(leaf) => self.front = leaf.iter(),
                None => {
                    let (key, value) = self.back.next()?;
                    return Some((key, value));
                }
            }
        }
    }
}

impl<K, V> DoubleEndedIterator for Walk<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.last_leaf() {
                Some(leaf) => self.back = leaf.iter(),
                None => {
                    let (key, value) = self.front.next_back()?;
                    return Some((key, value));
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for All<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next().inspect(|_| self.left = self.left.saturating_sub(1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> DoubleEndedIterator for All<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.walk.next_back().inspect(|_| self.left = self.left.saturating_sub(1))
    }
}

impl<K, V> ExactSizeIterator for All<'_, K, V> {}

/// The entries of a map, in the order of their keys. They are copies: others may share the map.
pub struct MapIntoIter<K, V> {
    front: VecDeque<(K, V)>,
    middle: VecDeque<Node<K, V>>,
    back: VecDeque<(K, V)>,
    left: usize,
}

impl<K, V> MapIntoIter<K, V> {
    pub(super) fn new(root: Node<K, V>, len: usize) -> Self {
        let (front, back) = (VecDeque::new(), VecDeque::new());
        Self { front, middle: VecDeque::from_iter([root]), back, left: len }
    }
}

impl<K: Clone, V: Clone> MapIntoIter<K, V> {
    fn take(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.front.pop_front() {
                return Some(entry);
            }
            let Some(node) = self.middle.pop_front() else { return self.back.pop_front() };
            match node.shape() {
                Shape::Leaf(entries) => self.front.extend(entries.iter().cloned()),
                Shape::Branch(branch) => {
                    branch.kids.iter().rev().for_each(|kid| self.middle.push_front(kid.clone()));
                }
            }
        }
    }

    fn take_back(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.back.pop_back() {
                return Some(entry);
            }
            let Some(node) = self.middle.pop_back() else { return self.front.pop_back() };
            match node.shape() {
                Shape::Leaf(entries) => self.back.extend(entries.iter().cloned()),
                Shape::Branch(branch) => self.middle.extend(branch.kids.iter().cloned()),
            }
        }
    }
}

impl<K: Clone, V: Clone> Iterator for MapIntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.take().inspect(|_| self.left = self.left.saturating_sub(1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: Clone, V: Clone> DoubleEndedIterator for MapIntoIter<K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        self.take_back().inspect(|_| self.left = self.left.saturating_sub(1))
    }
}

impl<K: Clone, V: Clone> ExactSizeIterator for MapIntoIter<K, V> {}
