//! One value, or none.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Container, Step, Value,
    container::labelled,
    number,
    value::{same, same_or_absent},
};
use crate::primitives::schema::{Schema, Seen, Shape};

/// One value, or none.
#[derive(Debug, Clone)]
pub struct Cell<T>(Option<T>);

/// What changes a [`Cell`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum CellOperation<T> {
    Write { value: T },
    CompareExchange { old: Option<T>, new: Option<T> },
    Increment { by: i128 },
    Clear,
    Expect { value: Option<T> },
}

/// What changed in a [`Cell`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellChange<T> {
    /// There is a new value.
    Written {
        /// The value.
        value: T,
        /// The value before, if there was one.
        old: Option<T>,
    },
    /// The value is gone.
    Cleared {
        /// The value before.
        old: T,
    },
}

impl<T> Cell<T> {
    /// The value.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: Value> Cell<T> {
    fn put(&mut self, value: Option<T>, step: &mut Step<'_, CellChange<T>>) -> Option<T> {
        let old = std::mem::replace(&mut self.0, value.clone());
        match (value, old.clone()) {
            (Some(value), old) => step.changed(CellChange::Written { value, old }),
            (None, Some(old)) => step.changed(CellChange::Cleared { old }),
            (None, None) => {}
        }
        old
    }
}

impl<T: Value> Container for Cell<T> {
    const KIND: &'static str = "Cell";
    type Operation = CellOperation<T>;
    type Change = CellChange<T>;

    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        match operation {
            CellOperation::Write { value } => {
                let old = self.put(Some(value), step);
                step.answer(&old);
                true
            }
            CellOperation::CompareExchange { old, new } => {
                let holds = same_or_absent(self.0.as_ref(), old.as_ref());
                if holds {
                    self.put(new, step);
                }
                step.took_place(holds)
            }
            CellOperation::Increment { by } => {
                let sum = number::add(self.0.as_ref(), by);
                step.answer(&sum);
                let Ok(sum) = sum else { return false };
                self.put(Some(sum), step);
                true
            }
            CellOperation::Clear => {
                let old = self.put(None, step);
                step.answer(&old);
                true
            }
            CellOperation::Expect { value } => {
                step.took_place(same_or_absent(self.0.as_ref(), value.as_ref()))
            }
        }
    }
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Value> PartialEq for Cell<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl<T: Value> Serialize for Cell<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Value> Deserialize<'de> for Cell<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

impl<T: Value> Schema for Cell<T> {
    fn shape(seen: &mut Seen) -> Shape {
        labelled("Cell", 1, vec![Shape::Option(Box::new(T::shape(seen)))])
    }
}
