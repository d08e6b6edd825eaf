//! A producer's node that is gone without a word, as its consumers see it.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, timeout};

use super::{LONG, events_until, next, start, two, within};
use crate::streams::{Begun, Event, Left};

/// Links are told as lost after so long without a sign of life.
const SILENCE: Duration = Duration::from_secs(15);

#[tokio::test(start_paused = true)]
async fn d2_a_producer_that_crashed_is_gone_within_its_silence_and_its_items_come_before_that() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..3 {
        producer.send(n).await.expect("sent");
    }
    within(LONG, "the wire", producer.flush()).await.expect("written");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let crashed = Instant::now();
    one.crash(&net);
    let left = |event: &Event<u64>| matches!(event, Event::Left { .. });
    let events = events_until(&mut consumer, left).await;
    assert!(crashed.elapsed() <= SILENCE, "{:?}", crashed.elapsed());
    assert!(matches!(events.last(), Some(Event::Left { why: Left::Lost(_), .. })), "{events:?}");
    assert_eq!(super::tally(&events), (3, 0));
    assert!(!consumer.when().online().holds() && consumer.producers().is_empty());
    // Nobody knows what else it had produced: no gap, and no other event until it is back.
    let silent = timeout(Duration::from_secs(600), consumer.events().next()).await;
    assert!(
        matches!(&silent, Err(_) | Ok(Some(Event::Refused { .. }))),
        "one line about attempts that fail, at most: {silent:?}"
    );
    assert!(timeout(Duration::from_secs(600), consumer.events().next()).await.is_err());
    let again = start(&net, 1, 2, &[]).await;
    let mut producer = again.streams.producer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(7).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await;
    let restarted = |event: &Event<u64>| {
        matches!(event, Event::Joined { begun: Begun::Restarted { expected: 3, .. }, .. })
    };
    assert!(events.iter().any(restarted), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn d2_a_node_that_stops_in_order_is_gone_at_once() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(1).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 1);
    let stopped = Instant::now();
    one.streams.shutdown().await;
    events_until(&mut consumer, |event| matches!(event, Event::Left { why: Left::Ended(_), .. })).await;
    assert!(stopped.elapsed() < Duration::from_millis(100), "{:?}", stopped.elapsed());
}
