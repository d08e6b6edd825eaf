//! The four policies, replay, leases and limits of the ring, case by case.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    chunks::{FRAME_HEAD, frame_size},
    cursor::{Bell, Cut, Parting},
    limits::{AHEAD, AHEAD_FROM, IN_FLIGHT, Limits},
    log::SEGMENT,
    ring::{PushError, Ring},
    subscribe::{AttachError, Take},
};
use crate::{
    primitives::{BootId, Clock, PeerId, codec},
    topology::Overflow,
};

pub(super) struct Silent;
impl Bell for Silent {
    fn ring(&self) {}
    fn cut(&self) {}
}

pub(super) const EPOCH: BootId = BootId(7);

pub(super) fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 32])
}

pub(super) fn now() -> Instant {
    Clock::system().now()
}

fn ring(overflow: Overflow) -> Ring<Silent> {
    Ring::new(EPOCH, 0, Limits { items: 4, overflow, ..Limits::default() })
}

fn fill(ring: &mut Ring<Silent>, numbers: std::ops::Range<u64>) {
    for n in numbers {
        assert_eq!(ring.push(&n, now), Ok(n));
    }
}

/// What a subscriber is told until there is nothing more: numbers, and gaps as pairs.
fn told(ring: &mut Ring<Silent>, who: PeerId, attachment: u64) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut items, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match ring.take(&who, attachment) {
            Take::Run(run) => {
                items.extend(run_numbers(&run));
                ring.acknowledge(&who, attachment, u64::MAX, run.end.seq, run.end.seq);
            }
            Take::Gap { first, count } => gaps.push((first, count)),
            _ => return (items, gaps),
        }
    }
}

pub(super) fn run_numbers(run: &super::chunks::Run) -> Vec<u64> {
    numbers(&run.chunks.iter().map(|chunk| chunk.bytes.clone()).collect::<Vec<_>>())
}

pub(super) fn numbers(chunks: &[bytes::Bytes]) -> Vec<u64> {
    let mut found = Vec::new();
    for chunk in chunks {
        let mut at = 0;
        while let Some(size) = frame_size(chunk, at) {
            let body = &chunk[at + FRAME_HEAD..at + size];
            found.push(
                codec::decode::<(u64, String)>(body)
                    .map_or_else(|_| codec::decode::<u64>(body).expect("a number"), |(number, _)| number),
            );
            at += size;
        }
    }
    found
}

#[test]
fn disconnect_cuts_the_slow_and_a_return_begins_with_a_gap() {
    let mut ring = ring(Overflow::Disconnect);
    let slow = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..4);
    let fast = ring.attach(peer(2), Some((EPOCH, 0)), Silent, now()).expect("room").attachment;
    assert_eq!(told(&mut ring, peer(2), fast).0, [0, 1, 2, 3]);
    fill(&mut ring, 4..5);
    assert!(matches!(ring.take(&peer(1), slow), Take::Cut(Cut::TooSlow)));
    assert_eq!(told(&mut ring, peer(2), fast), (vec![4], vec![]));
    ring.detach(&peer(1), slow, Parting::Lost, now());
    fill(&mut ring, 5..7);
    let again = ring.attach(peer(1), Some((EPOCH, 0)), Silent, now()).expect("room").attachment;
    let (items, gaps) = told(&mut ring, peer(1), again);
    assert_eq!(gaps, [(0, 7 - items.len() as u64)], "what is no longer held is a gap, exactly");
}

#[test]
fn drop_oldest_keeps_the_newest_items() {
    let mut ring = ring(Overflow::DropOldest);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..10);
    assert_eq!(told(&mut ring, peer(1), at), (vec![6, 7, 8, 9], vec![(0, 6)]));
}

#[test]
fn drop_newest_keeps_its_window_and_then_jumps_to_the_head() {
    let mut ring = ring(Overflow::DropNewest);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..10);
    assert_eq!(told(&mut ring, peer(1), at), (vec![0, 1, 2, 3], vec![(4, 6)]));
    fill(&mut ring, 10..12);
    assert_eq!(told(&mut ring, peer(1), at), (vec![10, 11], vec![]));
}

#[test]
fn ls2_block_refuses_at_the_limit_and_again_after_every_item() {
    let mut ring = ring(Overflow::Block);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..4);
    for _ in 0..3 {
        assert!(matches!(ring.push(&4u64, now), Err(PushError::Full { .. })));
    }
    assert_eq!(told(&mut ring, peer(1), at).0, [0, 1, 2, 3]);
    assert!(ring.takes_wanted(), "a producer waits and there is room");
    fill(&mut ring, 4..8);
    assert!(matches!(ring.push(&8u64, now), Err(PushError::Full { .. })));
    assert_eq!(told(&mut ring, peer(1), at), (vec![4, 5, 6, 7], vec![]));
}

/// A producer of small items fills the buffer long before the writer has its turn.
#[test]
fn ls2_block_goes_on_while_the_writer_waits_for_its_turn_and_no_further() {
    let limits = Limits { items: AHEAD_FROM, overflow: Overflow::Block, ..Limits::default() };
    let mut ring = Ring::new(EPOCH, 0, limits);
    let (one, two) = (peer(1), peer(2));
    let at = ring.attach(one, None, Silent, now()).expect("room").attachment;
    let mut accepted = 0;
    let fill = |ring: &mut Ring<Silent>, accepted: &mut u64| {
        while ring.push(&7u64, now).is_ok() {
            *accepted += 1;
        }
    };
    fill(&mut ring, &mut accepted);
    // Five bytes an item: in multiples of the buffer, and no more than was promised.
    let bytes = 5 * accepted;
    let (least, most) = (AHEAD as u64, AHEAD as u64 + 2 * 5 * AHEAD_FROM as u64);
    assert!((least..=most).contains(&bytes), "{bytes} bytes");
    let Take::Run(run) = ring.take(&one, at) else { panic!("items") };
    assert_eq!(run.count(), accepted, "one turn takes them all");
    // Nobody acknowledges: what may be in flight ends it.
    for _ in 0..1000 {
        fill(&mut ring, &mut accepted);
        ring.take(&one, at);
    }
    assert!(5 * accepted <= (IN_FLIGHT + AHEAD) as u64, "{accepted} items");
    // Who is not there gets the buffer, and no more.
    let mut ring = Ring::new(EPOCH, 0, limits);
    let gone = ring.attach(two, None, Silent, now()).expect("room").attachment;
    ring.detach(&two, gone, Parting::Lost, now());
    let mut accepted = 0;
    fill(&mut ring, &mut accepted);
    assert_eq!(accepted, AHEAD_FROM as u64);
}

#[test]
fn ls3_block_gives_up_on_a_subscriber_after_its_patience_connected_or_not() {
    let start = now();
    let mut ring = ring(Overflow::Block);
    let stuck = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    let gone = ring.attach(peer(2), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..4);
    ring.detach(&peer(2), gone, Parting::Lost, start);
    let Err(PushError::Full { until }) = ring.push(&4u64, || start) else { panic!("both hold") };
    assert_eq!(until, start + Duration::from_secs(10), "the lease is shorter than the patience");
    let Err(PushError::Full { until }) = ring.push(&4u64, || until) else { panic!("one holds") };
    assert_eq!((until, ring.subscriptions()), (start + Duration::from_secs(30), 1));
    assert_eq!(ring.push(&4u64, || until), Ok(4));
    assert!(matches!(ring.take(&peer(1), stuck), Take::Cut(Cut::OutOfPatience)));
}

/// A link that comes and goes carries the same again: that makes no room, and is no reason for more patience.
#[test]
fn ls3_one_send_waits_for_patience_at_most_when_subscribers_take_turns() {
    let (mut ring, start) = (ring(Overflow::Block), now());
    let patience = ring.limits().patience;
    ring.attach(peer(1), None, Silent, start).expect("room");
    let other = ring.attach(peer(2), None, Silent, start).expect("room");
    fill(&mut ring, 0..4);
    // The other takes all, and has received nothing of it yet.
    assert!(matches!(ring.take(&peer(2), other.attachment), Take::Run(_)));
    assert_eq!(ring.push(&4u64, || start), Err(PushError::Full { until: start + patience }));
    // Its link breaks while the first is in the way; what was in flight lies before it again.
    let later = start + patience / 3;
    ring.detach(&peer(2), other.attachment, Parting::Lost, later);
    ring.attach(peer(2), Some((EPOCH, 0)), Silent, later).expect("it returns");
    assert_eq!(ring.push(&4u64, || later), Err(PushError::Full { until: start + patience }));
    assert_eq!(ring.push(&4u64, || start + patience), Ok(4), "nobody holds one send for longer");
    let cuts = [(peer(1), Cut::OutOfPatience), (peer(2), Cut::OutOfPatience)];
    assert_eq!(ring.take_cuts(), cuts);
}

#[test]
fn ls3_the_next_send_waits_for_a_patience_of_its_own() {
    let (mut ring, start) = (ring(Overflow::Block), now());
    let patience = ring.limits().patience;
    let it = ring.attach(peer(1), None, Silent, start).expect("room");
    fill(&mut ring, 0..4);
    assert_eq!(ring.push(&4u64, || start), Err(PushError::Full { until: start + patience }));
    // Room is made, and the send is given up; another subscriber asks for what lies far back.
    assert!(matches!(ring.take(&peer(1), it.attachment), Take::Run(_)));
    let later = start + 2 * patience;
    ring.attach(peer(2), Some((EPOCH, 0)), Silent, later).expect("room");
    assert_eq!(ring.push(&4u64, || later), Err(PushError::Full { until: later + patience }));
}

#[test]
fn ls3_a_subscriber_whose_link_flaps_does_not_get_more_patience() {
    let start = now();
    let later = start + Duration::from_secs(20);
    let mut ring = ring(Overflow::Block);
    ring.limits.max_item = IN_FLIGHT;
    let at = ring.attach(peer(1), None, Silent, start).expect("room").attachment;
    let push = |ring: &mut Ring<Silent>, at: Instant| ring.push(&"x".repeat(IN_FLIGHT * 2 / 5), || at);
    (0..4).for_each(|_| assert!(push(&mut ring, start).is_ok()));
    assert!(matches!(ring.take(&peer(1), at), Take::Run(run) if run.count() == 2));
    (0..2).for_each(|_| assert!(push(&mut ring, start).is_ok()));
    let until = start + Duration::from_secs(30);
    assert_eq!(push(&mut ring, start), Err(PushError::Full { until }));
    ring.detach(&peer(1), at, Parting::Lost, later);
    let again = ring.attach(peer(1), Some((EPOCH, 0)), Silent, later).expect("its place").attachment;
    assert_eq!(push(&mut ring, later), Err(PushError::Full { until }));
    assert!(matches!(ring.take(&peer(1), again), Take::Run(run) if run.count() == 2));
    assert_eq!(push(&mut ring, later), Err(PushError::Full { until }), "the same two made no room");
    ring.acknowledge(&peer(1), again, u64::MAX, 2, 0);
    assert!(matches!(ring.take(&peer(1), again), Take::Run(run) if run.count() == 2));
    assert!(push(&mut ring, later).is_ok() && push(&mut ring, later).is_ok());
    let until = later + Duration::from_secs(30);
    assert_eq!(push(&mut ring, later), Err(PushError::Full { until }), "what made room did");
}

#[test]
fn a_closed_ring_takes_back_those_that_have_a_place_in_it() {
    let start = now();
    let mut ring = ring(Overflow::Disconnect);
    let lost = ring.attach(peer(1), None, Silent, start).expect("room").attachment;
    let slow = ring.attach(peer(2), None, Silent, start).expect("room").attachment;
    ring.detach(&peer(1), lost, Parting::Lost, start);
    fill(&mut ring, 0..5);
    assert_eq!(ring.take_cuts(), [(peer(1), Cut::TooSlow), (peer(2), Cut::TooSlow)]);
    ring.detach(&peer(2), slow, Parting::Lost, start);
    ring.close();
    assert_eq!(ring.attach(peer(3), None, Silent, start).err(), Some(AttachError::Closed));
    for who in [peer(1), peer(2)] {
        let at = ring.attach(who, Some((EPOCH, 0)), Silent, start).expect("its place").attachment;
        let (items, gaps) = told(&mut ring, who, at);
        assert_eq!(items.len() as u64 + gaps.iter().map(|(_, count)| count).sum::<u64>(), 5);
        assert!(matches!(ring.take(&who, at), Take::End));
        assert!(!ring.is_done());
        assert_eq!(ring.detach(&who, at, Parting::Ended, start), Some(Parting::Ended));
    }
    assert!(ring.is_done());
}

#[test]
fn a_ring_that_was_opened_again_holds_what_is_new_for_one_that_was_told_the_end() {
    let mut ring = ring(Overflow::Block);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    ring.close();
    assert!(matches!(ring.take(&peer(1), at), Take::End));
    ring.reopen(*ring.limits());
    fill(&mut ring, 0..3);
    assert_eq!(ring.detach(&peer(1), at, Parting::Ended, now()), Some(Parting::Lost));
    let again = ring.attach(peer(1), Some((EPOCH, 0)), Silent, now()).expect("its place").attachment;
    assert_eq!(told(&mut ring, peer(1), again), (vec![0, 1, 2], vec![]));
}

#[test]
fn ls6_what_was_in_flight_when_the_link_broke_is_sent_again() {
    let mut ring = ring(Overflow::Disconnect);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..4);
    assert!(matches!(ring.take(&peer(1), at), Take::Run(run) if run.count() == 4));
    ring.acknowledge(&peer(1), at, 10, 2, 0);
    ring.detach(&peer(1), at, Parting::Lost, now());
    fill(&mut ring, 4..6);
    let again = ring.attach(peer(1), Some((EPOCH, 2)), Silent, now()).expect("room");
    assert!(again.resumed && again.next == 2);
    assert_eq!(told(&mut ring, peer(1), again.attachment), (vec![2, 3, 4, 5], vec![]));
}

#[test]
fn ls6_after_the_lease_the_return_begins_with_a_gap() {
    let start = now();
    let mut ring = ring(Overflow::Disconnect);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..2);
    ring.detach(&peer(1), at, Parting::Lost, start);
    assert_eq!(ring.expire(start), Some(start + Duration::from_secs(10)));
    assert_eq!(ring.expire(start + Duration::from_secs(10)), None);
    fill(&mut ring, 2..3);
    let again = ring.attach(peer(1), Some((EPOCH, 0)), Silent, now()).expect("room").attachment;
    let (items, gaps) = told(&mut ring, peer(1), again);
    assert_eq!((items.len() as u64, gaps), (0, vec![(0, 3)]));
}

#[test]
fn ls11_the_last_words_of_an_old_link_change_nothing() {
    let mut ring = ring(Overflow::Disconnect);
    let old = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    let new = ring.attach(peer(1), Some((EPOCH, 0)), Silent, now()).expect("room").attachment;
    ring.detach(&peer(1), old, Parting::Left, now());
    fill(&mut ring, 0..2);
    assert!(matches!(ring.take(&peer(1), old), Take::Superseded));
    assert_eq!(told(&mut ring, peer(1), new), (vec![0, 1], vec![]));
}

#[test]
fn a_late_joiner_gets_the_replay() {
    let mut ring = Ring::<Silent>::new(EPOCH, 0, Limits { replay: 3, ..Limits::default() });
    fill(&mut ring, 0..10);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    assert_eq!(told(&mut ring, peer(1), at), (vec![7, 8, 9], vec![]));
}

#[test]
fn a_restarted_producer_tells_what_of_its_new_epoch_is_gone() {
    let mut ring = Ring::<Silent>::new(EPOCH, 0, Limits { replay: 1, ..Limits::default() });
    fill(&mut ring, 0..3);
    let at = ring.attach(peer(1), Some((BootId(1), 77)), Silent, now()).expect("room");
    assert!(!at.resumed);
    let (items, gaps) = told(&mut ring, peer(1), at.attachment);
    assert_eq!(gaps.iter().map(|(_, count)| count).sum::<u64>() + items.len() as u64, 3);
}

#[test]
fn max_consumers_counts_nodes_and_a_return_is_not_another() {
    let limits = Limits { max_consumers: Some(1), ..Limits::default() };
    let mut ring = Ring::<Silent>::new(EPOCH, 0, limits);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    assert_eq!(ring.attach(peer(2), None, Silent, now()).err(), Some(AttachError::Full { limit: 1 }));
    ring.detach(&peer(1), at, Parting::Lost, now());
    assert!(ring.attach(peer(1), Some((EPOCH, 0)), Silent, now()).is_ok());
    assert_eq!(ring.attach(peer(2), None, Silent, now()).err(), Some(AttachError::Full { limit: 1 }));
}

#[test]
fn ls12_a_closed_ring_is_written_to_its_end() {
    let mut ring = ring(Overflow::Block);
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    fill(&mut ring, 0..3);
    ring.close();
    assert_eq!(ring.push(&3u64, now), Err(PushError::Closed));
    assert_eq!(told(&mut ring, peer(1), at).0, [0, 1, 2]);
    assert!(matches!(ring.take(&peer(1), at), Take::End));
}

#[test]
fn ls4_what_is_in_flight_is_bounded_and_an_acknowledgement_makes_room() {
    let mut ring = Ring::<Silent>::new(EPOCH, 0, Limits { items: 1000, ..Limits::default() });
    let at = ring.attach(peer(1), None, Silent, now()).expect("room").attachment;
    for n in 0..500u64 {
        ring.push(&(n, vec![0u8; 10_000]), now).expect("room");
    }
    let mut sent = 0;
    while let Take::Run(run) = ring.take(&peer(1), at) {
        sent += run.len();
    }
    assert!((IN_FLIGHT - 56 * 1024..=IN_FLIGHT).contains(&sent), "{sent}");
    ring.acknowledge(&peer(1), at, 100_000, 9, 0);
    assert!(matches!(ring.take(&peer(1), at), Take::Run(_)));
}

#[test]
fn without_subscribers_the_ring_holds_the_replay_and_no_more() {
    let mut ring = Ring::<Silent>::new(EPOCH, 0, Limits::default());
    for n in 0..10_000u64 {
        ring.push(&(n, vec![0u8; 100]), now).expect("room");
        assert_eq!(ring.held(), 0);
    }
    let mut ring =
        Ring::<Silent>::new(EPOCH, 0, Limits { replay: 10_000, bytes: 1 << 20, ..Limits::default() });
    for n in 0..3_000u64 {
        ring.push(&(n, vec![0u8; 1000]), now).expect("room");
        assert!(ring.held() <= (1 << 20) + 64 * 1024, "{}", ring.held());
    }
}

/// A subscriber that takes what fits on its way and then says nothing more, and one that says it read and not that it has. The
/// items are small, or leave as much of a segment unused as they can.
#[test]
fn a_stalled_subscriber_costs_no_more_memory_than_the_bound() {
    let small = Limits { items: 64, bytes: 64 * 1024, max_item: 16 * 1024, ..Limits::default() };
    let large = Limits { items: 4096, bytes: 4 << 20, max_item: 40_000, ..Limits::default() };
    for (limits, size) in [(small, 128), (small, 5_000), (large, SEGMENT / 2 + 100)] {
        for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest, Overflow::Block] {
            for reads in [false, true] {
                stall(Limits { overflow, ..limits }, size, reads);
            }
        }
    }
}

fn stall(limits: Limits, size: usize, reads: bool) {
    let mut ring = Ring::new(EPOCH, 0, limits);
    let attached = ring.attach(peer(1), None, Silent, now()).expect("attached").attachment;
    let (mut accepted, mut read, text) = (0, 0, "x".repeat(size));
    for n in 0..(16 << 20) / (size as u64 + 600) {
        accepted += u64::from(ring.push(&(n, &text), now).is_ok());
        while let Take::Run(run) = ring.take(&peer(1), attached) {
            read += run.len() as u64;
            if reads {
                ring.acknowledge(&peer(1), attached, u64::MAX, 0, 0);
            }
        }
        let all = ring.memory();
        assert!(all.held <= all.bound, "{limits:?}, items of {size}: {all:?} after {accepted} items");
        for standing in ring.standings().values() {
            let one = standing.memory;
            assert!(one.held <= one.bound, "{limits:?}, items of {size}: {one:?} after {accepted} items");
        }
    }
    assert!(accepted > 12 && read > 0, "{limits:?} accepted {accepted}");
}
