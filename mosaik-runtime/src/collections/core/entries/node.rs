//! The nodes of the tree, and what changes them.

use std::{borrow::Borrow, mem};

use arrayvec::ArrayVec;
use triomphe::Arc;

/// Entries of a leaf, and kids of a branch, at most.
pub(super) const WIDTH: usize = 32;
/// Keys of a branch, at most: one between each two kids.
const BETWEEN: usize = WIDTH - 1;
/// A node other than the root has no fewer.
const LEAST: usize = WIDTH / 3;

/// Elements of this size and without a destructor are compared one after the other; see [`count`] and [`tally`]. Others are searched in
/// halves.
const SMALL: usize = 32;

/// A node, which others may share.
pub(super) enum Node<K, V> {
    Leaf(Arc<Leaf<K, V>>),
    Branch(Arc<Branch<K, V>>),
}

pub(super) type Leaf<K, V> = ArrayVec<(K, V), WIDTH>;

/// Keys before `keys[n]` are below `kids[n]`, the others behind it.
pub(super) struct Branch<K, V> {
    pub(super) keys: ArrayVec<K, BETWEEN>,
    pub(super) kids: ArrayVec<Node<K, V>, WIDTH>,
}

/// What a node is.
pub(super) enum Shape<'a, K, V> {
    Leaf(&'a [(K, V)]),
    Branch(&'a Branch<K, V>),
}

/// What came of an entry.
pub(super) enum Put<K, V> {
    /// The key had this value.
    Replaced(V),
    /// There is one entry more.
    Added,
    /// Its leaf has no room.
    Full(K, V),
}

/// What is from a key on, in a node of its own.
pub(super) type Behind<K, V> = (K, Node<K, V>);

const fn is_small<T>() -> bool {
    !mem::needs_drop::<T>() && size_of::<T>() <= SMALL
}

/// How many of these are at the beginning of which it holds, for what changes the tree: one jump is not foreseen, and what comes next is
/// fetched meanwhile. Entries come between other work, which leaves little of the tree in the caches.
fn count<T>(all: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    if is_small::<T>() {
        return all.iter().position(|one| !is_before(one)).unwrap_or(all.len());
    }
    all.partition_point(is_before)
}

/// The same for what only reads, mostly from the caches: all are looked at, and no jump depends on what is found.
fn tally<T>(all: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    if is_small::<T>() {
        return all.iter().map(|one| usize::from(is_before(one))).fold(0, usize::wrapping_add);
    }
    all.partition_point(is_before)
}

/// The value of a key in a leaf.
pub(super) fn find<'a, K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &'a [(K, V)], key: &Q) -> Option<&'a V> {
    let at = tally(entries, |(other, _)| other.borrow().cmp(key).is_lt());
    entries.get(at).filter(|(other, _)| other.borrow().cmp(key).is_eq()).map(|(_, value)| value)
}

/// How many entries have keys before this one.
pub(super) fn before<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> usize {
    count(entries, |(other, _)| other.borrow().cmp(key).is_lt())
}

/// How many entries have keys that are not behind this one.
pub(super) fn upto<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> usize {
    count(entries, |(other, _)| other.borrow().cmp(key).is_le())
}

/// Where the entry of a key is, or where it would be.
fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    let at = before(entries, key);
    match entries.get(at) {
        Some((other, _)) if other.borrow().cmp(key).is_eq() => Ok(at),
        _ => Err(at),
    }
}

impl<K, V> Node<K, V> {
    pub(super) fn shape(&self) -> Shape<'_, K, V> {
        match self {
            Self::Leaf(leaf) => Shape::Leaf(leaf),
            Self::Branch(branch) => Shape::Branch(branch),
        }
    }

    /// What is below the node, if that is one node only.
    pub(super) fn only_kid(&self) -> Option<Self> {
        match self {
            Self::Branch(branch) if branch.kids.len() == 1 => branch.kids.first().cloned(),
            _ => None,
        }
    }

    pub(super) fn is_small(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() < LEAST,
            Self::Branch(branch) => branch.kids.len() < LEAST,
        }
    }
}

impl<K: Ord + Clone, V: Clone> Node<K, V> {
    /// Puts an entry where there is room. A loop and not a recursion, which takes twice as long: a processor goes from here to what comes
    /// next while it waits for a leaf.
    pub(super) fn put(&mut self, key: K, value: V) -> Put<K, V> {
        let mut node = self;
        let leaf = loop {
            match node {
                Self::Leaf(leaf) => break Arc::make_mut(leaf),
                Self::Branch(branch) => {
                    let branch = Arc::make_mut(branch);
                    let at = branch.kid(&key);
                    node = branch.kids.get_mut(at).expect("a kid"); // impossible: there is one more than keys
                }
            }
        };
        match place(leaf, &key) {
            Ok(at) => Put::Replaced(mem::replace(&mut leaf[at].1, value)),
            Err(_) if leaf.is_full() => Put::Full(key, value),
            Err(at) => {
                leaf.insert(at, (key, value));
                Put::Added
            }
        }
    }

    /// Puts an entry into a leaf that has no room.
    pub(super) fn split_at(&mut self, key: K, value: V) -> Option<Behind<K, V>> {
        match self {
            Self::Leaf(leaf) => split(Arc::make_mut(leaf), key, value),
            Self::Branch(branch) => Arc::make_mut(branch).split_at(key, value),
        }
    }

    /// Removes a key. The node may be small then.
    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Leaf(leaf) => {
                let leaf = Arc::make_mut(leaf);
                let at = place(leaf, key).ok()?;
                leaf.pop_at(at).map(|(_, value)| value)
            }
            Self::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let at = branch.kid(key);
                let kid = branch.kids.get_mut(at)?;
                let removed = kid.remove(key);
                if kid.is_small() {
                    branch.even_out(at.saturating_sub(1));
                }
                removed
            }
        }
    }

    /// Makes one node of two that are side by side, or two of about the same size: then the key that is between them is changed.
    pub(super) fn join(&mut self, between: &mut K, right: &mut Self) -> bool {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => {
                let (left, right) = (Arc::make_mut(left), Arc::make_mut(right));
                let mut all: Vec<(K, V)> = left.drain(..).chain(right.drain(..)).collect();
                if all.len() > WIDTH {
                    right.extend(all.drain(all.len() / 2..));
                }
                left.extend(all);
                if let Some((first, _)) = right.first() {
                    *between = first.clone();
                }
                right.is_empty()
            }
            (Self::Branch(left), Self::Branch(right)) => {
                let (left, right) = (Arc::make_mut(left), Arc::make_mut(right));
                let middle = std::iter::once(between.clone());
                let mut keys: Vec<K> =
                    left.keys.drain(..).chain(middle).chain(right.keys.drain(..)).collect();
                let mut kids: Vec<Self> = left.kids.drain(..).chain(right.kids.drain(..)).collect();
                if kids.len() > WIDTH {
                    let half = kids.len() / 2;
                    right.kids.extend(kids.drain(half..));
                    right.keys.extend(keys.drain(half..));
                    if let Some(key) = keys.pop() {
                        *between = key;
                    }
                }
                left.keys.extend(keys);
                left.kids.extend(kids);
                right.kids.is_empty()
            }
            // All leaves are at one depth.
            _ => false,
        }
    }
}

/// How much of a full node stays in it when it becomes two, and something new comes in at this place. Keys that grow come in last every time, and
/// nothing will ever be put into what stays: that keeps as much as it may. So does what keys that shrink leave behind.
const fn kept(at: usize, last: usize) -> usize {
    match at {
        0 => LEAST,
        _ if at == last => WIDTH - LEAST,
        _ => WIDTH / 2,
    }
}

/// Puts an entry into a full leaf, which becomes two.
fn split<K: Ord + Clone, V: Clone>(leaf: &mut Leaf<K, V>, key: K, value: V) -> Option<Behind<K, V>> {
    let at = before(leaf, &key);
    let half = kept(at, WIDTH);
    let mut right: Leaf<K, V> = leaf.drain(half..).collect();
    match at.checked_sub(half) {
        Some(at) if at > 0 => right.insert(at, (key, value)),
        _ => leaf.insert(at, (key, value)),
    }
    let first = right.first().map(|(first, _)| first.clone())?;
    Some((first, Node::Leaf(Arc::new(right))))
}

impl<K, V> Branch<K, V> {
    /// A node of one, until more are put behind it.
    pub(super) fn of_one(kid: Node<K, V>) -> Self {
        Self { keys: ArrayVec::new(), kids: ArrayVec::from_iter([kid]) }
    }

    /// A node of two.
    pub(super) fn of_two(left: Node<K, V>, between: K, right: Node<K, V>) -> Node<K, V> {
        let (keys, kids) = (ArrayVec::from_iter([between]), ArrayVec::from_iter([left, right]));
        Node::Branch(Arc::new(Self { keys, kids }))
    }

    /// Below which kid a key is.
    pub(super) fn kid<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        count(&self.keys, |other| other.borrow().cmp(key).is_le())
    }

    /// The same for what only reads.
    pub(super) fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Node<K, V>>
    where
        K: Borrow<Q>,
    {
        self.kids.get(tally(&self.keys, |other| other.borrow().cmp(key).is_le()))
    }
}

impl<K: Ord + Clone, V: Clone> Branch<K, V> {
    fn split_at(&mut self, key: K, value: V) -> Option<Behind<K, V>> {
        let at = self.kid(&key);
        let (between, right) = self.kids.get_mut(at)?.split_at(key, value)?;
        if !self.kids.is_full() {
            self.insert(at, between, right);
            return None;
        }
        let half = kept(at, WIDTH - 1);
        let (keys, kids) = (self.keys.drain(half..).collect(), self.kids.drain(half..).collect());
        let mut behind = Self { keys, kids };
        // One key is left over behind the kids of each half: that of the first is between them.
        let middle = self.keys.pop();
        match at.checked_sub(half) {
            Some(at) => behind.insert(at, between, right),
            None => self.insert(at, between, right),
        }
        Some((middle?, Node::Branch(Arc::new(behind))))
    }

    /// Puts a node behind a kid.
    fn insert(&mut self, at: usize, between: K, right: Node<K, V>) {
        self.keys.insert(at, between);
        self.kids.insert(at + 1, right);
    }

    /// One of these two kids is small: makes one of them, or two that are not.
    fn even_out(&mut self, at: usize) {
        let (Some(between), Some([left, right])) = (self.keys.get_mut(at), self.kids.get_mut(at..at + 2))
        else {
            return;
        };
        if left.join(between, right) {
            self.keys.pop_at(at);
            self.kids.pop_at(at + 1);
        }
    }
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::Leaf(Arc::new(ArrayVec::new()))
    }
}

impl<K, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Self::Branch(branch) => Self::Branch(branch.clone()),
        }
    }
}

impl<K: Clone, V> Clone for Branch<K, V> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), kids: self.kids.clone() }
    }
}
