//! What can be asked of a value that is set once, and what sets it.

use super::{View, operations::operations};
use crate::{
    collections::{
        core::{Once, OnceOperation as Op, Value},
        feed::Change,
    },
    groups::ReadError,
};

impl<T: Value> View<Once<T>> {
    /// The value, once it is set.
    pub fn get(&self) -> Option<T> {
        self.with(|once| once.get().cloned())
    }

    /// The value, if it was set and acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn get_strong(&self) -> Result<Option<T>, ReadError> {
        Ok(self.strong().await?.get().cloned())
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.with(Once::is_set)
    }

    /// Waits for the value; `None` if the node stops before it is set. Cancel-safe.
    pub async fn wait(&self) -> Option<T> {
        let mut changes = self.changes();
        loop {
            let value = match changes.next().await? {
                Change::Snapshot(once) => once.get().cloned(),
                Change::Changed { .. } => self.get(),
            };
            if value.is_some() {
                return value;
            }
        }
    }
}

operations! { [T: Value] Once<T>;
    /// Sets the value, if nobody has: `Ok`. Whoever comes later learns what was set before: `Err`.
    fn set(value: T) -> Result<(), T> = Op::Set { value };
    /// Changes nothing, and says whether this is the value. A condition of a transaction.
    fn expect(value: Option<&T>) -> bool = Op::Expect { value: value.cloned() };
}
