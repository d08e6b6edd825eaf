//! One node: its consumers share a subscription, and hear its own producers.

use super::{LONG, next, start, take, two, within};
use crate::{
    primitives::{
        Schema,
        policy::{Rule, tag},
        schema::{Seen, Shape},
    },
    streams::{BuildError, Event},
    topology::{Intent, Source, StreamDescriptor, StreamOptions},
    transport::sim::Net,
};

/// As if it were `#[stream("x.y", replay = 7, require(consumers = tag("reader")))]`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Count(u64);

impl From<Vec<()>> for Count {
    fn from(nothings: Vec<()>) -> Self {
        Self(nothings.len() as u64)
    }
}

static ATTRIBUTE: StreamDescriptor = StreamDescriptor {
    intent: Intent::new("x.y", [7; 32]),
    type_name: "Count",
    schema: Count::shape,
    options: StreamOptions::new().replay(7),
    producers: Rule::Anyone,
    consumers: Rule::Tag("reader"),
    docs: "",
    source: Source { file: "", line: 0 },
};

impl Schema for Count {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }

    fn attribute() -> Option<&'static (dyn std::any::Any + Send + Sync)> {
        Some(&ATTRIBUTE)
    }
}

#[tokio::test(start_paused = true)]
async fn ls9_two_consumers_of_a_node_share_one_subscription() {
    let (_net, one, two) = two().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut first = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let mut second = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "a subscriber", producer.when().subscribed()).await;
    for n in 0..100 {
        producer.send(n).await.expect("sent");
    }
    let (a, b) = futures::join!(take(&mut first, 100), take(&mut second, 100));
    assert!(a == b && a.iter().copied().eq(0..100));
    assert_eq!(producer.subscribers(), [two.id()]);
    assert_eq!(producer.stats().items(), 100, "one copy over the network");
    drop(first);
    producer.send(100).await.expect("sent");
    assert_eq!(next(&mut second).await, 100, "the other one goes on");
    drop(second);
    within(LONG, "the end of the subscription", producer.when().subscribed().unmet()).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_hears_its_own_producers_without_a_socket() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let mut producer = node.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = node.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(LONG, "itself", producer.when().subscribed()).await;
    let mut clone = producer.clone();
    for n in 0..500 {
        let handle = if n % 2 == 0 { &mut producer } else { &mut clone };
        handle.send(n).await.expect("sent");
    }
    assert!(take(&mut consumer, 500).await.into_iter().eq(0..500), "handles of one stream, in one order");
    within(LONG, "delivery", producer.delivered_to(1)).await.expect("delivered");
    assert_eq!((producer.subscribers(), net.connections()), (vec![node.id()], 0));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_meet_the_policy_does_not_hear_itself() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let builder = node.streams.producer::<u64>().named("a.b").require(tag("reader"));
    let mut producer = builder.build().expect("it builds");
    let mut consumer = node.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    let event = super::next_event(&mut consumer).await;
    assert!(matches!(&event, Event::Refused { why, .. } if why.contains("reader")), "{event:?}");
    node.discovery.tags().insert(crate::primitives::Tag::new("reader").expect("a tag")).expect("it fits");
    within(LONG, "itself", producer.when().subscribed()).await;
    producer.send(7).await.expect("sent");
    assert_eq!(next(&mut consumer).await, 7);
}

#[tokio::test(start_paused = true)]
async fn handles_of_one_stream_share_their_settings() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let first = node.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let second = node.streams.producer::<u64>().named("a.b").replay(3).build();
    let expected = "`replay` is 0 there and 3 here".to_owned();
    assert_eq!(second.err(), Some(BuildError::Differs { intent: "a.b".into(), difference: expected }));
    let third = node.streams.producer::<u32>().named("a.b").build();
    assert!(
        matches!(&third, Err(BuildError::Differs { difference, .. }) if difference.contains("u32")),
        "{third:?}"
    );
    drop(first);
    node.streams.producer::<u64>().named("a.b").replay(3).build().expect("the first handle decides");
}

/// The attribute of a type counts also where the type is named.
#[tokio::test(start_paused = true)]
async fn a_named_stream_begins_with_the_settings_of_the_types_attribute() {
    let net = Net::new(1);
    let node = start(&net, 1, 1, &[]).await;
    let build = || node.streams.producer::<Count>().named("a.b");
    let _first = build().build().expect("it builds");
    let difference = |built: Result<crate::streams::Producer<Count>, BuildError>| match built {
        Err(BuildError::Differs { difference, .. }) => difference,
        other => panic!("{other:?}"),
    };
    assert_eq!(difference(build().replay(3).build()), "`replay` is 7 there and 3 here");
    assert_eq!(difference(build().buffer(3).build()), "`buffer` is 1024 there and 3 here");
    let other = build().require(tag("extra")).build();
    assert!(difference(other).contains("tag(\"reader\") & tag(\"extra\")"));
    build().replay(7).build().expect("the same settings");
}

#[test]
fn names_and_limits_are_checked() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let net = Net::new(1);
        let node = start(&net, 1, 1, &[]).await;
        let build = |name: &str| node.streams.producer::<u64>().named(name).build();
        assert!(matches!(build("Not An Intent"), Err(BuildError::Intent(_))));
        let zero = node.streams.producer::<u64>().named("a.b").buffer(0).build();
        assert!(matches!(zero, Err(BuildError::Limit { .. })));
        let nothings = node.streams.producer::<Vec<()>>().named("a.b").build();
        assert!(
            matches!(nothings, Err(BuildError::Weightless { .. })),
            "a frame could claim any number of them"
        );
        let nothings = node.streams.consumer::<Option<Vec<()>>>().named("a.b").build();
        assert!(matches!(nothings, Err(BuildError::Weightless { .. })));
        let older = node.streams.consumer::<Count>().named("a.b").accepts::<Vec<()>>().build();
        assert!(matches!(older, Err(BuildError::Weightless { .. })), "also as an older type");
        let silent = node.streams.producer::<u64>().named("a.b").max_egress(0).build();
        assert!(
            matches!(&silent, Err(BuildError::Limit { limit, .. }) if limit.to_string().contains("max_egress")),
            "{silent:?}"
        );
    });
}
