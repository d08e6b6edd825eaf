//! Lost links, restarts, and items that cannot be read.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{LONG, events_until, next, start, tally, two, within};
use crate::{
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
    streams::{Begun, Event, Left},
    topology::Overflow,
};

/// Sends one item a second through a partition, and returns what the consumer was told in the end.
async fn through_a_partition(lasting: u64) -> (u64, u64, Vec<u64>) {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let produce = async {
        for n in 0..200 {
            match n {
                10 => net.partition(&[one.id()], &[two.id()]),
                n if n == 10 + lasting => net.heal(),
                _ => {}
            }
            producer.send(n).await.expect("sent");
            tokio::time::advance(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        }
    };
    let consume = events_until(&mut consumer, |event| matches!(event, Event::Item { seq: 199, .. }));
    let ((), events) = futures::join!(produce, consume);
    let (items, lost) = tally(&events);
    let numbers = events.iter().filter_map(|event| match event {
        Event::Item { seq, .. } => Some(*seq),
        _ => None,
    });
    (items, lost, numbers.collect())
}

#[tokio::test(start_paused = true)]
async fn ls6_a_short_disconnect_loses_nothing() {
    let (items, lost, numbers) = through_a_partition(17).await;
    assert_eq!((items, lost), (200, 0));
    assert!(numbers.is_sorted(), "in order");
}

#[tokio::test(start_paused = true)]
async fn ls6_a_long_disconnect_is_an_explicit_gap() {
    let (items, lost, mut numbers) = through_a_partition(90).await;
    assert!(lost > 10, "the lease was over");
    assert_eq!(items + lost, 200);
    let before = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), before, "nothing twice");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_producer_is_a_new_epoch_announced() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(1).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 1);
    drop(producer);
    one.crash(&net);
    let again = start(&net, 1, 2, &[]).await;
    let mut producer = again.streams.producer::<u64>().named("a.b").replay(8).build().expect("it builds");
    producer.send(2).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { item: 2, .. })).await;
    let restarted = |event: &Event<u64>| {
        matches!(event, Event::Joined { begun: Begun::Restarted { expected: 1, .. }, .. })
    };
    assert!(events.iter().any(restarted), "{events:?}");
}

/// A type whose author wrote `Deserialize` by hand, and too strictly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Fussy(pub(super) u64);

impl<'de> Deserialize<'de> for Fussy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            13 => Err(D::Error::custom("thirteen")),
            n => Ok(Self(n)),
        }
    }
}

impl Schema for Fussy {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_is_an_event_and_not_a_panic() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<Fussy>().named("a.b").overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Fussy>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..30 {
        producer.send(Fussy(n)).await.expect("sent");
    }
    let mut events =
        events_until(&mut consumer, |event| matches!(event, Event::Left { why: Left::Malformed(_), .. }))
            .await;
    assert!(events.iter().any(|event| matches!(event, Event::Undecodable { seq: 13, .. })));
    producer.send(Fussy(30)).await.expect("sent");
    events.extend(events_until(&mut consumer, |event| matches!(event, Event::Item { seq: 30, .. })).await);
    assert_eq!(tally(&events), (30, 1), "only that one is lost");
}
