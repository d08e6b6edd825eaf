//! Numbers that a collection can add to, so that many nodes may count without reading first.

use std::any::Any;

use super::Value;

/// An integer, which `increment` can add to. `usize` and `isize` are none: what fits into them differs between machines.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an integer of one size on all machines, so nothing can be added to it",
    label = "not `u8` to `u128` or `i8` to `i128`",
    note = "use `u64` for a `usize`, `i64` for an `isize`, and `compare_exchange` for values that are no integers"
)]
pub trait Number: Value + Copy + private::Sealed {}

mod private {
    /// No other types.
    pub trait Sealed {}
}

/// A number was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum AddError {
    /// The sum does not fit.
    #[error("the sum does not fit into the number's type, so the number was left as it was")]
    Overflow,
    /// The value is no integer.
    #[error("the value is not an integer, so nothing can be added to it")]
    NotANumber,
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Number for $type {} impl private::Sealed for $type {})*

        /// Adds to a number of any of these types; to zero if there is none.
        pub(super) fn add<V: Value>(value: Option<&V>, by: i128) -> Result<V, AddError> {
            let mut sum: Option<V> = None;
            let value = value.map(|value| value as &dyn Any);
            $(if let Some(sum) = (&mut sum as &mut dyn Any).downcast_mut::<Option<$type>>() {
                let value: $type = value.and_then(|value| value.downcast_ref()).copied().unwrap_or_default();
                *sum = Some(checked(value, by).ok_or(AddError::Overflow)?);
            })*
            sum.ok_or(AddError::NotANumber)
        }
    };
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

/// The sum, if it fits. Beyond the range of `i128` only a `u128` can be.
fn checked<T: TryInto<i128> + TryInto<u128> + TryFrom<i128> + TryFrom<u128> + Copy>(
    value: T,
    by: i128,
) -> Option<T> {
    let small: Option<i128> = value.try_into().ok();
    match small.and_then(|value| value.checked_add(by)) {
        Some(sum) => T::try_from(sum).ok(),
        None => {
            let large: u128 = value.try_into().ok()?;
            T::try_from(large.checked_add_signed(by)?).ok()
        }
    }
}
