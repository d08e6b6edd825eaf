//! The segment log: items are encoded once, in place, into 64 KiB segments of shared memory.
//!
//! The log knows nothing of subscribers. It appends, hands out shared runs, and forgets what it is told to forget.

use std::collections::VecDeque;

use bytes::BytesMut;
use serde::Serialize;

use super::chunks::{Chunk, Chunks, FRAME_HEAD, Position, Run, frame_size};
use crate::primitives::codec::{self, EncodeError};

/// The size of a segment; a larger item has a segment of its own.
pub const SEGMENT: usize = 64 * 1024;

/// The most of a segment that may be left unused: a larger item that does not fit into the rest has memory of its own.
const REST: usize = SEGMENT / 16;

/// The most memory that items of `bytes` bytes lie in, when what is forgotten of the oldest segment and the rest of the open one are
/// counted too.
pub const fn memory_of(bytes: usize) -> usize {
    bytes + bytes / 15 + 2 * SEGMENT
}

/// An endless log of items, of which the newest part is held.
#[derive(Debug, Default)]
pub struct Log {
    sealed: Chunks,
    /// Written bytes that are not yet shared, then zeroed room.
    open: BytesMut,
    /// How much of `open` is written.
    written: usize,
    /// The size of the segment that `open` is the rest of.
    room: usize,
    /// Closed pieces of memory that held items may lie in, oldest first: where their items end, and their size.
    used: VecDeque<(u64, usize)>,
    /// The sum of their sizes.
    used_bytes: u64,
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
                let size = body.saturating_add(FRAME_HEAD);
                self.seal();
                if size > SEGMENT || self.open.len() > REST {
                    return self.append_alone(item, size, max_item);
                }
                self.close();
                self.open = BytesMut::zeroed(SEGMENT);
                self.room = SEGMENT;
                self.encode(item, max_item)?
            }
            encoded => encoded?,
        };
        self.written += size;
        self.end = self.end.after(size);
        Ok(size)
    }

    /// Appends an item in memory of its own. Everything before it is sealed.
    fn append_alone<T: Serialize + ?Sized>(
        &mut self,
        item: &T,
        size: usize,
        max_item: usize,
    ) -> Result<usize, EncodeError> {
        let mut own = BytesMut::zeroed(size);
        let size = frame(&mut own, item, max_item)?;
        let end = self.end.after(size);
        self.sealed.push(Chunk { first: self.end, end, bytes: own.split_to(size).freeze() });
        (self.from, self.end) = (end, end);
        self.used.push_back((end.byte, size));
        self.used_bytes += size as u64;
        Ok(size)
    }

    /// The open segment takes no more items.
    fn close(&mut self) {
        if self.room > 0 {
            self.used.push_back((self.end.byte, self.room));
            self.used_bytes += self.room as u64;
            self.room = 0;
        }
    }

    fn encode<T: Serialize + ?Sized>(&mut self, item: &T, max_item: usize) -> Result<usize, EncodeError> {
        frame(self.open.get_mut(self.written..).unwrap_or_default(), item, max_item)
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
        self.release();
    }

    /// Forgets the oldest run if every item in it is below `seq`; says whether it did.
    pub fn forget_oldest_below(&mut self, seq: u64) -> bool {
        let forgot = self.sealed.forget_oldest_below(seq);
        if forgot {
            self.release();
        }
        forgot
    }

    /// Counts out memory that no held item lies in.
    fn release(&mut self) {
        let first = self.first().byte;
        while let Some((_, size)) = self.used.pop_front_if(|(end, _)| *end <= first) {
            self.used_bytes -= size as u64;
        }
    }

    /// The bytes of all held items.
    pub fn held(&self) -> u64 {
        self.end.byte - self.first().byte
    }

    /// The memory that they lie in: whole segments.
    pub fn memory(&self) -> u64 {
        self.used_bytes + self.room as u64
    }
}

/// Writes one frame to the beginning of `room`; says how long it is.
fn frame<T: Serialize + ?Sized>(room: &mut [u8], item: &T, max_item: usize) -> Result<usize, EncodeError> {
    let Some((head, body)) = room.split_at_mut_checked(FRAME_HEAD) else {
        return Err(EncodeError::TooLarge { limit: 0 });
    };
    let limit = body.len().min(max_item);
    let written = codec::encode_to_slice(item, &mut body[..limit])?;
    let length = u32::try_from(written).map_err(|_| EncodeError::TooLarge { limit: max_item })?;
    head.copy_from_slice(&length.to_le_bytes());
    Ok(written + FRAME_HEAD)
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
    fn little_memory_is_wasted_whatever_the_size_of_the_items() {
        for size in [10, SEGMENT / 16 + 1, SEGMENT / 3, SEGMENT / 2 + 1, SEGMENT - 1, SEGMENT + 1] {
            let (mut log, text) = (Log::starting_at(0), "x".repeat(size));
            for n in 0..4_000_000 / size as u64 {
                assert!(log.append(&text, 2 * SEGMENT).is_ok());
                if log.held() > 2_000_000 {
                    let first = log.first().seq;
                    log.run(log.first(), 0, false);
                    log.forget_oldest_below(first + 1_000_000);
                }
                let (held, memory) = (log.held() as usize, log.memory() as usize);
                assert!(held <= memory && memory <= memory_of(held), "{n} of {size}: {held} in {memory}");
            }
            log.forget_below(u64::MAX);
            assert!(log.memory() <= SEGMENT as u64, "{size}: {} for nothing", log.memory());
        }
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
