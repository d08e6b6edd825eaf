//! Which chunk is pulled from whom: by members that catch up, and by readers. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{groups::store::record::ChunkHash, primitives::PeerId};

/// What is still to be pulled.
#[derive(Debug, Default)]
pub(in crate::groups) struct Plan {
    /// Chunks that nobody was asked for, in order.
    wanted: VecDeque<ChunkHash>,
    /// Chunks that somebody was asked for.
    asked: BTreeSet<ChunkHash>,
    sources: BTreeMap<PeerId, Source>,
    /// Channels that are being opened.
    opening: usize,
}

/// A member that is pulled from.
#[derive(Debug, Default)]
struct Source {
    /// What it does not have.
    lacks: BTreeSet<ChunkHash>,
    /// It gave something else than it was asked for.
    lied: bool,
    /// How many of its channels work.
    lanes: usize,
}

impl Plan {
    /// A plan for chunks that are not here, in the order in which they are wanted.
    pub(in crate::groups) fn new(chunks: impl IntoIterator<Item = ChunkHash>) -> Self {
        let mut seen = BTreeSet::new();
        let wanted = chunks.into_iter().filter(|chunk| seen.insert(*chunk)).collect();
        Self { wanted, ..Self::default() }
    }

    /// Whether everything is here.
    pub(in crate::groups) fn is_done(&self) -> bool {
        self.wanted.is_empty() && self.asked.is_empty()
    }

    /// So many channels are being opened.
    pub(in crate::groups) fn opening(&mut self, channels: usize) {
        self.opening += channels;
    }

    /// A channel to a member was opened, or could not be.
    pub(in crate::groups) fn opened(&mut self, from: PeerId, works: bool) {
        self.opening = self.opening.saturating_sub(1);
        self.sources.entry(from).or_default().lanes += usize::from(works);
    }

    /// Whether this member may be asked for anything, now or later.
    pub(in crate::groups) fn asks(&self, from: &PeerId) -> bool {
        !self.is_done() && self.sources.get(from).is_some_and(|source| !source.lied)
    }

    /// The next chunk to ask this member for.
    pub(in crate::groups) fn next(&mut self, from: &PeerId) -> Option<ChunkHash> {
        let source = self.sources.get(from).filter(|source| !source.lied)?;
        let place = self.wanted.iter().position(|chunk| !source.lacks.contains(chunk))?;
        let chunk = self.wanted.remove(place)?;
        self.asked.insert(chunk);
        Some(chunk)
    }

    /// The chunk is here.
    pub(in crate::groups) fn got(&mut self, chunk: ChunkHash) {
        self.asked.remove(&chunk);
    }

    /// The member does not have the chunk.
    pub(in crate::groups) fn lacks(&mut self, from: PeerId, chunk: ChunkHash) {
        self.sources.entry(from).or_default().lacks.insert(chunk);
        self.again(chunk);
    }

    /// The member gave something else: it is not asked again.
    pub(in crate::groups) fn lied(&mut self, from: PeerId, chunk: ChunkHash) {
        self.sources.entry(from).or_default().lied = true;
        self.again(chunk);
    }

    /// A channel is gone, and what was asked for on it.
    pub(in crate::groups) fn closed(&mut self, from: PeerId, chunk: Option<ChunkHash>) {
        let source = self.sources.entry(from).or_default();
        source.lanes = source.lanes.saturating_sub(1);
        chunk.into_iter().for_each(|chunk| self.again(chunk));
    }

    /// Whether there is a chunk that nobody was asked for.
    pub(in crate::groups) fn wants(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whoever was asked for the chunk may not give it: it is asked for again.
    pub(in crate::groups) fn again(&mut self, chunk: ChunkHash) {
        if self.asked.remove(&chunk) {
            self.wanted.push_front(chunk);
        }
    }

    /// A chunk that is left and that no member with a channel can give.
    pub(in crate::groups) fn stuck(&self) -> Option<ChunkHash> {
        if self.opening > 0 {
            return None;
        }
        let gives = |chunk: &ChunkHash, source: &Source| {
            source.lanes > 0 && !source.lied && !source.lacks.contains(chunk)
        };
        let stuck =
            self.wanted.iter().find(|chunk| !self.sources.values().any(|source| gives(chunk, source)));
        stuck.copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(n: u8) -> ChunkHash {
        ChunkHash([n; 32])
    }

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    #[test]
    fn h14_who_lies_is_not_asked_again_and_the_chunk_is_asked_of_another() {
        let mut plan = Plan::new([chunk(1), chunk(2), chunk(1)]);
        plan.opening(2);
        plan.opened(peer(1), true);
        plan.opened(peer(2), true);
        assert_eq!(plan.next(&peer(1)), Some(chunk(1)));
        plan.lied(peer(1), chunk(1));
        assert_eq!((plan.next(&peer(1)), plan.asks(&peer(1))), (None, false));
        assert_eq!(plan.next(&peer(2)), Some(chunk(1)));
        plan.got(chunk(1));
        assert_eq!((plan.next(&peer(2)), plan.next(&peer(2))), (Some(chunk(2)), None));
        assert!(!plan.is_done());
        plan.got(chunk(2));
        assert!(plan.is_done());
    }

    #[test]
    fn a_lost_channel_gives_its_chunk_back_and_nobody_is_a_reason_to_stop() {
        let mut plan = Plan::new([chunk(1), chunk(2)]);
        assert_eq!(plan.stuck(), Some(chunk(1)));
        plan.opening(2);
        assert_eq!(plan.stuck(), None, "wait for those");
        plan.opened(peer(1), true);
        plan.opened(peer(2), false);
        assert_eq!((plan.next(&peer(1)), plan.stuck()), (Some(chunk(1)), None));
        plan.closed(peer(1), Some(chunk(1)));
        assert_eq!(plan.stuck(), Some(chunk(1)));
        plan.opened(peer(2), true);
        assert_eq!(plan.next(&peer(2)), Some(chunk(1)), "in order again");
        plan.lacks(peer(2), chunk(1));
        assert_eq!((plan.next(&peer(2)), plan.stuck()), (Some(chunk(2)), Some(chunk(1))));
    }
}
