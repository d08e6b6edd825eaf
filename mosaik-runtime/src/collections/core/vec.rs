//! A sequence.

use std::{
    fmt,
    ops::{Bound, Range},
    sync::Arc,
};

use imbl::Vector;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Container, Step, Value, container::labelled, serial::Sequence, value::same};
use crate::primitives::schema::{Schema, Seen, Shape};

/// A sequence. Both ends are cheap to change; the middle takes logarithmic time.
///
/// As a value it is immutable: operations of a `Writer` change the collection, and a snapshot stays what it was.
pub struct Vec<T>(Vector<T>);

/// What changes a [`Vec`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum VecOperation<T> {
    Push { value: T },
    PushFront { value: T },
    Pop,
    PopFront,
    Insert { at: u64, value: T },
    Set { at: u64, value: T },
    CompareExchange { at: u64, old: T, new: T },
    Remove { at: u64 },
    Swap { one: u64, other: u64 },
    Truncate { length: u64 },
    Extend { values: std::vec::Vec<T> },
    Clear,
    Expect { at: u64, value: T },
    ExpectLen { length: u64 },
    RemoveRange { from: Bound<u64>, to: Bound<u64> },
}

/// What changed in a [`Vec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VecChange<T> {
    /// A value was added, and those behind it moved back by one.
    Inserted {
        /// Its place.
        at: usize,
        /// The value.
        value: T,
    },
    /// A place has another value.
    Replaced {
        /// The place.
        at: usize,
        /// The value now.
        value: T,
        /// The value before.
        old: T,
    },
    /// A value is gone, and those behind it moved up by one.
    Removed {
        /// The place where it was.
        at: usize,
        /// The value.
        old: T,
    },
    /// Two places have exchanged their values.
    Swapped {
        /// One place.
        one: usize,
        /// The other.
        other: usize,
    },
    /// Only so many values are left, those at the front.
    Truncated {
        /// How many.
        length: usize,
    },
    /// Several values in a row are gone, and those behind them moved up.
    RangeRemoved {
        /// The place where the first of them was.
        at: usize,
        /// The values, at least one.
        old: Arc<[T]>,
    },
}

/// There is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("there is no place {at}: the sequence has {length} values. Nothing was changed")]
pub struct OutOfRange {
    /// The place that was asked for.
    pub at: u64,
    /// How many values there are.
    pub length: u64,
}

/// There is no such range of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RangeError {
    /// The sequence does not have all of its places: the last one, if it has any, or the one where it begins.
    #[error(transparent)]
    OutOfRange(OutOfRange),
    /// It ends before it begins.
    #[error("the range ends at {to}, before it begins at {from}. Nothing was changed")]
    Inverted {
        /// Its first place.
        from: u64,
        /// The place behind its last.
        to: u64,
    },
}

type In<'a, 'b, T> = &'a mut Step<'b, VecChange<T>>;

impl<T> Vec<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)
    }

    /// The first value.
    pub fn first(&self) -> Option<&T> {
        self.0.front()
    }

    /// The last value.
    pub fn last(&self) -> Option<&T> {
        self.0.last()
    }

    /// The values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter()
    }

    /// The first place that has this value.
    pub fn index_of(&self, value: &T) -> Option<usize>
    where
        T: PartialEq,
    {
        self.iter().position(|other| other == value)
    }

    /// Whether some place has this value.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.index_of(value).is_some()
    }
}

impl<T: Value> Vec<T> {
    /// The place, if there are more than `at` values; one more counts where something may be put behind the last.
    fn place(&self, at: u64, one_more: bool) -> Result<usize, OutOfRange> {
        let error = OutOfRange { at, length: self.len() as u64 };
        let place = usize::try_from(at).map_err(|_| error)?;
        if place < self.len() || one_more && place == self.len() { Ok(place) } else { Err(error) }
    }

    fn put(&mut self, at: usize, value: T, step: In<'_, '_, T>) {
        self.0.insert(at, value.clone());
        step.changed(VecChange::Inserted { at, value });
    }

    fn replace(&mut self, at: usize, value: T, step: In<'_, '_, T>) -> T {
        let old = self.0.set(at, value.clone());
        step.changed(VecChange::Replaced { at, value, old: old.clone() });
        old
    }

    fn take(&mut self, at: usize, step: In<'_, '_, T>) -> T {
        let old = self.0.remove(at);
        step.changed(VecChange::Removed { at, old: old.clone() });
        old
    }

    /// The places of a range, if there are all of them.
    fn places(&self, from: Bound<u64>, to: Bound<u64>) -> Result<Range<usize>, RangeError> {
        let length = self.len() as u64;
        let from = match from {
            Bound::Included(from) => from,
            Bound::Excluded(from) => from.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match to {
            Bound::Included(to) => to.saturating_add(1),
            Bound::Excluded(to) => to,
            Bound::Unbounded => length.max(from),
        };
        if from > to {
            return Err(RangeError::Inverted { from, to });
        }
        let error = OutOfRange { at: from.max(to.saturating_sub(1)), length };
        let place = |at| self.place(at, true).map_err(|_| RangeError::OutOfRange(error));
        Ok(place(from)?..place(to)?)
    }

    /// Cuts the sequence in three, and puts the first and the last together: what stays is not copied.
    fn remove_range(&mut self, from: Bound<u64>, to: Bound<u64>, step: In<'_, '_, T>) -> bool {
        let gone = self.places(from, to).map(|places| {
            let at = places.start;
            let gone = self.0.slice(places);
            if !gone.is_empty() && step.is_followed() {
                step.changed(VecChange::RangeRemoved { at, old: gone.iter().cloned().collect() });
            }
            Sequence(gone)
        });
        step.answer(&gone);
        gone.is_ok()
    }

    fn truncate(&mut self, length: usize, step: In<'_, '_, T>) -> bool {
        let gone = self.len().saturating_sub(length);
        if gone > 0 {
            self.0.truncate(length);
            step.changed(VecChange::Truncated { length });
        }
        step.count(gone)
    }

    fn compare_exchange(&mut self, at: u64, old: &T, new: T, step: In<'_, '_, T>) -> bool {
        let place = self.place(at, false);
        let done = place.map(|at| self.0.get(at).is_some_and(|there| same(there, old)));
        step.answer(&done);
        if let (Ok(at), Ok(true)) = (place, done) {
            self.replace(at, new, step);
        }
        done == Ok(true)
    }

    fn swap(&mut self, one: u64, other: u64, step: In<'_, '_, T>) -> bool {
        let places = self.place(one, false).and_then(|one| Ok((one, self.place(other, false)?)));
        step.answer(&places.map(|_| ()));
        let Ok((one, other)) = places else { return false };
        if one != other {
            self.0.swap(one, other);
            step.changed(VecChange::Swapped { one, other });
        }
        true
    }

    /// Answers a place, and goes on with it.
    fn at<R: Serialize>(
        &mut self,
        place: Result<usize, OutOfRange>,
        step: In<'_, '_, T>,
        go_on: impl FnOnce(&mut Self, usize, In<'_, '_, T>) -> R,
    ) -> bool {
        let done = place.map(|at| go_on(self, at, step));
        step.answer(&done);
        done.is_ok()
    }
}

impl<T: Value> Container for Vec<T> {
    const KIND: &'static str = "Vec";
    type Operation = VecOperation<T>;
    type Change = VecChange<T>;

    fn answers_many(operation: &Self::Operation) -> bool {
        matches!(operation, VecOperation::RemoveRange { .. })
    }

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        match operation {
            VecOperation::Push { value } => {
                let at = self.len();
                self.put(at, value, step);
                step.count(at)
            }
            VecOperation::PushFront { value } => {
                self.put(0, value, step);
                step.answer(&());
                true
            }
            VecOperation::Pop => {
                let popped = self.len().checked_sub(1).map(|at| self.take(at, step));
                step.answer(&popped);
                true
            }
            VecOperation::PopFront => {
                let popped = (!self.is_empty()).then(|| self.take(0, step));
                step.answer(&popped);
                true
            }
            VecOperation::Insert { at, value } => {
                self.at(self.place(at, true), step, |this, at, step| this.put(at, value, step))
            }
            VecOperation::Set { at, value } => {
                self.at(self.place(at, false), step, |this, at, step| this.replace(at, value, step))
            }
            VecOperation::Remove { at } => self.at(self.place(at, false), step, Self::take),
            VecOperation::CompareExchange { at, old, new } => self.compare_exchange(at, &old, new, step),
            VecOperation::Swap { one, other } => self.swap(one, other, step),
            VecOperation::Truncate { length } => {
                self.truncate(usize::try_from(length).unwrap_or(usize::MAX), step)
            }
            VecOperation::Extend { values } => {
                let count = values.len();
                for value in values {
                    self.put(self.len(), value, step);
                }
                step.count(count)
            }
            VecOperation::Clear => self.truncate(0, step),
            VecOperation::Expect { at, value } => {
                let there = self.place(at, false).ok().and_then(|at| self.0.get(at));
                step.took_place(there.is_some_and(|there| same(there, &value)))
            }
            VecOperation::ExpectLen { length } => step.took_place(self.len() as u64 == length),
            VecOperation::RemoveRange { from, to } => self.remove_range(from, to, step),
        }
    }
}

impl<T> Default for Vec<T> {
    fn default() -> Self {
        Self(Vector::new())
    }
}

impl<T: Clone> Clone for Vec<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> IntoIterator for Vec<T> {
    type Item = T;
    type IntoIter = imbl::vector::ConsumingIter<T, imbl::shared_ptr::DefaultSharedPtr>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Value> PartialEq for Vec<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(one, other)| same(one, other))
    }
}

impl<T: fmt::Debug> fmt::Debug for Vec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Value> Serialize for Vec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sequence(self.0.clone()).serialize(serializer)
    }
}

impl<'de, T: Value> Deserialize<'de> for Vec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Sequence::deserialize(deserializer).map(|Sequence(values)| Self(values))
    }
}

impl<T: Value> Schema for Vec<T> {
    fn shape(seen: &mut Seen) -> Shape {
        labelled("Vec", 2, vec![Shape::Seq(Box::new(T::shape(seen)))])
    }
}
