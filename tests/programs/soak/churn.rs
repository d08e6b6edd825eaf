//! The nodes that come and go: each joins, takes part in a stream, and leaves in order or without a word.

use std::time::Duration;

use futures::StreamExt;
use mosaik::{Network, primitives::NodeRng, transport::PeerAddr};
use mosaik_tests::scratch::Scratch;
use tokio::{
    task::JoinHandle,
    time::{interval, timeout},
};

use super::{
    Fallible,
    stay::{STEADY, task},
};

/// Nodes that are there at a time, at most.
const MOST: usize = 6;

/// A node that will leave again, with its work.
struct Guest {
    network: Network,
    work: JoinHandle<()>,
}

/// What comes and goes.
pub(super) struct Churn {
    rng: NodeRng,
    seed: PeerAddr,
    guests: Vec<Guest>,
    pub(super) joined: u64,
    pub(super) left: u64,
    pub(super) crashed: u64,
    pub(super) panicked: u64,
}

impl Churn {
    pub(super) fn new(seed: u64, addr: PeerAddr) -> Self {
        let rng = NodeRng::from_seed(seed);
        Self { rng, seed: addr, guests: Vec::new(), joined: 0, left: 0, crashed: 0, panicked: 0 }
    }

    pub(super) fn present(&self) -> usize {
        self.guests.len()
    }

    /// One node comes or goes.
    pub(super) async fn step(&mut self, meet: &Scratch) -> Fallible<()> {
        let comes = match self.guests.len() {
            0 => true,
            MOST => false,
            _ => self.rng.below(2) == 0,
        };
        if comes { self.join(meet).await } else { self.leave().await }
    }

    async fn join(&mut self, meet: &Scratch) -> Fallible<()> {
        // Some find the others by the directory of this machine, some by a seed alone.
        let elsewhere = Scratch::new();
        let builder = match self.rng.below(3) {
            0 => Network::builder("soak").runtime_dir(elsewhere.path()).bootstrap(self.seed.clone()),
            _ => Network::builder("soak").runtime_dir(meet.path()),
        };
        let network = builder.tags(["guest"]).build().await?;
        let work = if self.rng.below(2) == 0 {
            let mut consumer = network.streams().consumer::<(u64, Vec<u8>)>().named(STEADY).build()?;
            task(async move { while consumer.next().await.is_some() {} })
        } else {
            let mut producer = network.streams().producer::<(u64, Vec<u8>)>().named("soak.guests").build()?;
            let mut heard = network.streams().consumer::<(u64, Vec<u8>)>().named("soak.guests").build()?;
            task(async move {
                let mut ticks = interval(Duration::from_millis(50));
                let send = async {
                    let mut number = 0;
                    while producer.send((number, vec![1; 64])).await.is_ok() {
                        number += 1;
                        ticks.tick().await;
                    }
                };
                let hear = async { while heard.next().await.is_some() {} };
                futures::join!(send, hear);
            })
        };
        self.joined += 1;
        self.guests.push(Guest { network, work });
        Ok(())
    }

    async fn leave(&mut self) -> Fallible<()> {
        let Guest { network, work } = self.guests.remove(self.rng.below(self.guests.len()));
        self.left += 1;
        if self.rng.below(3) == 0 {
            // As a crash: no farewell. What it held is dropped with it.
            self.crashed += 1;
            self.panicked += network.tasks().panicked;
            drop(network);
        } else {
            timeout(Duration::from_secs(10), network.shutdown()).await?;
            self.panicked += network.tasks().panicked;
        }
        timeout(Duration::from_secs(10), work).await??;
        Ok(())
    }

    /// All guests leave.
    pub(super) async fn end(&mut self) {
        while !self.guests.is_empty() {
            if let Err(error) = self.leave().await {
                eprintln!("a guest did not leave: {error}");
            }
        }
    }
}
