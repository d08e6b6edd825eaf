//! A subscription that ends while its consumers have no room, or before they are done.

use std::{sync::Arc, time::Duration};

use super::{LONG, Node, events_until, loss::Fussy, next, start, tally, two, within};
use crate::{
    primitives::{Tag, policy::tag},
    streams::{Consumer, Event, Left, Producer},
    topology::Overflow,
    transport::sim::Net,
};

type Item = (u64, Vec<u8>);

fn item(n: u64) -> Item {
    (n, vec![0; 10_000])
}

/// Sends until nothing more is accepted: everything between the two is full.
async fn fill(producer: &mut Producer<Item>) -> u64 {
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_secs(10), producer.send(item(sent))).await.is_ok() {
        sent += 1;
    }
    sent
}

/// A producer and a consumer under `block` that nobody reads: everything between the two is full, and the link is lost. Also
/// says how many items were accepted.
async fn full_and_cut_off() -> (Arc<Net>, [Node; 2], Producer<Item>, Consumer<Item>, u64) {
    let (net, one, two) = two().await;
    let builder = one.streams.producer::<Item>().named("a.b").buffer(8).overflow(Overflow::Block);
    let mut producer = builder.patience(Duration::from_secs(3000)).build().expect("it builds");
    let consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let sent = fill(&mut producer).await;
    net.partition(&[one.id()], &[two.id()]);
    tokio::time::sleep(Duration::from_secs(17)).await;
    (net, [one, two], producer, consumer, sent)
}

/// Sends one item more, and holds the consumer's account against it.
async fn balance(producer: &mut Producer<Item>, consumer: &mut Consumer<Item>, sent: u64) -> (u64, u64) {
    let drained = async {
        within(LONG, "a subscriber", producer.when().subscribed()).await;
        within(LONG, "room", producer.send(item(sent))).await.expect("sent");
    };
    let last = events_until(consumer, |event| match event {
        Event::Item { seq, .. } => *seq == sent,
        Event::Gap { lost, .. } => lost.first + lost.count > sent,
        _ => false,
    });
    let ((), events) = futures::join!(drained, last);
    tally(&events)
}

#[tokio::test(start_paused = true)]
async fn ls6_what_waits_for_room_when_a_subscription_is_refused_is_told() {
    let net = Net::new(7);
    let (one, two) = (start(&net, 1, 1, &["writer"]).await, start(&net, 2, 1, &[]).await);
    let builder = one.streams.producer::<Item>().named("a.b").buffer(8).overflow(Overflow::Block);
    let mut producer = builder.patience(Duration::from_secs(3000)).build().expect("it builds");
    let builder = two.streams.consumer::<Item>().named("a.b").require(tag("writer"));
    let mut consumer = builder.build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let sent = fill(&mut producer).await;
    let writer = Tag::new("writer").expect("a tag");
    one.discovery.tags().remove(&writer);
    within(LONG, "the cut", producer.when().subscribed().unmet()).await;
    one.discovery.tags().insert(writer).expect("it fits");
    let (items, lost) = balance(&mut producer, &mut consumer, sent).await;
    assert_eq!(items + lost, sent + 1, "everything, or told");
}

#[tokio::test(start_paused = true)]
async fn ls6_a_link_that_is_lost_while_the_inbox_is_full_loses_nothing() {
    let (net, _nodes, mut producer, mut consumer, sent) = full_and_cut_off().await;
    // One taken item is news, and the news find no link.
    let mut taken = 0;
    for _ in 0..6 {
        next(&mut consumer).await;
        taken += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    net.heal();
    let (items, lost) = balance(&mut producer, &mut consumer, sent).await;
    assert_eq!((taken + items, lost), (sent + 1, 0));
}

#[tokio::test(start_paused = true)]
async fn ls6_a_consumer_that_stands_still_is_back_before_its_place_is_given_up() {
    let (net, _nodes, mut producer, mut consumer, sent) = full_and_cut_off().await;
    net.heal();
    // Far longer than the lease, and nobody takes an item.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (items, lost) = balance(&mut producer, &mut consumer, sent).await;
    assert_eq!((items, lost), (sent + 1, 0));
}

#[tokio::test(start_paused = true)]
async fn ls6_a_node_whose_own_consumer_is_cut_is_told_what_it_lost() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let mut producer = node.streams.producer::<Item>().named("a.b").buffer(8).build().expect("it builds");
    let mut consumer = node.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "itself", producer.when().subscribed()).await;
    for n in 0..100 {
        producer.send(item(n)).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (items, lost) = balance(&mut producer, &mut consumer, 100).await;
    assert_eq!(items + lost, 101, "everything, or told");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_while_the_link_was_lost_counts_as_delivered() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(0).await.expect("sent");
    tokio::time::sleep(Duration::from_secs(1)).await;
    net.partition(&[one.id()], &[two.id()]);
    assert_eq!(next(&mut consumer).await, 0);
    // The consumer asks for what is next, and with that it is done with the item. The news do not get through.
    let more = tokio::time::timeout(Duration::from_secs(17), futures::StreamExt::next(&mut consumer));
    assert!(more.await.is_err());
    net.heal();
    within(LONG, "delivery", producer.delivered_to(1)).await.expect("delivered");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_item_of_a_lost_link_does_not_end_the_next_one() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<Fussy>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<Fussy>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(Fussy(13)).await.expect("sent");
    tokio::time::sleep(Duration::from_secs(1)).await;
    net.partition(&[one.id()], &[two.id()]);
    within(LONG, "the loss", !consumer.when().online()).await;
    let read = events_until(&mut consumer, |event| matches!(event, Event::Undecodable { .. }));
    within(LONG, "the item", read).await;
    net.heal();
    within(LONG, "its return", consumer.when().subscribed()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    producer.send(Fussy(14)).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await;
    let cut = |event: &Event<_>| matches!(event, Event::Left { why: Left::Malformed(_), .. });
    assert!(!events.iter().any(cut), "{events:?}");
}
