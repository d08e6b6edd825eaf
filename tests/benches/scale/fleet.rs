//! Nodes without a task, and what they know: counts alone, so that watching costs little beside what is watched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mosaik_runtime::{
    node::{
        Error, Result,
        world::{Nodes, Surroundings},
    },
    primitives::{PeerId, Tag},
    transport::{Address, PeerAddr},
};
use tokio::sync::Notify;

/// What the node that changes says.
const NEWS: &str = "news";

#[derive(Debug, Default, Clone)]
struct Seen {
    known: usize,
    heard: bool,
    down: bool,
}

#[derive(Debug, Default)]
struct Book {
    seeds: Vec<PeerAddr>,
    seen: Vec<Seen>,
    changes: Vec<Arc<Notify>>,
    changed: Option<PeerId>,
}

/// The nodes of one network.
#[derive(Clone, Default)]
pub(crate) struct Fleet(Arc<Mutex<Book>>);

impl Fleet {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nodes that start from here on know the addresses of these, which are the first of the network.
    pub(crate) fn begin_at(&self, peers: impl Iterator<Item = PeerId>) {
        let addresses = (1..).map(Address::sim);
        let seeds = peers.zip(addresses).map(|(id, address)| PeerAddr { id, addresses: vec![address] });
        self.book().seeds = seeds.collect();
    }

    pub(crate) fn nodes(&self, count: usize) -> Nodes {
        let fleet = self.clone();
        let program = move |surroundings| {
            let fleet = fleet.clone();
            Box::pin(async move { fleet.live(surroundings).await }) as _
        };
        Nodes::program("member", "scale", program).times(count)
    }

    async fn live(&self, surroundings: Surroundings) -> Result<()> {
        let number = surroundings.number;
        let mut builder = surroundings.builder("scale");
        let change = {
            let mut book = self.book();
            let seen = book.seen.len().max(number + 1);
            book.seen.resize(seen, Seen::default());
            book.changes.resize_with(seen, Arc::default);
            for seed in &book.seeds {
                builder = builder.bootstrap(seed.clone());
            }
            book.changes[number].clone()
        };
        let network = builder.build().await?;
        let mut catalog = network.discovery().watch();
        loop {
            let known = catalog.borrow_and_update().clone();
            {
                let mut book = self.book();
                let news = book.changed.and_then(|peer| known.get(&peer));
                let heard = news.is_some_and(|peer| peer.entry.tags.contains(NEWS));
                book.seen[number] = Seen { known: known.len(), heard, down: false };
            }
            tokio::select! { biased;
                () = change.notified() => {
                    self.book().changed = Some(network.local().id());
                    let tag = Tag::new(NEWS).map_err(Error::msg)?;
                    network.discovery().tags().insert(tag).map_err(Error::msg)?;
                }
                changed = catalog.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// This node says something new of itself.
    pub(crate) fn change(&self, node: usize) {
        let mut book = self.book();
        book.changed = None;
        book.seen.iter_mut().for_each(|seen| seen.heard = false);
        book.changes[node].notify_one();
    }

    /// This node is not asked any more.
    pub(crate) fn crashed(&self, node: usize) {
        self.book().seen[node].down = true;
    }

    /// Whether every node knows so many.
    pub(crate) fn all_know(&self, count: usize) -> bool {
        let book = self.book();
        book.seen.len() >= count && book.seen.iter().all(|seen| seen.down || seen.known == count)
    }

    /// Whether every node knows the news.
    pub(crate) fn all_heard(&self, count: usize) -> bool {
        let book = self.book();
        book.seen.len() >= count && book.seen.iter().all(|seen| seen.heard)
    }
}
