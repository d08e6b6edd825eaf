//! A value that is set once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Container, Step, Value,
    container::labelled,
    value::{same, same_or_absent},
};
use crate::primitives::schema::{Schema, Seen, Shape};

/// A value that is set once, by whoever comes first, and never changes after that.
#[derive(Debug, Clone)]
pub struct Once<T>(Option<T>);

/// What changes a [`Once`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum OnceOperation<T> {
    Set { value: T },
    Expect { value: Option<T> },
}

/// What changed in a [`Once`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnceChange<T> {
    /// The value was set.
    Set(T),
}

impl<T> Once<T> {
    /// The value, once it is set.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

impl<T: Value> Container for Once<T> {
    const KIND: &'static str = "Once";
    type Operation = OnceOperation<T>;
    type Change = OnceChange<T>;

    /// `Set` answers the value that was there before, if there was one.
    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool {
        match operation {
            OnceOperation::Set { value } => {
                let won: Result<(), &T> = self.0.as_ref().map_or(Ok(()), Err);
                step.answer(&won);
                if self.0.is_some() {
                    return false;
                }
                self.0 = Some(value.clone());
                step.changed(OnceChange::Set(value));
                true
            }
            OnceOperation::Expect { value } => {
                step.took_place(same_or_absent(self.0.as_ref(), value.as_ref()))
            }
        }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Value> PartialEq for Once<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl<T: Value> Serialize for Once<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Value> Deserialize<'de> for Once<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

impl<T: Value> Schema for Once<T> {
    fn shape(seen: &mut Seen) -> Shape {
        labelled("Once", 1, vec![Shape::Option(Box::new(T::shape(seen)))])
    }
}
