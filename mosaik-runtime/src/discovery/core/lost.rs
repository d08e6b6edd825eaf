//! Nodes that are not in the catalog and may be back: remembered from an earlier life, or dead here.
//!
//! Dialling one of them now and then is what joins two halves of a network again. Bounded in number and age.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    primitives::{NodeRng, PeerId},
    transport::Address,
};

const MOST: usize = 1024;
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Default)]
pub(crate) struct Lost {
    peers: BTreeMap<PeerId, (Instant, Vec<Address>)>,
}

impl Lost {
    pub(crate) fn add(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        if self.peers.len() >= MOST && !self.peers.contains_key(&peer) {
            let oldest = self.peers.iter().min_by_key(|(_, (since, _))| *since).map(|(id, _)| *id);
            oldest.map(|id| self.peers.remove(&id));
        }
        self.peers.insert(peer, (now, addresses));
    }

    /// The peer is back, or left for good.
    pub(crate) fn found(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    pub(crate) fn pick(&self, rng: &mut NodeRng) -> Option<(PeerId, Vec<Address>)> {
        let at = rng.below(self.peers.len());
        self.peers.iter().nth(at).map(|(id, (_, addresses))| (*id, addresses.clone()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (PeerId, Vec<Address>)> {
        self.peers.iter().map(|(id, (_, addresses))| (*id, addresses.clone()))
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.peers.retain(|_, (since, _)| now.saturating_duration_since(*since) < KEPT);
    }
}
