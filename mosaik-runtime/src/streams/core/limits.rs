//! The limits of one stream on one node.

use std::time::Duration;

use crate::topology::Overflow;

/// How many bytes of one subscription may be handed to the transport before the peer says that it read them. It is more than the
/// transport's window of one stream, so that a subscription whose peer reads waits for that window alone: it opens without a
/// task of ours. What lies in QUIC at a time is bounded by that window.
pub const IN_FLIGHT: usize = 3 * 1024 * 1024;

/// So many bytes of a subscription count as handed over although its writer has not had its turn yet, while so much may be in
/// flight. Without it a producer of small items waits for the writer's turn at every `items`, and the two alternate in turns of a
/// few dozen kilobytes.
pub const AHEAD: usize = 128 * 1024;
/// A smaller `items` is a producer's wish to stay close to its subscribers, and counts to the item.
pub const AHEAD_FROM: usize = 512;

/// The read buffer of a busy subscription; an idle one begins with less. A consumer that keeps a large field of bytes keeps the
/// buffer that it was read into, so that this is four times the smallest field that is not copied.
pub const READ: usize = 128 * 1024;

/// The most memory that one read buffer takes: an item that is not whole yet, as much again that was handed on and is not free,
/// and room for more. A buffer that is grown is doubled.
pub const fn read_buffer_of(max_item: usize) -> usize {
    4 * (max_item + READ)
}

/// The most bytes of one batch of items: one that was not whole before, and what is read at a time.
pub const fn batch_of(max_item: u64) -> u64 {
    max_item + 2 * READ as u64
}

/// What the producers of a stream on one node have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Items that a subscription may lag behind.
    pub items: usize,
    /// Bytes that a subscription may lag behind, frame heads included.
    pub bytes: usize,
    /// The largest encoded item.
    pub max_item: usize,
    /// Items that a late joiner gets from the past.
    pub replay: usize,
    /// What happens when a subscriber is too slow.
    pub overflow: Overflow,
    /// How long `block` waits for one subscriber.
    pub patience: Duration,
    /// How long a subscription survives a lost link.
    pub resume: Duration,
    /// Subscriptions at a time.
    pub max_consumers: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            items: 1024,
            bytes: 8 << 20,
            max_item: 1 << 20,
            replay: 0,
            overflow: Overflow::Disconnect,
            patience: Duration::from_secs(30),
            resume: Duration::from_secs(10),
            max_consumers: None,
        }
    }
}

/// The largest `max_item` that can be set: 16 MiB.
pub const MAX_ITEM: usize = 16 << 20;
/// The longest `patience` and `resume`: one hour.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// A limit that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// `buffer = 0`.
    #[error("`buffer` is 0: a subscription needs room for at least one item")]
    NoBuffer,
    /// `max_item` is 0 or over [`MAX_ITEM`].
    #[error("`max_item` is {0} bytes: it must be between 1 byte and 16 MiB")]
    MaxItem(usize),
    /// The byte limit of the buffer is below `max_item`.
    #[error("`buffer_bytes` is {bytes}, less than `max_item` = {max_item}: the buffer must hold an item")]
    BytesBelowItem {
        /// The byte limit.
        bytes: usize,
        /// The item limit.
        max_item: usize,
    },
    /// `patience` or `resume` is over an hour.
    #[error("`{0}` is longer than an hour")]
    TooLong(&'static str),
    /// `max_consumers = 0`.
    #[error("`max_consumers` is 0: nobody could ever subscribe")]
    NoConsumers,
    /// `max_egress(0)`.
    #[error("`max_egress` is 0: nothing could ever be sent")]
    NoEgress,
}

impl Limits {
    /// Checks that the limits fit together.
    pub fn check(&self) -> Result<(), BadLimit> {
        if self.items == 0 {
            return Err(BadLimit::NoBuffer);
        }
        if self.max_item == 0 || self.max_item > MAX_ITEM {
            return Err(BadLimit::MaxItem(self.max_item));
        }
        if self.bytes < self.max_item {
            return Err(BadLimit::BytesBelowItem { bytes: self.bytes, max_item: self.max_item });
        }
        for (name, wait) in [("patience", self.patience), ("resume", self.resume)] {
            if wait > MAX_WAIT {
                return Err(BadLimit::TooLong(name));
            }
        }
        if self.max_consumers == Some(0) { Err(BadLimit::NoConsumers) } else { Ok(()) }
    }
}
