//! Nodes without a task that report whom they know.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use futures::StreamExt;
use mosaik_runtime::{
    discovery::{Change, Discovery, LeftReason, Peer},
    node::{
        Result,
        world::{Nodes, World},
    },
    primitives::{BootId, PeerId, Version},
    transport::{Address, PeerAddr},
};

/// Somebody left, as one node saw it.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    pub(crate) seen_by: usize,
    pub(crate) who: PeerId,
    pub(crate) why: LeftReason,
}

/// Whom a node knows, in which life and at which version.
type Known = BTreeMap<PeerId, (BootId, Version)>;

#[derive(Default)]
struct Book {
    known: BTreeMap<usize, Known>,
    losses: Vec<Loss>,
    seeds: Vec<PeerAddr>,
}

/// What the nodes of a fleet know of each other.
#[derive(Clone, Default)]
pub(crate) struct Fleet(Arc<Mutex<Book>>);

impl Fleet {
    /// So many nodes that report here.
    pub(crate) fn nodes(&self, count: usize) -> Nodes {
        let fleet = self.clone();
        let nodes = Nodes::program("member", "fleet", move |surroundings| {
            let fleet = fleet.clone();
            Box::pin(async move {
                let (number, stop) = (surroundings.number, surroundings.stop.clone());
                let mut builder = surroundings.builder("fleet");
                for seed in fleet.lock().seeds.clone() {
                    builder = builder.bootstrap(seed);
                }
                let network = builder.build().await?;
                let watched = tokio::select! { biased;
                    () = stop.cancelled() => Ok(()),
                    watched = fleet.watch(number, network.discovery()) => watched,
                };
                network.shutdown().await;
                watched
            })
        });
        nodes.times(count)
    }

    /// Nodes that start from here on know the addresses of these, which are the first of the network.
    pub(crate) fn begin_at(&self, peers: impl Iterator<Item = PeerId>) {
        let addresses = (1..).map(Address::sim);
        let seeds = peers.zip(addresses).map(|(id, address)| PeerAddr { id, addresses: vec![address] });
        self.lock().seeds = seeds.collect();
    }

    async fn watch(&self, number: usize, discovery: &Discovery) -> Result<()> {
        self.lock().known.insert(number, Known::new());
        let mut changes = discovery.changes();
        while let Some(change) = changes.next().await {
            let mut book = self.lock();
            let Book { known, losses, .. } = &mut *book;
            let known = known.entry(number).or_default();
            let holds = |peer: &Peer| (peer.id, (peer.entry.boot, peer.entry.version));
            match change {
                Change::Joined(peer) | Change::Updated { after: peer, .. } => known.extend([holds(&peer)]),
                Change::Left { peer, reason } => {
                    known.remove(&peer);
                    losses.push(Loss { seen_by: number, who: peer, why: reason });
                }
            }
        }
        Ok(())
    }

    /// Whether each of these nodes knows all of them and nobody else, and all hold the same of each.
    pub(crate) fn agree(&self, world: &World, nodes: impl IntoIterator<Item = usize>) -> bool {
        let nodes: Vec<usize> = nodes.into_iter().collect();
        let all: BTreeSet<PeerId> = nodes.iter().map(|node| world.peer(*node)).collect();
        let book = self.lock();
        let Some(first) = nodes.first().and_then(|node| book.known.get(node)) else { return false };
        first.keys().eq(&all) && nodes.iter().all(|node| book.known.get(node) == Some(first))
    }

    /// Who left, as seen by whom.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        self.lock().losses.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no node panics with the book open")
    }
}
