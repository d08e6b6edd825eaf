//! The end of a stream on a node: nobody loses its tail untold, and nothing of it stays behind.

use std::{sync::Arc, time::Duration};

use super::{LONG, events_until, next, tally, two, within};
use crate::{
    streams::{Consumer, End, Event, Left, Producer},
    topology::Overflow,
    transport::sim::Net,
};

type Item = (u64, Vec<u8>);

fn item(n: u64) -> Item {
    (n, vec![0; 10_000])
}

/// Everything up to the end of the stream.
async fn to_the_end(consumer: &mut Consumer<Item>) -> Vec<Event<Item>> {
    let ended = |event: &Event<Item>| matches!(event, Event::Left { why: Left::Ended(End::Dropped), .. });
    within(LONG, "the end", events_until(consumer, ended)).await
}

async fn send(producer: &mut Producer<Item>, numbers: std::ops::Range<u64>) {
    for n in numbers {
        within(LONG, "room", producer.send(item(n))).await.expect("sent");
    }
}

#[tokio::test(start_paused = true)]
async fn ls6_the_last_producer_dropped_while_the_link_is_down_loses_nothing() {
    let (net, one, two) = two().await;
    let builder = one.streams.producer::<Item>().named("a.b").overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    send(&mut producer, 0..10).await;
    net.partition(&[one.id()], &[two.id()]);
    within(LONG, "the loss", producer.when().subscribed().unmet()).await;
    send(&mut producer, 10..20).await;
    drop(producer);
    tokio::time::sleep(Duration::from_secs(2)).await;
    net.heal();
    assert_eq!(tally(&to_the_end(&mut consumer).await), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn ls6_a_link_that_breaks_while_the_tail_is_written_loses_nothing() {
    let (net, one, two) = two().await;
    net.adjust_links(|link| link.latency = Duration::from_millis(100));
    let builder = one.streams.producer::<Item>().named("a.b").overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    send(&mut producer, 0..200).await;
    drop(producer);
    tokio::time::sleep(Duration::from_millis(450)).await;
    net.partition(&[one.id()], &[two.id()]);
    tokio::time::sleep(Duration::from_secs(17)).await;
    net.heal();
    assert_eq!(tally(&to_the_end(&mut consumer).await), (200, 0));
}

/// All is written, and the consumer's node has it, but not yet its consumer: its inbox is full.
#[tokio::test(start_paused = true)]
async fn ls6_a_tail_that_nobody_has_read_is_not_over_with_its_link() {
    let (net, one, two) = two().await;
    let builder = one.streams.producer::<Item>().named("a.b").buffer(100).overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    send(&mut producer, 0..75).await;
    drop(producer);
    tokio::time::sleep(Duration::from_secs(5)).await;
    net.partition(&[one.id()], &[two.id()]);
    tokio::time::sleep(Duration::from_secs(17)).await;
    net.heal();
    assert_eq!(tally(&to_the_end(&mut consumer).await), (75, 0));
}

#[tokio::test(start_paused = true)]
async fn ls6_one_that_was_cut_is_told_what_it_lost_also_when_the_stream_has_ended() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<Item>().named("a.b").buffer(8).build().expect("it builds");
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    send(&mut producer, 0..1).await;
    next(&mut consumer).await;
    send(&mut producer, 1..300).await;
    drop(producer);
    let events = to_the_end(&mut consumer).await;
    let (items, lost) = tally(&events);
    assert!(lost > 0, "it was cut");
    assert_eq!(items + lost, 299);
}

#[tokio::test(start_paused = true)]
async fn ls6_a_stream_that_begins_again_while_its_end_is_told_loses_nothing() {
    let (net, one, two) = two().await;
    net.adjust_links(|link| link.latency = Duration::from_millis(100));
    let build = || one.streams.producer::<Item>().named("a.b").overflow(Overflow::Block).build();
    let mut producer = build().expect("it builds");
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    send(&mut producer, 0..5).await;
    drop(producer);
    // The peer reads the end now, and its good-bye is on its way.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut producer = build().expect("it builds");
    send(&mut producer, 5..10).await;
    let last = |event: &Event<Item>| matches!(event, Event::Item { seq: 9, .. });
    let events = within(LONG, "the last item", events_until(&mut consumer, last)).await;
    assert_eq!(tally(&events), (10, 0));
    let ended = |event: &Event<Item>| matches!(event, Event::Left { why: Left::Ended(End::Dropped), .. });
    assert!(events.iter().any(ended), "the end was told in between: {}", events.len());
}

#[tokio::test(start_paused = true)]
async fn an_outlet_ends_when_nobody_produces_and_nobody_waits() {
    let (_net, one, two) = two().await;
    let mut consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    for round in 0..3 {
        let mut producer = one.streams.producer::<Item>().named("a.b").build().expect("it builds");
        let outlet = Arc::downgrade(producer.outlet());
        within(LONG, "a subscriber", producer.when().subscribed()).await;
        send(&mut producer, round..round + 1).await;
        let event = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await.pop();
        assert!(matches!(event, Some(Event::Item { seq, .. }) if seq == round), "the numbers go on");
        drop(producer);
        let gone = async {
            while outlet.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        within(Duration::from_secs(5), "the end of the outlet and its keeper", gone).await;
        assert_eq!(one.streams.0.outlets(), (0, 1));
    }
    // A name that carried nothing leaves nothing.
    drop(one.streams.producer::<Item>().named("c.d").build().expect("it builds"));
    let gone = async {
        while one.streams.0.outlets() != (0, 1) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(Duration::from_secs(5), "the end of the other one", gone).await;
}

#[tokio::test(start_paused = true)]
async fn an_outlet_that_another_type_replaces_ends() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<Item>().named("a.b").build().expect("it builds");
    let consumer = two.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    net.partition(&[one.id()], &[two.id()]);
    within(LONG, "the loss", producer.when().subscribed().unmet()).await;
    send(&mut producer, 0..3).await;
    let outlet = Arc::downgrade(producer.outlet());
    drop(producer);
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let gone = async {
        while outlet.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(Duration::from_secs(2), "the end of the first", gone).await;
    drop(consumer);
    net.heal();
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(7).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 7);
    assert_eq!(producer.stats().produced, 4, "the numbers go on");
}

/// What `Net` is made with does not matter here: one node, and its ring alone.
#[tokio::test(start_paused = true)]
async fn a_task_that_panics_leaves_no_subscription_that_looks_connected() {
    let net = Net::new(1);
    let one = super::start(&net, 1, 1, &[]).await;
    let producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let (outlet, peer) = (producer.outlet().clone(), crate::primitives::PeerId::from_bytes([9; 32]));
    one.scope.spawn("panics", async move {
        let attached = outlet.attach(peer, None, Default::default()).expect("room");
        let _seat = crate::streams::outlet::Seat::new(&outlet, peer, &attached);
        tokio::task::yield_now().await;
        panic!("on purpose");
    });
    within(LONG, "its subscription", producer.when().subscribed()).await;
    within(LONG, "its end", producer.when().subscribed().unmet()).await;
}
