//! What `stats()` says on the consumer's side, and the settings that count.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LONG, events_until, loss::Fussy, next, next_event, start, take, tally, two, within};
use crate::{
    primitives::{
        Schema,
        policy::Rule,
        schema::{Seen, Shape},
    },
    streams::{Anyone, BufferSettings, Consumer, Datum, Event, SubscriptionStats},
    topology::{Intent, Overflow, Source, StreamDescriptor, StreamOptions},
    transport::sim::Net,
};

/// The one subscription of a consumer.
fn only<T>(consumer: &Consumer<T>) -> SubscriptionStats {
    consumer.stats().subscriptions.into_values().next().expect("a subscription")
}

async fn received<T>(consumer: &Consumer<T>, items: u64) {
    let received = async {
        while only(consumer).items < items {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    };
    within(LONG, "their arrival", received).await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_has_taken_nothing_lags() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    for n in 0..50 {
        producer.send(n).await.expect("sent");
    }
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    assert_eq!(only(&consumer).lag, 0);
    for n in 50..150 {
        producer.send(n).await.expect("sent");
    }
    received(&consumer, 100).await;
    assert_eq!(only(&consumer).lag, 100);
    take(&mut consumer, 100).await;
    assert_eq!(only(&consumer).lag, 0);
}

#[tokio::test(start_paused = true)]
async fn items_bytes_and_losses_are_those_of_the_present_link() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").buffer(8).build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..5 {
        producer.send(n).await.expect("sent");
    }
    take(&mut consumer, 5).await;
    assert_eq!((only(&consumer).items, only(&consumer).lost), (5, 0));
    for _ in 0..2 {
        net.partition(&[one.id()], &[two.id()]);
        within(LONG, "the loss", !consumer.when().online()).await;
        assert_eq!(only(&consumer).uptime, None);
        for n in 0..20 {
            producer.send(n).await.expect("sent");
        }
        net.heal();
        within(LONG, "its return", consumer.when().online()).await;
        producer.send(7).await.expect("sent");
        received(&consumer, 1).await;
        let stats = only(&consumer);
        assert_eq!(stats.items + stats.lost, 21, "{stats:?}");
        assert!(stats.lost > 0 && stats.bytes < 9 * 16, "{stats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ls9_what_a_slow_consumer_of_a_node_loses_is_counted() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<u64>().named("a.b").buffer(8).overflow(Overflow::DropOldest);
    let mut producer = builder.build().expect("it builds");
    let mut fast = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let mut slow = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..100 {
        producer.send(n).await.expect("sent");
        assert_eq!(next(&mut fast).await, n);
    }
    let events = events_until(&mut slow, |event| matches!(event, Event::Item { seq: 99, .. })).await;
    let (items, lost) = tally(&events);
    assert_eq!(items + lost, 100);
    assert!(lost > 50);
    assert_eq!((only(&slow).lost, only(&slow).items), (lost, 100));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_is_counted_as_lost() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<Fussy>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<Fussy>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(Fussy(13)).await.expect("sent");
    events_until(&mut consumer, |event| matches!(event, Event::Undecodable { .. })).await;
    assert_eq!(only(&consumer).lost, 1);
}

/// A stream that an attribute declared.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample(u64);

impl Schema for Sample {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

impl Datum for Sample {
    type ProducerProof = Anyone;
    type ConsumerProof = Anyone;
    const DESCRIPTOR: &'static StreamDescriptor = &StreamDescriptor {
        intent: Intent::new("a.b", [7; 32]),
        type_name: "Sample",
        schema: <Self as Schema>::shape,
        options: StreamOptions::new().buffer(4),
        producers: Rule::Anyone,
        consumers: Rule::Anyone,
        docs: "",
        source: Source { file: "here", line: 1 },
    };
}

#[tokio::test(start_paused = true)]
async fn settings_that_differ_are_told_to_every_consumer_that_declares_them() {
    let (_net, one, two) = two().await;
    let builder = one.streams.producer::<Sample>().buffer(9).replay(1).overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Sample>().build().expect("it builds");
    let settings = |buffer, replay, overflow| BufferSettings { buffer, replay, overflow };
    let told = |event: &Event<Sample>| match event {
        Event::Settings { from, declared, counts, .. } => {
            *from == one.id()
                && *declared == settings(4, 0, Overflow::Disconnect)
                && *counts == settings(9, 1, Overflow::Block)
        }
        _ => false,
    };
    let events = events_until(&mut consumer, told).await;
    assert!(matches!(events[..], [Event::Joined { .. }, Event::Settings { .. }]), "{events:?}");
    producer.send(Sample(5)).await.expect("sent");
    assert_eq!(next(&mut consumer).await, Sample(5));
    let mut late = two.streams.consumer::<Sample>().build().expect("it builds");
    let events = events_until(&mut late, |event| matches!(event, Event::Item { .. })).await;
    assert!(matches!(&events[..], [Event::Joined { .. }, settings, _] if told(settings)), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn settings_as_declared_and_those_of_a_type_without_an_attribute_are_no_news() {
    let net = Net::new(5);
    let node = start(&net, 1, 1, &[]).await;
    let mut declared = node.streams.producer::<Sample>().build().expect("it builds");
    let mut named = node.streams.producer::<u64>().named("c.d").buffer(9).build().expect("it builds");
    let mut consumer = node.streams.consumer::<Sample>().build().expect("it builds");
    let mut other = node.streams.consumer::<u64>().named("c.d").build().expect("it builds");
    within(LONG, "itself", declared.when().subscribed()).await;
    within(LONG, "itself", named.when().subscribed()).await;
    declared.send(Sample(1)).await.expect("sent");
    named.send(1).await.expect("sent");
    assert!(matches!(next_event(&mut consumer).await, Event::Joined { .. }));
    assert!(matches!(next_event(&mut consumer).await, Event::Item { .. }));
    assert!(matches!(next_event(&mut other).await, Event::Joined { .. }));
    assert!(matches!(next_event(&mut other).await, Event::Item { .. }));
}
