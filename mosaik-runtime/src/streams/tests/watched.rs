//! What a producer sees of its subscribers, and what several of them do at once.

use std::{pin::pin, time::Duration};

use futures::StreamExt;

use super::{LONG, start, two, within};
use crate::{
    primitives::PeerId,
    streams::{SubscriberEvent, SubscriberEvents, SubscriberLeft},
    transport::sim::Net,
};

async fn next(events: &mut SubscriberEvents) -> SubscriberEvent {
    within(LONG, "an event", events.next()).await.expect("the producer is there")
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_seen_on_both_sides() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<Vec<u8>>().named("a.b").buffer(8).build().expect("it builds");
    let mut events = producer.events();
    let mut consumer = two.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds");
    let peer = two.id();
    assert_eq!(next(&mut events).await, SubscriberEvent::Joined { peer, resumed: false });
    producer.send(Vec::new()).await.expect("sent");
    super::next(&mut consumer).await;
    for _ in 0..200 {
        producer.send(vec![0; 10_000]).await.expect("sent");
    }
    assert_eq!(next(&mut events).await, SubscriberEvent::Left { peer, why: SubscriberLeft::TooSlow });
    assert_eq!(next(&mut events).await, SubscriberEvent::Joined { peer, resumed: true });
    drop(consumer);
    assert_eq!(next(&mut events).await, SubscriberEvent::Left { peer, why: SubscriberLeft::Unwanted });
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_come_back_is_told_to_the_producer() {
    let (net, one, two) = two().await;
    let producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut events = producer.events();
    let _consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let peer = two.id();
    assert_eq!(next(&mut events).await, SubscriberEvent::Joined { peer, resumed: false });
    net.partition(&[one.id()], &[two.id()]);
    assert_eq!(next(&mut events).await, SubscriberEvent::Lost { peer });
    let lost = tokio::time::Instant::now();
    assert_eq!(next(&mut events).await, SubscriberEvent::Left { peer, why: SubscriberLeft::LeaseOver });
    assert_eq!(lost.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_turned_away_is_told_to_the_producer_once() {
    let net = Net::new(4);
    let one = start(&net, 1, 1, &[]).await;
    let (first, second) = (start(&net, 2, 1, &[]).await, start(&net, 3, 1, &[]).await);
    let producer = one.streams.producer::<u64>().named("a.b").max_consumers(1).build().expect("it builds");
    let mut events = producer.events();
    let consumer = first.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    assert_eq!(next(&mut events).await, SubscriberEvent::Joined { peer: first.id(), resumed: false });
    let _refused = second.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    assert_eq!(next(&mut events).await, SubscriberEvent::Full { peer: second.id(), limit: 1 });
    tokio::time::sleep(Duration::from_secs(20)).await;
    drop(consumer);
    let left = SubscriberEvent::Left { peer: first.id(), why: SubscriberLeft::Unwanted };
    assert_eq!(next(&mut events).await, left, "its further attempts were not told");
    assert_eq!(next(&mut events).await, SubscriberEvent::Joined { peer: second.id(), resumed: false });
}

#[tokio::test(start_paused = true)]
async fn a_send_that_was_cancelled_has_not_sent() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let mut producer = node.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let (mut sent, mut cancelled) = (0, 0);
    // This task never yields: its budget runs out, and from then on a send now and then waits for the next turn.
    for n in 0..20_000 {
        match futures::poll!(pin!(producer.send(n))) {
            std::task::Poll::Ready(result) => {
                result.expect("sent");
                sent += 1;
            }
            std::task::Poll::Pending => cancelled += 1,
        }
    }
    assert!(cancelled > 0, "the budget was never asked");
    assert_eq!(producer.stats().produced, sent);
}

#[tokio::test(start_paused = true)]
async fn two_that_subscribe_at_once_are_both_published() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let producer = node.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let outlet = producer.outlet();
    for _ in 0..3000 {
        let barrier = std::sync::Barrier::new(2);
        let attach = |n: u8| {
            barrier.wait();
            let peer = PeerId::from_bytes([n; 32]);
            (peer, outlet.attach(peer, None, Default::default()).expect("room").attachment)
        };
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(|| attach(1));
            [attach(2), other.join().expect("no panic")]
        });
        assert_eq!(producer.subscribers().len(), 2);
        for (peer, attachment) in both {
            outlet.detach(&peer, attachment, crate::streams::core::cursor::Parting::Left);
        }
    }
}
