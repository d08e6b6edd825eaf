//! Fuzz targets of readers: what they ask of a member, and what a member tells them.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    WINDOW,
    core::{
        cursor::{Cursor, Plan},
        event::{Effect, Help, Helping, Input as Happens},
        reader::Core,
    },
    wire::{Ask, Shown, Stand, Tell},
};
use crate::{
    groups::{
        birth::ClusterId,
        store::record::{ChunkHash, Entry, LogId, Manifest, Payload},
        wire::{ChunkAnswer, ChunkAsk, KeyProof},
    },
    primitives::{
        NodeRng, PeerId,
        fuzz::{Input, Target, bytes, pack, round_trip},
    },
};

const MEMBER: PeerId = PeerId::from_bytes([4; 32]);
const OTHER: PeerId = PeerId::from_bytes([5; 32]);
const CLUSTER: ClusterId = ClusterId::from_bytes([7; 32]);
const CHUNK: usize = 64;

fn id(index: u64) -> LogId {
    LogId { term: 1, index }
}

fn entry(index: u64) -> Entry {
    Entry { id: id(index), payload: Payload::Command(Bytes::from(vec![1; 40])) }
}

/// What a reader says to a member whose log holds the entries 5 to 40.
pub(crate) const READERS: Target = Target {
    name: "readers",
    run: |bytes| {
        let (mut input, mut cursor) = (Input::new(bytes), Cursor::default());
        let (mut sent, mut taken) = (0_u64, 0);
        while let Some(piece) = input.piece() {
            let done = match round_trip::<Ask>(piece) {
                Some(Ask::From { round, after, .. }) => {
                    (sent, taken) = (0, 0);
                    cursor.from(round, after)
                }
                Some(Ask::Taken { round, bytes }) => cursor.taken(round, bytes).inspect(|()| {
                    taken = if bytes <= sent { bytes.max(taken) } else { taken };
                }),
                Some(Ask::Chunk(_) | Ask::ReadIndex { .. }) | None => Ok(()),
            };
            if done.is_err() {
                return;
            }
            match cursor.plan(Some(id(4)), Some(id(40))) {
                Plan::Wait => {}
                Plan::Snapshot => _ = cursor.named_snapshot(),
                Plan::Read { range, limit } => {
                    assert!(limit <= WINDOW && range.end <= 41 && range.start >= 5);
                    let Ok(frame) = cursor.read(range.map(entry).collect()) else { return };
                    let Some(frame) = frame else { continue };
                    let size = frame.entries.len() * 64;
                    if cursor.fits(size) {
                        cursor.sent(size);
                        sent += size as u64;
                    }
                }
            }
            assert!(sent - taken <= 2 * WINDOW as u64, "{sent} sent, {taken} taken");
        }
    },
    seeds: || {
        let from = |round, after| Ask::From { round, cluster: CLUSTER, after, extensions: Vec::new() };
        let chunk = ChunkAsk::V1 { hash: ChunkHash([9; 32]), offset: 0, length: 64 };
        vec![
            pack(&[bytes(&from(1, None)), bytes(&Ask::Chunk(chunk)), bytes(&from(2, Some(id(6))))]),
            pack(&[bytes(&from(1, Some(id(9)))), bytes(&Ask::Taken { round: 1, bytes: 64 })]),
            pack(&[bytes(&from(7, Some(id(u64::MAX)))), bytes(&Ask::ReadIndex { id: 3 })]),
            pack(&[bytes(&from(1, Some(LogId { term: 9, index: 9 })))]),
        ]
    },
};

/// What a member says to a reader, which never goes back and never asks for more than it takes.
pub(crate) const TOLD: Target = Target {
    name: "told",
    run: |bytes| {
        let mut input = Input::new(bytes);
        let _ = input.piece().and_then(round_trip::<Shown>);
        let mut now = Instant::now();
        let mut core = Core::new(PeerId::from_bytes([1; 32]), CHUNK, NodeRng::from_seed(1));
        let (mut effects, mut last, mut asked) = (Vec::new(), None::<LogId>, 0_usize);
        core.step(now, Happens::Members(BTreeSet::from([MEMBER, OTHER])), &mut effects);
        while let Some(piece) = input.piece() {
            let Some(tell) = round_trip::<Tell>(piece) else { continue };
            let wait = input.byte();
            now += Duration::from_millis(u64::from(wait) * 20);
            let mut inputs = match tell {
                // Some parts come of a member that helps, whichever was asked.
                Tell::Chunk(answer) if wait.is_multiple_of(2) => {
                    let help = |peer| Happens::Helps(peer, Help::Told(answer.clone()));
                    vec![help(MEMBER), help(OTHER)]
                }
                Tell::Chunk(answer) => {
                    asked = asked.saturating_sub(1);
                    vec![Happens::Told(Tell::Chunk(answer), piece.len())]
                }
                tell => vec![Happens::Told(tell, piece.len())],
            };
            inputs.insert(0, Happens::Tick);
            while let Some(happens) = inputs.pop() {
                core.step(now, happens, &mut effects);
                for effect in std::mem::take(&mut effects) {
                    match effect {
                        Effect::Dial(_) => {
                            asked = 0;
                            inputs.insert(0, Happens::Opened);
                        }
                        Effect::Send(Ask::Chunk(_)) => asked += 1,
                        Effect::Help(peer, Helping::Dial) => {
                            inputs.insert(0, Happens::Helps(peer, Help::Opened));
                        }
                        Effect::Begin(_) => last = None,
                        Effect::Apply { entries, .. } => {
                            for entry in entries {
                                let next = last.map_or(0, |last| last.index + 1);
                                assert!(entry.id.index == next, "{:?} after {last:?}", entry.id);
                                last = Some(entry.id);
                            }
                            inputs.insert(0, Happens::Applied);
                        }
                        Effect::Install { last: end, bytes } => {
                            assert!(last.is_none_or(|last| last.index < end.index) && !bytes.is_empty());
                            last = Some(end);
                            inputs.insert(0, Happens::Applied);
                        }
                        Effect::Send(_) | Effect::Close | Effect::Refuse(_) | Effect::Help(..) => {}
                    }
                }
                assert!(asked <= 2 * WINDOW / CHUNK + 2, "{asked} parts are asked for");
            }
        }
    },
    seeds: || {
        let stand = |cluster: u8, online| {
            let cluster = Some(ClusterId::from_bytes([cluster; 32]));
            let leader = Some(MEMBER);
            Tell::Stand(Stand { cluster, leader, online, fenced: false, applied: 9, extensions: Vec::new() })
        };
        let shown = Shown::V1 { proof: KeyProof::NoKey, extensions: Vec::new() };
        let say = |tells: &[Tell]| {
            let pieces = tells.iter().flat_map(|tell| [pack(&[bytes(tell)]), vec![1]].concat());
            [pack(&[bytes(&shown)]), pieces.collect()].concat()
        };
        let entries = |round, before: Option<u64>, count: u64| {
            let first = before.map_or(0, |before| before + 1);
            let entries = (first..first + count).map(entry).collect();
            Tell::Entries { round, before: before.map(id), entries, panicked: vec![(first, 0)] }
        };
        let chunk = vec![5; CHUNK];
        let manifest = Manifest {
            last: Some(id(20)),
            bytes: CHUNK as u64,
            chunks: vec![ChunkHash::of(&chunk)],
            ..Manifest::default()
        };
        let snapshot = Tell::Snapshot { round: 1, manifest };
        let part = Tell::Chunk(ChunkAnswer::Part { of: CHUNK as u32, bytes: chunk.into() });
        let missing = Tell::Chunk(ChunkAnswer::Missing);
        vec![
            say(&[stand(7, true), entries(1, None, 3), entries(1, Some(2), 4)]),
            say(&[stand(7, true), snapshot.clone(), part, entries(2, Some(20), 2), stand(7, false)]),
            say(&[stand(7, true), snapshot, missing, entries(2, None, 2)]),
            say(&[stand(7, true), entries(1, Some(4), 1), stand(8, true), entries(2, None, 1)]),
            say(&[Tell::ReadIndex { id: 1, answer: Ok(4) }]),
        ]
    },
};
