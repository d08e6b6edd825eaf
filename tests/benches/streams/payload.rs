//! The item that travels: `{ seq: u64, data: Bytes }`, padded so that its encoded size is exactly the case's.

use bytes::Bytes;
use mosaik_runtime::primitives::schema::{Schema, Seen, Shape};
use serde::{Deserialize, Serialize};

/// The item of every case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    /// A running number (throughput), or when it was sent (latency).
    pub(crate) seq: u64,
    /// Padding. `#[stream]` puts this attribute on every field of `Bytes`.
    #[serde(with = "mosaik_runtime::primitives::codec::shared")]
    pub(crate) data: Bytes,
}

impl Schema for Item {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Item", None, &[("seq", u64::shape), ("data", Bytes::shape)])
    }
}

/// Numbers from here on (until 2^63) all take nine bytes in postcard, so that items have one size.
pub(crate) const FIRST: u64 = 1 << 56;
const SEQ_BYTES: usize = 9;

/// The padding that makes an item with a `seq` from [`FIRST`] on take `size` bytes.
pub(crate) fn padding(size: usize) -> Bytes {
    let rest = size.saturating_sub(SEQ_BYTES);
    let length_bytes = match rest {
        0..=128 => 1,
        129..=16_385 => 2,
        _ => 3,
    };
    Bytes::from(vec![0x5a; rest.saturating_sub(length_bytes)])
}

/// Fails when an item does not take `size` bytes: the comparison would be of different things.
pub(crate) fn check(size: usize) -> crate::common::Fallible {
    let item = Item { seq: FIRST, data: padding(size) };
    let encoded = mosaik_runtime::primitives::codec::encode(&item)?.len();
    if encoded == size { Ok(()) } else { Err(format!("an item of {size} bytes takes {encoded}").into()) }
}
