//! The machine on a store: what happens when the user's code panics, and when snapshots overtake each other.

use std::{
    collections::BTreeSet,
    io,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::stream;
use openraft::{RaftSnapshotBuilder, storage::RaftStateMachine};
use serde::{Deserialize, Serialize};

use crate::{
    groups::{
        MemberId,
        machine::{
            Apply, Digest, Item, MachineSettings, Replica, SessionId, StateMachine,
            tests::toy::{self, Deed, SMALL, Toy, command, open, payload},
        },
        raft::{Machine, convert},
        store::{
            GroupLog, Snapshots, Store,
            record::{Entry, LogId, Membership, Payload, StoreId},
        },
    },
    primitives::{
        NodeRng, PeerId, Schema, WireId,
        schema::{Seen, Shape},
    },
};

const GROUP: WireId = WireId::from_bytes([2; 32]);

/// A member whose leader is the test.
struct Bench<M> {
    snapshots: Snapshots,
    log: GroupLog,
    machine: Machine,
    replica: Replica<M>,
    next: u64,
}

impl<M: StateMachine + Default> Bench<M> {
    async fn new() -> Self {
        Self::with(SMALL).await
    }

    async fn with(settings: MachineSettings) -> Self {
        let store = Store::memory(PeerId::from_bytes([1; 32]), StoreId(1));
        let (snapshots, log) = (store.snapshots(GROUP), store.log(GROUP).await.expect("opens"));
        let opened = Machine::open(M::default(), snapshots.clone(), log.reader(), settings);
        let (machine, replica) = opened.expect("opens");
        Self { snapshots, log, machine, replica, next: 0 }
    }

    async fn entry(&mut self, payload: Payload) -> io::Result<()> {
        let entry = Entry { id: LogId { term: 1, index: self.next }, payload };
        self.next += 1;
        self.log.append(vec![entry.clone()], drop).await.expect("appends");
        let entry = convert::raft_entry(entry).expect("converts");
        self.machine.apply(stream::iter([Ok((entry, None))])).await
    }

    async fn items(&mut self, items: Vec<Item>) -> io::Result<()> {
        self.entry(Payload::Command(payload(self.next, items))).await
    }

    /// Writes the snapshot that is due, and cuts the log.
    async fn snapshot(&mut self) -> bool {
        let Some(mut builder) = self.machine.try_create_snapshot_builder(false).await else { return false };
        let built = builder.build_snapshot().await.expect("builds");
        self.log.purge(built.snapshot.last.expect("of an entry")).await.expect("purges");
        assert_eq!(*self.machine.due().borrow(), None);
        true
    }
}

fn membership(number: u64) -> Payload {
    let members = BTreeSet::from([MemberId::from(1), MemberId::from(number)]);
    Payload::Membership(Membership { configs: vec![members.clone()], members })
}

fn id(index: u64) -> LogId {
    LogId { term: 1, index }
}

#[tokio::test]
async fn lc10_r5_panics_between_snapshots_leave_the_state_that_a_replay_from_the_beginning_leaves() {
    let (mut cuts, mut panics) = (0, 0);
    for seed in 0..12 {
        let mut rng = NodeRng::from_seed(seed);
        let (mut bench, mut model) = (Bench::<Toy>::new().await, toy::Member::new());
        let (mut session, mut serial, mut members) = (SessionId { index: 0, slot: 0 }, 0, None);
        for index in 0..300 {
            let kind = if index == 0 { 0 } else { rng.below(30) };
            if kind == 1 || kind == 2 {
                let payload = if kind == 1 { Payload::Blank } else { membership(index) };
                members = if kind == 2 { Some(index) } else { members };
                bench.entry(payload).await.expect("passes");
                model.entry(vec![].into());
            } else {
                let items = match kind {
                    0 => {
                        (session, serial) = (SessionId { index, slot: 0 }, 0);
                        vec![open(rng.below(5) as u8)]
                    }
                    _ => (0..1 + rng.below(3))
                        .map(|_| {
                            serial += 1;
                            let number = rng.below(200) as u32;
                            let tears = rng.below(12) == 0;
                            let deed = if tears { Deed::Tear(number) } else { Deed::Do(number) };
                            command(session, serial, serial, deed)
                        })
                        .collect(),
                };
                bench.items(items.clone()).await.expect("applies");
                model.entry(payload(index, items));
            }
            cuts += u64::from(rng.below(20) == 0 && bench.snapshot().await);
            let (_, stored) = bench.machine.applied_state().await.expect("knows");
            assert_eq!(stored.log_id().map(|id| id.index), members, "seed {seed}, entry {index}");
        }
        let (found, expected) = (bench.replica.digest(), model.replica.digest());
        let hash = |digest: Option<Digest>| digest.expect("encodes").last.map(|last| last.index);
        assert_eq!(hash(found), hash(expected));
        let state = bench.replica.read(Toy::clone_of).await.expect("runs");
        assert_eq!(state, model.state(), "seed {seed}");
        assert_eq!(bench.replica.system().panics, model.replica.system().panics);
        panics += bench.replica.system().panics;
    }
    assert!(cuts > 20 && panics > 100, "{cuts} snapshots, {panics} panics");
}

impl Toy {
    fn clone_of(&self, _: crate::groups::machine::Applied) -> Self {
        self.clone()
    }
}

/// Counts its commands in all lives. The moody one does not always do the same: its third command panics, whichever that is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted<const WHICH: usize>(u32);

const MOODY: usize = 0;
const PATIENT: usize = 1;

static CALLS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

impl<const WHICH: usize> Schema for Counted<WHICH> {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Counted", None, &[("0", u32::shape)])
    }
}

impl<const WHICH: usize> StateMachine for Counted<WHICH> {
    type Command = Deed;
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn apply(&mut self, command: Deed, _: &Apply) {
        assert!(!matches!(command, Deed::Tear(_)));
        let calls = CALLS[WHICH].fetch_add(1, Ordering::Relaxed);
        assert!(WHICH != MOODY || calls != 2, "not today");
        self.0 += 1;
    }

    fn query(&self, (): ()) {}
}

#[tokio::test]
async fn lc10_an_entry_full_of_panics_costs_little_more_than_one() {
    let settings =
        MachineSettings { snapshot_bytes: u64::MAX, snapshot_entries: 70, ..MachineSettings::default() };
    let mut bench = Bench::<Counted<PATIENT>>::with(settings).await;
    let session = SessionId { index: 0, slot: 0 };
    bench.items(vec![open(1)]).await.expect("applies");
    for round in 0..120 {
        let deeds = (0..100).map(|n| command(session, round * 100 + n, round * 100, Deed::Do(1)));
        bench.items(deeds.collect()).await.expect("applies");
    }
    let before = CALLS[PATIENT].load(Ordering::Relaxed);
    assert_eq!(before, 12_000);
    let deed = |n: u64| if n.is_multiple_of(2) { Deed::Tear(1) } else { Deed::Do(1) };
    let deeds = (0..100).map(|n| command(session, 12_000 + n, 12_000, deed(n)));
    bench.items(deeds.collect()).await.expect("applies");
    assert_eq!(bench.replica.read(|counted, _| counted.0).await, Ok(12_050));
    let more = CALLS[PATIENT].load(Ordering::Relaxed) - before;
    // The snapshot is fifty entries back: those are applied again twice, and half of the last one for each of its panics.
    assert!(more < 2 * 5_100 + 51 * 50, "{more}");
}

#[tokio::test]
async fn lc10_a_member_whose_code_does_not_always_do_the_same_stops_and_says_so() {
    let mut bench = Bench::<Counted<MOODY>>::new().await;
    let session = SessionId { index: 0, slot: 0 };
    bench.items(vec![open(1)]).await.expect("applies");
    bench.items(vec![command(session, 0, 0, Deed::Do(1))]).await.expect("applies");
    bench.items(vec![command(session, 1, 0, Deed::Do(1))]).await.expect("applies");
    let error = bench.items(vec![command(session, 2, 0, Deed::Tear(1))]).await.expect_err("it stops");
    let said = error.to_string();
    assert!(said.contains("entry 1 was applied before") && said.contains("nothing but the state"), "{said}");
}

#[tokio::test]
async fn r4_an_older_snapshot_never_follows_a_newer_one() {
    let (mut ahead, mut behind) = (Bench::<Toy>::new().await, Bench::<Toy>::new().await);
    for index in 0..9 {
        ahead.entry(membership(index)).await.expect("passes");
        behind.entry(membership(index)).await.expect("passes");
    }
    let mut old = behind.machine.try_create_snapshot_builder(false).await.expect("one is due");
    let entry_8 = old_manifest(&mut ahead).await;
    for index in 9..18 {
        ahead.entry(membership(index)).await.expect("passes");
    }
    assert!(ahead.snapshot().await);
    let newer = ahead.machine.get_current_snapshot().await.expect("reads").expect("is there");
    // The other member pulls its chunks and installs it while it still builds its own.
    for chunk in &newer.snapshot.chunks {
        let bytes = ahead.snapshots.chunk(*chunk).await.expect("reads").expect("is there");
        behind.snapshots.put(bytes).await.expect("keeps");
    }
    behind.machine.install_snapshot(&newer.meta, newer.snapshot.clone()).await.expect("installs");
    assert_eq!(behind.replica.digest(), ahead.replica.digest());
    let (applied, stored) = behind.machine.applied_state().await.expect("knows");
    assert_eq!(applied.map(|id| id.index), Some(17));
    assert_eq!(stored, newer.meta.last_membership);
    let built = old.build_snapshot().await.expect("there is a newer one");
    assert_eq!(built.snapshot, newer.snapshot);
    assert_eq!(behind.snapshots.current().await, Ok(Some(newer.snapshot)));
    assert_eq!(entry_8, Some(id(8)));
    // A snapshot whose chunks are not there, or are others, is refused.
    let mut spoiled = ahead.machine.get_current_snapshot().await.expect("reads").expect("is there");
    spoiled.snapshot.bytes += 1;
    let error = behind.machine.install_snapshot(&spoiled.meta, spoiled.snapshot).await.expect_err("refused");
    assert!(error.to_string().contains("bytes instead of"), "{error}");
}

async fn old_manifest(bench: &mut Bench<Toy>) -> Option<LogId> {
    let mut builder = bench.machine.try_create_snapshot_builder(false).await.expect("one is due");
    builder.build_snapshot().await.expect("builds").snapshot.last
}
