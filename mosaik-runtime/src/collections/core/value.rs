//! What may be in a container.

use serde::{Serialize, de::DeserializeOwned};

use crate::primitives::{Schema, codec};

/// A value in a collection: it travels, and can be copied.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a collection",
    label = "it has no wire form, or cannot be cloned",
    note = "if `{Self}` is yours, put `#[mosaik::data]` and `#[derive(Clone)]` on it"
)]
pub trait Value: Serialize + DeserializeOwned + Schema + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Schema + Clone + Send + Sync + 'static> Value for T {}

/// A key of a collection: a value with an order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "two nodes may disagree about the order of two of these",
    note = "keys are integers, strings, ids, and types of yours with `#[mosaik::data]` that derive `Clone`, `PartialEq`, `Eq`, `PartialOrd` and `Ord`",
    note = "for money or measurements, count in a small unit: `u64` cents"
)]
pub trait Key: Value + Ord {}

#[diagnostic::do_not_recommend]
impl<T: Value + Ord> Key for T {}

/// Whether a key can be found again. Of an `Ord` that contradicts itself this is what goes wrong most often: a float that is no number is
/// less than itself, or behind itself.
pub(super) fn equals_itself<K: Ord>(key: &K) -> bool {
    key.cmp(key).is_eq()
}

/// Whether two values are the same for all members: their bytes are. So a number that is no number equals itself, and no type needs
/// `PartialEq`.
pub(super) fn same<T: Serialize>(one: &T, other: &T) -> bool {
    match (codec::encode(one), codec::encode(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// [`same`] for what may be absent.
pub(super) fn same_or_absent<T: Serialize>(one: Option<&T>, other: Option<&T>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (None, None) => true,
        _ => false,
    }
}
