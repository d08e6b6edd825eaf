//! Who is served: policies while they hold, schemas, limits, the nearest producers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{LONG, events_until, next, next_event, start, two, within};
use crate::{
    primitives::{
        Tag,
        policy::{self, tag},
    },
    streams::{Begun, BuildError, Event, Left, Producer, nearest},
    transport::sim::{LinkSettings, Net},
};

#[tokio::test(start_paused = true)]
async fn ls8_a_consumer_that_loses_a_required_tag_is_cut() {
    let net = Net::new(2);
    let (one, two) = (start(&net, 1, 1, &[]).await, start(&net, 2, 1, &["reader"]).await);
    let builder = one.streams.producer::<u64>().named("a.b").require(tag("reader"));
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed().with_tags(["reader"])).await;
    producer.send(1).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 1);
    let reader = Tag::new("reader").expect("a tag");
    two.discovery.tags().remove(&reader);
    within(LONG, "the cut", producer.when().subscribed().unmet()).await;
    producer.send(2).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Refused { .. })).await;
    assert!(
        events.iter().any(|event| matches!(event, Event::Left { why: Left::Refused(_), .. })),
        "{events:?}"
    );
    two.discovery.tags().insert(reader).expect("it fits");
    within(LONG, "the return", producer.when().subscribed()).await;
    producer.send(3).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await;
    assert_eq!(
        super::tally(&events),
        (1, 1),
        "what came meanwhile is not for this consumer, and told: {events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn ls10_another_type_is_refused_with_what_differs() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<f64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<f32>().named("a.b").build().expect("it builds");
    let event = next_event(&mut consumer).await;
    assert!(matches!(&event, Event::Refused { why, .. } if why.contains("f32 here, f64 there")), "{event:?}");
    producer.send(1.0).await.expect("sent");
    assert!(producer.subscribers().is_empty());
}

/// The policy is judged between the look at the stream and the subscription to it. Meanwhile the stream ends, and begins again as
/// another type.
#[tokio::test(start_paused = true)]
async fn ls10_what_was_agreed_on_counts_when_the_stream_changes_meanwhile() {
    let (_net, one, two) = two().await;
    let (first, second) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let (streams, old, new) = (one.streams.clone(), first.clone(), second.clone());
    let swap = policy::peer(move |_| {
        if let Some(producer) = old.lock().expect("no panic").take() {
            drop::<Producer<u64>>(producer);
            let other = streams.producer::<String>().named("a.b").build().expect("it builds");
            *new.lock().expect("no panic") = Some(other);
        }
        true
    });
    let producer = one.streams.producer::<u64>().named("a.b").require(swap).build().expect("it builds");
    *first.lock().expect("no panic") = Some(producer);
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let refused = |event: &Event<u64>| matches!(event, Event::Refused { why, .. } if why.contains("String"));
    let events = within(LONG, "the refusal", events_until(&mut consumer, refused)).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Joined { .. })), "{events:?}");
    assert!(second.lock().expect("no panic").is_some(), "it was swapped");
}

#[tokio::test(start_paused = true)]
async fn max_consumers_counts_nodes() {
    let net = Net::new(4);
    let one = start(&net, 1, 1, &[]).await;
    let (first, second) = (start(&net, 2, 1, &[]).await, start(&net, 3, 1, &[]).await);
    let mut producer =
        one.streams.producer::<u64>().named("a.b").max_consumers(1).build().expect("it builds");
    let consumer = first.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let mut refused = second.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let event = next_event(&mut refused).await;
    assert!(matches!(&event, Event::Refused { why, .. } if why.contains("max_consumers")), "{event:?}");
    assert_eq!(producer.subscribers(), [first.id()]);
    drop(consumer);
    let id = second.id();
    let changed = async {
        while producer.subscribers() != [id] {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    };
    within(LONG, "the other's turn", changed).await;
    producer.send(5).await.expect("sent");
    assert_eq!(next(&mut refused).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_may_prefer_the_nearest_producers() {
    let net = Net::new(4);
    let (mut nodes, mut producers) = (Vec::new(), Vec::new());
    for n in 1..5 {
        let node = start(&net, n, 1, &[]).await;
        producers.push(node.streams.producer::<u64>().named("a.b").build().expect("it builds"));
        nodes.push(node);
    }
    let reader = start(&net, 9, 1, &[]).await;
    let builder = reader.streams.consumer::<u64>().named("a.b").prefer(nearest(2));
    let consumer = builder.build().expect("it builds");
    within(LONG, "two producers", consumer.when().subscribed().minimum_of(2)).await;
    reader.discovery.when(|catalog| catalog.len() == 5).await;
    assert_eq!(consumer.producers().len(), 2);
    let first = nodes.iter().position(|node| node.id() == consumer.producers()[0]).expect("one of them");
    drop(producers.remove(first));
    let gone = nodes[first].id();
    let replaced = async {
        while consumer.producers().contains(&gone) || consumer.producers().len() < 2 {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    };
    within(LONG, "another one in its place", replaced).await;
}

#[tokio::test(start_paused = true)]
async fn nearest_leaves_out_who_refuses_and_keeps_who_serves() {
    let net = Net::new(4);
    let reader = start(&net, 9, 1, &[]).await;
    let (mut nodes, mut producers) = (Vec::new(), Vec::new());
    for n in 1..4 {
        let node = start(&net, n, 1, &[]).await;
        let builder = node.streams.producer::<u64>().named("a.b");
        let full = builder.max_consumers(if n < 3 { 1 } else { 2 });
        producers.push(full.build().expect("it builds"));
        let far = LinkSettings {
            latency: Duration::from_millis(10 * u64::from(n).pow(3)),
            ..LinkSettings::default()
        };
        net.set_link(reader.id(), node.id(), far);
        net.set_link(node.id(), reader.id(), far);
        nodes.push(node);
    }
    // Somebody else has the only place of the two nearest ones.
    let other = start(&net, 8, 1, &[]).await;
    let all = other.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "all three", all.when().subscribed().minimum_of(3)).await;
    let builder = reader.streams.consumer::<u64>().named("a.b").prefer(nearest(2));
    let mut consumer = builder.build().expect("it builds");
    within(LONG, "the third one", consumer.when().subscribed()).await;
    assert_eq!(consumer.producers(), [nodes[2].id()]);
    // Attempts at the nearer ones go on, and do not cost the one that serves.
    tokio::time::sleep(Duration::from_secs(1200)).await;
    producers[2].send(1).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Left { .. })), "{events:?}");
    drop(all);
    within(Duration::from_secs(660), "the nearer ones", consumer.when().subscribed().minimum_of(2)).await;
    let better = async {
        while consumer.producers().contains(&nodes[2].id()) {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    };
    within(Duration::from_secs(660), "both of the nearest", better).await;
    assert_eq!(consumer.producers().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nearest_zero_is_refused() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let built = node.streams.consumer::<u64>().named("a.b").prefer(nearest(0)).build();
    assert_eq!(built.err(), Some(BuildError::NoProducers { intent: "a.b".into() }));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_made_later_is_told_of_the_producers_that_are_there() {
    let (_net, one, two) = two().await;
    let producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let first = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    within(LONG, "a producer", first.when().online()).await;
    let mut late = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let event = next_event(&mut late).await;
    assert!(
        matches!(&event, Event::Joined { from, begun: Begun::Fresh, .. } if *from == one.id()),
        "{event:?}"
    );
}
