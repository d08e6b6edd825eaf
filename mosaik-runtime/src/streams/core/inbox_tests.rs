//! What an inbox keeps for consumers that do not read, and what it tells those that come late.

use super::{
    entry::NOTES,
    inbox::{BufferSettings, Entry, Inbox, Left, Note},
    inbox_model::{batch, limits, poll},
    ring_tests::{EPOCH, peer},
    source::{Begun, Lost},
};
use crate::{primitives::BootId, topology::Overflow};

fn gap(first: u64, count: u64) -> Note {
    Note::Gap(Lost { first, count })
}

/// Everything that a reader is told: items, and items lost.
fn drain(inbox: &mut Inbox, reader: u64) -> (u64, u64) {
    let (mut items, mut lost) = (0, 0);
    while let Some(entry) = poll(inbox, reader) {
        match entry {
            Entry::Batch(batch) => items += batch.count,
            Entry::Note(_, _, Note::Gap(gap)) => lost += gap.count,
            Entry::Note(..) => {}
        }
    }
    (items, lost)
}

#[test]
fn ls4_gaps_that_one_consumer_reads_do_not_pile_up_for_another() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest, Overflow::Block] {
        let mut inbox = Inbox::new(limits(overflow, 0));
        let (fast, stalled) = (inbox.join(), inbox.join());
        for first in 0..10_000 {
            for from in 1..4 {
                inbox.note(peer(from), EPOCH, gap(first, 1));
            }
            drain(&mut inbox, fast);
            assert!(inbox.notes() <= NOTES + 3, "{} notes under {overflow:?}", inbox.notes());
        }
        assert_eq!(drain(&mut inbox, stalled), (0, 30_000), "{overflow:?}");
    }
}

#[test]
fn ls4_lives_of_a_producer_do_not_pile_up_for_a_consumer_that_does_not_read() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 0));
    let reader = inbox.join();
    for life in 0..10_000 {
        for from in 1..4 {
            inbox.note(peer(from), BootId(life), Note::Joined(Begun::Fresh));
            inbox.note(peer(from), BootId(life), gap(0, 1));
        }
    }
    assert!(inbox.notes() <= NOTES + 3, "{} notes", inbox.notes());
    let mut last = 0;
    while let Some(entry) = poll(&mut inbox, reader) {
        if let Entry::Note(_, epoch, Note::Gap(_)) = entry {
            last = last.max(epoch.0);
        }
    }
    assert_eq!(last, 9_999, "the newest loss is told");
}

#[test]
fn ls4_nor_for_one_that_was_moved_forward() {
    let mut inbox = Inbox::new(limits(Overflow::DropNewest, 0));
    let (fast, slow) = (inbox.join(), inbox.join());
    for n in 0..40 {
        inbox.put(batch(peer(1), n, 1));
        drain(&mut inbox, fast);
    }
    for life in 0..10_000 {
        inbox.note(peer(2), BootId(life), gap(0, 1));
        drain(&mut inbox, fast);
    }
    assert!(inbox.notes() <= NOTES + 2, "{} notes", inbox.notes());
    let (items, lost) = drain(&mut inbox, slow);
    assert!(items + lost >= 40);
}

#[test]
fn a_consumer_that_comes_late_is_told_who_is_there() {
    let mut inbox = Inbox::new(limits(Overflow::Disconnect, 0));
    let first = inbox.join();
    let settings = |buffer| BufferSettings { buffer, replay: 0, overflow: Overflow::Block };
    let differs = Note::Settings { declared: settings(1), counts: settings(2) };
    for from in 1..5 {
        inbox.note(peer(from), EPOCH, Note::Joined(Begun::Resumed));
    }
    inbox.note(peer(2), EPOCH, differs.clone());
    inbox.note(peer(3), EPOCH, Note::Left(Left::Unwanted));
    inbox.forget(&peer(4));
    drain(&mut inbox, first);
    let late = inbox.join();
    let mut told = Vec::new();
    while let Some(entry) = poll(&mut inbox, late) {
        told.push(entry);
    }
    let joined = |from| Entry::Note(peer(from), EPOCH, Note::Joined(Begun::Fresh));
    assert_eq!(told, [joined(1), joined(2), Entry::Note(peer(2), EPOCH, differs)]);
}

#[test]
fn what_a_slow_consumer_loses_is_counted() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
        let mut inbox = Inbox::new(limits(overflow, 0));
        let (fast, slow) = (inbox.join(), inbox.join());
        let mut counted = 0;
        for n in 0..100 {
            inbox.put(batch(peer(1), n, 1));
            drain(&mut inbox, fast);
            counted += inbox.take_dropped().get(&peer(1)).copied().unwrap_or_default();
        }
        let (items, lost) = drain(&mut inbox, slow);
        assert_eq!((items + lost, counted), (100, lost), "{overflow:?}");
        assert!(lost > 0, "{overflow:?}");
    }
}
