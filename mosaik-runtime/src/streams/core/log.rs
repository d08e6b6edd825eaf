//! The segment log: items are encoded once, in place, into 64 KiB segments of shared memory.
//!
//! The log knows nothing of subscribers. It appends, hands out shared runs, and forgets what it is told to forget.

use bytes::BytesMut;
use serde::Serialize;

use super::chunks::{Chunk, Chunks, FRAME_HEAD, Position, Run, frame_size};
use crate::primitives::codec::{self, EncodeError};

/// The size of a segment; a larger item has a segment of its own.
pub const SEGMENT: usize = 64 * 1024;

/// An endless log of items, of which the newest part is held.
#[derive(Debug, Default)]
pub struct Log {
    sealed: Chunks,
    /// Written bytes that are not yet shared, then zeroed room.
    open: BytesMut,
    /// How much of `open` is written.
    written: usize,
    /// Where `open` begins.
    from: Position,
    /// Where the next item goes.
    end: Position,
}

impl Log {
    /// A log whose first item has the number `seq`.
    pub fn starting_at(seq: u64) -> Self {
        let start = Position { seq, byte: 0 };
        Self { from: start, end: start, ..Self::default() }
    }

    /// Where the next item goes.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Where the oldest held item is; equal to `end` when none is held.
    pub fn first(&self) -> Position {
        self.sealed.first().unwrap_or(self.from)
    }

    /// Appends one item; returns its frame's size. On an error the log is as before.
    pub fn append<T: Serialize + ?Sized>(&mut self, item: &T, max_item: usize) -> Result<usize, EncodeError> {
        let size = match self.encode(item, max_item) {
            Err(EncodeError::TooLarge { .. }) => {
                let body = codec::encoded_size(item)?;
                if body > max_item {
                    return Err(EncodeError::TooLarge { limit: max_item });
                }
                self.seal();
                self.open = BytesMut::zeroed(SEGMENT.max(body.saturating_add(FRAME_HEAD)));
                self.encode(item, max_item)?
            }
            encoded => encoded?,
        };
        self.written += size;
        self.end = self.end.after(size);
        Ok(size)
    }

    fn encode<T: Serialize + ?Sized>(&mut self, item: &T, max_item: usize) -> Result<usize, EncodeError> {
        let room = self.open.get_mut(self.written..).unwrap_or_default();
        let Some((head, body)) = room.split_at_mut_checked(FRAME_HEAD) else {
            return Err(EncodeError::TooLarge { limit: 0 });
        };
        let limit = body.len().min(max_item);
        let written = codec::encode_to_slice(item, &mut body[..limit])?;
        let length = u32::try_from(written).map_err(|_| EncodeError::TooLarge { limit: max_item })?;
        head.copy_from_slice(&length.to_le_bytes());
        Ok(written + FRAME_HEAD)
    }

    /// Makes what was written shareable; the rest of the segment stays open.
    fn seal(&mut self) {
        if self.written > 0 {
            let bytes = self.open.split_to(self.written).freeze();
            self.sealed.push(Chunk { first: self.from, end: self.end, bytes });
            self.written = 0;
            self.from = self.end;
        }
    }

    /// Items from `from` on, whole frames, within `budget` bytes; at least one item when `force`.
    pub fn run(&mut self, from: Position, budget: usize, force: bool) -> Run {
        self.seal();
        self.sealed.run(from, budget, force)
    }

    /// Everything from `from` to the end, shared.
    pub fn since(&mut self, from: Position) -> Chunks {
        self.seal();
        self.sealed.since(from)
    }

    /// The position of item `seq`, or of the oldest held item if that one is forgotten, or the end.
    pub fn find(&mut self, seq: u64) -> Position {
        self.seal();
        let seq = seq.clamp(self.first().seq, self.end.seq);
        self.sealed.find(seq).unwrap_or(self.end)
    }

    /// The position after the item at `from`.
    pub fn step(&self, from: Position) -> Position {
        if from.byte < self.from.byte {
            return self.sealed.step(from).unwrap_or(self.from);
        }
        let at = (from.byte - self.from.byte) as usize;
        let written = self.open.get(..self.written).unwrap_or_default();
        frame_size(written, at).map_or(self.end, |size| from.after(size))
    }

    /// Forgets runs of which every item is below `seq`. What was never shared is written over.
    pub fn forget_below(&mut self, seq: u64) {
        self.sealed.forget_below(seq);
        if self.end.seq <= seq {
            self.written = 0;
            self.from = self.end;
        }
    }

    /// Forgets the oldest run if every item in it is below `seq`; says whether it did.
    pub fn forget_oldest_below(&mut self, seq: u64) -> bool {
        self.sealed.forget_oldest_below(seq)
    }

    /// The bytes of all held items.
    pub fn held(&self) -> u64 {
        self.end.byte - self.first().byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(items: u32) -> Log {
        let mut log = Log::starting_at(0);
        for n in 0..items {
            assert!(log.append(&(n, [7u8; 16]), 1024).is_ok());
        }
        log
    }

    fn bodies(run: &Run) -> Vec<u32> {
        let mut found = Vec::new();
        for chunk in run.chunks.iter().map(|chunk| &chunk.bytes) {
            let mut at = 0;
            while let Some(size) = frame_size(chunk, at) {
                let (n, _): (u32, [u8; 16]) =
                    codec::decode(&chunk[at + FRAME_HEAD..at + size]).expect("an item");
                found.push(n);
                at += size;
            }
            assert_eq!(at, chunk.len(), "whole frames");
        }
        found
    }

    #[test]
    fn a_run_is_shared_and_within_its_budget() {
        let mut log = filled(10_000);
        let start = log.first();
        let run = log.run(start, 1000, false);
        assert!(run.len() <= 1000 && run.count() > 40);
        assert_eq!(bodies(&run), (0..run.count() as u32).collect::<Vec<_>>());
        let again = log.run(start, 1000, false);
        assert_eq!(again.chunks[0].bytes.as_ptr(), run.chunks[0].bytes.as_ptr(), "shared, not copied");
        let rest = log.run(run.end, usize::MAX, false);
        assert_eq!(bodies(&rest), (run.count() as u32..10_000).collect::<Vec<_>>());
        assert_eq!(rest.end, log.end());
    }

    #[test]
    fn a_large_item_has_a_segment_of_its_own_and_a_larger_one_is_refused() {
        let mut log = Log::starting_at(0);
        assert_eq!(log.append(&vec![1u8; 100_000], 200_000), Ok(100_000 + 3 + FRAME_HEAD));
        assert_eq!(log.append(&vec![1u8; 300_000], 200_000), Err(EncodeError::TooLarge { limit: 200_000 }));
        assert_eq!(log.end().seq, 1);
        let first = log.first();
        assert!(log.run(first, 10, false).is_empty());
        assert_eq!(log.run(first, 10, true).count(), 1);
    }

    #[test]
    fn positions_are_found_also_in_the_open_segment() {
        let mut log = filled(5000);
        let one = log.step(log.first());
        assert_eq!(one.seq, 1);
        assert_eq!(log.find(1), one);
        log.append(&(5000u32, [7u8; 16]), 1024).expect("fits");
        let last = log.find(5000);
        assert_eq!(log.step(last), log.end());
        log.forget_below(4999);
        assert!(log.first().seq > 1 && log.first().seq <= 4999);
        assert_eq!(log.find(0), log.first());
    }
}
