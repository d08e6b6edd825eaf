//! A snapshot that is being put together from what several members give. Pure.
//!
//! Whole chunks are asked of each member, which the plan of members' own pulls hands out, in parts that fit into a window for each member. A
//! chunk counts once it is what its hash says; then it stays, whoever is lost.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    groups::{
        pull::Plan,
        store::record::{ChunkHash, LogId, Manifest},
        tail::{PART, WINDOW},
        wire::{ChunkAnswer, ChunkAsk},
    },
    primitives::PeerId,
};

/// Parts that are asked of a member at a time, however small they are.
pub(in crate::groups) const PARTS: usize = 16;
/// A chunk of which less than half has come after this may be asked of another member.
const SLOW: Duration = Duration::from_secs(2);

/// What a member gave cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Lie {
    /// The manifest contradicts itself.
    Manifest,
    /// A part has another length than it must have, or nobody asked for it.
    Part,
    /// A chunk is not what its hash says.
    Hash,
}

impl Lie {
    /// What it was, in words.
    pub(in crate::groups) const fn said(self) -> &'static str {
        match self {
            Self::Manifest => "a snapshot whose size does not fit its chunks",
            Self::Part => "a part of a snapshot that nobody asked for",
            Self::Hash => "a chunk of a snapshot that is not what its hash says",
        }
    }
}

/// A part that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Came {
    /// It is kept, or was asked for earlier and is of no use any more.
    Part,
    /// The member does not have the chunk.
    Missing,
}

/// A snapshot under way.
#[derive(Debug)]
pub(in crate::groups) struct Pull {
    manifest: Manifest,
    chunk: usize,
    /// Where each chunk belongs.
    places: BTreeMap<ChunkHash, Vec<usize>>,
    /// The chunks at the beginning that are here.
    bytes: Vec<u8>,
    /// Chunks that are here, behind one that is not.
    ahead: BTreeMap<usize, Vec<u8>>,
    plan: Plan,
    lanes: BTreeMap<PeerId, Lane>,
    fills: u64,
}

/// What one member was asked for.
#[derive(Debug, Default)]
struct Lane {
    /// Parts on their way, in order: which chunk they belong to, and their lengths.
    asked: VecDeque<(u64, usize)>,
    /// The chunks that they belong to, unless they are of no use any more.
    filling: VecDeque<Fill>,
}

/// A chunk that a member is giving.
#[derive(Debug)]
struct Fill {
    number: u64,
    hash: ChunkHash,
    size: usize,
    /// Up to where parts were asked for.
    asked: usize,
    bytes: Vec<u8>,
    since: Instant,
}

impl Pull {
    /// A snapshot with chunks of this size; all but the last have it.
    pub(in crate::groups) fn new(manifest: Manifest, chunk: usize) -> Result<Self, Lie> {
        let (chunk, chunks) = (chunk.max(1), manifest.chunks.len());
        let bytes = usize::try_from(manifest.bytes).map_err(|_| Lie::Manifest)?;
        if manifest.last.is_none() || chunks != bytes.div_ceil(chunk) || chunks == 0 {
            return Err(Lie::Manifest);
        }
        let mut places = BTreeMap::<ChunkHash, Vec<usize>>::new();
        for (place, hash) in manifest.chunks.iter().enumerate() {
            places.entry(*hash).or_default().push(place);
        }
        let plan = Plan::new(manifest.chunks.iter().copied());
        let (bytes, ahead, lanes) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let pull = Self { manifest, chunk, places, bytes, ahead, plan, lanes, fills: 0 };
        let differs = |places: &Vec<usize>| places.iter().any(|at| pull.size(*at) != pull.size(places[0]));
        if pull.places.values().any(differs) { Err(Lie::Manifest) } else { Ok(pull) }
    }

    /// The same snapshot from another member, or a later one: chunks that are the same are kept, and so are those who give them.
    pub(in crate::groups) fn again(mut self, manifest: Manifest) -> Result<Self, Lie> {
        let mut next = Self::new(manifest, self.chunk)?;
        let same = |at: &usize| {
            next.manifest.chunks.get(*at) == self.manifest.chunks.get(*at) && next.size(*at) == self.size(*at)
        };
        let here = self.bytes.len().div_ceil(self.chunk);
        let kept = (0..here).take_while(same).count();
        let apart = (kept..here).filter(same).map(|at| {
            let start = at * self.chunk;
            (at, self.bytes[start..start + self.size(at)].to_vec())
        });
        let apart: BTreeMap<usize, Vec<u8>> = apart.collect();
        let ahead: Vec<usize> = self.ahead.keys().copied().filter(same).collect();
        next.ahead = apart;
        next.ahead.extend(ahead.into_iter().filter_map(|at| self.ahead.remove_entry(&at)));
        self.bytes.truncate(kept * self.chunk);
        next.bytes = self.bytes;
        next.gather();
        let wanted = (0..next.manifest.chunks.len()).filter(|at| !next.is_here(*at));
        next.plan = Plan::new(wanted.map(|at| next.manifest.chunks[at]));
        (next.lanes, next.fills) = (self.lanes, self.fills);
        for (peer, lane) in &mut next.lanes {
            lane.filling.clear();
            next.plan.opened(*peer, true);
        }
        Ok(next)
    }

    /// The last entry that is in it.
    pub(in crate::groups) fn last(&self) -> Option<LogId> {
        self.manifest.last
    }

    /// How much is here, of how much.
    pub(in crate::groups) fn progress(&self) -> (u64, u64) {
        let here = self.bytes.len() + self.ahead.values().map(Vec::len).sum::<usize>();
        (here as u64, self.manifest.bytes)
    }

    fn total(&self) -> usize {
        usize::try_from(self.manifest.bytes).unwrap_or(usize::MAX)
    }

    fn size(&self, place: usize) -> usize {
        self.chunk.min(self.total().saturating_sub(place.saturating_mul(self.chunk)))
    }

    fn is_here(&self, place: usize) -> bool {
        place < self.bytes.len().div_ceil(self.chunk) || self.ahead.contains_key(&place)
    }

    /// Whether there is a chunk that nobody was asked for.
    pub(in crate::groups) fn wants(&self) -> bool {
        self.plan.wants()
    }

    /// Whether everything is here.
    pub(in crate::groups) fn is_whole(&self) -> bool {
        self.bytes.len() == self.total()
    }

    /// Everything, once it is here.
    pub(in crate::groups) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// There is a way to this member.
    pub(in crate::groups) fn opened(&mut self, peer: PeerId) {
        if let Entry::Vacant(lane) = self.lanes.entry(peer) {
            lane.insert(Lane::default());
            self.plan.opened(peer, true);
        }
    }

    /// The way to this member is gone. Says how many parts were on their way.
    pub(in crate::groups) fn closed(&mut self, peer: &PeerId) -> usize {
        self.abandon(peer);
        self.plan.closed(*peer, None);
        self.lanes.remove(peer).map_or(0, |lane| lane.asked.len())
    }

    /// What is on its way from this member is of no use any more.
    pub(in crate::groups) fn abandon(&mut self, peer: &PeerId) {
        let lane = self.lanes.get_mut(peer);
        let filling = lane.map(|lane| std::mem::take(&mut lane.filling)).unwrap_or_default();
        filling.into_iter().rev().for_each(|fill| self.plan.again(fill.hash));
    }

    /// Takes a chunk over for this member, which has nothing to do, when another member is slow with it.
    pub(in crate::groups) fn take_over(&mut self, peer: &PeerId, now: Instant) {
        let idle = self.lanes.get(peer).is_some_and(|lane| lane.filling.is_empty());
        if !idle || self.plan.wants() {
            return;
        }
        let is_slow = |fill: &Fill| now >= fill.since + SLOW && fill.bytes.len() * 2 < fill.size;
        for lane in self.lanes.values_mut() {
            if let Some(fill) = lane.filling.iter().position(is_slow).and_then(|at| lane.filling.remove(at)) {
                return self.plan.again(fill.hash);
            }
        }
    }

    /// The next part to ask of this member, while its window has room.
    pub(in crate::groups) fn next(&mut self, peer: &PeerId, now: Instant) -> Option<ChunkAsk> {
        let lane = self.lanes.get_mut(peer)?;
        let on_its_way: usize = lane.asked.iter().map(|(_, length)| length).sum();
        if lane.asked.len() >= PARTS || on_its_way + PART > WINDOW {
            return None;
        }
        if lane.filling.back().is_none_or(|fill| fill.asked == fill.size) {
            let hash = self.plan.next(peer)?;
            let place = *self.places.get(&hash)?.first()?;
            self.fills += 1;
            let (number, size) = (self.fills, self.size(place));
            let fill = Fill { number, hash, size, asked: 0, bytes: Vec::new(), since: now };
            self.lanes.get_mut(peer)?.filling.push_back(fill);
        }
        let lane = self.lanes.get_mut(peer)?;
        let fill = lane.filling.back_mut()?;
        let (offset, length) = (fill.asked, PART.min(fill.size - fill.asked));
        fill.asked += length;
        lane.asked.push_back((fill.number, length));
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Some(ChunkAsk::V1 { hash: fill.hash, offset: number(offset), length: number(length) })
    }

    /// The oldest part that this member was asked for.
    pub(in crate::groups) fn came(&mut self, peer: &PeerId, answer: &ChunkAnswer) -> Result<Came, Lie> {
        let lane = self.lanes.get_mut(peer).ok_or(Lie::Part)?;
        let (number, length) = lane.asked.pop_front().ok_or(Lie::Part)?;
        let Some(at) = lane.filling.iter().position(|fill| fill.number == number) else {
            return Ok(Came::Part);
        };
        let fill = &mut lane.filling[at];
        let hash = fill.hash;
        let ChunkAnswer::Part { of, bytes } = answer else {
            lane.filling.remove(at);
            self.plan.lacks(*peer, hash);
            return Ok(Came::Missing);
        };
        if bytes.len() != length || *of as usize != fill.size {
            lane.filling.remove(at);
            self.plan.lied(*peer, hash);
            return Err(Lie::Part);
        }
        // No more than a chunk, whose size is this node's own setting.
        fill.bytes.reserve_exact(fill.size - fill.bytes.len());
        fill.bytes.extend_from_slice(bytes);
        if fill.bytes.len() == fill.size {
            let chunk = std::mem::take(&mut fill.bytes);
            lane.filling.remove(at);
            if ChunkHash::of(&chunk) != hash {
                self.plan.lied(*peer, hash);
                return Err(Lie::Hash);
            }
            self.keep(hash, chunk);
        }
        Ok(Came::Part)
    }

    fn keep(&mut self, hash: ChunkHash, chunk: Vec<u8>) {
        let places = self.places.get(&hash).cloned().unwrap_or_default();
        let absent: Vec<usize> = places.into_iter().filter(|place| !self.is_here(*place)).collect();
        self.ahead.extend(absent.into_iter().map(|place| (place, chunk.clone())));
        self.plan.got(hash);
        self.gather();
    }

    /// What follows on the beginning without a gap belongs to it.
    fn gather(&mut self) {
        while let Some(chunk) = self.ahead.remove(&self.bytes.len().div_ceil(self.chunk)) {
            self.bytes.extend_from_slice(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const CHUNK: usize = 40_000;
    const ONE: PeerId = PeerId::from_bytes([1; 32]);
    const TWO: PeerId = PeerId::from_bytes([2; 32]);

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n / 7) as u8 ^ (n / CHUNK) as u8).collect()
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

    fn begun(data: &[u8], peers: &[PeerId]) -> Pull {
        let mut pull = Pull::new(manifest(data, 5), CHUNK).expect("it is sane");
        peers.iter().for_each(|peer| pull.opened(*peer));
        pull
    }

    /// Takes turns between members until so many parts came; says how many of each.
    fn run(pull: &mut Pull, data: &[u8], peers: &[PeerId], parts: usize) -> Vec<usize> {
        let mut asked = vec![VecDeque::new(); peers.len()];
        let mut came = vec![0; peers.len()];
        let now = Instant::now();
        loop {
            for (peer, asked) in peers.iter().zip(&mut asked) {
                asked.extend(std::iter::from_fn(|| pull.next(peer, now)));
                assert!(asked.len() <= WINDOW.div_ceil(PART) + 2);
            }
            let before = came.iter().sum::<usize>();
            for (at, peer) in peers.iter().enumerate() {
                if came.iter().sum::<usize>() < parts
                    && let Some(ask) = asked[at].pop_front()
                {
                    assert_eq!(pull.came(peer, &answer(data, ask)), Ok(Came::Part));
                    came[at] += 1;
                }
            }
            if came.iter().sum::<usize>() == before {
                return came;
            }
        }
    }

    #[test]
    fn a_snapshot_is_put_together_within_the_window() {
        for length in [1, PART, CHUNK, CHUNK + 1, 5 * CHUNK - 3, 7 * CHUNK] {
            let data = data(length);
            let mut pull = begun(&data, &[ONE]);
            run(&mut pull, &data, &[ONE], usize::MAX);
            assert!(pull.is_whole() && pull.into_bytes() == data);
        }
    }

    #[test]
    fn several_members_give_about_as_much_and_a_chunk_that_is_there_twice_comes_once() {
        let data = data(30 * CHUNK - 5);
        let mut pull = begun(&data, &[ONE, TWO]);
        let came = run(&mut pull, &data, &[ONE, TWO], usize::MAX);
        assert_eq!(came.iter().sum::<usize>(), 60, "each part once");
        assert!(came[0].abs_diff(came[1]) <= 4, "{came:?}");
        assert!(pull.is_whole() && pull.into_bytes() == data);
        let twice = vec![7; 4 * CHUNK];
        let mut pull = begun(&twice, &[ONE]);
        assert_eq!(run(&mut pull, &twice, &[ONE], usize::MAX), [2]);
        assert!(pull.into_bytes() == twice);
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
        let mut two_sizes = manifest(&data[..2 * CHUNK + 1], 5);
        two_sizes.chunks[2] = two_sizes.chunks[0];
        assert_eq!(Pull::new(two_sizes, CHUNK).map(|_| ()), Err(Lie::Manifest));
        let (mut pull, now) = (begun(&data, &[ONE, TWO]), Instant::now());
        let part = |bytes: &[u8], of| ChunkAnswer::Part { of, bytes: Bytes::copy_from_slice(bytes) };
        assert_eq!(pull.came(&ONE, &part(b"x", 1)), Err(Lie::Part));
        let ask = pull.next(&ONE, now).expect("a part");
        assert_eq!(pull.came(&ONE, &part(b"x", CHUNK as u32)), Err(Lie::Part));
        assert_eq!(pull.next(&ONE, now), None, "who lies is not asked again");
        let again = pull.next(&TWO, now);
        assert_eq!(again, Some(ask), "but another one is");
        pull.came(&TWO, &answer(&data, ask)).expect("the truth");
        pull.next(&TWO, now).expect("the rest of the chunk");
        assert_eq!(pull.came(&TWO, &part(&vec![0; CHUNK - PART], CHUNK as u32)), Err(Lie::Hash));
        assert_eq!(pull.progress().0, 0, "it begins again with that chunk");
    }

    #[test]
    fn the_same_chunks_are_not_pulled_twice_and_what_was_asked_before_is_let_go() {
        let (one, mut other) = (data(5 * CHUNK), data(6 * CHUNK));
        other[2 * CHUNK + 1] ^= 1;
        let mut pull = begun(&one, &[ONE]);
        run(&mut pull, &one, &[ONE], 8);
        let now = Instant::now();
        let late = pull.next(&ONE, now).into_iter().count() + 2;
        let mut pull = pull.again(manifest(&other, 9)).expect("it is sane");
        assert_eq!(pull.progress().0, 3 * CHUNK as u64, "four chunks less the one that differs");
        for _ in 0..late {
            if pull.came(&ONE, &ChunkAnswer::Missing) != Ok(Came::Part) {
                break;
            }
        }
        assert_eq!(pull.closed(&ONE), 0);
        pull.opened(TWO);
        assert_eq!(run(&mut pull, &other, &[TWO], usize::MAX), [6]);
        assert!(pull.into_bytes() == other);
    }

    #[test]
    fn what_a_lost_or_slow_member_was_asked_for_is_asked_of_another() {
        let (data, now) = (data(2 * CHUNK), Instant::now());
        let mut pull = begun(&data, &[ONE, TWO]);
        let first = pull.next(&ONE, now).expect("the first chunk");
        let second = pull.next(&TWO, now).expect("the second chunk");
        assert_eq!(pull.closed(&TWO), 1);
        pull.next(&ONE, now).expect("the rest of the first");
        pull.came(&ONE, &answer(&data, first)).expect("the truth");
        assert_eq!(pull.next(&ONE, now), Some(second));
        // And back: this one is slow with the second.
        pull.opened(TWO);
        pull.take_over(&TWO, now + SLOW / 2);
        assert_eq!(pull.next(&TWO, now), None, "not yet");
        pull.take_over(&TWO, now + SLOW);
        assert_eq!(pull.next(&TWO, now), Some(second));
        run(&mut pull, &data, &[], 0);
    }
}
