//! What can be asked of a cell, and what changes it.

use super::{View, operations::operations};
use crate::{
    collections::core::{AddError, Cell, CellOperation as Op, Number, Value},
    groups::ReadError,
};

impl<T: Value> View<Cell<T>> {
    /// The value.
    pub fn get(&self) -> Option<T> {
        self.with(|cell| cell.get().cloned())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.with(Cell::is_empty)
    }

    /// The value, after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn get_strong(&self) -> Result<Option<T>, ReadError> {
        Ok(self.strong().await?.get().cloned())
    }
}

operations! { [T: Value] Cell<T>;
    /// Writes a value. Answers the one before.
    fn write(value: T) -> Option<T> = Op::Write { value };
    /// Exchanges the value if it is `old`; `None` means that there is none. Says whether it did. Values are compared by their bytes.
    fn compare_exchange(old: Option<&T>, new: Option<&T>) -> bool =
        Op::CompareExchange { old: old.cloned(), new: new.cloned() };
    /// Adds to a number; no value counts as zero. Answers the sum.
    fn increment(by: i128) -> T, fails AddError [where T: Number] = Op::Increment { by };
    /// Removes the value and answers it.
    fn clear() -> Option<T> = Op::Clear;
    /// Changes nothing, and says whether this is the value. A condition of a transaction.
    fn expect(value: Option<&T>) -> bool = Op::Expect { value: value.cloned() };
}
