//! The segment log: items are encoded once, in place, into 64 KiB segments of shared memory.
//!
//! The log knows nothing of subscribers. It appends, hands out shared runs, and forgets what it is told to forget.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
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
    /// Written bytes that are not yet shared; its spare capacity is the room. It is never grown.
    open: BytesMut,
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
        let mut pieces = Vec::new();
        let mut at = self.open.len();
        let mut framed = frame(&mut self.open, item, max_item, &mut pieces);
        if matches!(framed, Err(EncodeError::TooLarge { .. })) {
            let body = codec::encoded_size(item)?;
            if body > max_item {
                return Err(EncodeError::TooLarge { limit: max_item });
            }
            self.seal();
            at = 0;
            if self.open.capacity() <= REST {
                self.close();
                self.open = BytesMut::with_capacity(SEGMENT);
                self.room = SEGMENT;
                framed = frame(&mut self.open, item, max_item, &mut pieces);
            }
            if matches!(framed, Err(EncodeError::TooLarge { .. })) {
                return self.append_alone(item, body.saturating_add(FRAME_HEAD), max_item);
            }
        }
        let size = framed?;
        if pieces.is_empty() {
            self.end = self.end.after(size);
            return Ok(size);
        }
        let written = self.open.split_off(at);
        self.seal();
        self.open = written;
        let written = self.open.split().freeze();
        self.push(size, written, pieces);
        Ok(size)
    }

    /// Appends an item in memory of its own. Everything before it is sealed.
    fn append_alone<T: Serialize + ?Sized>(
        &mut self,
        item: &T,
        size: usize,
        max_item: usize,
    ) -> Result<usize, EncodeError> {
        let (mut own, mut pieces) = (BytesMut::with_capacity(size), Vec::new());
        let size = frame(&mut own, item, max_item, &mut pieces)?;
        self.push(size, own.freeze(), pieces);
        self.uses(size);
        Ok(size)
    }

    /// Appends a frame with `pieces` of somebody's memory in between. Everything before it is sealed.
    fn push(&mut self, size: usize, written: Bytes, pieces: Vec<(usize, Bytes)>) {
        let (mut done, mut more) = (0, Vec::with_capacity(2 * pieces.len()));
        let shared = pieces.iter().map(|(_, piece)| piece.len()).sum();
        // Where they belong is counted from where the frame begins.
        for (before, piece) in pieces {
            more.extend([written.slice(done..before), piece]);
            done = before;
        }
        more.push(written.slice(done..));
        more.retain(|piece| !piece.is_empty());
        let bytes = more.remove(0);
        let end = self.end.after(size);
        self.sealed.push(Chunk { first: self.end, end, bytes, more });
        (self.from, self.end) = (end, end);
        if shared > 0 {
            self.uses(shared);
        }
    }

    /// Items up to here lie in so much memory more.
    fn uses(&mut self, size: usize) {
        self.used.push_back((self.end.byte, size));
        self.used_bytes += size as u64;
    }

    /// The open segment takes no more items.
    fn close(&mut self) {
        if self.room > 0 {
            self.uses(self.room);
            self.room = 0;
        }
    }

    /// Makes what was written shareable; the rest of the segment stays open.
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let bytes = self.open.split().freeze();
            self.sealed.push(Chunk::of(self.from, self.end, bytes));
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
        frame_size(&self.open, at).map_or(self.end, |size| from.after(size))
    }

    /// Forgets runs of which every item is below `seq`. What was never shared is written over.
    pub fn forget_below(&mut self, seq: u64) {
        self.sealed.forget_below(seq);
        if self.end.seq <= seq {
            self.open.clear();
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

/// Writes one frame to the end of `room`, which is never grown; says how long it is. Of `pieces` each has the length of the frame
/// at which it belongs. On an error nothing is written.
fn frame<T: Serialize + ?Sized>(
    room: &mut BytesMut,
    item: &T,
    max_item: usize,
    pieces: &mut Vec<(usize, Bytes)>,
) -> Result<usize, EncodeError> {
    let at = room.len();
    if room.capacity() - at < FRAME_HEAD {
        return Err(EncodeError::TooLarge { limit: 0 });
    }
    let mut writing = Writing { room, keep: at };
    writing.room.extend_from_slice(&[0; FRAME_HEAD]);
    let body = codec::encode_onto(item, writing.room, max_item.min(u32::MAX as usize), pieces)?;
    writing.room[at..at + FRAME_HEAD].copy_from_slice(&(body as u32).to_le_bytes());
    writing.keep = writing.room.len();
    pieces.iter_mut().for_each(|(before, _)| *before -= at);
    Ok(body + FRAME_HEAD)
}

/// A frame that is being written: unless it was finished, nothing of it stays, also when the item's own code panics.
struct Writing<'a> {
    room: &'a mut BytesMut,
    keep: usize,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.room.truncate(self.keep);
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
    fn h15_an_item_that_panics_while_it_is_written_leaves_nothing_behind() {
        struct Touchy;
        impl Serialize for Touchy {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut parts = to.serialize_tuple(2)?;
                serde::ser::SerializeTuple::serialize_element(&mut parts, &7u32)?;
                panic!("on purpose")
            }
        }
        let mut log = filled(3);
        let before = log.end();
        let append = std::panic::AssertUnwindSafe(|| log.append(&Touchy, 1024));
        assert!(std::panic::catch_unwind(append).is_err());
        assert_eq!(log.end(), before);
        assert!(log.append(&(3u32, [7u8; 16]), 1024).is_ok());
        let first = log.first();
        assert_eq!(bodies(&log.run(first, usize::MAX, false)), [0, 1, 2, 3]);
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
    fn a_large_shared_field_is_sent_from_where_it_is() {
        #[derive(Serialize)]
        struct Parcel(u32, #[serde(with = "codec::shared")] Bytes, u8);
        let mut log = filled(3);
        let before = log.memory();
        let data = Bytes::from(vec![1; codec::shared::SHARED_FROM]);
        for n in 3..6 {
            let size = log.append(&Parcel(n, data.clone(), 9), 40_000).expect("fits");
            assert_eq!(size, FRAME_HEAD + 1 + 3 + data.len() + 1);
            log.append(&(n + 100, [7u8; 16]), 1024).expect("fits");
        }
        assert_eq!(log.memory(), before + 3 * data.len() as u64, "counted, and nothing set aside for it");
        let first = log.first();
        let run = log.run(first, usize::MAX, false);
        assert_eq!((run.count(), run.end), (9, log.end()));
        let pieces = || run.chunks.iter().flat_map(|chunk| chunk.clone().into_pieces());
        assert_eq!(pieces().filter(|piece| piece.as_ptr() == data.as_ptr()).count(), 3, "shared, not copied");
        let whole: Vec<u8> = pieces().flatten().collect();
        assert_eq!(whole.len(), run.len());
        let by_copy: Vec<u8> = run.chunks.iter().flat_map(|chunk| chunk.clone().whole()).collect();
        assert_eq!(by_copy, whole);
        let (mut at, mut place) = (0, first);
        while let Some(size) = frame_size(&whole, at) {
            assert_eq!(log.find(place.seq), place);
            (at, place) = (at + size, place.after(size));
            let before = log.find(place.seq - 1);
            assert_eq!(log.step(before), place);
        }
        assert_eq!((at, place), (whole.len(), log.end()));
        let second = log.find(3);
        assert!(log.run(second, 10_000, false).is_empty());
        assert_eq!(log.run(second, 10_000, true).count(), 1);
        assert_eq!(log.run(first, 10_000, true).count(), 3);
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
