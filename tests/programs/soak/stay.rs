//! The nodes that stay: one producer, two consumers, one node that does nothing but gossip.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mosaik::{
    Network,
    streams::{Consumer, Event, Producer},
    transport::PeerAddr,
};
use mosaik_tests::scratch::Scratch;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::Fallible;

/// The stream that runs all the time.
pub(super) const STEADY: &str = "soak.steady";
/// Items a burst, and bursts a second.
const BURST: u64 = 10;
const BURSTS: u64 = 50;

/// What a consumer got.
#[derive(Debug, Default)]
struct Got {
    items: AtomicU64,
    lost: AtomicU64,
    out_of_order: AtomicU64,
}

/// The nodes that stay, and their work.
pub(super) struct Stay {
    nodes: Vec<Network>,
    sent: Arc<AtomicU64>,
    got: Vec<Arc<Got>>,
    work: Vec<JoinHandle<()>>,
}

/// What became of the items.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) sent: u64,
    pub(super) got: Vec<u64>,
    pub(super) lost: Vec<u64>,
    pub(super) out_of_order: u64,
    pub(super) panicked: u64,
    pub(super) left_running: usize,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, got, lost, out_of_order, panicked, left_running } = self;
        write!(
            f,
            "sent {sent}, received {got:?}, told as lost {lost:?}, out of order {out_of_order}, tasks that panicked \
             {panicked}, tasks left after the end {left_running}"
        )
    }
}

impl Stay {
    pub(super) async fn start(meet: &Scratch) -> Fallible<Self> {
        let mut nodes = Vec::new();
        for tag in ["producer", "consumer", "consumer", "idle"] {
            nodes.push(Network::builder("soak").runtime_dir(meet.path()).tags([tag]).build().await?);
        }
        let producer = nodes[0].streams().producer::<(u64, Vec<u8>)>().named(STEADY).build()?;
        let consumers = [
            nodes[1].streams().consumer::<(u64, Vec<u8>)>().named(STEADY).build()?,
            nodes[2].streams().consumer::<(u64, Vec<u8>)>().named(STEADY).build()?,
        ];
        timeout(Duration::from_secs(20), producer.when().subscribed().minimum_of(2)).await?;
        let sent = Arc::new(AtomicU64::new(0));
        let got: Vec<_> = consumers.iter().map(|_| Arc::new(Got::default())).collect();
        let mut work: Vec<_> = consumers
            .into_iter()
            .zip(&got)
            .map(|(consumer, got)| task(take(consumer, got.clone())))
            .collect();
        work.push(task(send(producer, sent.clone())));
        Ok(Self { nodes, sent, got, work })
    }

    pub(super) fn seed_addr(&self) -> PeerAddr {
        self.nodes[3].local().peer_addr()
    }

    pub(super) fn nodes(&self) -> &[Network] {
        &self.nodes
    }

    pub(super) fn received(&self) -> u64 {
        self.got.iter().map(|got| got.items.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn panicked(&self) -> u64 {
        self.nodes.iter().map(|node| node.tasks().panicked).sum()
    }

    /// Stops in order, the producer first, so that what it sent arrives.
    pub(super) async fn end(self) -> Fallible<Told> {
        for node in &self.nodes {
            timeout(Duration::from_secs(10), node.shutdown()).await?;
        }
        for work in self.work {
            timeout(Duration::from_secs(10), work).await??;
        }
        let counts = |count: fn(&Got) -> &AtomicU64| -> Vec<u64> {
            self.got.iter().map(|got| count(got).load(Ordering::Relaxed)).collect()
        };
        Ok(Told {
            sent: self.sent.load(Ordering::Relaxed),
            got: counts(|got| &got.items),
            lost: counts(|got| &got.lost),
            out_of_order: counts(|got| &got.out_of_order).iter().sum(),
            panicked: self.nodes.iter().map(|node| node.tasks().panicked).sum(),
            left_running: self.nodes.iter().map(|node| node.tasks().running).sum(),
        })
    }
}

/// The program's own work, beside the nodes.
#[expect(clippy::disallowed_methods, reason = "a program has no scope of its own")]
pub(super) fn task(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

async fn send(mut producer: Producer<(u64, Vec<u8>)>, sent: Arc<AtomicU64>) {
    let mut bursts = interval(Duration::from_millis(1000 / BURSTS));
    bursts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        bursts.tick().await;
        for _ in 0..BURST {
            let number = sent.load(Ordering::Relaxed);
            if producer.send((number, vec![7; 256])).await.is_err() {
                return;
            }
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn take(mut consumer: Consumer<(u64, Vec<u8>)>, got: Arc<Got>) {
    let mut expected = None;
    while let Some(event) = consumer.events().next().await {
        match event {
            Event::Item { item: (number, _), .. } => {
                if expected.is_some_and(|expected| number < expected) {
                    got.out_of_order.fetch_add(1, Ordering::Relaxed);
                }
                expected = Some(number + 1);
                got.items.fetch_add(1, Ordering::Relaxed);
            }
            Event::Gap { lost, .. } => {
                got.lost.fetch_add(lost.count, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
