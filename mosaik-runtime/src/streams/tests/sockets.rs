//! The same over real sockets.

use std::time::Duration;

use super::{Node, start_on, take, within};
use crate::{
    primitives::SecretKey,
    topology::Overflow,
    transport::{Backend, PeerAddr},
};

const SOON: Duration = Duration::from_secs(20);

async fn pair() -> (Node, Node) {
    let one = start_on(Backend::Iroh, SecretKey::from_bytes([21; 32]), 1, |_| {}).await;
    let seed = PeerAddr { id: one.id(), addresses: one.transport.addresses().borrow().clone() };
    let two = start_on(Backend::Iroh, SecretKey::from_bytes([22; 32]), 1, |settings| {
        settings.bootstrap = vec![seed];
    });
    let two = two.await;
    (one, two)
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
