//! Runs of encoded items as shared bytes.
//!
//! An item is a frame: its length (u32, little-endian) and its body. A chunk is a run of whole frames in one piece of
//! shared memory; [`Chunks`] is a contiguous sequence of them. Nothing here copies a frame.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// The bytes before each item's body: its length.
pub const FRAME_HEAD: usize = 4;

/// A place between two items: the number of the next item, and where its frame starts in the endless log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of the item that begins here.
    pub seq: u64,
    /// The bytes of all frames before it.
    pub byte: u64,
}

impl Position {
    /// The position after one more frame of `size` bytes, head included.
    pub fn after(self, size: usize) -> Self {
        Self { seq: self.seq.saturating_add(1), byte: self.byte.saturating_add(size as u64) }
    }
}

/// The size of the frame that starts at `at`, head included; `None` when it is not whole.
pub fn frame_size(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at.checked_add(FRAME_HEAD)?)?;
    let body = u32::from_le_bytes(head.try_into().ok()?) as usize;
    let size = body.checked_add(FRAME_HEAD)?;
    (at.checked_add(size)? <= bytes.len()).then_some(size)
}

/// Whole frames in one piece of memory, or one frame in several.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Where it begins.
    pub first: Position,
    /// Where it ends.
    pub end: Position,
    /// The frames, or the beginning of the frame.
    pub bytes: Bytes,
    /// The rest of a single frame.
    pub more: Vec<Bytes>,
}

impl Chunk {
    /// Whole frames in one piece.
    pub fn of(first: Position, end: Position, bytes: Bytes) -> Self {
        Self { first, end, bytes, more: Vec::new() }
    }

    /// Its memory, shared.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        std::iter::once(self.bytes).chain(self.more)
    }

    /// Its memory in one piece, which is a copy if it was not.
    pub fn whole(self) -> Bytes {
        if self.more.is_empty() {
            return self.bytes;
        }
        let mut whole = BytesMut::with_capacity(self.len());
        self.into_pieces().for_each(|piece| whole.extend_from_slice(&piece));
        whole.freeze()
    }

    fn len(&self) -> usize {
        (self.end.byte - self.first.byte) as usize
    }

    /// The part from `from` on, which lies in this chunk or before it.
    fn since(&self, from: Position) -> Self {
        let skip = from.byte.saturating_sub(self.first.byte) as usize;
        if skip == 0 {
            return self.clone();
        }
        Self::of(from, self.end, self.bytes.slice(skip.min(self.bytes.len())..))
    }

    /// The longest part of whole frames within `budget` bytes; at least one frame when `force`.
    fn within(&self, budget: usize, force: bool) -> Option<Self> {
        if self.len() <= budget || (force && !self.more.is_empty()) {
            return Some(self.clone());
        }
        if !self.more.is_empty() {
            return None;
        }
        let (mut end, mut at) = (self.first, 0);
        while let Some(size) = frame_size(&self.bytes, at) {
            if at + size > budget && !(force && at == 0) {
                break;
            }
            at += size;
            end = end.after(size);
        }
        (at > 0).then(|| Self::of(self.first, end, self.bytes.slice(..at)))
    }

    /// The position of item `seq`, which lies in this chunk.
    fn find(&self, seq: u64) -> Position {
        let mut place = self.first;
        while place.seq < seq {
            let at = (place.byte - self.first.byte) as usize;
            let Some(size) = frame_size(&self.bytes, at) else { break };
            place = place.after(size);
        }
        place
    }
}

/// A part of a log, ready to be written: shared bytes and where they lie.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Where it begins.
    pub first: Position,
    /// Where it ends.
    pub end: Position,
    /// The frames.
    pub chunks: Vec<Chunk>,
}

impl Run {
    /// How many items it holds.
    pub fn count(&self) -> u64 {
        self.end.seq - self.first.seq
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        (self.end.byte - self.first.byte) as usize
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.first == self.end
    }
}

/// Contiguous chunks, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Chunks(VecDeque<Chunk>);

impl Chunks {
    /// Appends the next chunk.
    pub fn push(&mut self, chunk: Chunk) {
        debug_assert!(self.0.back().is_none_or(|last| last.end == chunk.first), "chunks are contiguous");
        self.0.push_back(chunk);
    }

    /// Where the oldest chunk begins.
    pub fn first(&self) -> Option<Position> {
        self.0.front().map(|chunk| chunk.first)
    }

    /// Where the newest chunk ends.
    pub fn end(&self) -> Option<Position> {
        self.0.back().map(|chunk| chunk.end)
    }

    /// Forgets chunks of which every item is below `seq`.
    pub fn forget_below(&mut self, seq: u64) {
        while self.forget_oldest_below(seq) {}
    }

    /// Forgets the oldest chunk if every item in it is below `seq`; says whether it did.
    pub fn forget_oldest_below(&mut self, seq: u64) -> bool {
        let old = self.0.front().is_some_and(|chunk| chunk.end.seq <= seq);
        if old {
            self.0.pop_front();
        }
        old
    }

    /// Items from `from` on, whole frames, within `budget` bytes; at least one item when `force`.
    pub fn run(&self, from: Position, budget: usize, force: bool) -> Run {
        let mut run = Run { first: from, end: from, chunks: Vec::new() };
        for chunk in self.0.range(self.index_at(from)..) {
            let part = chunk.since(run.end);
            let left = budget.saturating_sub(run.len());
            let Some(part) = part.within(left, force && run.is_empty()) else { break };
            let whole = part.end == chunk.end;
            run.end = part.end;
            run.chunks.push(part);
            if !whole {
                break;
            }
        }
        run
    }

    /// The chunks from `from` on, shared.
    pub fn since(&self, from: Position) -> Self {
        Self(self.0.range(self.index_at(from)..).map(|chunk| chunk.since(from)).collect())
    }

    /// The position of item `seq`; `None` when it is not held.
    pub fn find(&self, seq: u64) -> Option<Position> {
        let at = self.0.partition_point(|chunk| chunk.end.seq <= seq);
        let chunk = self.0.get(at).filter(|chunk| chunk.first.seq <= seq)?;
        Some(chunk.find(seq))
    }

    /// The position after the item at `from`; `None` when that item is not held.
    pub fn step(&self, from: Position) -> Option<Position> {
        let chunk = self.0.get(self.index_at(from))?;
        if !chunk.more.is_empty() {
            return Some(chunk.end);
        }
        let at = usize::try_from(from.byte.checked_sub(chunk.first.byte)?).ok()?;
        Some(from.after(frame_size(&chunk.bytes, at)?))
    }

    fn index_at(&self, from: Position) -> usize {
        self.0.partition_point(|chunk| chunk.end.byte <= from.byte)
    }
}
