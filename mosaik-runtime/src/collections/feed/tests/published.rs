//! What is published of the entries that a copy applies, and what whoever reads sees of them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use serde::Serialize;

use crate::{
    collections::{
        core::{Set, SetOperation},
        feed::{EAGER, Feed, LAZY, See, Source},
        machine::{Bundle, Machine, Operation, Part, Request, Slot},
    },
    groups::{
        Observing,
        machine::{Applier, Applying, Batch, Item, MachineSettings, Payload, Replica, SessionId},
        store::record::LogId,
    },
    primitives::{BootId, PeerId, codec},
};

type Numbers = Set<u64>;

struct Alone;

impl Bundle for Alone {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Numbers>("")]
    }
}

/// An entry of the log with one item.
pub(super) fn entry(item: Item) -> Bytes {
    Payload::V1(Batch { items: vec![item], ..Batch::default() }).encode().expect("encodes")
}

/// The entry with this index, which does an operation in the session that the first one opened.
pub(super) fn command(index: u64, operation: &impl Serialize) -> Bytes {
    let body = codec::encode(operation).expect("encodes").into();
    let request = Request::Operations(vec![Operation { part: 0, body }]);
    let (session, serial) = (SessionId { index: 1, slot: 0 }, index - 2);
    let (method, body) = (crate::groups::machine::COMMAND, codec::encode(&request).expect("encodes"));
    entry(Item::Command { session, serial, acked_below: serial, method, body: body.into() })
}

/// A copy of a set of numbers, and what is published of it.
struct Copy {
    applier: Applier<Machine<Alone>>,
    replica: Replica<Machine<Alone>>,
    feed: Arc<Feed>,
    _observing: Observing,
    index: u64,
    looks: AtomicU32,
}

/// Counts the looks.
impl Source for Copy {
    fn look(&self, see: See<'_>) {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.replica.look(see);
    }

    fn look_at_once(&self, see: See<'_>) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.replica.look_at_once(see)
    }
}

/// A copy that applies an entry just when somebody looks at once, and publishes it as it does while somebody reads.
struct Busy<'a> {
    applies: Box<dyn Fn() + Send + Sync + 'a>,
    refused: AtomicU32,
}

impl Source for Busy<'_> {
    fn look(&self, _: See<'_>) {
        panic!("the reader sleeps until the entry is applied");
    }

    fn look_at_once(&self, _: See<'_>) -> bool {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 10 {
            (self.applies)();
        }
        false
    }
}

impl Copy {
    fn new(settings: MachineSettings) -> Self {
        let (applier, replica) = Applier::new(Machine::default(), settings).expect("a machine");
        let feed = Arc::new(Feed::new::<Alone>());
        let _observing = replica.observe(feed.clone());
        let mut copy = Self { applier, replica, feed, _observing, index: 0, looks: AtomicU32::new(0) };
        copy.entry(Item::Open { owner: PeerId::from_bytes([7; 32]), boot: BootId(1) });
        copy
    }

    fn entry(&mut self, item: Item) {
        self.give(&entry(item));
    }

    fn give(&mut self, payload: &[u8]) {
        self.index += 1;
        self.applier.apply(LogId { term: 1, index: self.index }, payload, false).expect("it is applied");
    }

    /// The next entry inserts its own index.
    fn insert(&mut self) {
        let item = self.index + 1;
        self.give(&command(item, &SetOperation::Insert { item }));
    }

    /// The version that is read; its numbers are those of all entries before it.
    fn read(&self) -> u64 {
        let newest = self.feed.newest(self);
        let numbers = newest.part::<Numbers>(0).expect("the set");
        assert!(numbers.iter().copied().eq(2..=newest.version.index), "it is one version");
        newest.version.index
    }

    fn looks(&self) -> u32 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Whether the state is somebody else's too, so that the next entry copies what it changes.
    fn is_shared(&self) -> bool {
        let shared = self.replica.try_read(|machine, _| {
            let slot = machine.slots()[0].as_any().downcast_ref::<Slot<Numbers>>().expect("the set");
            Arc::strong_count(slot.value()) > 1
        });
        shared.unwrap_or_else(|_| panic!("no state"))
    }
}

#[test]
fn what_nobody_reads_is_not_shared_and_what_is_read_is_the_newest() {
    let mut copy = Copy::new(MachineSettings::default());
    for _ in 0..100 {
        copy.insert();
        assert!(!copy.is_shared(), "nobody reads");
    }
    assert_eq!((copy.read(), copy.read(), copy.looks()), (101, 101, 1));
    for index in 102..102 + u64::from(EAGER) {
        copy.insert();
        assert!(copy.is_shared(), "entry {index} is for whoever reads next");
    }
    copy.insert();
    assert!(!copy.is_shared(), "nobody has read for long");
    assert_eq!((copy.read(), copy.looks()), (copy.index, 2));
}

#[test]
fn who_reads_often_takes_no_lock() {
    let mut copy = Copy::new(MachineSettings::default());
    copy.insert();
    assert_eq!((copy.read(), copy.looks()), (2, 1));
    for _ in 0..1000 {
        (0..EAGER / 2).for_each(|_| copy.insert());
        assert_eq!((copy.read(), copy.looks()), (copy.index, 1));
    }
}

#[test]
fn who_reads_rarely_gets_the_entry_that_is_applied_meanwhile() {
    let mut copy = Copy::new(MachineSettings::default());
    copy.insert();
    let feed = copy.feed.clone();
    assert!(feed.is_behind.load(Ordering::Relaxed), "nobody has read");
    let copy = Mutex::new(copy);
    let busy =
        Busy { applies: Box::new(|| copy.lock().expect("no panic").insert()), refused: AtomicU32::new(0) };
    assert_eq!(feed.newest(&busy).version.index, 3, "the entry is published, since somebody reads");
    assert_eq!(busy.refused.load(Ordering::Relaxed), 11);
    assert_eq!(copy.lock().expect("no panic").looks(), 0);
}

#[test]
fn what_is_read_is_never_older_than_what_was_said_to_be_applied() {
    const LAST: u64 = 20_000;
    let mut copy = Copy::new(MachineSettings::default());
    let (replica, feed) = (copy.replica.clone(), copy.feed.clone());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (applied, mut seen, mut next, mut rare) = (replica.applied(), 0, 0, 0);
            for reads in 0_u64.. {
                let mut said = applied.borrow().index().unwrap_or(0);
                while said < next {
                    std::hint::spin_loop();
                    said = applied.borrow().index().unwrap_or(0);
                }
                rare += u32::from(feed.is_behind.load(Ordering::Acquire));
                let read = feed.newest(&replica).version.index;
                assert!(read >= said && read >= seen, "{read} after {seen}, where {said} is applied");
                seen = read;
                if seen >= LAST {
                    break;
                }
                // Often for a while, and then not until entries went by that are not published.
                let pause = if reads % 64 == 63 { u64::from(EAGER) + 8 } else { 0 };
                next = LAST.min(seen + pause);
            }
            assert!(rare > 1, "nobody read what was not published");
        });
        while copy.index < LAST {
            copy.insert();
        }
    });
}

#[test]
fn what_was_published_long_ago_is_not_kept() {
    let mut copy = Copy::new(MachineSettings { snapshot_entries: u64::MAX, ..MachineSettings::default() });
    assert_eq!(copy.read(), 1);
    let published = |copy: &Copy| copy.feed.published.load().version.index;
    (0..=EAGER).for_each(|_| copy.insert());
    assert_eq!(published(&copy), u64::from(EAGER) + 1);
    (0..LAZY).for_each(|_| copy.insert());
    assert!(published(&copy) >= u64::from(LAZY));
}
