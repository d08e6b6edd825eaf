//! Streams as users see them: whole nodes on the simulated fabric, and two over real sockets.

mod crash;
mod ends;
mod first;
mod flow;
mod hold;
mod life;
mod local;
mod loss;
mod numbers;
mod panics;
mod pressure;
mod shares;
#[cfg(feature = "iroh")]
mod sockets;
mod watched;
mod who;

use std::{future::IntoFuture, sync::Arc, time::Duration};

use futures::StreamExt;

use super::{Consumer, Event, Streams, StreamsSettings, Travels};
use crate::{
    admission::stand::Stand,
    discovery::{Discovery, Rendezvous, Settings},
    primitives::{BootId, NetworkId, NodeRng, PeerId, Scope, SecretKey, Tag, backoff},
    transport::{Backend, Transport, sim::Net},
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(300);

struct Node {
    streams: Streams,
    discovery: Discovery,
    transport: Transport,
    scope: Scope,
}

async fn within<F: IntoFuture>(limit: Duration, what: &str, future: F) -> F::Output {
    match tokio::time::timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within {limit:?}"),
    }
}

/// A node with key `n` in its `life`-th life.
async fn start(net: &Net, n: u8, life: u8, tags: &[&str]) -> Node {
    let key = SecretKey::from_bytes([n; 32]);
    let port = net.port(key.peer_id());
    let change = |settings: &mut Settings| {
        settings.rendezvous = Rendezvous::Sim(net.clone());
        settings.tags = tags.iter().filter_map(|text| Tag::new(text).ok()).collect();
    };
    start_on(Backend::Sim(port), key, life, change).await
}

async fn start_on(backend: Backend, key: SecretKey, life: u8, change: impl FnOnce(&mut Settings)) -> Node {
    let (network, boot) = (NetworkId::derive("streams-tests"), BootId(u128::from(life) << 8 | 1));
    let rng = NodeRng::from_seed(u64::from(key.peer_id().as_bytes()[0]) << 8 | u64::from(life));
    let stand = Stand::start(backend, key, (network, boot), rng, change).await;
    let Stand { transport, discovery, admission, clock, scope, mut rng } = stand;
    let settings = StreamsSettings {
        network,
        clock,
        rng: rng.split("streams"),
        scope: scope.child(),
        backoff: backoff::Settings::default(),
        trace: None,
    };
    let streams = Streams::new(transport.clone(), discovery.clone(), admission, settings);
    Node { streams, discovery, transport, scope }
}

impl Node {
    fn id(&self) -> PeerId {
        self.transport.id()
    }

    /// The node is gone without a word.
    fn crash(self, net: &Net) {
        net.crash(self.id());
        self.scope.kill();
    }
}

/// Two nodes on a fabric.
async fn two() -> (Arc<Net>, Node, Node) {
    let net = Net::new(7);
    let (one, two) = (start(&net, 1, 1, &[]).await, start(&net, 2, 1, &[]).await);
    (Arc::new(net), one, two)
}

async fn next<T>(consumer: &mut Consumer<T>) -> T {
    within(LONG, "an item", consumer.next()).await.expect("the stream goes on")
}

async fn take<T>(consumer: &mut Consumer<T>, count: usize) -> Vec<T> {
    let mut items = Vec::new();
    while items.len() < count {
        items.push(next(consumer).await);
    }
    items
}

async fn next_event<T>(consumer: &mut Consumer<T>) -> Event<T> {
    within(LONG, "an event", consumer.events().next()).await.expect("the stream goes on")
}

/// Reads events until one of them is what is looked for; returns all of them.
async fn events_until<T: Travels>(
    consumer: &mut Consumer<T>,
    found: impl Fn(&Event<T>) -> bool,
) -> Vec<Event<T>> {
    let mut events = Vec::new();
    while !events.last().is_some_and(&found) {
        events.push(next_event(consumer).await);
    }
    events
}

/// How many items came, and how many were told as lost.
fn tally<T>(events: &[Event<T>]) -> (u64, u64) {
    let items = events.iter().filter(|event| matches!(event, Event::Item { .. })).count() as u64;
    let lost = events.iter().map(|event| match event {
        Event::Gap { lost, .. } => lost.count,
        Event::Undecodable { .. } => 1,
        _ => 0,
    });
    (items, lost.sum())
}
