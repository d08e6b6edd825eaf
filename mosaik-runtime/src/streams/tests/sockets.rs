//! The same over real sockets.

use std::time::Duration;

use bytes::Bytes;

use super::{Node, next_event, start_on, take, within};
use crate::{
    primitives::SecretKey,
    streams::{Event, Memory, core::inbox::ROOM},
    topology::Overflow,
    transport::{Backend, Limits, PeerAddr},
};

const SOON: Duration = Duration::from_secs(20);

async fn pair() -> (Node, Node) {
    let one = start_on(Backend::Iroh, SecretKey::from_bytes([21; 32]), 1, |_| {}).await;
    let two = beside(&one, 22).await;
    (one, two)
}

/// A node that knows `one` from the start.
async fn beside(one: &Node, key: u8) -> Node {
    let seed = PeerAddr { id: one.id(), addresses: one.transport.addresses().borrow().clone() };
    start_on(Backend::Iroh, SecretKey::from_bytes([key; 32]), 1, |settings| settings.bootstrap = vec![seed])
        .await
}

/// What a consumer was told so far.
#[derive(Default)]
struct Account {
    items: u64,
    lost: u64,
}

impl Account {
    fn take(&mut self, event: Event<(u64, Bytes)>) {
        match event {
            Event::Item { seq, item, .. } => {
                assert_eq!((seq, item.0), (self.sum(), self.sum()), "in order, and nothing left out");
                self.items += 1;
            }
            Event::Gap { lost, .. } => self.lost += lost.count,
            Event::Left { why, .. } => panic!("a subscription ended: {why:?}"),
            _ => {}
        }
    }

    fn sum(&self) -> u64 {
        self.items + self.lost
    }
}

/// The most that was held at any time, within its bound.
fn note(most: &mut u64, memory: Option<Memory>) {
    let memory = memory.expect("both sides show it");
    assert!(memory.held <= memory.bound, "{memory:?}");
    *most = memory.held.max(*most);
}

/// QUIC keeps what comes out of order in pieces, at most 1 024 of them for a stream, and ends the connection over one more ("too
/// many gaps in stream buffer"). However fast a sender is, it must not get there, and who reads slowly must not cost more memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ls4_a_sender_at_full_speed_ends_no_connection_and_a_slow_reader_stays_within_its_memory() {
    const ITEMS: u64 = 40_000;
    // Full packets, every other one of them lost.
    let pieces = Limits::default().stream_window / 1200 / 2;
    assert!(pieces < 1024, "{pieces} pieces fit into the window");
    let one = start_on(Backend::Iroh, SecretKey::from_bytes([31; 32]), 1, |_| {}).await;
    let (two, three) = (beside(&one, 32).await, beside(&one, 33).await);
    let builder = one.streams.producer::<(u64, Bytes)>().named("a.b").overflow(Overflow::DropOldest);
    let mut producer = builder.build().expect("it builds");
    let mut fast = two.streams.consumer::<(u64, Bytes)>().named("a.b").build().expect("it builds");
    let mut slow = three.streams.consumer::<(u64, Bytes)>().named("a.b").build().expect("it builds");
    within(SOON, "subscribers", producer.when().subscribed().minimum_of(2)).await;
    let observer = producer.clone();
    let data = Bytes::from(vec![7; 1000]);
    let send = async {
        for n in 0..ITEMS {
            producer.send((n, data.clone())).await.expect("sent");
        }
    };
    let (mut all, mut few, mut most) = (Account::default(), Account::default(), [0; 4]);
    let read = async {
        while all.sum() < ITEMS {
            all.take(next_event(&mut fast).await);
            if all.sum() % 100 == 0 {
                few.take(next_event(&mut slow).await);
                let (sent, got) = (observer.stats(), slow.stats());
                let one_of = |stats: &crate::streams::StreamStats, id| stats.subscriptions[&id].memory;
                let shown = [sent.memory, one_of(&sent, three.id()), got.memory, one_of(&got, one.id())];
                most.iter_mut().zip(shown).for_each(|(most, memory)| note(most, memory));
            }
        }
        while few.sum() < ITEMS {
            few.take(next_event(&mut slow).await);
        }
    };
    within(3 * SOON, "the end", futures::future::join(send, read)).await;
    println!("the fast one got {} items, the slow one {}; held at most {most:?} bytes", all.items, few.items);
    assert!(most[2] >= ROOM / 2, "the slow one was behind: {most:?}");
    for node in [one, two, three] {
        node.transport.shutdown().await;
    }
}

#[tokio::test]
async fn items_flow_over_quic_and_nothing_is_lost_under_block() {
    let (one, two) = pair().await;
    let builder = one.streams.producer::<(u64, Vec<u8>)>().named("a.b").overflow(Overflow::Block);
    let mut producer = builder.build().expect("it builds");
    let mut consumer = two.streams.consumer::<(u64, Vec<u8>)>().named("a.b").build().expect("it builds");
    within(SOON, "a subscriber", producer.when().subscribed()).await;
    let send = async {
        for n in 0..20_000 {
            producer.send((n, vec![7; 200])).await.expect("sent");
        }
        producer.delivered_to(1).await.expect("delivered");
    };
    let (taken, ()) =
        within(SOON, "delivery", futures::future::join(take(&mut consumer, 20_000), send)).await;
    assert!(taken.iter().map(|(n, _)| *n).eq(0..20_000));
    two.streams.shutdown().await;
    one.streams.shutdown().await;
    one.transport.shutdown().await;
    two.transport.shutdown().await;
}

#[tokio::test]
async fn ls12_a_shutdown_delivers_the_tail_over_quic() {
    let (one, two) = pair().await;
    let mut producer = one.streams.producer::<u64>().named("a.b").build().expect("it builds");
    let mut consumer = two.streams.consumer::<u64>().named("a.b").build().expect("it builds");
    within(SOON, "a subscriber", producer.when().subscribed()).await;
    for n in 0..900 {
        producer.send(n).await.expect("sent");
    }
    one.streams.shutdown().await;
    one.transport.shutdown().await;
    assert!(take(&mut consumer, 900).await.into_iter().eq(0..900));
    two.transport.shutdown().await;
}
