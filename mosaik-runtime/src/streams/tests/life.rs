//! Beginnings and ends: waiting to be online, replay, the last handle, shutdown.

use std::time::Duration;

use futures::{FutureExt, StreamExt};

use super::{LONG, events_until, next, start, take, two, within};
use crate::{
    primitives::{NetworkId, PeerRole, Stopped, StreamId},
    streams::{End, Event, Left, SendError, TrySendError},
    topology::Overflow,
    transport::sim::Net,
};

#[tokio::test(start_paused = true)]
async fn ls1_a_send_that_waits_to_be_online_wakes() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").online_when(1).build().expect("it builds");
    assert!(!producer.when().online().holds());
    assert!(matches!(producer.try_send(0), Err(TrySendError::Offline(0))));
    // A wait that is dropped takes nothing with it.
    assert!(producer.send(1).now_or_never().is_none());
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(Duration::from_secs(20), "being online", producer.send(2)).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 2);
    assert!(consumer.when().online().holds());
    drop(consumer);
    within(LONG, "being offline", !producer.when().online()).await;
    let start = tokio::time::Instant::now();
    let refused = producer.send(3).await;
    assert!(matches!(refused, Err(SendError::Offline { item: 3, .. })));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_late_joiner_gets_the_replay_and_no_gap() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").replay(5).build().expect("it builds");
    for n in 0..20 {
        producer.send(n).await.expect("sent");
    }
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { item: 19, .. })).await;
    assert_eq!(super::tally(&events), (5, 0));
    let mut late = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    assert_eq!(take(&mut late, 5).await, [15, 16, 17, 18, 19], "also on the same node");
}

#[tokio::test(start_paused = true)]
async fn the_last_producer_withdraws_the_stream_after_its_items() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let clone = producer.clone();
    for n in 0..100 {
        producer.send(n).await.expect("sent");
    }
    drop(clone);
    drop(producer);
    let events = events_until(&mut consumer, |event| matches!(event, Event::Left { .. })).await;
    assert_eq!(super::tally(&events), (100, 0));
    assert!(
        matches!(events.last(), Some(Event::Left { why: Left::Ended(End::Dropped), .. })),
        "{:?}",
        events.last()
    );
    let item = StreamId::derive("a.b").on(&NetworkId::derive("streams-tests"));
    let gone =
        two.discovery.when(move |catalog| catalog.with_role(PeerRole::Produces, &item).next().is_none());
    within(LONG, "the withdrawal", gone).await;
    // The numbers of this life go on with a new handle.
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "the subscriber again", producer.when().subscribed()).await;
    producer.send(7).await.expect("sent");
    let events = events_until(&mut consumer, |event| matches!(event, Event::Item { .. })).await;
    assert!(matches!(events.last(), Some(Event::Item { seq: 100, item: 7, .. })), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn ls12_a_shutdown_delivers_the_tail() {
    let (net, one, two) = two().await;
    // Far away: the tail takes several round trips, longer than the transport itself would wait.
    net.adjust_links(|link| link.latency = Duration::from_millis(100));
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..200 {
        producer.send((n, vec![0; 5000])).await.expect("sent");
    }
    let stop = async {
        let start = tokio::time::Instant::now();
        one.streams.shutdown().await;
        assert!(start.elapsed() <= Duration::from_secs(2));
        let refused = producer.send((0, Vec::new())).await.expect_err("it is stopped");
        assert!(Stopped::is_in(&refused));
        one.transport.shutdown().await;
    };
    let ((), taken) = futures::join!(stop, take(&mut consumer, 200));
    assert!(taken.iter().map(|(n, _)| *n).eq(0..200));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_the_stuck() {
    let (net, one, two) = two().await;
    let mut producer = one.streams.producer::<Vec<u8>>().named("a.b").build().expect("it builds");
    let consumer = two.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    net.partition(&[one.id()], &[two.id()]);
    producer.send(vec![0; 1000]).await.expect("sent");
    let start = tokio::time::Instant::now();
    one.streams.shutdown().await;
    assert!(start.elapsed() <= Duration::from_millis(2100), "{:?}", start.elapsed());
    drop(consumer);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_consumers_and_waiting_producers() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let mut consumer = node.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let mut producer = node.streams.producer::<u64>().named("c.d").online_when(9).build().expect("it builds");
    let waiting = producer.send(1);
    let stop = async {
        tokio::task::yield_now().await;
        node.streams.stop();
    };
    let (sent, ()) = futures::join!(waiting, stop);
    assert!(matches!(sent, Err(SendError::Stopped(1))), "{sent:?}");
    assert_eq!(within(LONG, "the end", consumer.next()).await, None);
    assert!(node.streams.producer::<u64>().named("e.f").build().is_err());
}
