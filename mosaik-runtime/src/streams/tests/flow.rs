//! Items flow: in order, in batches, encoded once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{SinkExt, StreamExt, future::join_all};
use serde::{Deserialize, Serialize, Serializer};

use super::{LONG, events_until, next, start, take, two, within};
use crate::{
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
    streams::{Event, SendError, TrySendError},
    transport::sim::Net,
};

#[tokio::test(start_paused = true)]
async fn items_arrive_in_order_and_are_counted() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..500 {
        producer.send(n).await.expect("sent");
    }
    assert_eq!(take(&mut consumer, 500).await, (0..500).collect::<Vec<_>>());
    within(LONG, "delivery", producer.delivered_to(1)).await.expect("delivered");
    let (sent, received) = (producer.stats(), consumer.stats());
    assert_eq!((sent.produced, sent.items(), sent.lag()), (500, 500, 0));
    assert_eq!((received.items(), received.bytes(), received.lag()), (500, sent.bytes(), 0));
    assert!(sent.subscriptions[&two.id()].uptime > Some(Duration::ZERO));
    assert_eq!(consumer.producers(), [one.id()]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_and_clones_send_on_one_stream() {
    let (_net, one, two) = two().await;
    let producer = one.streams.producer::<u32>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u32>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let (mut first, mut second) = (producer.clone(), producer);
    let items = futures::stream::iter(0..100).map(Ok);
    items.forward(&mut first).await.expect("all are sent");
    SinkExt::send(&mut second, 100).await.expect("sent");
    second.flush().await.expect("written");
    assert_eq!(take(&mut consumer, 101).await, (0..101).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_item_over_the_limit_comes_back() {
    let (_net, one, _two) = two().await;
    let builder = one.streams.producer::<Vec<u8>>().named("a.b").max_item(100);
    let mut producer = builder.build().expect("it builds");
    let refused = producer.send(vec![1; 200]).await;
    assert!(
        matches!(&refused, Err(SendError::TooLarge { limit: 100, item }) if item.len() == 200),
        "{refused:?}"
    );
    let refused = producer.try_send(vec![1; 200]);
    assert!(matches!(refused, Err(TrySendError::TooLarge { limit: 100, .. })));
    producer.try_send(vec![1; 90]).expect("small enough");
}

static ENCODED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Deserialize)]
struct Counted(u64);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ENCODED.fetch_add(1, Ordering::Relaxed);
        self.0.serialize(serializer)
    }
}

impl Schema for Counted {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

#[tokio::test(start_paused = true)]
async fn ls5_an_item_is_encoded_once_and_travels_with_others() {
    let net = Net::new(3);
    let one = start(&net, 1, 1, &[]).await;
    let mut producer = one.streams.producer::<Counted>().named("a.b").build().expect("it builds");
    let (mut nodes, mut consumers) = (Vec::new(), Vec::new());
    for n in 2..6 {
        let node = start(&net, n, 1, &[]).await;
        consumers.push(node.streams.consumer::<Counted>().named("a.b").build().expect("it builds"));
        nodes.push(node);
    }
    within(LONG, "subscribers", producer.when().subscribed().minimum_of(4)).await;
    let before = net.trace().len();
    for n in 0..1000 {
        producer.send(Counted(n)).await.expect("sent");
    }
    let taken = join_all(consumers.iter_mut().map(|consumer| take(consumer, 1000))).await;
    assert!(taken.iter().all(|items| items.iter().map(|item| item.0).eq(0..1000)));
    assert!(ENCODED.load(Ordering::Relaxed) <= 1001, "a segment's end may cost one attempt more");
    let frames = net.trace().len() - before;
    assert!(frames < 1000, "{frames} frames for 4 000 items");
}

#[tokio::test(start_paused = true)]
async fn an_older_type_is_accepted_as_the_newer() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wide(u64);
    impl Schema for Wide {
        fn shape(seen: &mut Seen) -> Shape {
            u64::shape(seen)
        }
    }
    impl From<u16> for Wide {
        fn from(narrow: u16) -> Self {
            Self(u64::from(narrow) + 1000)
        }
    }
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u16>().named("a.b").build().expect("it builds");
    let consumer = two.streams.consumer::<Wide>().named("a.b").accepts::<u16>();
    let mut consumer = consumer.build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(7).await.expect("sent");
    assert_eq!(next(&mut consumer).await, Wide(1007));
}

/// It contains itself.
#[derive(Debug, Serialize, Deserialize)]
struct Nest(Vec<Nest>);

impl Schema for Nest {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Nest", None, &[("0", <Vec<Self>>::shape)])
    }
}

fn nest(depth: usize) -> Nest {
    (0..depth).fold(Nest(Vec::new()), |inner, _| Nest(vec![inner]))
}

fn depth(nest: &Nest) -> usize {
    nest.0.first().map_or(0, |inner| 1 + depth(inner))
}

#[tokio::test(start_paused = true)]
async fn a_type_that_contains_itself_travels_and_its_nesting_is_bounded() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<Nest>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<Nest>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    producer.send(nest(30)).await.expect("sent");
    assert_eq!(depth(&next(&mut consumer).await), 30);
    producer.send(nest(2000)).await.expect("sent");
    let refused = |event: &Event<Nest>| matches!(event, Event::Undecodable { seq: 1, .. });
    let events = within(LONG, "the refusal", events_until(&mut consumer, refused)).await;
    assert!(
        !events.iter().any(|event| matches!(event, Event::Item { .. })),
        "too deep for its reader's stack"
    );
}

#[tokio::test(start_paused = true)]
async fn egress_is_capped() {
    let (net, one, two) = two().await;
    let builder = one.streams.producer::<Vec<u8>>().named("a.b").max_egress(100_000);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    let start = tokio::time::Instant::now();
    for _ in 0..100 {
        producer.send(vec![0; 10_000]).await.expect("sent");
    }
    take(&mut consumer, 100).await;
    producer.send(Vec::new()).await.expect("sent");
    next(&mut consumer).await;
    let took = start.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?} for a megabyte at 100 kB/s");
    drop(net);
}
