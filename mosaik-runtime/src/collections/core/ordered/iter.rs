//! From both ends through the elements.

use super::tree::{Node, Tree, len};

/// Elements in their order, from both ends.
pub(in super::super) struct Iter<'a, E> {
    /// Nodes whose runs come next, the nearest last, and how much of each is done.
    pub(super) front: Vec<(&'a Node<E>, usize)>,
    /// The same from behind, and how much of each is left.
    pub(super) back: Vec<(&'a Node<E>, usize)>,
    pub(super) left: usize,
}

impl<'a, E> Iter<'a, E> {
    pub(super) fn seek_front(&mut self, mut tree: &'a Tree<E>, mut at: usize) {
        while let Some(node) = tree.as_deref() {
            let (start, end) = (len(&node.left), len(&node.left) + node.run.len());
            if at < start {
                self.front.push((node, 0));
                tree = &node.left;
            } else if at < end {
                self.front.push((node, at - start));
                return;
            } else {
                at -= end;
                tree = &node.right;
            }
        }
    }

    pub(super) fn seek_back(&mut self, mut tree: &'a Tree<E>, mut to: usize) {
        while let Some(node) = tree.as_deref() {
            let (start, end) = (len(&node.left), len(&node.left) + node.run.len());
            if to > end {
                self.back.push((node, node.run.len()));
                to -= end;
                tree = &node.right;
            } else if to > start {
                self.back.push((node, to - start));
                return;
            } else {
                tree = &node.left;
            }
        }
    }
}

impl<'a, E> Iterator for Iter<'a, E> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        self.left = self.left.checked_sub(1)?;
        let (node, at) = self.front.pop()?;
        if at + 1 < node.run.len() {
            self.front.push((node, at + 1));
        } else {
            self.seek_front(&node.right, 0);
        }
        node.run.get(at)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, E> DoubleEndedIterator for Iter<'a, E> {
    fn next_back(&mut self) -> Option<&'a E> {
        self.left = self.left.checked_sub(1)?;
        let (node, count) = self.back.pop()?;
        let at = count.checked_sub(1)?;
        if at > 0 {
            self.back.push((node, at));
        } else {
            self.seek_back(&node.left, len(&node.left));
        }
        node.run.get(at)
    }
}

impl<E> ExactSizeIterator for Iter<'_, E> {}
