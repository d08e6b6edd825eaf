//! What travels on a subscription.
//!
//! After admission's handshake the consumer sends one [`Subscribe`] frame and the producer one [`Subscribed`] frame. Then
//! the producer sends *blocks* as raw bytes: a head of 24 bytes, and for a run of items its frames (length and body). The
//! consumer sends [`Ack`] frames. Blocks carry the number of their first item only; the others follow from it.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::core::chunks::{FRAME_HEAD, frame_size};
use crate::{primitives::BootId, topology::Overflow};

/// The bytes of a block's head.
pub const HEAD: usize = 24;
/// The largest handshake or acknowledgement frame.
pub const MAX_FRAME: usize = 16 * 1024;
const RUN: u8 = 1;
const GAP: u8 = 2;
const END: u8 = 3;
/// Kinds from here on may be skipped by those who do not know them.
const SKIPPABLE: u8 = 128;

/// The consumer's node asks for the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subscribe {
    /// The first version.
    V1 {
        /// What the node has already: the epoch, and the number it expects next.
        had: Option<(BootId, u64)>,
        /// Room for what will come.
        extensions: Vec<(u16, Bytes)>,
    },
}

/// The producer's node answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subscribed {
    /// The subscription stands.
    V1(Terms),
    /// `max_consumers` is reached.
    Full {
        /// The limit.
        limit: u32,
    },
    /// The stream has ended here.
    Ended,
}

/// The producer's settings, which count on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The boot of the producer's node.
    pub epoch: BootId,
    /// The number with which the subscription begins.
    pub next: u64,
    /// The largest item, in bytes.
    pub max_item: u32,
    /// Items that a subscription may lag behind.
    pub buffer: u32,
    /// The same in bytes.
    pub buffer_bytes: u64,
    /// Items that a late joiner gets.
    pub replay: u32,
    /// What happens to slow subscribers: 0 disconnect, 1 drop_oldest, 2 drop_newest, 3 block.
    pub overflow: u8,
    /// How long `block` waits, in milliseconds.
    pub patience_ms: u64,
    /// How long a subscription survives a lost link, in milliseconds.
    pub resume_ms: u64,
    /// Room for what will come.
    pub extensions: Vec<(u16, Bytes)>,
}

/// The number of a policy.
pub const fn overflow_code(overflow: Overflow) -> u8 {
    match overflow {
        Overflow::Disconnect => 0,
        Overflow::DropOldest => 1,
        Overflow::DropNewest => 2,
        Overflow::Block => 3,
    }
}

/// The policy with this number; one that this version does not know acts as `disconnect`.
pub const fn overflow_of(code: u8) -> Overflow {
    match code {
        1 => Overflow::DropOldest,
        2 => Overflow::DropNewest,
        3 => Overflow::Block,
        _ => Overflow::Disconnect,
    }
}

/// The consumer's node says how far it is. All numbers only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ack {
    /// The first version.
    V1 {
        /// Raw bytes read on this link.
        read: u64,
        /// All items below this number have reached the node.
        received: u64,
        /// All items below this number were taken by its consumers.
        consumed: u64,
    },
}

/// Why the producer ends a subscription. The numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last producer on that node was dropped.
    Dropped,
    /// The node is stopping.
    Stopping,
    /// This subscriber was too slow.
    TooSlow,
    /// This subscriber held up the producer for too long.
    OutOfPatience,
    /// A reason that this version does not know.
    Other(u64),
}

impl End {
    /// The number of this reason.
    pub const fn code(self) -> u64 {
        match self {
            Self::Dropped => 1,
            Self::Stopping => 2,
            Self::TooSlow => 3,
            Self::OutOfPatience => 4,
            Self::Other(code) => code,
        }
    }

    /// The reason with this number.
    pub const fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Dropped,
            2 => Self::Stopping,
            3 => Self::TooSlow,
            4 => Self::OutOfPatience,
            code => Self::Other(code),
        }
    }
}

fn head(kind: u8, len: u32, first: u64, count: u64) -> Bytes {
    let mut head = [0; HEAD];
    head[0] = kind;
    head[4..8].copy_from_slice(&len.to_le_bytes());
    head[8..16].copy_from_slice(&first.to_le_bytes());
    head[16..24].copy_from_slice(&count.to_le_bytes());
    Bytes::copy_from_slice(&head)
}

/// The head of a run of `count` items in `len` bytes.
pub fn run_head(len: usize, first: u64, count: u64) -> Bytes {
    head(RUN, u32::try_from(len).unwrap_or(u32::MAX), first, count)
}

/// The block that tells of lost items.
pub fn gap(first: u64, count: u64) -> Bytes {
    head(GAP, 0, first, count)
}

/// The last block.
pub fn end(reason: End) -> Bytes {
    head(END, 0, 0, reason.code())
}

/// The bytes are not blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A kind of block that this version does not know and may not skip.
    #[error("a block of unknown kind {0}: the peer is newer")]
    Kind(u8),
    /// An item over the limit.
    #[error("an item of {size} bytes, over the agreed {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The agreed limit.
        limit: usize,
    },
    /// Lengths and counts that do not fit together.
    #[error("a run whose items do not fill it exactly")]
    Uneven,
    /// Numbers beyond what can be counted.
    #[error("item numbers overflow")]
    Numbers,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Whole frames, in order.
    Items {
        /// The number of the first.
        first: u64,
        /// How many.
        count: u64,
        /// The frames.
        bytes: Bytes,
    },
    /// Lost items.
    Gap {
        /// The number of the first.
        first: u64,
        /// How many.
        count: u64,
    },
    /// The subscription ends here.
    End(End),
}

/// Takes blocks apart as their bytes arrive. What is whole is handed on at once; nothing is allocated by a length that a
/// peer claims.
#[derive(Debug)]
pub struct Blocks {
    max_item: usize,
    /// Of the current run: bytes and items to come, and the number of the next.
    left: usize,
    items: u64,
    next: u64,
    skip: usize,
}

impl Blocks {
    /// A reader of blocks with items of at most `max_item` bytes.
    pub fn new(max_item: usize) -> Self {
        Self { max_item, left: 0, items: 0, next: 0, skip: 0 }
    }

    /// The next whole piece at the front of `buffer`; `None` when more bytes are needed.
    pub fn next_piece(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Malformed> {
        loop {
            if self.left > 0 {
                return self.items(buffer);
            }
            let skipped = self.skip.min(buffer.len());
            if skipped > 0 {
                let _ = buffer.split_to(skipped);
                self.skip -= skipped;
            }
            if self.skip > 0 || buffer.len() < HEAD {
                return Ok(None);
            }
            if let Some(piece) = self.open_block(buffer)? {
                return Ok(Some(piece));
            }
        }
    }

    fn open_block(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Malformed> {
        let head = buffer.split_to(HEAD);
        let number = |at: usize| -> u64 {
            let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let (kind, len) = (head[0], (number(0) >> 32) as usize);
        let (first, count) = (number(8), number(16));
        first.checked_add(count).filter(|_| kind != END || len == 0).ok_or(Malformed::Numbers)?;
        match kind {
            RUN if count == 0 || len < FRAME_HEAD => Err(Malformed::Uneven),
            RUN => {
                (self.left, self.items, self.next) = (len, count, first);
                Ok(None)
            }
            GAP if len == 0 && count > 0 => Ok(Some(Piece::Gap { first, count })),
            END => Ok(Some(Piece::End(End::from_code(count)))),
            kind if kind >= SKIPPABLE => {
                self.skip = len;
                Ok(None)
            }
            kind => Err(Malformed::Kind(kind)),
        }
    }

    fn items(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Malformed> {
        let (mut at, mut count) = (0, 0);
        let there = buffer.len().min(self.left);
        while let Some(size) = frame_size(&buffer[..there], at) {
            self.check(size)?;
            at += size;
            count += 1;
        }
        self.check_next(&buffer[at..there], at)?;
        if at == 0 {
            return Ok(None);
        }
        let first = self.next;
        self.left -= at;
        self.items = self.items.checked_sub(count).ok_or(Malformed::Uneven)?;
        self.next += count;
        if (self.left == 0) != (self.items == 0) {
            return Err(Malformed::Uneven);
        }
        Ok(Some(Piece::Items { first, count, bytes: buffer.split_to(at).freeze() }))
    }

    fn check(&self, size: usize) -> Result<(), Malformed> {
        let (size, limit) = (size - FRAME_HEAD, self.max_item);
        if size > limit { Err(Malformed::TooLarge { size, limit }) } else { Ok(()) }
    }

    /// An item that is not whole yet must be allowed, and must fit the run.
    fn check_next(&self, rest: &[u8], at: usize) -> Result<(), Malformed> {
        let Some(head) = rest.get(..FRAME_HEAD).and_then(|head| head.try_into().ok()) else {
            return if self.left - at > 0 && self.left - at < FRAME_HEAD {
                Err(Malformed::Uneven)
            } else {
                Ok(())
            };
        };
        let size = (u32::from_le_bytes(head) as usize).saturating_add(FRAME_HEAD);
        self.check(size)?;
        if size > self.left - at { Err(Malformed::Uneven) } else { Ok(()) }
    }
}
