//! The inbox against a model: each consumer sees each producer's items in order, once, or is told that they are lost.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use proptest::prelude::*;

use super::{
    inbox::{Batch, Entry, Inbox, InboxLimits, Note},
    ring_tests::{EPOCH, now, numbers, peer},
};
use crate::{
    primitives::{PeerId, codec},
    topology::Overflow,
};

pub(super) fn batch(from: PeerId, first: u64, count: u64) -> Batch {
    let mut bytes = BytesMut::new();
    for number in first..first + count {
        let body = codec::encode(&number).expect("encodes");
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
    }
    Batch { from, epoch: EPOCH, schema: 0, first, count, bytes: bytes.freeze() }
}

pub(super) fn limits(overflow: Overflow, replay: u64) -> InboxLimits {
    InboxLimits { items: 10, bytes: 1000, overflow, patience: Duration::from_secs(30), replay, max_item: 100 }
}

pub(super) fn poll(inbox: &mut Inbox, reader: u64) -> Option<Entry> {
    match inbox.poll(reader, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entry) => entry,
        Poll::Pending => None,
    }
}

/// What one consumer has seen of each producer: the number that it expects next.
#[derive(Default)]
struct Seen(BTreeMap<PeerId, u64>);

impl Seen {
    fn take(&mut self, entry: Entry) {
        let (from, first, count) = match entry {
            Entry::Batch(batch) => {
                let numbers = numbers(std::slice::from_ref(&batch.bytes));
                assert_eq!(numbers, (batch.first..batch.first + batch.count).collect::<Vec<_>>());
                (batch.from, batch.first, batch.count)
            }
            Entry::Note(from, _, Note::Gap(lost)) => (from, lost.first, lost.count),
            Entry::Note(..) => return,
        };
        let expected = self.0.entry(from).or_insert(first);
        assert_eq!(*expected, first, "in order, once, and gaps where they are");
        *expected = first + count;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put { from: u8, count: u64 },
    Gap { from: u8, count: u64 },
    Read(usize),
    Finish(usize),
    Join,
    Leave(usize),
    Expire(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..2u8, 1..8u64).prop_map(|(from, count)| Step::Put { from, count }),
        1 => (0..2u8, 1..8u64).prop_map(|(from, count)| Step::Gap { from, count }),
        8 => (0..4usize).prop_map(Step::Read),
        6 => (0..4usize).prop_map(Step::Finish),
        1 => Just(Step::Join),
        1 => (0..4usize).prop_map(Step::Leave),
        1 => (0..40u64).prop_map(Step::Expire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_consumer_sees_all_of_it_or_is_told(
        steps in prop::collection::vec(step(), 1..200),
        overflow in prop_oneof![
            Just(Overflow::Disconnect), Just(Overflow::DropOldest), Just(Overflow::DropNewest), Just(Overflow::Block)
        ],
        replay in prop_oneof![Just(0u64), 1..20u64],
    ) {
        let start = now();
        let mut inbox = Inbox::new(limits(overflow, replay));
        let mut readers: Vec<(u64, Seen)> = vec![(inbox.join(), Seen::default())];
        let mut produced: BTreeMap<PeerId, u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put { from, count } if inbox.has_room() => {
                    let next = produced.entry(peer(from)).or_default();
                    inbox.put(batch(peer(from), *next, count));
                    *next += count;
                }
                Step::Gap { from, count } => {
                    let next = produced.entry(peer(from)).or_default();
                    inbox.note(peer(from), EPOCH, Note::Gap(super::source::Lost { first: *next, count }));
                    *next += count;
                }
                Step::Read(who) => {
                    let read = readers.get_mut(who).and_then(|(name, seen)| Some((poll(&mut inbox, *name)?, seen)));
                    read.into_iter().for_each(|(entry, seen)| seen.take(entry));
                }
                Step::Finish(who) => if let Some((name, _)) = readers.get(who) { inbox.finish(*name) },
                Step::Join if readers.len() < 4 => readers.push((inbox.join(), Seen::default())),
                Step::Leave(who) if readers.len() > 1 && who < readers.len() => {
                    let (name, _) = readers.remove(who);
                    prop_assert!(!inbox.leave(name));
                }
                Step::Expire(seconds) => { inbox.expire(start + Duration::from_secs(seconds)); }
                _ => {}
            }
            prop_assert!(inbox.backlog().0 <= 10 + 8 + 8 * 2, "{:?}", inbox.backlog());
        }
        for (name, seen) in &mut readers {
            while let Some(entry) = poll(&mut inbox, *name) { seen.take(entry) }
            inbox.finish(*name);
            for (from, expected) in &seen.0 {
                prop_assert_eq!(produced.get(from), Some(expected), "everything, or told");
            }
        }
        prop_assert_eq!(inbox.backlog(), (0, 0));
    }
}

#[test]
fn ls4_one_consumer_that_does_not_read_stops_the_reading_from_the_network() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 0));
    let reader = inbox.join();
    let mut put = 0;
    while inbox.has_room() {
        inbox.put(batch(peer(1), put, 3));
        put += 3;
    }
    assert_eq!(put, 12);
    assert!(poll(&mut inbox, reader).is_some() && inbox.has_room(), "what is in hand does not count");
}

#[test]
fn ls9_a_slow_consumer_falls_under_the_policy_alone() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
        let mut inbox = Inbox::new(limits(overflow, 0));
        let (fast, slow) = (inbox.join(), inbox.join());
        let (mut items, mut lost, mut last) = (0, 0, 0);
        for n in 0..100 {
            assert!(inbox.has_room(), "the fast one is not held up");
            inbox.put(batch(peer(1), n, 1));
            assert!(matches!(poll(&mut inbox, fast), Some(Entry::Batch(batch)) if batch.first == n));
            inbox.finish(fast);
        }
        while let Some(entry) = poll(&mut inbox, slow) {
            match entry {
                Entry::Batch(batch) => (items, last) = (items + batch.count, batch.first),
                Entry::Note(_, _, Note::Gap(gap)) => lost += gap.count,
                Entry::Note(..) => {}
            }
        }
        assert_eq!(items + lost, 100, "{overflow:?}");
        assert!(
            lost > 0 && if overflow == Overflow::DropNewest { last == 9 } else { last == 99 },
            "{overflow:?}"
        );
    }
}

#[test]
fn ls9_block_waits_for_the_slow_consumer_and_then_gives_up_on_it() {
    let start = now();
    let mut inbox = Inbox::new(limits(Overflow::Block, 0));
    let (fast, slow) = (inbox.join(), inbox.join());
    inbox.put(batch(peer(1), 0, 10));
    assert!(poll(&mut inbox, fast).is_some());
    inbox.finish(fast);
    assert!(!inbox.has_room());
    assert_eq!(inbox.expire(start), Some(start + Duration::from_secs(30)));
    assert_eq!(inbox.expire(start + Duration::from_secs(30)), None);
    assert!(inbox.has_room());
    assert!(matches!(poll(&mut inbox, slow), Some(Entry::Note(_, _, Note::Gap(lost))) if lost.count == 10));
}

#[test]
fn a_late_consumer_on_the_node_gets_the_replay_too() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 4));
    let first = inbox.join();
    inbox.put(batch(peer(1), 0, 3));
    inbox.put(batch(peer(1), 3, 3));
    while poll(&mut inbox, first).is_some() {}
    inbox.finish(first);
    let late = inbox.join();
    let mut seen = Vec::new();
    while let Some(Entry::Batch(batch)) = poll(&mut inbox, late) {
        seen.extend(numbers(&[batch.bytes]));
    }
    assert_eq!(seen, [2, 3, 4, 5]);
}

#[test]
fn ls4_gaps_of_producers_that_alternate_stay_one_note_each() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 0));
    let reader = inbox.join();
    for first in 0..10_000 {
        for from in 1..3 {
            inbox.note(peer(from), EPOCH, Note::Gap(super::source::Lost { first, count: 1 }));
        }
    }
    let mut notes = Vec::new();
    while let Some(Entry::Note(_, _, Note::Gap(lost))) = poll(&mut inbox, reader) {
        notes.push((lost.first, lost.count));
    }
    assert_eq!(notes, [(0, 10_000), (0, 10_000)]);
}

#[test]
fn nothing_is_remembered_of_a_producer_that_is_gone_and_a_gap_counts_as_done() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 5));
    let reader = inbox.join();
    inbox.welcome(peer(1), EPOCH);
    inbox.put(batch(peer(1), 0, 3));
    inbox.note(peer(1), EPOCH, Note::Gap(super::source::Lost { first: 3, count: 4 }));
    while poll(&mut inbox, reader).is_some() {}
    assert_eq!(inbox.consumed(&peer(1), EPOCH), 7, "a gap at the end is not waited for");
    inbox.put(batch(peer(1), 7, 3));
    inbox.forget(&peer(1));
    while poll(&mut inbox, reader).is_some() {}
    assert_eq!(inbox.consumed(&peer(1), EPOCH), 0);
    let late = inbox.join();
    assert_eq!(poll(&mut inbox, late), None, "no replay of it");
}
