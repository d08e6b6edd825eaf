//! A panic in a user's policy ends a subscription for a while, and nothing more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{LONG, Node, events_until, next, start, two, within};
use crate::{
    primitives::{Policy, Tag, policy::peer},
    streams::{Begun, Consumer, Event, Left, Producer},
    transport::sim::Net,
};

/// A policy that panics while the switch is on.
fn brittle() -> (Arc<AtomicBool>, Policy) {
    let switch = Arc::new(AtomicBool::new(false));
    let on = switch.clone();
    let policy = peer(move |_| {
        assert!(!on.load(Ordering::Relaxed), "on purpose");
        true
    });
    (switch, policy)
}

/// Changes the entry of a node, so that policies are asked again.
fn touch(node: &Node, text: &str) {
    node.discovery.tags().insert(Tag::new(text).expect("a tag")).expect("it fits");
}

/// After the switch is off, everything that was sent since comes.
async fn recovers(switch: &AtomicBool, producer: &mut Producer<u64>, consumer: &mut Consumer<u64>) {
    producer.send(2).await.expect("sent");
    switch.store(false, Ordering::Relaxed);
    within(Duration::from_secs(11), "its return", producer.when().subscribed()).await;
    let events = events_until(consumer, |event| matches!(event, Event::Item { item: 2, .. })).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Gap { .. })), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Joined { begun: Begun::Resumed, .. })));
}

#[tokio::test(start_paused = true)]
async fn g2_a_node_that_hears_itself_lets_go_of_its_ring_and_comes_back() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let (switch, policy) = brittle();
    let builder = node.streams.producer::<u64>().named("a.b").resume(Duration::from_secs(60));
    let mut producer = builder.build().expect("it builds");
    let mut consumer =
        node.streams.consumer::<u64>().named("a.b").require(policy).build().expect("it builds");
    within(LONG, "itself", producer.when().subscribed()).await;
    producer.send(1).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 1);
    switch.store(true, Ordering::Relaxed);
    touch(&node, "x");
    within(Duration::from_secs(1), "the end", producer.when().subscribed().unmet()).await;
    let left = |event: &Event<u64>| matches!(event, Event::Left { why: Left::Lost(_), .. });
    within(LONG, "the news", events_until(&mut consumer, left)).await;
    assert!(consumer.producers().is_empty());
    recovers(&switch, &mut producer, &mut consumer).await;
}

#[tokio::test(start_paused = true)]
async fn g2_a_line_whose_task_panicked_is_started_again() {
    let (net, one, two) = two().await;
    let (switch, policy) = brittle();
    let builder = one.streams.producer::<u64>().named("a.b").resume(Duration::from_secs(60));
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").require(policy).build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(1).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 1);
    switch.store(true, Ordering::Relaxed);
    net.partition(&[one.id()], &[two.id()]);
    within(LONG, "the loss", !consumer.when().online()).await;
    // The attempts to return ask the policy, and end in a panic.
    tokio::time::sleep(Duration::from_secs(5)).await;
    net.heal();
    assert!(two.scope.panics() > 0);
    assert!(!consumer.stats().subscriptions.contains_key(&one.id()), "it has no line");
    recovers(&switch, &mut producer, &mut consumer).await;
}
