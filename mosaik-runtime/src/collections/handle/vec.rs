//! What can be asked of a sequence, and what changes it.

use std::ops::RangeBounds;

use super::{
    View,
    operations::{ends, operations},
};
use crate::{
    collections::core::{OutOfRange, RangeError, Value, Vec, VecOperation as Op},
    groups::ReadError,
};

impl<T: Value> View<Vec<T>> {
    /// The value at a place.
    pub fn get(&self, at: usize) -> Option<T> {
        self.with(|values| values.get(at).cloned())
    }

    /// The first value.
    pub fn first(&self) -> Option<T> {
        self.with(|values| values.first().cloned())
    }

    /// The last value.
    pub fn last(&self) -> Option<T> {
        self.with(|values| values.last().cloned())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.with(Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a place, after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn get_strong(&self, at: usize) -> Result<Option<T>, ReadError> {
        Ok(self.strong().await?.get(at).cloned())
    }

    /// The values of one version, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + use<T> {
        Vec::clone(&self.snapshot()).into_iter()
    }

    /// Whether some place has this value.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.with(|values| values.contains(value))
    }

    /// The first place that has this value.
    pub fn index_of(&self, value: &T) -> Option<usize>
    where
        T: PartialEq,
    {
        self.with(|values| values.index_of(value))
    }
}

operations! { [T: Value] Vec<T>;
    /// Adds a value at the end. Answers its place.
    fn push(value: T) -> u64 = Op::Push { value };
    /// Adds a value at the front.
    fn push_front(value: T) -> () = Op::PushFront { value };
    /// Removes the last value and answers it.
    fn pop() -> Option<T> = Op::Pop;
    /// Removes the first value and answers it.
    fn pop_front() -> Option<T> = Op::PopFront;
    /// Adds a value at a place; those from there on move back by one.
    fn insert(at: usize, value: T) -> (), fails OutOfRange = Op::Insert { at: at as u64, value };
    /// Puts a value at a place. Answers the one before.
    fn set(at: usize, value: T) -> T, fails OutOfRange = Op::Set { at: at as u64, value };
    /// Exchanges the value at a place if it is `old`. Says whether it did. Values are compared by their bytes.
    fn compare_exchange(at: usize, old: T, new: T) -> bool, fails OutOfRange =
        Op::CompareExchange { at: at as u64, old, new };
    /// Removes the value at a place and answers it; those behind it move up by one.
    fn remove(at: usize) -> T, fails OutOfRange = Op::Remove { at: at as u64 };
    /// Removes the values at a range of places and answers them in their order; those behind them move up. A range that the sequence does
    /// not have, or that ends before it begins, is an error and changes nothing. What is answered may have 1 MiB.
    fn remove_range(range: impl RangeBounds<usize>) -> std::vec::Vec<T>, fails RangeError = {
        let (from, to) = ends(&range);
        Op::RemoveRange { from: from.map(|at| at as u64), to: to.map(|at| at as u64) }
    };
    /// Exchanges the values of two places.
    fn swap(one: usize, other: usize) -> (), fails OutOfRange =
        Op::Swap { one: one as u64, other: other as u64 };
    /// Keeps so many values, those at the front. Answers how many are gone.
    fn truncate(length: usize) -> u64 = Op::Truncate { length: length as u64 };
    /// Adds many values at the end, at once. Answers how many.
    fn extend(values: impl IntoIterator<Item = T>) -> u64 = Op::Extend { values: values.into_iter().collect() };
    /// Removes all values. Answers how many there were.
    fn clear() -> u64 = Op::Clear;
    /// Changes nothing, and says whether a place has this value. A condition of a transaction.
    fn expect(at: usize, value: T) -> bool = Op::Expect { at: at as u64, value };
    /// Changes nothing, and says whether there are so many values. A condition of a transaction.
    fn expect_len(length: usize) -> bool = Op::ExpectLen { length: length as u64 };
}
