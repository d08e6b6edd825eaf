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
    claims: BTreeMap<Bytes, (Option<PeerId>, Bytes)>,
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
        let held = self.claims.values_mut().filter(|(holder, _)| *holder == Some(peer));
        held.for_each(|(holder, _)| *holder = None);
    }

    /// Takes a lock that one peer holds at a time.
    pub(super) fn claim(&mut self, item: &[u8], by: PeerId) -> bool {
        if self.closed {
            return false;
        }
        let (holder, _) = self.claims.entry(Bytes::copy_from_slice(item)).or_default();
        holder.is_none() && holder.replace(by).is_none()
    }

    pub(super) fn release(&mut self, item: &[u8], by: PeerId) {
        if let Some((holder, _)) = self.claims.get_mut(item)
            && *holder == Some(by)
        {
            *holder = None;
        }
    }

    pub(super) fn mark(&mut self, item: &[u8], mark: &[u8]) {
        self.claims.entry(Bytes::copy_from_slice(item)).or_default().1 = Bytes::copy_from_slice(mark);
    }

    pub(super) fn marked(&self, item: &[u8]) -> Bytes {
        self.claims.get(item).map(|(_, mark)| mark.clone()).unwrap_or_default()
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
