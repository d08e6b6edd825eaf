//! The address book: where peers are, as far as others told.
//!
//! It is bounded and holds no truth: a wrong address costs one failed dial, because TLS proves who answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::primitives::{PeerId, Reach};

use super::{address::Address, config::Limits, error::LinkError};

/// Where peers are. Clones share one book.
#[derive(Debug, Clone)]
pub struct AddressBook {
    pages: Arc<Mutex<Pages>>,
    reach: Reach,
    most_peers: usize,
    most_addresses: usize,
}

#[derive(Debug, Default)]
struct Pages {
    known: BTreeMap<PeerId, Page>,
    turn: u64,
}

#[derive(Debug)]
struct Page {
    addresses: Vec<Address>,
    /// When it was last written; the page with the lowest turn makes room.
    turn: u64,
}

impl AddressBook {
    /// An empty book of a node with this reach.
    pub fn new(reach: Reach, limits: &Limits) -> Self {
        Self {
            pages: Arc::default(),
            reach,
            most_peers: limits.book.max(1),
            most_addresses: limits.addresses_per_peer,
        }
    }

    /// Replaces what is known of `peer`. No more than the limit is kept, the first ones.
    pub fn set(&self, peer: PeerId, addresses: Vec<Address>) {
        self.write(peer, |page| *page = addresses);
    }

    /// Adds one address of `peer`, in front: the latest news is tried with the others and survives the limit.
    pub fn add(&self, peer: PeerId, address: Address) {
        self.write(peer, |page| {
            page.retain(|known| *known != address);
            page.insert(0, address);
        });
    }

    /// Forgets `peer`.
    pub fn forget(&self, peer: &PeerId) {
        self.lock().known.remove(peer);
    }

    /// How far the node reaches.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// What is known of `peer`, in and out of reach.
    pub fn get(&self, peer: &PeerId) -> Vec<Address> {
        self.lock().known.get(peer).map(|page| page.addresses.clone()).unwrap_or_default()
    }

    /// How many peers the book knows.
    pub fn len(&self) -> usize {
        self.lock().known.len()
    }

    /// Whether it knows nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The addresses to dial: those within this node's reach.
    pub(super) fn dialable(&self, peer: &PeerId) -> Result<Vec<Address>, LinkError> {
        let mut addresses = self.get(peer);
        if addresses.is_empty() {
            return Err(LinkError::NoAddress { peer: *peer });
        }
        addresses.retain(|address| address.needs() <= self.reach);
        if addresses.is_empty() {
            return Err(LinkError::OutOfReach { peer: *peer, reach: self.reach });
        }
        Ok(addresses)
    }

    fn write(&self, peer: PeerId, change: impl FnOnce(&mut Vec<Address>)) {
        let mut pages = self.lock();
        pages.turn += 1;
        let turn = pages.turn;
        let page = pages.known.entry(peer).or_insert(Page { addresses: Vec::new(), turn });
        page.turn = turn;
        change(&mut page.addresses);
        page.addresses.truncate(self.most_addresses);
        if pages.known.len() > self.most_peers {
            let oldest = pages.known.iter().min_by_key(|(_, page)| page.turn).map(|(peer, _)| *peer);
            oldest.and_then(|peer| pages.known.remove(&peer));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(peers: usize, addresses: usize) -> AddressBook {
        let limits = Limits { book: peers, addresses_per_peer: addresses, ..Limits::default() };
        AddressBook::new(Reach::Host, &limits)
    }

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    #[test]
    fn the_book_is_bounded_and_the_oldest_page_makes_room() {
        let book = book(2, 2);
        for n in 1..=3 {
            book.set(peer(n), (0..9).map(Address::sim).collect());
        }
        assert_eq!((book.len(), book.get(&peer(1)).len(), book.get(&peer(3)).len()), (2, 0, 2));
        book.add(peer(3), Address::sim(70));
        assert_eq!(book.get(&peer(3)), [Address::sim(70), Address::sim(0)]);
    }

    #[test]
    fn addresses_out_of_reach_are_not_dialled() {
        let book = book(4, 4);
        assert_eq!(book.dialable(&peer(1)), Err(LinkError::NoAddress { peer: peer(1) }));
        let far: Address = "192.168.0.9:9".parse().expect("an address");
        let near: Address = "127.0.0.1:9".parse().expect("an address");
        book.add(peer(1), far.clone());
        assert_eq!(book.dialable(&peer(1)), Err(LinkError::OutOfReach { peer: peer(1), reach: Reach::Host }));
        book.add(peer(1), near.clone());
        assert_eq!(book.dialable(&peer(1)), Ok(vec![near]));
    }
}
