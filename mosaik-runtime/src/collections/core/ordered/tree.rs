//! The tree of runs: how it stays balanced, and what is done to it.

use std::{cmp::Ordering, sync::Arc};

/// Elements of a run, at most.
pub(super) const RUN: usize = 32;
/// A subtree may have so many times the nodes of its sibling.
pub(super) const DELTA: usize = 3;
/// A rotation is double where the inner grandchild has so many times the nodes of the outer one.
pub(super) const RATIO: usize = 2;

pub(super) type Tree<E> = Option<Arc<Node<E>>>;

pub(super) struct Node<E> {
    pub(super) left: Tree<E>,
    pub(super) run: Arc<Vec<E>>,
    pub(super) right: Tree<E>,
    /// Nodes of this subtree.
    pub(super) nodes: usize,
    /// Elements of this subtree.
    pub(super) len: usize,
}

impl<E> Clone for Node<E> {
    fn clone(&self) -> Self {
        let (left, run, right) = (self.left.clone(), self.run.clone(), self.right.clone());
        Self { left, run, right, nodes: self.nodes, len: self.len }
    }
}

pub(super) fn len<E>(tree: &Tree<E>) -> usize {
    tree.as_deref().map_or(0, |node| node.len)
}

pub(super) fn nodes<E>(tree: &Tree<E>) -> usize {
    tree.as_deref().map_or(0, |node| node.nodes)
}

pub(super) fn owned<T: Clone>(shared: Arc<T>) -> T {
    Arc::unwrap_or_clone(shared)
}

/// Where something is, as seen from a run.
pub(super) enum Place {
    Before,
    /// Found, or the place in the run where it would be.
    Within(Result<usize, usize>),
    Behind,
}

pub(super) fn place<E>(run: &[E], order: &impl Fn(&E) -> Ordering) -> Place {
    match (run.first().map(order), run.last().map(order)) {
        (Some(Ordering::Greater), _) => Place::Before,
        (_, Some(Ordering::Less)) => Place::Behind,
        (Some(Ordering::Equal), _) => Place::Within(Ok(0)),
        _ => Place::Within(run.binary_search_by(order)),
    }
}

/// A node of two subtrees that are about as large.
pub(super) fn node<E>(left: Tree<E>, run: Arc<Vec<E>>, right: Tree<E>) -> Tree<E> {
    let (nodes, len) = (1 + nodes(&left) + nodes(&right), run.len() + len(&left) + len(&right));
    Some(Arc::new(Node { left, run, right, nodes, len }))
}

/// A node of two subtrees, one of which may be too large by one insertion, removal or join.
pub(super) fn balance<E>(left: Tree<E>, run: Arc<Vec<E>>, right: Tree<E>) -> Tree<E> {
    let (lefts, rights) = (nodes(&left), nodes(&right));
    if lefts + rights > 1 {
        if let Some(heavy) = right.clone().filter(|_| rights > DELTA * lefts) {
            drop(right);
            return rotate_left(left, run, owned(heavy));
        }
        if let Some(heavy) = left.clone().filter(|_| lefts > DELTA * rights) {
            drop(left);
            return rotate_right(owned(heavy), run, right);
        }
    }
    node(left, run, right)
}

pub(super) fn rotate_left<E>(left: Tree<E>, run: Arc<Vec<E>>, heavy: Node<E>) -> Tree<E> {
    match heavy.left.clone().filter(|inner| inner.nodes >= RATIO * nodes(&heavy.right)) {
        Some(inner) => {
            let inner = owned(inner);
            node(node(left, run, inner.left), inner.run, node(inner.right, heavy.run, heavy.right))
        }
        None => node(node(left, run, heavy.left), heavy.run, heavy.right),
    }
}

pub(super) fn rotate_right<E>(heavy: Node<E>, run: Arc<Vec<E>>, right: Tree<E>) -> Tree<E> {
    match heavy.right.clone().filter(|inner| inner.nodes >= RATIO * nodes(&heavy.left)) {
        Some(inner) => {
            let inner = owned(inner);
            node(node(heavy.left, heavy.run, inner.left), inner.run, node(inner.right, run, right))
        }
        None => node(heavy.left, heavy.run, node(heavy.right, run, right)),
    }
}

/// A tree of two trees of whatever sizes, and what is between them.
pub(super) fn join<E>(left: Tree<E>, run: Arc<Vec<E>>, right: Tree<E>) -> Tree<E> {
    let (lefts, rights) = (nodes(&left), nodes(&right));
    if rights > DELTA * lefts
        && let Some(heavy) = right
    {
        let heavy = owned(heavy);
        return balance(join(left, run, heavy.left), heavy.run, heavy.right);
    }
    if lefts > DELTA * rights
        && let Some(heavy) = left
    {
        let heavy = owned(heavy);
        return balance(heavy.left, heavy.run, join(heavy.right, run, right));
    }
    node(left, run, right)
}

/// A tree of two trees, one behind the other.
pub(super) fn merge<E: Clone>(left: Tree<E>, right: Tree<E>) -> Tree<E> {
    match (left, right) {
        (Some(left), Some(right)) => {
            let (rest, run) = pop_last(left);
            fill(rest, run, Some(right))
        }
        (tree, None) | (None, tree) => tree,
    }
}

/// [`join`] of a run that may be short: it takes in the one behind it, or goes into the one before it, if both are short.
pub(super) fn fill<E: Clone>(left: Tree<E>, run: Arc<Vec<E>>, right: Tree<E>) -> Tree<E> {
    let fits =
        |other: Option<&Arc<Vec<E>>>| other.is_some_and(|other| run.len() + other.len() <= RUN / 4 * 3);
    if fits(first_run(&right))
        && let Some(right) = right.clone()
    {
        let (next, rest) = pop_first(right);
        let mut run = owned(run);
        run.extend(owned(next));
        return join(left, Arc::new(run), rest);
    }
    if fits(last_run(&left))
        && let Some(left) = left.clone()
    {
        let (rest, before) = pop_last(left);
        let mut before = owned(before);
        before.extend(owned(run));
        return join(rest, Arc::new(before), right);
    }
    join(left, run, right)
}

pub(super) fn first_run<E>(mut tree: &Tree<E>) -> Option<&Arc<Vec<E>>> {
    let mut first = None;
    while let Some(node) = tree.as_deref() {
        (first, tree) = (Some(&node.run), &node.left);
    }
    first
}

pub(super) fn last_run<E>(mut tree: &Tree<E>) -> Option<&Arc<Vec<E>>> {
    let mut last = None;
    while let Some(node) = tree.as_deref() {
        (last, tree) = (Some(&node.run), &node.right);
    }
    last
}

pub(super) fn pop_first<E>(tree: Arc<Node<E>>) -> (Arc<Vec<E>>, Tree<E>) {
    let tree = owned(tree);
    match tree.left {
        Some(left) => {
            let (first, rest) = pop_first(left);
            (first, balance(rest, tree.run, tree.right))
        }
        None => (tree.run, tree.right),
    }
}

pub(super) fn pop_last<E>(tree: Arc<Node<E>>) -> (Tree<E>, Arc<Vec<E>>) {
    let tree = owned(tree);
    match tree.right {
        Some(right) => {
            let (rest, last) = pop_last(right);
            (balance(tree.left, tree.run, rest), last)
        }
        None => (tree.left, tree.run),
    }
}

pub(super) fn insert<E: Clone>(tree: Tree<E>, element: E, order: &impl Fn(&E) -> Ordering) -> Tree<E> {
    let Some(tree) = tree else { return node(None, Arc::new(vec![element]), None) };
    let Node { left, mut run, right, .. } = owned(tree);
    let at = match place(&run, order) {
        Place::Before if left.is_some() => return balance(insert(left, element, order), run, right),
        Place::Behind if right.is_some() => return balance(left, run, insert(right, element, order)),
        Place::Before => 0,
        Place::Behind => run.len(),
        Place::Within(Ok(at) | Err(at)) => at,
    };
    if run.len() < RUN {
        Arc::make_mut(&mut run).insert(at, element);
        return node(left, run, right);
    }
    // A full run gives away its upper half; in a sequence that only grows at one end nothing, so that runs stay full.
    if at == run.len() {
        return balance(left, run, join(None, Arc::new(vec![element]), right));
    }
    if at == 0 {
        return balance(join(left, Arc::new(vec![element]), None), run, right);
    }
    let mut lower = owned(run);
    let mut upper = lower.split_off(RUN / 2);
    if at <= lower.len() {
        lower.insert(at, element)
    } else {
        upper.insert(at - lower.len(), element)
    }
    balance(left, Arc::new(lower), join(None, Arc::new(upper), right))
}

pub(super) fn remove<E: Clone>(tree: Tree<E>, order: &impl Fn(&E) -> Ordering) -> (Tree<E>, Option<E>) {
    let Some(tree) = tree else { return (None, None) };
    let Node { left, mut run, right, .. } = owned(tree);
    let at = match place(&run, order) {
        Place::Before => {
            let (left, removed) = remove(left, order);
            return (balance(left, run, right), removed);
        }
        Place::Behind => {
            let (right, removed) = remove(right, order);
            return (balance(left, run, right), removed);
        }
        Place::Within(Err(_)) => return (node(left, run, right), None),
        Place::Within(Ok(at)) => at,
    };
    let removed = Arc::make_mut(&mut run).remove(at);
    let tree = match run.len() {
        0 => merge(left, right),
        1..8 => fill(left, run, right),
        _ => node(left, run, right),
    };
    (tree, Some(removed))
}

pub(super) fn split<E: Clone>(tree: Tree<E>, is_before: &impl Fn(&E) -> bool) -> (Tree<E>, Tree<E>) {
    let Some(tree) = tree else { return (None, None) };
    let Node { left, run, right, .. } = owned(tree);
    if !run.first().is_some_and(is_before) {
        let (one, other) = split(left, is_before);
        return (one, join(other, run, right));
    }
    if run.last().is_some_and(is_before) {
        let (one, other) = split(right, is_before);
        return (join(left, run, one), other);
    }
    let mut lower = owned(run);
    let upper = lower.split_off(lower.partition_point(is_before));
    (join(left, Arc::new(lower), None), join(None, Arc::new(upper), right))
}

pub(super) fn balanced<E>(runs: &mut impl Iterator<Item = Vec<E>>, count: usize) -> Tree<E> {
    let lefts = count.checked_sub(1)? / 2;
    let left = balanced(runs, lefts);
    let run = Arc::new(runs.next()?);
    node(left, run, balanced(runs, count - 1 - lefts))
}
