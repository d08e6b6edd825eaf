//! Producers and consumers of numbers, and a ledger that holds every consumer to its promises as it reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::StreamExt;
use mosaik_runtime::{
    node::{
        Error, Result,
        world::{Nodes, World},
    },
    primitives::{BootId, PeerId},
    streams::Event,
    topology::Overflow,
};
use tokio::time::sleep;

/// The name of the stream.
pub(crate) const STREAM: &str = "lab.number";

/// One producer's life, as one consumer's life saw it.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// The number that must come next; `None` before the first.
    next: Option<u64>,
    items: u64,
    missed: u64,
}

#[derive(Default)]
struct Book {
    /// How many items each producer's present life has sent.
    sent: BTreeMap<PeerId, u64>,
    /// By consumer's node, in its present life.
    accounts: BTreeMap<usize, BTreeMap<(PeerId, BootId), Account>>,
    /// In which life each producer was seen last.
    present: BTreeMap<PeerId, BootId>,
    stopped: bool,
}

/// What was sent and what was received.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

impl Ledger {
    /// Producers that send a number every `pace`.
    pub(crate) fn producers(&self, count: usize, pace: Duration, overflow: Overflow) -> Nodes {
        let ledger = self.clone();
        let nodes = Nodes::program("producer", "lab", move |surroundings| {
            let ledger = ledger.clone();
            Box::pin(async move {
                let network = surroundings.builder("lab").build().await?;
                let me = network.local().id();
                let numbers = network.streams().producer::<u64>().named(STREAM).overflow(overflow);
                let mut numbers = numbers.buffer(64).build()?;
                ledger.lock().sent.insert(me, 0);
                for number in 0_u64.. {
                    while ledger.lock().stopped {
                        sleep(Duration::from_secs(1)).await;
                    }
                    numbers.send(number).await?;
                    ledger.lock().sent.insert(me, number + 1);
                    sleep(pace).await;
                }
                Ok(())
            })
        });
        nodes.times(count)
    }

    /// Consumers that check every event, and fail their world when a promise is broken.
    pub(crate) fn consumers(&self, count: usize) -> Nodes {
        let ledger = self.clone();
        let nodes = Nodes::program("consumer", "lab", move |surroundings| {
            let ledger = ledger.clone();
            Box::pin(async move {
                let node = surroundings.number;
                let network = surroundings.builder("lab").build().await?;
                let mut numbers = network.streams().consumer::<u64>().named(STREAM).build()?;
                ledger.lock().accounts.insert(node, BTreeMap::new());
                let mut events = numbers.events();
                while let Some(event) = events.next().await {
                    ledger.enter(node, event)?;
                }
                Ok(())
            })
        });
        nodes.times(count)
    }

    /// A node that subscribes and then reads nothing.
    pub(crate) fn sleeper() -> Nodes {
        Nodes::program("sleeper", "lab", move |surroundings| {
            Box::pin(async move {
                let network = surroundings.builder("lab").build().await?;
                let _unread = network.streams().consumer::<u64>().named(STREAM).build()?;
                std::future::pending().await
            })
        })
    }

    /// Enters one event of a consumer: order, no duplicates, every loss told.
    fn enter(&self, node: usize, event: Event<u64>) -> Result<()> {
        let mut book = self.lock();
        let (from, epoch, first, count) = match event {
            Event::Item { from, epoch, seq, .. } => (from, epoch, seq, None),
            Event::Gap { from, epoch, lost } => (from, epoch, lost.first, Some(lost.count)),
            Event::Joined { from, epoch, .. } => {
                book.present.insert(from, epoch);
                return Ok(());
            }
            Event::Undecodable { error, .. } => return Err(error.into()),
            Event::Settings { .. } | Event::Left { .. } | Event::Refused { .. } => return Ok(()),
        };
        let account = book.accounts.entry(node).or_default().entry((from, epoch)).or_default();
        if account.next.is_some_and(|next| next != first) {
            let text = format!("{:?} {first} of {} after {account:?}", count, from.short());
            return Err(Error::msg(text));
        }
        account.next = Some(first + count.unwrap_or(1));
        account.missed += count.unwrap_or(0);
        account.items += u64::from(count.is_none());
        Ok(())
    }

    /// Lets the producers pause, so that the consumers can catch up.
    pub(crate) fn pause(&self, paused: bool) {
        self.lock().stopped = paused;
    }

    /// Whether each consumer has accounted for everything that each of these producers has sent in its present life.
    pub(crate) fn is_balanced(&self, world: &World, producers: impl IntoIterator<Item = usize>) -> bool {
        let book = self.lock();
        producers.into_iter().all(|producer| {
            let peer = world.peer(producer);
            let (Some(sent), Some(epoch)) = (book.sent.get(&peer), book.present.get(&peer)) else {
                return false;
            };
            let caught_up = |accounts: &BTreeMap<_, Account>| {
                accounts.get(&(peer, *epoch)).is_some_and(|account| account.next == Some(*sent))
            };
            book.accounts.values().all(caught_up)
        })
    }

    /// How many items consumers were told are missing, in their present lives.
    pub(crate) fn missed(&self) -> u64 {
        self.lock().accounts.values().flat_map(BTreeMap::values).map(|account| account.missed).sum()
    }

    /// How many items consumers received, in their present lives.
    pub(crate) fn items(&self) -> u64 {
        self.lock().accounts.values().flat_map(BTreeMap::values).map(|account| account.items).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no node panics with the book open")
    }
}
