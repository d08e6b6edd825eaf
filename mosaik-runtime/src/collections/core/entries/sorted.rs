//! A tree of entries that come in the order of their keys.

use std::mem;

use triomphe::Arc;

use super::{
    Entries,
    node::{Behind, Branch, Leaf, Node, WIDTH},
};

/// Entries in their order, so far. No place is looked for: each takes one comparison. All leaves are full but the last two.
pub(in crate::collections::core) struct Sorted<K, V> {
    full: Vec<Behind<K, V>>,
    last: Leaf<K, V>,
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    /// Puts an entry behind all others; says no if its key is not behind theirs.
    pub(in crate::collections::core) fn push(&mut self, key: K, value: V) -> bool {
        if self.last.last().is_some_and(|(last, _)| !last.cmp(&key).is_lt()) {
            return false;
        }
        if self.last.is_full() {
            self.close();
        }
        self.last.push((key, value));
        true
    }

    fn close(&mut self) {
        let leaf = mem::take(&mut self.last);
        if let Some((first, _)) = leaf.first() {
            self.full.push((first.clone(), Node::Leaf(Arc::new(leaf))));
        }
    }

    /// The tree.
    pub(in crate::collections::core) fn finish(mut self) -> Entries<K, V> {
        let len = self.full.len() * WIDTH + self.last.len();
        self.close();
        let mut nodes = self.full;
        while nodes.len() > 1 {
            even_out_end(&mut nodes);
            nodes = above(nodes);
        }
        Entries { root: nodes.pop().map(|(_, root)| root).unwrap_or_default(), len }
    }
}

/// The last node may be small. The one before is full.
fn even_out_end<K: Ord + Clone, V: Clone>(nodes: &mut Vec<Behind<K, V>>) {
    if let [.., (_, left), (between, right)] = &mut nodes[..]
        && right.is_small()
        && left.join(between, right)
    {
        nodes.pop();
    }
}

/// The nodes above these.
fn above<K, V>(nodes: Vec<Behind<K, V>>) -> Vec<Behind<K, V>> {
    let mut above = Vec::with_capacity(nodes.len().div_ceil(WIDTH));
    let mut nodes = nodes.into_iter();
    while let Some((first, kid)) = nodes.next() {
        let mut branch = Branch::of_one(kid);
        for (key, kid) in nodes.by_ref().take(WIDTH - 1) {
            branch.keys.push(key);
            branch.kids.push(kid);
        }
        above.push((first, Node::Branch(Arc::new(branch))));
    }
    above
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { full: Vec::new(), last: Leaf::new() }
    }
}
