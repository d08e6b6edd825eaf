//! The directory of a simulated machine: signed bytes by network and peer, and in which order they came.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::primitives::PeerId;

#[derive(Debug, Default)]
pub(super) struct Directory {
    slots: BTreeMap<(Bytes, PeerId), (u64, Bytes)>,
    /// Who published last comes last: a reader looks at what is new to it alone.
    order: BTreeMap<u64, (Bytes, PeerId)>,
    last: u64,
    closed: bool,
}

impl Directory {
    pub(super) fn publish(&mut self, network: &[u8], peer: PeerId, signed: Bytes) {
        if self.closed {
            return;
        }
        self.last += 1;
        let key = (Bytes::copy_from_slice(network), peer);
        self.order.insert(self.last, key.clone());
        if let Some((before, _)) = self.slots.insert(key, (self.last, signed)) {
            self.order.remove(&before);
        }
    }

    pub(super) fn withdraw(&mut self, network: &[u8], peer: PeerId) {
        self.remove(&(Bytes::copy_from_slice(network), peer));
    }

    /// The peer is gone, from all networks.
    pub(super) fn forget(&mut self, peer: PeerId) {
        let keys: Vec<_> = self.slots.keys().filter(|(_, owner)| *owner == peer).cloned().collect();
        keys.iter().for_each(|key| self.remove(key));
    }

    fn remove(&mut self, key: &(Bytes, PeerId)) {
        if let Some((at, _)) = self.slots.remove(key) {
            self.order.remove(&at);
        }
    }

    pub(super) fn close(&mut self) {
        *self = Self { last: self.last, closed: true, ..Self::default() };
    }

    /// What came for a network after `seen`, by age, and what to ask with next.
    pub(super) fn since(&self, network: &[u8], seen: u64) -> (u64, Vec<(PeerId, Bytes)>) {
        let news = self.order.range(seen + 1..).map(|(_, key)| key).filter(|key| key.0 == network);
        let news = news.filter_map(|key| self.slots.get(key).map(|(_, bytes)| (key.1, bytes.clone())));
        (self.last, news.collect())
    }
}
