//! Slow consumers: back-pressure, the policies, and bounds.

use std::time::Duration;

use super::{LONG, events_until, next, next_event, start, take, tally, two, within};
use crate::{
    streams::{End, Event, Left, TrySendError, core::limits::READ},
    topology::Overflow,
    transport::{Limits, sim::Net},
};

const ITEM: usize = 10_000;

fn item(n: u64) -> (u64, Vec<u8>) {
    (n, vec![0; ITEM])
}

#[tokio::test(start_paused = true)]
async fn ls2_ls4_block_is_back_pressure_from_end_to_end() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").buffer(8).overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let mut sent = 0;
    // Nobody reads: the producer must come to a halt, for good.
    while tokio::time::timeout(Duration::from_secs(10), producer.send(item(sent))).await.is_ok() {
        sent += 1;
    }
    // The buffer at both ends, the window of the stream, and what is read at a time: one part waits, and one is in the last batch.
    let (window, read) = (u64::from(Limits::default().stream_window), 2 * READ as u64);
    let bound = 8 + 8 + (window + read) / ITEM as u64;
    assert!(sent > 8 && sent <= bound, "{sent} items are on their way, the bound is {bound}");
    let (all, each) = (producer.stats().memory, producer.stats().subscriptions[&two.id()].memory);
    for memory in [all.expect("a producer's"), each.expect("a producer's")] {
        let waits = ITEM as u64 * 8;
        assert!(memory.held >= waits && memory.held <= memory.bound, "{memory:?}");
    }
    let (all, each) = (consumer.stats().memory, consumer.stats().subscriptions[&one.id()].memory);
    let (all, each) = (all.expect("a consumer's"), each.expect("a consumer's"));
    let waits = ITEM as u64 * 8;
    assert!(all.held >= waits && all.held <= waits + read && all.held <= all.bound, "{all:?}");
    assert!(each.held > 0 && each.held <= each.bound, "{each:?}");
    for _ in 0..3 {
        let refused = producer.try_send(item(sent));
        assert!(matches!(refused, Err(TrySendError::Full((n, _))) if n == sent), "the item comes back");
    }
    let taken = take(&mut consumer, sent as usize).await;
    assert!(taken.iter().map(|(n, _)| *n).eq(0..sent), "nothing is lost");
    within(LONG, "room", producer.send(item(sent))).await.expect("sent");
    assert_eq!(next(&mut consumer).await.0, sent);
    assert_eq!(consumer.stats().memory.expect("a consumer's").held, 0, "the last item is taken");
}

#[tokio::test(start_paused = true)]
async fn ls3_block_gives_up_on_a_stuck_consumer_after_its_patience() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").buffer(8).overflow(Overflow::Block);
    let mut producer = builder.patience(Duration::from_secs(5)).build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let start = tokio::time::Instant::now();
    for n in 0..300 {
        within(LONG, "patience", producer.send(item(n))).await.expect("sent");
    }
    assert!(start.elapsed() >= Duration::from_secs(5) && start.elapsed() < Duration::from_secs(60));
    let ended = events_until(&mut consumer, |event| {
        matches!(event, Event::Left { why: Left::Ended(End::OutOfPatience), .. })
    });
    let mut events = within(LONG, "the cut", ended).await;
    within(LONG, "its return", producer.when().subscribed()).await;
    producer.send(item(300)).await.expect("sent");
    events.extend(events_until(&mut consumer, |event| matches!(event, Event::Item { seq: 300, .. })).await);
    let (items, lost) = tally(&events);
    assert!(lost > 0);
    assert_eq!(items + lost, 301);
}

#[tokio::test(start_paused = true)]
async fn ls3_a_stuck_consumer_is_cut_and_others_get_everything() {
    let net = Net::new(5);
    let one = start(&net, 1, 1, &[]).await;
    let (stuck, good) = (start(&net, 2, 1, &[]).await, start(&net, 3, 1, &[]).await);
    let mut producer =
        one.streams.producer::<(u64, Vec<u8>)>().named("a.b").buffer(64).build().expect("it builds");
    let mut slow = stuck.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    let mut fast = good.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "subscribers", producer.when().subscribed().minimum_of(2)).await;
    for n in 0..500 {
        producer.send(item(n)).await.expect("sent");
        assert_eq!(next(&mut fast).await.0, n, "the good one is not held up and loses nothing");
    }
    assert!(slow.stats().subscriptions[&one.id()].items < 200, "the stuck one does not take without end");
    let mut events = Vec::new();
    while !matches!(events.last(), Some(Event::Item { seq: 499, .. } | Event::Gap { .. })) {
        events.push(next_event(&mut slow).await);
    }
    let cut = |event: &Event<_>| matches!(event, Event::Left { why: Left::Ended(End::TooSlow), .. });
    assert!(
        events.iter().any(cut),
        "{:?}",
        events.iter().filter(|event| !matches!(event, Event::Item { .. })).count()
    );
    let (items, lost) = tally(&events);
    assert!(lost > 0);
    assert_eq!(items + lost, 500);
}

#[tokio::test(start_paused = true)]
async fn ls3_a_writer_that_is_stuck_in_a_write_is_cut() {
    let (_net, one, two) = two().await;
    // Larger than any window, so that the transport takes a part and no more.
    let builder = one.streams.producer::<Vec<u8>>().named("a.b").buffer(4).max_item(4 << 20);
    let mut producer = builder.buffer_bytes(64 << 20).build().expect("it builds");
    let consumer = two.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for _ in 0..4 {
        producer.send(vec![0; 3_000_000]).await.expect("sent");
        // Until everything that can happen has happened.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for _ in 0..8 {
        producer.send(vec![0; 1000]).await.expect("sent");
    }
    assert_eq!(producer.links(), 1, "its writer has not ended by itself");
    let over = async {
        while producer.links() > 0 {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    };
    within(Duration::from_secs(1), "the end of the writer", over).await;
    assert!(producer.subscribers().is_empty());
    drop(consumer);
}

/// A consumer that reads nothing until everything was sent.
async fn sleeper(overflow: Overflow) -> (Vec<u64>, u64) {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").buffer(10).overflow(overflow);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..400 {
        producer.send(item(n)).await.expect("sent");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    // One that comes when there is room again shows where the stream goes on.
    let mut events = Vec::new();
    while tally(&events).0 + tally(&events).1 < 400 {
        events.push(next_event(&mut consumer).await);
    }
    producer.send(item(400)).await.expect("sent");
    events.extend(events_until(&mut consumer, |event| matches!(event, Event::Item { seq: 400, .. })).await);
    let (items, lost) = tally(&events);
    assert_eq!(items + lost, 401, "delivered + gaps = produced");
    let numbers = events.iter().filter_map(|event| match event {
        Event::Item { seq, item, .. } => {
            assert_eq!(*seq, item.0, "the number is the item's");
            Some(*seq)
        }
        _ => None,
    });
    (numbers.collect(), lost)
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_ends_with_the_newest() {
    let (numbers, lost) = sleeper(Overflow::DropOldest).await;
    assert!(lost > 200);
    assert!(numbers.ends_with(&(391..401).collect::<Vec<_>>()), "{:?}", &numbers[numbers.len() - 12..]);
}

#[tokio::test(start_paused = true)]
async fn drop_newest_keeps_the_first_and_goes_on_at_the_head() {
    let (numbers, lost) = sleeper(Overflow::DropNewest).await;
    assert!(lost > 200);
    let first = numbers.len() as u64 - 1;
    assert_eq!(numbers, (0..first).chain([400]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_under_block() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").buffer(3).overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let send = async {
        for n in 0..500 {
            producer.send(item(n)).await.expect("sent");
        }
    };
    let (taken, ()) = futures::join!(take(&mut consumer, 500), send);
    assert!(taken.iter().map(|(n, _)| *n).eq(0..500));
}
