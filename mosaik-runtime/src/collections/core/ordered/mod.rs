//! A sorted sequence that is cut and joined in logarithmic time.
//!
//! A weight-balanced tree of small sorted runs. A clone takes constant time and shares what does not change. What the order is, callers
//! say with each call; it must be the same one always.

mod iter;
mod tree;

use std::{cmp::Ordering, sync::Arc};

pub(super) use iter::Iter;

use tree::{Place, RUN, Tree, balanced, insert, join, len, merge, owned, place, pop_first, remove, split};

/// Elements in their order. No two are equal.
pub(super) struct Ordered<E>(Tree<E>);

impl<E> Ordered<E> {
    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        len(&self.0)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The element that compares as equal: `order` compares an element with what is looked for.
    pub(super) fn get(&self, order: impl Fn(&E) -> Ordering) -> Option<&E> {
        let mut tree = &self.0;
        loop {
            let node = tree.as_deref()?;
            match place(&node.run, &order) {
                Place::Before => tree = &node.left,
                Place::Behind => tree = &node.right,
                Place::Within(found) => return found.ok().and_then(|at| node.run.get(at)),
            }
        }
    }

    /// How many elements are before a cut: those of which `is_before` holds. It holds for a beginning of the sequence.
    pub(super) fn count(&self, is_before: impl Fn(&E) -> bool) -> usize {
        let (mut tree, mut count) = (&self.0, 0);
        while let Some(node) = tree.as_deref() {
            if !node.run.first().is_some_and(&is_before) {
                tree = &node.left;
            } else if node.run.last().is_some_and(&is_before) {
                count += len(&node.left) + node.run.len();
                tree = &node.right;
            } else {
                return count + len(&node.left) + node.run.partition_point(is_before);
            }
        }
        count
    }

    /// The element at a place.
    pub(super) fn at(&self, at: usize) -> Option<&E> {
        self.between(at, at.saturating_add(1)).next()
    }

    /// The first element.
    pub(super) fn first(&self) -> Option<&E> {
        self.at(0)
    }

    /// The last element.
    pub(super) fn last(&self) -> Option<&E> {
        self.at(self.len().checked_sub(1)?)
    }

    /// The elements from one place up to another.
    pub(super) fn between(&self, from: usize, to: usize) -> Iter<'_, E> {
        let to = to.min(self.len());
        let mut iter = Iter { front: Vec::new(), back: Vec::new(), left: to.saturating_sub(from) };
        if iter.left > 0 {
            iter.seek_front(&self.0, from);
            iter.seek_back(&self.0, to);
        }
        iter
    }

    /// All elements.
    pub(super) fn iter(&self) -> Iter<'_, E> {
        self.between(0, self.len())
    }
}

impl<E: Clone> Ordered<E> {
    /// Of elements that are in their order.
    pub(super) fn from_sorted(elements: Vec<E>) -> Self {
        let mut runs = Vec::with_capacity(elements.len().div_ceil(RUN));
        let mut elements = elements.into_iter().peekable();
        while elements.peek().is_some() {
            runs.push(elements.by_ref().take(RUN).collect());
        }
        let count = runs.len();
        Self(balanced(&mut runs.into_iter(), count))
    }

    /// Adds an element that is not there.
    pub(super) fn insert(&mut self, element: E, order: impl Fn(&E) -> Ordering) {
        self.0 = insert(self.0.take(), element, &order);
    }

    /// Removes the element that compares as equal.
    pub(super) fn remove(&mut self, order: impl Fn(&E) -> Ordering) -> Option<E> {
        let (tree, removed) = remove(self.0.take(), &order);
        self.0 = tree;
        removed
    }

    /// Removes the first element.
    pub(super) fn pop_first(&mut self) -> Option<E> {
        // Whatever is before the first: the search ends there.
        let (run, rest) = pop_first(self.0.take()?);
        let mut run = owned(run);
        let first = (!run.is_empty()).then(|| run.remove(0));
        self.0 = if run.is_empty() { rest } else { join(None, Arc::new(run), rest) };
        first
    }

    /// Cuts off the elements from the first on of which `is_before` does not hold. It holds for a beginning of the sequence.
    pub(super) fn split_off(&mut self, is_before: impl Fn(&E) -> bool) -> Self {
        let (left, right) = split(self.0.take(), &is_before);
        self.0 = left;
        Self(right)
    }

    /// Adds elements that all come behind those that are here.
    pub(super) fn append(&mut self, behind: Self) {
        self.0 = merge(self.0.take(), behind.0);
    }
}

impl<E> Default for Ordered<E> {
    fn default() -> Self {
        Self(None)
    }
}

impl<E> Clone for Ordered<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
pub(super) mod checks {
    use super::{
        tree::{DELTA, nodes},
        *,
    };

    impl<E: Ord> Ordered<E> {
        /// Whether it is what it must be: sorted, balanced, counted, without empty runs.
        pub(in crate::collections::core) fn check(&self) {
            fn node<E: Ord>(tree: &Tree<E>) -> (usize, usize) {
                let Some(found) = tree.as_deref() else { return (0, 0) };
                let ((lefts, left), (rights, right)) = (node(&found.left), node(&found.right));
                assert!(!found.run.is_empty() && found.run.len() <= RUN);
                assert_eq!((found.nodes, found.len), (lefts + rights + 1, left + right + found.run.len()));
                let even = lefts + rights <= 1 || (lefts <= DELTA * rights && rights <= DELTA * lefts);
                assert!(even, "{lefts} nodes beside {rights}");
                (found.nodes, found.len)
            }
            node(&self.0);
            assert!(self.iter().is_sorted_by(|one, other| one < other));
        }

        /// How many runs there are.
        pub(in crate::collections::core) fn runs(&self) -> usize {
            nodes(&self.0)
        }
    }
}
