//! What can be asked of a set, and what changes it.

use std::{borrow::Borrow, ops::RangeBounds};

use super::{
    View,
    operations::{ends, operations},
};
use crate::{
    collections::core::{Key, Set, SetOperation as Op, Union},
    groups::ReadError,
};

impl<T: Key> View<Set<T>> {
    /// Whether the element is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.with(|set| set.contains(item))
    }

    /// Whether the element is there, after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn contains_strong<Q: Ord + Sync + ?Sized>(&self, item: &Q) -> Result<bool, ReadError>
    where
        T: Borrow<Q>,
    {
        Ok(self.strong().await?.contains(item))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.with(Set::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of one version, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + use<T> {
        Set::clone(&self.snapshot()).into_iter()
    }

    /// The least element.
    pub fn first(&self) -> Option<T> {
        self.with(|set| set.first().cloned())
    }

    /// The greatest element.
    pub fn last(&self) -> Option<T> {
        self.with(|set| set.last().cloned())
    }

    /// Whether all elements are in the other set, as [both are now](View::snapshot_with).
    pub fn is_subset(&self, other: &Self) -> bool {
        self.beside(other, Set::is_subset)
    }

    /// Whether all elements of the other set are in this one, as [both are now](View::snapshot_with).
    pub fn is_superset(&self, other: &Self) -> bool {
        other.is_subset(self)
    }

    /// Whether no element is in the other set, as [both are now](View::snapshot_with).
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.beside(other, Set::is_disjoint)
    }

    /// The elements that are in both sets, as [both are now](View::snapshot_with).
    pub fn intersection(&self, other: &Self) -> Set<T> {
        self.beside(other, Set::intersection)
    }

    /// The elements that are not in the other set, as [both are now](View::snapshot_with).
    pub fn difference(&self, other: &Self) -> Set<T> {
        self.beside(other, Set::difference)
    }

    /// The elements that are in one of the two sets and not in the other, as [both are now](View::snapshot_with).
    pub fn symmetric_difference(&self, other: &Self) -> Set<T> {
        self.beside(other, Set::symmetric_difference)
    }

    /// This set and another seen as one, as [both are now](View::snapshot_with). Takes constant time.
    pub fn union(&self, other: &Self) -> Union<T> {
        self.beside(other, Set::united)
    }

    /// Both sets as they are on this node now: of one group at one version.
    fn beside<R>(&self, other: &Self, compare: impl FnOnce(&Set<T>, &Set<T>) -> R) -> R {
        let (one, other) = self.snapshot_with(other).unwrap_or_else(|| (self.snapshot(), other.snapshot()));
        compare(&one, &other)
    }

    /// The elements in a range, in their order.
    pub fn range(&self, range: impl RangeBounds<T>) -> Vec<T> {
        self.with(|set| set.range::<T>(range).cloned().collect())
    }
}

operations! { [T: Key] Set<T>;
    /// Adds an element. Says whether it is new.
    fn insert(item: T) -> bool = Op::Insert { item };
    /// Removes an element. Says whether it was there.
    fn remove(item: T) -> bool = Op::Remove { item };
    /// Removes the least element and answers it.
    fn pop_first() -> Option<T> = Op::PopFirst;
    /// Removes the greatest element and answers it.
    fn pop_last() -> Option<T> = Op::PopLast;
    /// Adds many elements at once. Answers how many are new.
    fn extend(items: impl IntoIterator<Item = T>) -> u64 = Op::Extend { items: items.into_iter().collect() };
    /// Removes many elements at once. Answers how many were there.
    fn remove_many(items: impl IntoIterator<Item = T>) -> u64 = Op::RemoveMany { items: items.into_iter().collect() };
    /// Removes the elements in a range. Answers how many there were.
    fn remove_range(range: impl RangeBounds<T>) -> u64 = {
        let (from, to) = ends(&range);
        Op::RemoveRange { from, to }
    };
    /// Removes the elements that are not in a range. Answers how many there were.
    fn retain_range(range: impl RangeBounds<T>) -> u64 = {
        let (from, to) = ends(&range);
        Op::RetainRange { from, to }
    };
    /// Removes all elements. Answers how many there were.
    fn clear() -> u64 = Op::Clear;
    /// Changes nothing, and says whether the element is present, or absent. A condition of a transaction.
    fn expect(item: T, present: bool) -> bool = Op::Expect { item, present };
}
