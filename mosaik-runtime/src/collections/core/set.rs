//! A sorted set.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    ops::{Bound, RangeBounds},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Container, Key, Step,
    container::labelled,
    entries::{Entries, MapIntoIter},
    map::{is_sensible, outside},
    serial::{SortedSet, extend},
    value::equals_itself,
};
use crate::primitives::schema::{Schema, Seen, Shape};

/// A set, in the order of its elements.
///
/// As a value it is immutable: operations of a `Writer` change the collection, and a snapshot stays what it was.
pub struct Set<T>(Entries<T, ()>);

/// Two sets seen as one. It never changes.
pub struct Union<T> {
    one: Set<T>,
    other: Set<T>,
}

impl<T: Key> Union<T> {
    /// Whether the element is in one of them.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.one.contains(item) || self.other.contains(item)
    }

    /// The elements of both, in their order, each once.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (mut one, mut other) = (self.one.iter().peekable(), self.other.iter().peekable());
        std::iter::from_fn(move || {
            let order = match (one.peek(), other.peek()) {
                (Some(one), Some(other)) => one.cmp(other),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            if order.is_eq() {
                other.next();
            }
            if order.is_le() { one.next() } else { other.next() }
        })
    }
}

impl<T> Clone for Union<T> {
    fn clone(&self) -> Self {
        Self { one: self.one.clone(), other: self.other.clone() }
    }
}

impl<T: Key + fmt::Debug> fmt::Debug for Union<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What changes a [`Set`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum SetOperation<T> {
    Insert { item: T },
    Remove { item: T },
    Extend { items: Vec<T> },
    RemoveMany { items: Vec<T> },
    RemoveRange { from: Bound<T>, to: Bound<T> },
    RetainRange { from: Bound<T>, to: Bound<T> },
    Clear,
    Expect { item: T, present: bool },
    PopFirst,
    PopLast,
}

/// What changed in a [`Set`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetChange<T> {
    /// An element was added.
    Inserted(T),
    /// An element is gone.
    Removed(T),
    /// All elements are gone.
    Cleared,
}

impl<T> SetChange<T> {
    /// The element; none if all changed.
    pub fn item(&self) -> Option<&T> {
        match self {
            Self::Inserted(item) | Self::Removed(item) => Some(item),
            Self::Cleared => None,
        }
    }
}

impl<T> Set<T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Key> Set<T> {
    /// The elements, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter().map(|(item, ())| item)
    }

    /// Whether the element is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(item)
    }

    /// The elements in a range, in their order. A range that ends before it begins is empty.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> impl DoubleEndedIterator<Item = &T>
    where
        T: Borrow<Q>,
    {
        let sensible = is_sensible(&range);
        sensible.then(|| self.0.range(&range)).into_iter().flatten().map(|(item, ())| item)
    }

    /// The least element.
    pub fn first(&self) -> Option<&T> {
        self.0.first().map(|(item, ())| item)
    }

    /// The greatest element.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(item, ())| item)
    }

    /// Whether all elements are in the other set.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|item| other.contains(item))
    }

    /// Whether all elements of the other set are in this one.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.is_subset(self)
    }

    /// Whether no element is in the other set.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (fewer, more) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        !fewer.iter().any(|item| more.contains(item))
    }

    /// The elements of both sets, as a set of its own.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (fewer, more) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        let mut all = more.clone();
        for item in fewer.iter() {
            all.0.insert(item.clone(), ());
        }
        all
    }

    /// Both sets seen as one. Takes constant time, and copies no element.
    pub fn united(&self, other: &Self) -> Union<T> {
        Union { one: self.clone(), other: other.clone() }
    }

    /// The elements that are in both sets, as a set of its own.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (fewer, more) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        fewer.iter().filter(|item| more.contains(*item)).cloned().collect()
    }

    /// The elements that are not in the other set, as a set of its own.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.iter().filter(|item| !other.contains(*item)).cloned().collect()
    }

    /// The elements that are in one of the two sets and not in the other, as a set of its own.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        self.difference(other).union(&other.difference(self))
    }

    fn put(&mut self, item: T, step: &mut Step<'_, SetChange<T>>) -> bool {
        // What is there already is not put in: that would copy what others share.
        if self.contains(&item) {
            return false;
        }
        if step.is_followed() {
            self.0.insert(item.clone(), ());
            step.changed(SetChange::Inserted(item));
        } else {
            self.0.insert(item, ());
        }
        true
    }

    fn take(&mut self, item: T, step: &mut Step<'_, SetChange<T>>) -> bool {
        let found = self.0.remove(&item).is_some();
        if found {
            step.changed(SetChange::Removed(item));
        }
        found
    }

    fn pop(&mut self, item: Option<T>, step: &mut Step<'_, SetChange<T>>) -> bool {
        step.answer(&item);
        if let Some(item) = item {
            self.take(item, step);
        }
        true
    }

    fn take_all(&mut self, items: Vec<T>, step: &mut Step<'_, SetChange<T>>) -> bool {
        let before = self.len();
        for item in items {
            self.take(item, step);
        }
        step.count(before - self.len())
    }
}

impl<T: Key> Container for Set<T> {
    const KIND: &'static str = "Set";
    type Operation = SetOperation<T>;
    type Change = SetChange<T>;

    fn has_order(operation: &Self::Operation) -> bool {
        match operation {
            SetOperation::Extend { items } => items.iter().all(equals_itself),
            SetOperation::Insert { item } => equals_itself(item),
            // What takes away, or looks, puts nothing in.
            _ => true,
        }
    }

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        match operation {
            SetOperation::Insert { item } => {
                let new = self.put(item, step);
                step.answer(&new);
                true
            }
            SetOperation::Remove { item } => {
                let found = self.take(item, step);
                step.answer(&found);
                true
            }
            SetOperation::Extend { items } => {
                let before = self.len();
                extend(
                    items,
                    step.is_followed(),
                    |one, other| one.cmp(other).is_lt(),
                    |item| {
                        self.put(item, step);
                    },
                );
                step.count(self.len() - before)
            }
            SetOperation::PopFirst => self.pop(self.first().cloned(), step),
            SetOperation::PopLast => self.pop(self.last().cloned(), step),
            SetOperation::RemoveMany { items } => self.take_all(items, step),
            SetOperation::RemoveRange { from, to } => {
                let items = self.range::<T>((from.as_ref(), to.as_ref())).cloned().collect();
                self.take_all(items, step)
            }
            SetOperation::RetainRange { from, to } => {
                let items = outside(from.as_ref(), to.as_ref())
                    .into_iter()
                    .flat_map(|(from, to)| self.range::<T>((from, to)).cloned())
                    .collect();
                self.take_all(items, step)
            }
            SetOperation::Clear => {
                let count = self.len();
                self.0 = Entries::default();
                if count > 0 {
                    step.changed(SetChange::Cleared);
                }
                step.count(count)
            }
            SetOperation::Expect { item, present } => step.took_place(self.contains(&item) == present),
        }
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(Entries::default())
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = SetIntoIter<T>;

    fn into_iter(self) -> SetIntoIter<T> {
        SetIntoIter(self.0.into_iter())
    }
}

/// The elements of a [`Set`], in their order, from both ends.
pub struct SetIntoIter<T>(MapIntoIter<T, ()>);

impl<T: Clone> Iterator for SetIntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next().map(|(item, ())| item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T: Clone> DoubleEndedIterator for SetIntoIter<T> {
    fn next_back(&mut self) -> Option<T> {
        self.0.next_back().map(|(item, ())| item)
    }
}

impl<T: Clone> ExactSizeIterator for SetIntoIter<T> {}

impl<T: Key> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().eq(other.iter())
    }
}

impl<T: Key + fmt::Debug> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Key> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(|item| (item, ())).collect())
    }
}

impl<T: Key> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SortedSet(self.0.clone()).serialize(serializer)
    }
}

impl<'de, T: Key> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SortedSet::deserialize(deserializer).map(|SortedSet(items)| Self(items))
    }
}

impl<T: Key> Schema for Set<T> {
    fn shape(seen: &mut Seen) -> Shape {
        labelled("Set", 2, vec![Shape::Seq(Box::new(T::shape(seen)))])
    }
}
