//! From the moment at which a producer is known to the first item: no timer stands between.

use std::time::Duration;

use tokio::time::Instant;

use super::{LONG, Node, events_until, next, start, within};
use crate::{
    discovery::Catalog,
    primitives::{NetworkId, PeerRole, StreamId, Tag, WireId, policy::tag},
    streams::{Event, Producer, Streams},
    transport::sim::Net,
};

fn item() -> WireId {
    StreamId::derive("a.b").on(&NetworkId::derive("streams-tests"))
}

/// Waits until `node` knows a producer.
async fn discovered(node: &Node) -> Instant {
    let known =
        node.discovery.when(move |catalog| catalog.with_role(PeerRole::Produces, &item()).next().is_some());
    within(LONG, "its discovery", known).await;
    Instant::now()
}

async fn first_item(streams: &Streams) -> Instant {
    let mut consumer = streams.consumer::<u64>().named("a.b").build().expect("it builds");
    next(&mut consumer).await;
    Instant::now()
}

/// A fabric on which nothing takes time but timers.
fn instant() -> Net {
    let net = Net::new(7);
    net.adjust_links(|link| (link.latency, link.jitter) = (Duration::ZERO, 0.0));
    net
}

/// A producer whose last item is there for those who come late. Both sides ask for a tag.
async fn produce(node: &Node) -> Producer<u64> {
    let builder = node.streams.producer::<u64>().named("a.b").replay(1).require(tag("reader"));
    let mut producer = builder.build().expect("it builds");
    producer.send(1).await.expect("sent");
    producer
}

#[tokio::test(start_paused = true)]
async fn the_first_item_comes_as_soon_as_its_producer_is_known() {
    let net = instant();
    let one = start(&net, 1, 1, &["writer"]).await;
    let _producer = produce(&one).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let two = start(&net, 2, 1, &["reader"]).await;
    let (known, first) = futures::join!(discovered(&two), first_item(&two.streams));
    assert_eq!(first - known, Duration::ZERO, "a newcomer");
    let begun = Instant::now();
    assert_eq!(first_item(&two.streams).await - begun, Duration::ZERO, "where the producer was known");
}

#[tokio::test(start_paused = true)]
async fn the_first_item_comes_as_soon_as_the_producer_begins() {
    let net = instant();
    let (one, two) = (start(&net, 1, 1, &["writer"]).await, start(&net, 2, 1, &["reader"]).await);
    let builder = two.streams.consumer::<u64>().named("a.b").require(tag("writer"));
    let mut consumer = builder.build().expect("it builds");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let producer = produce(&one).await;
        let known = discovered(&two).await;
        next(&mut consumer).await;
        assert_eq!(known.elapsed(), Duration::ZERO);
        drop(producer);
        let gone = two
            .discovery
            .when(move |catalog| catalog.with_role(PeerRole::Produces, &item()).next().is_none());
        within(LONG, "its end", gone).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_item_comes_as_soon_as_the_consumer_is_admitted() {
    let net = instant();
    let (one, two) = (start(&net, 1, 1, &["writer"]).await, start(&net, 2, 1, &[]).await);
    let _producer = produce(&one).await;
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let refused = |event: &Event<u64>| matches!(event, Event::Refused { .. });
    within(LONG, "the refusal", events_until(&mut consumer, refused)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    two.discovery.tags().insert(Tag::new("reader").expect("a tag")).expect("it fits");
    let known = async {
        let reader = two.id();
        let tagged = move |catalog: &Catalog| {
            catalog
                .get(&reader)
                .is_some_and(|peer| peer.entry.tags.iter().any(|tag| tag.as_str() == "reader"))
        };
        one.discovery.when(tagged).await;
        Instant::now()
    };
    let (known, _) = futures::join!(known, next(&mut consumer));
    assert_eq!(known.elapsed(), Duration::ZERO);
}
