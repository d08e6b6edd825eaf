//! Tests of what becomes of a node that lost a worker.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Network, Node, NodeEntry, life, life::Ended};
use crate::{
    primitives::{Clock, NodeRng, SecretKey, Wall, WorkerDied},
    topology::fixtures,
    transport::sim::Net,
};

fn builder(net: &Net, n: u8) -> super::NetworkBuilder {
    let clock = Clock::simulated(Wall(1_000_000_000_000));
    let rng = NodeRng::from_seed(n.into());
    Network::builder("workers").secret_key(SecretKey::from_bytes([n; 32])).simulated(net.clone(), clock, rng)
}

#[tokio::test(start_paused = true)]
async fn g2_a_node_whose_discovery_died_stops_says_so_and_is_missed() {
    let net = Net::new(1);
    let broken = builder(&net, 1).build().await.expect("starts");
    let other = builder(&net, 2).build().await.expect("starts");
    let gone = broken.local().id();
    let knows = move |catalog: &crate::discovery::Catalog| catalog.get(&gone).is_some();
    other.discovery().when(knows).await;
    assert_eq!(broken.failure(), None);
    broken.discovery().break_down().await;
    let died = timeout(Duration::from_secs(1), broken.failed()).await.expect("at once");
    assert_eq!(died, WorkerDied { worker: "discovery", why: "on purpose".to_owned() });
    let start = Instant::now();
    other.discovery().when(move |catalog| catalog.get(&gone).is_none()).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    // A stop of what is left is still in order, and short.
    timeout(Duration::from_secs(5), broken.shutdown()).await.expect("it ends");
}

fn waits_for_ever(node: Node) -> futures::future::BoxFuture<'static, super::Result<()>> {
    Box::pin(async move {
        node.network().discovery().break_down().await;
        std::future::pending().await
    })
}

#[tokio::test(start_paused = true)]
async fn g2_the_program_ends_with_an_error_that_names_the_worker() {
    let net = Net::new(2);
    let entry = NodeEntry { descriptor: &fixtures::SENSOR, run: waits_for_ever, count: 1 };
    let running = life::run(&entry, builder(&net, 1), Default::default(), CancellationToken::new());
    let ended = timeout(Duration::from_secs(20), running).await.expect("it ends");
    let Ended::Failed(error) = ended else { panic!("{ended:?}") };
    let died = error.downcast_ref::<WorkerDied>().expect("a typed error");
    assert_eq!(died.worker, "discovery");
    assert!(error.to_string().contains("the worker `discovery` of this node died"), "{error}");
}
