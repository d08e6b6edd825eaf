//! Who shares a consumer, or a producer, with slower ones.

use std::time::Duration;

use tokio::time::Instant;

use super::{LONG, start, take, within};
use crate::{
    streams::{Consumer, Event},
    topology::Overflow,
    transport::sim::Net,
};

type Item = (u64, Vec<u8>);

fn item(n: u64) -> Item {
    (n, vec![0; 100_000])
}

#[tokio::test(start_paused = true)]
async fn producers_take_turns_at_a_slow_consumer() {
    let net = Net::new(3);
    let (mut nodes, mut producers) = (Vec::new(), Vec::new());
    for n in 1..4 {
        let node = start(&net, n, 1, &[]).await;
        let builder = node.streams.producer::<Item>().named("a.b").buffer(2).overflow(Overflow::Block);
        producers.push(builder.build().expect("it builds"));
        nodes.push(node);
    }
    let reader = start(&net, 9, 1, &[]).await;
    let mut consumer = reader.streams.consumer::<Item>().named("a.b").build().expect("it builds");
    within(LONG, "all of them", consumer.when().subscribed().minimum_of(3)).await;
    let sending = producers.iter_mut().map(|producer| async move {
        for n in 0.. {
            producer.send(item(n)).await.expect("sent");
        }
    });
    let reading = async {
        let mut taken = std::collections::BTreeMap::new();
        for _ in 0..90 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let from = next_from(&mut consumer).await;
            *taken.entry(from).or_insert(0) += 1;
        }
        taken
    };
    let all = futures::future::join_all(sending);
    tokio::pin!(all);
    let taken = tokio::select! {
        biased;
        taken = reading => taken,
        _ = &mut all => unreachable!("they never end"),
    };
    assert!(taken.len() == 3 && taken.values().all(|count| *count >= 20), "{taken:?}");
}

async fn next_from(consumer: &mut Consumer<Item>) -> crate::primitives::PeerId {
    loop {
        if let Event::Item { from, .. } = super::next_event(consumer).await {
            return from;
        }
    }
}

/// How long a good consumer takes for a thousand items over a link that carries ten megabytes a second.
async fn thousand_items(overflow: Overflow, stalled: usize) -> Duration {
    let net = Net::new(5);
    net.adjust_links(|link| {
        link.jitter = 0.0;
        link.bandwidth = Some(10_000_000);
    });
    let one = start(&net, 1, 1, &[]).await;
    let mut producer = one
        .streams
        .producer::<Vec<u8>>()
        .named("a.b")
        .buffer(64)
        .overflow(overflow)
        .build()
        .expect("it builds");
    let (mut nodes, mut asleep) = (Vec::new(), Vec::new());
    for n in 0..stalled {
        let node = start(&net, 100 + n as u8, 1, &[]).await;
        asleep.push(node.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds"));
        nodes.push(node);
    }
    let good = start(&net, 2, 1, &[]).await;
    let mut consumer = good.streams.consumer::<Vec<u8>>().named("a.b").build().expect("it builds");
    within(LONG, "subscribers", producer.when().subscribed().minimum_of(1 + stalled)).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let begun = Instant::now();
    for _ in 0..100 {
        for _ in 0..10 {
            producer.send(vec![0; 10_000]).await.expect("sent");
        }
        take(&mut consumer, 10).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn s5_stalled_consumers_cost_the_others_nothing() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
        let (alone, among) = (thousand_items(overflow, 0).await, thousand_items(overflow, 3).await);
        assert!(alone > Duration::from_millis(900), "the link sets the pace: {alone:?}");
        let more = among.saturating_sub(alone);
        assert!(more <= alone / 100, "{more:?} more than {alone:?} under {overflow:?}");
    }
}
