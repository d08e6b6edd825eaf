//! A snapshot that is being put together, part by part in its order. Pure.

use crate::groups::{
    store::record::{ChunkHash, LogId, Manifest},
    tail::{PART, WINDOW},
    wire::{ChunkAnswer, ChunkAsk},
};

/// What a member gave cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum Lie {
    /// The manifest contradicts itself.
    #[error("a snapshot whose size does not fit its chunks")]
    Manifest,
    /// A part has another length than it must have.
    #[error("a part of a snapshot with another length")]
    Length,
    /// A chunk is not what its hash says.
    #[error("a chunk of a snapshot that is not what its hash says")]
    Hash,
    /// A part that nobody asked for.
    #[error("a part of a snapshot that nobody asked for")]
    Unasked,
}

/// A part that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Came {
    /// More is missing.
    Part,
    /// That was all.
    All,
    /// The member does not have the chunk any more.
    Missing,
}

/// A snapshot under way.
#[derive(Debug)]
pub(in crate::groups) struct Pull {
    manifest: Manifest,
    chunk: usize,
    bytes: Vec<u8>,
    /// Whole chunks at the beginning that were found to be what their hashes say.
    verified: usize,
    /// Up to where parts were asked for.
    asked: usize,
}

impl Pull {
    /// A snapshot with chunks of this size; all but the last have it.
    pub(in crate::groups) fn new(manifest: Manifest, chunk: usize) -> Result<Self, Lie> {
        let (chunk, chunks) = (chunk.max(1), manifest.chunks.len());
        let bytes = usize::try_from(manifest.bytes).map_err(|_| Lie::Manifest)?;
        if manifest.last.is_none() || chunks != bytes.div_ceil(chunk) || chunks == 0 {
            return Err(Lie::Manifest);
        }
        Ok(Self { manifest, chunk, bytes: Vec::new(), verified: 0, asked: 0 })
    }

    /// The same snapshot from another member, or a later one: what they have in common at the beginning is kept.
    pub(in crate::groups) fn again(self, manifest: Manifest) -> Result<Self, Lie> {
        let mut next = Self::new(manifest, self.chunk)?;
        let pairs = next.manifest.chunks.iter().zip(&self.manifest.chunks).take(self.verified);
        next.verified = pairs.take_while(|(one, other)| one == other).count();
        next.bytes = self.bytes;
        next.bytes.truncate(next.verified * next.chunk);
        next.asked = next.bytes.len();
        Ok(next)
    }

    /// The last entry that is in it.
    pub(in crate::groups) fn last(&self) -> Option<LogId> {
        self.manifest.last
    }

    /// How much is here, of how much.
    pub(in crate::groups) fn progress(&self) -> (u64, u64) {
        (self.bytes.len() as u64, self.manifest.bytes)
    }

    fn total(&self) -> usize {
        usize::try_from(self.manifest.bytes).unwrap_or(usize::MAX)
    }

    /// The part that begins there: its chunk, where in the chunk, and its length.
    fn part(&self, start: usize) -> Option<(ChunkHash, usize, usize)> {
        let number = start / self.chunk;
        let hash = *self.manifest.chunks.get(number)?;
        let (offset, size) = (start % self.chunk, self.size(number));
        (offset < size).then(|| (hash, offset, PART.min(size - offset)))
    }

    fn size(&self, number: usize) -> usize {
        self.chunk.min(self.total().saturating_sub(number * self.chunk))
    }

    /// The next part to ask for, while the window has room.
    pub(in crate::groups) fn next(&mut self) -> Option<ChunkAsk> {
        let (hash, offset, length) = self.part(self.asked)?;
        if self.asked - self.bytes.len() + length > WINDOW {
            return None;
        }
        self.asked += length;
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Some(ChunkAsk::V1 { hash, offset: number(offset), length: number(length) })
    }

    /// The oldest part that was asked for.
    pub(in crate::groups) fn came(&mut self, answer: &ChunkAnswer) -> Result<Came, Lie> {
        if self.asked == self.bytes.len() {
            return Err(Lie::Unasked);
        }
        let (hash, offset, length) = self.part(self.bytes.len()).ok_or(Lie::Unasked)?;
        let ChunkAnswer::Part { of, bytes } = answer else { return Ok(Came::Missing) };
        let number = self.bytes.len() / self.chunk;
        if bytes.len() != length || *of as usize != self.size(number) {
            return Err(Lie::Length);
        }
        self.bytes.extend_from_slice(bytes);
        if offset + length == self.size(number) {
            let start = number * self.chunk;
            if ChunkHash::of(&self.bytes[start..]) != hash {
                self.bytes.truncate(start);
                self.asked = start;
                return Err(Lie::Hash);
            }
            self.verified = number + 1;
        }
        Ok(if self.bytes.len() == self.total() { Came::All } else { Came::Part })
    }

    /// Whether everything is here.
    pub(in crate::groups) fn is_whole(&self) -> bool {
        self.bytes.len() == self.total()
    }

    /// Everything, once it is here.
    pub(in crate::groups) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const CHUNK: usize = 40_000;

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n / 7) as u8).collect()
    }

    fn manifest(data: &[u8], index: u64) -> Manifest {
        Manifest {
            last: Some(LogId { term: 1, index }),
            bytes: data.len() as u64,
            chunks: data.chunks(CHUNK).map(ChunkHash::of).collect(),
            ..Manifest::default()
        }
    }

    fn answer(data: &[u8], ask: ChunkAsk) -> ChunkAnswer {
        let ChunkAsk::V1 { hash, offset, length } = ask;
        let chunk = data.chunks(CHUNK).find(|chunk| ChunkHash::of(chunk) == hash).expect("a chunk");
        let part = &chunk[offset as usize..(offset + length) as usize];
        ChunkAnswer::Part { of: chunk.len() as u32, bytes: Bytes::copy_from_slice(part) }
    }

    fn run(pull: &mut Pull, data: &[u8], parts: usize) -> usize {
        let (mut asked, mut done) = (std::collections::VecDeque::new(), 0);
        while done < parts {
            asked.extend(std::iter::from_fn(|| pull.next()));
            assert!(asked.len() <= WINDOW.div_ceil(PART) + 2);
            let Some(ask) = asked.pop_front() else { break };
            pull.came(&answer(data, ask)).expect("the truth");
            done += 1;
        }
        done
    }

    #[test]
    fn a_snapshot_is_put_together_within_the_window() {
        for length in [1, PART, CHUNK, CHUNK + 1, 5 * CHUNK - 3, 7 * CHUNK] {
            let data = data(length);
            let mut pull = Pull::new(manifest(&data, 5), CHUNK).expect("it is sane");
            run(&mut pull, &data, usize::MAX);
            assert!(pull.is_whole() && pull.into_bytes() == data);
        }
    }

    #[test]
    fn h14_what_does_not_fit_its_hash_or_its_size_is_refused() {
        let data = data(3 * CHUNK);
        let mut bad = manifest(&data, 5);
        bad.bytes += 1;
        assert_eq!(Pull::new(bad, CHUNK).map(|_| ()), Err(Lie::Manifest));
        assert_eq!(Pull::new(Manifest::default(), CHUNK).map(|_| ()), Err(Lie::Manifest));
        let mut huge = manifest(&data, 5);
        huge.bytes = u64::MAX;
        assert_eq!(Pull::new(huge, CHUNK).map(|_| ()), Err(Lie::Manifest));
        let mut pull = Pull::new(manifest(&data, 5), CHUNK).expect("it is sane");
        let part = |bytes: &[u8], of| ChunkAnswer::Part { of, bytes: Bytes::copy_from_slice(bytes) };
        assert_eq!(pull.came(&part(b"x", 1)), Err(Lie::Unasked));
        let ask = pull.next().expect("a part");
        assert_eq!(pull.came(&part(b"x", CHUNK as u32)), Err(Lie::Length));
        pull.came(&answer(&data, ask)).expect("the truth");
        pull.next().expect("the rest of the chunk");
        assert_eq!(pull.came(&part(&vec![0; CHUNK - PART], CHUNK as u32)), Err(Lie::Hash));
        assert_eq!(pull.progress().0, 0, "it begins again with that chunk");
    }

    #[test]
    fn the_same_beginning_is_not_pulled_twice() {
        let (one, mut other) = (data(5 * CHUNK), data(6 * CHUNK));
        other[3 * CHUNK + 1] ^= 1;
        let mut pull = Pull::new(manifest(&one, 5), CHUNK).expect("it is sane");
        run(&mut pull, &one, 8);
        let verified = pull.verified;
        assert!(verified >= 3);
        let mut pull = pull.again(manifest(&other, 9)).expect("it is sane");
        assert_eq!(pull.progress().0, 3 * CHUNK as u64);
        run(&mut pull, &other, usize::MAX);
        assert!(pull.into_bytes() == other);
    }
}
