//! Who reads while a snapshot is made of the state.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, mpsc},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize, Serializer};

use super::published::{command, entry};
use crate::{
    collections::{
        core::{Map, MapOperation},
        feed::Feed,
        machine::{Bundle, Machine, Part},
    },
    groups::{
        machine::{Applier, Applying, Item, MachineSettings, Replica},
        store::record::LogId,
    },
    primitives::{
        BootId, PeerId, Schema,
        schema::{Seen, Shape},
    },
};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// A snapshot is made after so many entries.
const EACH: u64 = 10;

static GATE: Gate = Gate { phase: Mutex::new(Phase::Open), changed: Condvar::new() };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closed,
    /// Somebody is at it, and waits.
    Reached,
}

/// What whoever encodes a [`Slow`] has to pass.
struct Gate {
    phase: Mutex<Phase>,
    changed: Condvar,
}

impl Gate {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().expect("no panic")
    }

    fn set(&self, phase: Phase) {
        *self.phase() = phase;
        self.changed.notify_all();
    }

    /// Waits while the phase is another one; says whether it is this one.
    fn wait(&self, wanted: Phase) -> bool {
        let waited = self.changed.wait_timeout_while(self.phase(), DEADLINE, |phase| *phase != wanted);
        *waited.expect("no panic").0 == wanted
    }

    fn pass(&self) {
        if *self.phase() != Phase::Open {
            self.set(Phase::Reached);
            self.wait(Phase::Open);
        }
    }
}

/// A number that is encoded only while the gate is open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Slow(u64);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        GATE.pass();
        serializer.serialize_newtype_struct("Slow", &self.0)
    }
}

impl Schema for Slow {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

struct Alone;

impl Bundle for Alone {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Map<u64, Slow>>("")]
    }
}

/// What is read at the newest version.
fn newest(feed: &Feed, replica: &Replica<Machine<Alone>>) -> (u64, Option<Slow>) {
    let newest = feed.newest(replica);
    let map = newest.part::<Map<u64, Slow>>(0).expect("the map");
    (newest.version.index, map.get(&newest.version.index).cloned())
}

/// Does something on a thread of its own; what comes of it if that is soon.
fn soon<R: Send + 'static>(does: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(does()));
    receiver.recv_timeout(DEADLINE / 2).ok()
}

#[test]
fn who_reads_does_not_wait_for_a_snapshot() {
    for keeps in [true, false] {
        let settings = MachineSettings { snapshot_entries: EACH, ..MachineSettings::default() };
        let (applier, replica) = Applier::new(Machine::default(), settings).expect("a machine");
        let mut applier = if keeps { applier } else { applier.for_reader() };
        let feed = Arc::new(Feed::new::<Alone>());
        let _observing = replica.observe(feed.clone());
        let open = entry(Item::Open { owner: PeerId::from_bytes([7; 32]), boot: BootId(1) });
        let insert = |key| command(key, &MapOperation::Insert { key, value: Slow(key), lives: None });
        let entries: Vec<_> = [open].into_iter().chain((2..=EACH).map(insert)).collect();
        let mut apply = move |index: u64| {
            let at = LogId { term: 1, index };
            applier.apply(at, &entries[index as usize - 1], false).expect("it is applied").snapshot
        };
        (1..EACH).for_each(|index| assert_eq!(apply(index), None));

        GATE.set(Phase::Closed);
        let applying = thread::spawn(move || apply(EACH));
        let is_reached = GATE.wait(Phase::Reached);
        let (said, copy, others) = (replica.applied(), replica.clone(), replica.clone());
        let read = soon(move || newest(&feed, &copy));
        let digest = soon(move || {
            // Another one who is told of everything from now on, in a state that is being encoded.
            let another = Arc::new(Feed::new::<Alone>());
            let _observing = others.observe(another.clone());
            (newest(&another, &others), others.digest())
        });
        let said = said.borrow().index();
        GATE.set(Phase::Open);
        let snapshot = applying.join().expect("no panic");

        assert!(is_reached, "the tenth entry is followed by a snapshot");
        assert_eq!(said, Some(EACH), "the entry is shown before");
        assert_eq!(read, Some((EACH, Some(Slow(EACH)))), "who reads waits for a snapshot");
        assert_eq!(digest, Some(((EACH, Some(Slow(EACH))), None)), "who begins to follow waits for it");
        assert_eq!(snapshot.is_some(), keeps);
        assert!(replica.digest().is_some());
    }
}
