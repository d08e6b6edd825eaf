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
/// The largest handshake or acknowledgement frame: admission's question carries a shape of up to 16 KiB.
pub const MAX_FRAME: usize = 32 * 1024;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::primitives::{codec, ids::hex};

    fn frames(sizes: &[usize]) -> Vec<u8> {
        let frame = |size: &usize| [&(*size as u32).to_le_bytes()[..], &vec![7; *size]].concat();
        sizes.iter().flat_map(frame).collect()
    }

    fn pieces(bytes: &[u8], at_once: usize, max_item: usize) -> Result<Vec<Piece>, Malformed> {
        let (mut blocks, mut buffer, mut pieces) = (Blocks::new(max_item), BytesMut::new(), Vec::new());
        for part in bytes.chunks(at_once) {
            buffer.extend_from_slice(part);
            while let Some(piece) = blocks.next_piece(&mut buffer)? {
                pieces.push(piece);
            }
        }
        Ok(pieces)
    }

    #[test]
    fn the_frames_have_golden_bytes() {
        let of = |bytes: Result<Vec<u8>, codec::EncodeError>| hex(&bytes.expect("encodes"));
        let subscribe =
            Subscribe::V1 { had: Some((BootId(5), 300)), extensions: vec![(1, Bytes::from_static(b"x"))] };
        assert_eq!(of(codec::encode(&subscribe)), "000105ac0201010178");
        let terms = Terms {
            epoch: BootId(5),
            next: 300,
            max_item: 1 << 20,
            buffer: 1024,
            buffer_bytes: 8 << 20,
            replay: 0,
            overflow: overflow_code(Overflow::Block),
            patience_ms: 30_000,
            resume_ms: 10_000,
            extensions: Vec::new(),
        };
        assert_eq!(of(codec::encode(&Subscribed::V1(terms))), "0005ac028080408008808080040003b0ea01904e00");
        assert_eq!(of(codec::encode(&Subscribed::Full { limit: 4 })), "0104");
        assert_eq!(of(codec::encode(&Subscribed::Ended)), "02");
        assert_eq!(of(codec::encode(&Ack::V1 { read: 300, received: 7, consumed: 5 })), "00ac020705");
    }

    #[test]
    fn the_blocks_have_golden_bytes() {
        let zeros = "0".repeat(14);
        assert_eq!(hex(&run_head(16, 3, 2)), format!("01000000100000000300000000000000{:0<16}", "02"));
        assert_eq!(
            hex(&gap(3, 2)),
            format!("0200000000000000{}{}", format_args!("03{zeros}"), format_args!("02{zeros}"))
        );
        assert_eq!(
            hex(&end(End::TooSlow)),
            format!("0300000000000000{}{}", "0".repeat(16), format_args!("03{zeros}"))
        );
    }

    #[test]
    fn h2_an_item_over_the_limit_is_refused_by_its_length_alone() {
        let mut bytes = run_head(1 << 30, 0, 1).to_vec();
        bytes.extend_from_slice(&((1u32 << 30) - 4).to_le_bytes());
        let limit = Malformed::TooLarge { size: (1 << 30) - 4, limit: 100 };
        assert_eq!(pieces(&bytes, 7, 100), Err(limit));
    }

    #[test]
    fn runs_that_do_not_add_up_are_refused() {
        let bytes =
            |len: usize, count: u64, sizes: &[usize]| [&run_head(len, 0, count)[..], &frames(sizes)].concat();
        for bad in [bytes(14, 1, &[5, 1]), bytes(14, 3, &[5, 1]), bytes(12, 2, &[5, 1]), bytes(0, 0, &[])] {
            assert_eq!(pieces(&bad, 100, 100), Err(Malformed::Uneven));
        }
        let overflow = [&run_head(5, u64::MAX, 1)[..], &frames(&[1])].concat();
        assert_eq!(pieces(&overflow, 100, 100), Err(Malformed::Numbers));
        assert_eq!(pieces(&head(77, 0, 0, 0), 100, 100), Err(Malformed::Kind(77)));
    }

    #[test]
    fn later_kinds_of_blocks_are_skipped() {
        let bytes = [&head(200, 3, 9, 9)[..], b"abc", &gap(1, 2), &end(End::Stopping)].concat();
        let expected = vec![Piece::Gap { first: 1, count: 2 }, Piece::End(End::Stopping)];
        assert_eq!(pieces(&bytes, 1, 100), Ok(expected));
    }

    proptest! {
        #[test]
        fn blocks_are_read_however_their_bytes_arrive(
            runs in prop::collection::vec(prop::collection::vec(0..300usize, 1..20), 1..10),
            at_once in 1..2000usize,
        ) {
            let (mut bytes, mut next) = (Vec::new(), 0);
            for sizes in &runs {
                let frames = frames(sizes);
                bytes.extend_from_slice(&run_head(frames.len(), next, sizes.len() as u64));
                bytes.extend_from_slice(&frames);
                next += sizes.len() as u64;
            }
            let (mut expected, mut read) = (0, 0);
            for piece in pieces(&bytes, at_once, 300).expect("well-formed") {
                let Piece::Items { first, count, bytes } = piece else { panic!("only items") };
                prop_assert_eq!(first, expected);
                (expected, read) = (expected + count, read + bytes.len());
            }
            prop_assert_eq!((expected, read), (next, bytes.len() - HEAD * runs.len()));
        }

        #[test]
        fn h1_garbage_is_an_error_and_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..500), at_once in 1..100usize) {
            let _ = pieces(&bytes, at_once, 100);
            let _ = pieces(&[&run_head(bytes.len(), 0, 3)[..], &bytes].concat(), at_once, 100);
        }
    }
}
