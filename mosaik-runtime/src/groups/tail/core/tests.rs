//! The reader's core, one event after the other.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    event::{Effect, Help, Helping, Input},
    reader::Core,
};
use crate::{
    groups::{
        birth::ClusterId,
        store::record::{ChunkHash, Entry, LogId, Manifest, Payload},
        tail::wire::{Ask, Stand, Tell},
        wire::{ChunkAnswer, ChunkAsk},
    },
    primitives::{NodeRng, PeerId},
};

const ME: PeerId = PeerId::from_bytes([1; 32]);
const CHUNK: usize = 10;

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 32])
}

fn id(index: u64) -> LogId {
    LogId { term: 1 + index / 100, index }
}

fn cluster(n: u8) -> ClusterId {
    ClusterId::from_bytes([n; 32])
}

/// A reader, and the time.
struct Lab {
    core: Core,
    now: Instant,
}

impl Lab {
    /// A reader that knows members 2 to 4.
    fn new() -> (Self, PeerId) {
        let mut lab = Self { core: Core::new(ME, CHUNK, NodeRng::from_seed(1)), now: Instant::now() };
        let effects = lab.step(Input::Members((2..5).map(peer).collect()));
        let source = lab.dialled(&effects);
        (lab, source)
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.core.step(self.now, input, &mut effects);
        effects
    }

    fn wait(&mut self, time: Duration) -> Vec<Effect> {
        self.now += time;
        self.step(Input::Tick)
    }

    /// Who is dialled: there is a way at once.
    fn dialled(&mut self, effects: &[Effect]) -> PeerId {
        let Some(Effect::Dial(peer)) = effects.last() else { panic!("{effects:?}") };
        assert_eq!(self.step(Input::Opened), []);
        *peer
    }

    fn stands(&mut self, n: u8, online: bool) -> Vec<Effect> {
        self.step(Input::Told(Tell::Stand(stand(Some(n), online)), 50))
    }

    fn entries(&mut self, round: u64, indices: std::ops::RangeInclusive<u64>) -> Vec<Effect> {
        let before = indices.start().checked_sub(1).map(id);
        let told = Tell::Entries { round, before, entries: entries(indices), panicked: Vec::new() };
        self.step(Input::Told(told, 100))
    }

    /// The member has these entries, and they are applied.
    fn takes(&mut self, round: u64, indices: std::ops::RangeInclusive<u64>) {
        let effects = self.entries(round, indices.clone());
        let apply = Effect::Apply { entries: entries(indices), panicked: Vec::new() };
        assert_eq!(effects.last(), Some(&apply));
        let [Effect::Send(Ask::Taken { .. })] = self.step(Input::Applied)[..] else { panic!("no credit") };
    }
}

fn stand(n: Option<u8>, online: bool) -> Stand {
    let leader = Some(peer(2));
    Stand { cluster: n.map(cluster), leader, online, fenced: false, applied: 9, extensions: Vec::new() }
}

fn entries(indices: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    indices.map(|index| Entry { id: id(index), payload: Payload::Blank }).collect()
}

fn from(round: u64, n: u8, after: Option<LogId>) -> Effect {
    Effect::Send(Ask::From { round, cluster: cluster(n), after, extensions: Vec::new() })
}

fn manifest(bytes: &[u8], index: u64) -> Manifest {
    Manifest {
        last: Some(id(index)),
        bytes: bytes.len() as u64,
        chunks: bytes.chunks(CHUNK).map(ChunkHash::of).collect(),
        ..Manifest::default()
    }
}

fn part(bytes: &[u8]) -> Input {
    let part = ChunkAnswer::Part { of: bytes.len() as u32, bytes: Bytes::copy_from_slice(bytes) };
    Input::Told(Tell::Chunk(part), bytes.len())
}

#[tokio::test(start_paused = true)]
async fn a_reader_follows_and_goes_on_where_it_was_with_another_member() {
    let (mut lab, first) = Lab::new();
    assert!(lab.core.source().is_none());
    assert_eq!(lab.stands(7, true), [from(1, 7, None)]);
    assert_eq!(lab.entries(1, 0..=4)[0], Effect::Begin(cluster(7)));
    lab.step(Input::Applied);
    assert_eq!(lab.core.source().map(|(peer, _)| peer), Some(first));
    lab.takes(1, 5..=120);
    let effects = lab.step(Input::Lost);
    let second = lab.dialled(&effects);
    assert_ne!(second, first);
    assert_eq!(lab.stands(7, true), [from(2, 7, Some(id(120)))]);
    assert_eq!(lab.entries(1, 121..=122), [], "of a round that is over");
    lab.takes(2, 121..=130);
}

#[tokio::test(start_paused = true)]
async fn h14_entries_with_a_hole_twice_or_of_an_earlier_term_are_refused() {
    for bad in [6..=7, 4..=5, 0..=3] {
        let (mut lab, _) = Lab::new();
        lab.stands(7, true);
        lab.takes(1, 0..=4);
        let effects = lab.entries(1, bad);
        assert!(matches!(effects[..], [Effect::Refuse(_), Effect::Close, Effect::Dial(_)]), "{effects:?}");
    }
    let (mut lab, liar) = Lab::new();
    lab.stands(7, true);
    lab.takes(1, 0..=110);
    let back = Entry { id: LogId { term: 1, index: 111 }, payload: Payload::Blank };
    let told = Tell::Entries { round: 1, before: Some(id(110)), entries: vec![back], panicked: vec![] };
    let effects = lab.step(Input::Told(told, 9));
    assert!(matches!(effects[0], Effect::Refuse(_)), "a term that goes back: {effects:?}");
    let other = lab.dialled(&effects);
    lab.step(Input::Lost);
    lab.wait(Duration::from_secs(1));
    assert!(liar != other, "who lies is left alone for long");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_was_begun_is_finished_with_another_member() {
    let bytes: Vec<u8> = (0..35).collect();
    let (mut lab, _) = Lab::new();
    lab.stands(7, true);
    let told = Tell::Snapshot { round: 1, manifest: manifest(&bytes, 50) };
    let asked = lab.step(Input::Told(told.clone(), 9));
    assert!(asked.len() == 4 && asked.iter().all(|ask| matches!(ask, Effect::Send(Ask::Chunk(_)))));
    lab.step(part(&bytes[..10]));
    lab.step(part(&bytes[10..20]));
    assert_eq!(lab.core.pulling(), Some((20, 35)));
    let effects = lab.step(Input::Lost);
    lab.dialled(&effects);
    assert_eq!(lab.stands(7, true), [from(2, 7, None)]);
    let Tell::Snapshot { manifest, .. } = told else { panic!("it is one") };
    let asked = lab.step(Input::Told(Tell::Snapshot { round: 2, manifest }, 9));
    let third = ChunkAsk::V1 { hash: ChunkHash::of(&bytes[20..30]), offset: 0, length: 10 };
    assert_eq!(asked, [Effect::Send(Ask::Chunk(third)), asked[1].clone()], "the first two are here");
    let mut effects = Vec::new();
    for chunk in bytes[20..].chunks(CHUNK) {
        effects = lab.step(part(chunk));
    }
    let install = Effect::Install { last: id(50), bytes };
    assert_eq!(effects, [Effect::Begin(cluster(7)), install]);
    assert_eq!(lab.step(Input::Applied), [from(3, 7, Some(id(50)))]);
    lab.takes(3, 51..=52);
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_gone_mean_a_newer_snapshot_and_lies_another_member() {
    let bytes: Vec<u8> = (0..25).collect();
    let (mut lab, _) = Lab::new();
    lab.stands(7, true);
    lab.takes(1, 0..=4);
    lab.step(Input::Told(Tell::Snapshot { round: 1, manifest: manifest(&bytes, 50) }, 9));
    lab.step(part(&bytes[..10]));
    let missing = || Input::Told(Tell::Chunk(ChunkAnswer::Missing), 9);
    assert_eq!(lab.step(missing()), [from(2, 7, Some(id(4)))]);
    assert_eq!(lab.step(part(&bytes[20..])), [], "asked for before");
    let newer: Vec<u8> = (0..10).chain(100..112).collect();
    let asked = lab.step(Input::Told(Tell::Snapshot { round: 2, manifest: manifest(&newer, 70) }, 9));
    assert_eq!(asked.len(), 2, "the first chunk is here: {asked:?}");
    let effects = lab.step(part(&bytes[10..20]));
    assert!(matches!(effects[..], [Effect::Refuse(_), Effect::Close, Effect::Dial(_)]), "{effects:?}");
    // A snapshot that is older than what is here is refused too.
    lab.dialled(&effects);
    lab.stands(7, true);
    let effects = lab.step(Input::Told(Tell::Snapshot { round: 3, manifest: manifest(&newer, 3) }, 9));
    assert!(matches!(effects[0], Effect::Refuse(_)), "{effects:?}");
}

#[tokio::test(start_paused = true)]
async fn another_birth_is_followed_only_when_the_old_one_is_gone() {
    let (mut lab, first) = Lab::new();
    lab.stands(7, true);
    lab.takes(1, 0..=9);
    let effects = lab.step(Input::Lost);
    lab.dialled(&effects);
    let effects = lab.stands(8, true);
    assert_eq!(effects[0], Effect::Close, "somebody of the old one may be there");
    lab.dialled(&effects);
    let effects = lab.stands(8, true);
    assert_eq!(effects, [Effect::Close], "all rest");
    let effects = lab.wait(Duration::from_millis(3100));
    lab.dialled(&effects);
    assert_eq!(lab.stands(8, true), [from(2, 8, None)]);
    assert!(lab.core.source().is_none(), "nothing of it is here");
    assert_eq!(lab.entries(2, 0..=2)[0], Effect::Begin(cluster(8)));
    lab.step(Input::Applied);
    assert!(lab.core.source().is_some());

    // The member that was read from is born again: there is no doubt.
    let (mut lab, again) = Lab::new();
    lab.step(Input::Members(BTreeSet::from([again])));
    assert_eq!(again, first, "one seed");
    lab.stands(7, true);
    lab.takes(1, 0..=9);
    lab.step(Input::Lost);
    let effects = lab.wait(Duration::from_millis(200));
    assert_eq!(lab.dialled(&effects), again);
    assert_eq!(lab.stands(8, false), [from(2, 8, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_member_without_a_majority_is_left_for_one_that_may_have_it() {
    let (mut lab, first) = Lab::new();
    lab.stands(7, true);
    lab.takes(1, 0..=9);
    assert_eq!(lab.stands(7, false), []);
    assert_eq!(lab.wait(Duration::from_millis(900)), []);
    assert_eq!(lab.stands(7, false), [], "still so");
    let effects = lab.wait(Duration::from_millis(200));
    assert_eq!(effects[0], Effect::Close);
    assert_ne!(lab.dialled(&effects), first);
    // One of a fenced group is left at once.
    let fenced = Stand { fenced: true, ..stand(Some(7), true) };
    let effects = lab.step(Input::Told(Tell::Stand(fenced), 50));
    assert_eq!(effects[0], Effect::Close);
    // One that belongs to nothing yet is waited for.
    lab.dialled(&effects);
    assert_eq!(lab.step(Input::Told(Tell::Stand(stand(None, false)), 50)), []);
    assert_eq!(lab.stands(7, true), [from(2, 7, Some(id(9)))]);
}

#[tokio::test(start_paused = true)]
async fn h15_a_torn_copy_begins_anew_in_the_same_birth() {
    let (mut lab, _) = Lab::new();
    lab.stands(7, true);
    lab.takes(1, 0..=9);
    lab.entries(1, 10..=11);
    assert_eq!(lab.step(Input::Torn), [from(2, 7, None)]);
    assert_eq!(lab.entries(1, 12..=13), [], "they were on their way");
    let effects = lab.entries(2, 0..=11);
    assert!(matches!(effects[..], [Effect::Apply { .. }]), "the birth is the same: {effects:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_from_its_own_member_first() {
    let mut lab = Lab { core: Core::new(ME, CHUNK, NodeRng::from_seed(1)), now: Instant::now() };
    let effects = lab.step(Input::Members((0..5).map(peer).collect()));
    assert_eq!(lab.dialled(&effects), ME);
    let effects = lab.step(Input::Members(BTreeSet::new()));
    assert_eq!(effects, [], "it serves still");
    let effects = lab.step(Input::Lost);
    assert_eq!((effects, lab.core.wake()), (vec![], None), "nobody is left");
}

/// Members that give chunks of one snapshot, each in the order in which it is asked.
#[derive(Default)]
struct Givers {
    bytes: Vec<u8>,
    source: Option<PeerId>,
    asks: BTreeMap<PeerId, VecDeque<ChunkAsk>>,
    asked: usize,
    liar: Option<PeerId>,
    refused: Vec<PeerId>,
    installed: Option<Vec<u8>>,
}

impl Givers {
    /// Does what a reader's core wants; ways are there at once.
    fn perform(&mut self, lab: &mut Lab, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(Ask::Chunk(ask)) => self.asks(self.source.expect("a source"), ask),
                Effect::Help(peer, Helping::Ask(ask)) => self.asks(peer, ask),
                Effect::Help(peer, Helping::Dial) => {
                    self.asks.insert(peer, VecDeque::new());
                    let effects = lab.step(Input::Helps(peer, Help::Opened));
                    self.perform(lab, effects);
                }
                Effect::Help(peer, Helping::End) => _ = self.asks.remove(&peer),
                Effect::Help(peer, Helping::Refuse(_)) => self.refused.push(peer),
                Effect::Dial(peer) => {
                    self.source = Some(peer);
                    self.asks.insert(peer, VecDeque::new());
                    assert_eq!(lab.step(Input::Opened), []);
                    let effects = lab.stands(7, true);
                    self.perform(lab, effects);
                }
                Effect::Send(Ask::From { round, after: None, .. }) => {
                    let manifest = manifest(&self.bytes, 50);
                    let effects = lab.step(Input::Told(Tell::Snapshot { round, manifest }, 9));
                    self.perform(lab, effects);
                }
                Effect::Install { bytes, .. } => self.installed = Some(bytes),
                _ => {}
            }
        }
    }

    fn asks(&mut self, peer: PeerId, ask: ChunkAsk) {
        self.asked += 1;
        self.asks.get_mut(&peer).expect("there is a way to it").push_back(ask);
    }

    /// This member answers its oldest question, if it has one.
    fn gives(&mut self, lab: &mut Lab, peer: PeerId) {
        let Some(ChunkAsk::V1 { hash, .. }) = self.asks.get_mut(&peer).and_then(VecDeque::pop_front) else {
            return;
        };
        let chunk = self.bytes.chunks(CHUNK).find(|chunk| ChunkHash::of(chunk) == hash).expect("a chunk");
        let mut chunk = chunk.to_vec();
        chunk[0] ^= u8::from(self.liar == Some(peer));
        let answer = ChunkAnswer::Part { of: chunk.len() as u32, bytes: chunk.into() };
        let input = match self.source == Some(peer) {
            true => Input::Told(Tell::Chunk(answer), 10),
            false => Input::Helps(peer, Help::Told(answer)),
        };
        let effects = lab.step(input);
        self.perform(lab, effects);
    }

    /// All members give, one after the other, until so many chunks are here or the snapshot is installed.
    fn run(&mut self, lab: &mut Lab, chunks: u64) {
        while self.installed.is_none()
            && lab.core.pulling().is_none_or(|(here, _)| here < chunks * CHUNK as u64)
        {
            let peers: Vec<PeerId> = self.asks.keys().copied().collect();
            peers.into_iter().for_each(|peer| self.gives(lab, peer));
        }
    }

    fn begun(liar: Option<PeerId>) -> (Self, Lab) {
        let bytes = (0..100 * CHUNK).map(|n| (n / CHUNK) as u8).collect();
        let mut lab = Lab { core: Core::new(ME, CHUNK, NodeRng::from_seed(1)), now: Instant::now() };
        let mut givers = Self { bytes, liar, ..Self::default() };
        let effects = lab.step(Input::Members((2..5).map(peer).collect()));
        givers.perform(&mut lab, effects);
        (givers, lab)
    }
}

#[tokio::test(start_paused = true)]
async fn c5_a_long_snapshot_comes_from_several_members_and_outlives_the_loss_of_each() {
    for lost in 0..3 {
        let (mut givers, mut lab) = Givers::begun(None);
        assert_eq!(givers.asks.len(), 3, "all are asked");
        givers.run(&mut lab, 40);
        let peer = *givers.asks.keys().nth(lost).expect("a member");
        givers.asks.remove(&peer);
        let effects = match givers.source == Some(peer) {
            true => lab.step(Input::Lost),
            false => lab.step(Input::Helps(peer, Help::Lost)),
        };
        let here = lab.core.pulling();
        givers.perform(&mut lab, effects);
        assert!(here.is_some_and(|(here, _)| here >= 400), "what is here stays: {here:?}");
        givers.run(&mut lab, u64::from(u32::MAX));
        assert!(givers.installed.as_ref() == Some(&givers.bytes));
        // What was on its way from each of them may be lost with the member that named the snapshot.
        assert!(givers.asked <= 100 + 3 * 16, "{} parts for 100 chunks", givers.asked);
    }
}

#[tokio::test(start_paused = true)]
async fn h14_a_member_that_helps_with_a_wrong_chunk_is_refused_and_the_snapshot_is_whole() {
    for liar in (2..5).map(peer) {
        let (mut givers, mut lab) = Givers::begun(Some(liar));
        let is_source = givers.source == Some(liar);
        givers.run(&mut lab, u64::from(u32::MAX));
        assert!(givers.installed.as_ref() == Some(&givers.bytes), "{liar:?}");
        assert_eq!(givers.refused, if is_source { vec![] } else { vec![liar] });
        assert_ne!(givers.source, Some(liar));
        assert!(lab.core.refused().is_some_and(|why| why.contains("not what its hash says")));
    }
}

#[tokio::test(start_paused = true)]
async fn members_help_no_more_once_the_snapshot_is_here_or_is_not_needed() {
    let (mut givers, mut lab) = Givers::begun(None);
    givers.run(&mut lab, u64::from(u32::MAX));
    assert_eq!(givers.asks.keys().collect::<Vec<_>>(), [&givers.source.expect("a source")]);
    // The next member has the log: what is here of the snapshot is let go.
    let (mut givers, mut lab) = Givers::begun(None);
    givers.run(&mut lab, 10);
    let effects = lab.step(Input::Lost);
    lab.dialled(&effects);
    assert_eq!(lab.stands(7, true), [from(2, 7, None)]);
    let effects = lab.entries(2, 0..=4);
    let ended = effects.iter().filter(|effect| matches!(effect, Effect::Help(_, Helping::End))).count();
    assert_eq!((ended, lab.core.pulling()), (1, None), "{effects:?}");
}
