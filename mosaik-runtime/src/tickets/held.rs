//! The tickets that a node shows of itself, and how its entry names them.
//!
//! An entry travels to everybody, so it names tickets by class and content hash alone; the bytes are asked for.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Class, Ticket, TicketId};
use crate::primitives::codec;

/// The most tickets that a node shows.
pub const MAX_HELD: usize = 8;

/// A ticket by its name, as entries carry it.
pub type Reference = (Class, TicketId);

/// A node shows too many tickets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a node shows at most {MAX_HELD} tickets: remove one first, or replace one")]
pub struct TooManyTickets;

/// The tickets that a node shows of itself.
#[derive(Debug, Clone, Default)]
pub struct Held(BTreeMap<TicketId, Ticket>);

impl Held {
    /// Adds a ticket; says whether it is new.
    pub fn add(&mut self, ticket: Ticket) -> Result<bool, TooManyTickets> {
        if self.0.contains_key(&ticket.id()) {
            return Ok(false);
        }
        if self.0.len() >= MAX_HELD {
            return Err(TooManyTickets);
        }
        self.0.insert(ticket.id(), ticket);
        Ok(true)
    }

    /// Puts a ticket in the place of another one, which may be gone already.
    pub fn replace(&mut self, old: &TicketId, new: Ticket) -> Result<(), TooManyTickets> {
        let removed = self.0.remove(old);
        let added = self.add(new);
        if added.is_err()
            && let Some(ticket) = removed
        {
            self.0.insert(ticket.id(), ticket);
        }
        added.map(|_| ())
    }

    /// Takes a ticket away; says whether it was there.
    pub fn remove(&mut self, id: &TicketId) -> bool {
        self.0.remove(id).is_some()
    }

    /// One ticket.
    pub fn get(&self, id: &TicketId) -> Option<&Ticket> {
        self.0.get(id)
    }

    /// All of them, by name.
    pub fn references(&self) -> Vec<Reference> {
        self.0.values().map(|ticket| (ticket.class().clone(), ticket.id())).collect()
    }
}

/// The references as an entry carries them; empty for none.
pub fn pack(references: &[Reference]) -> Bytes {
    if references.is_empty() {
        return Bytes::new();
    }
    // A handful of words and hashes always encodes.
    codec::encode(&references).map(Bytes::from).unwrap_or_default()
}

/// Reads the references of an entry. Nonsense and more than [`MAX_HELD`] are no references: its peer proves nothing.
pub fn unpack(bytes: &[u8]) -> Vec<Reference> {
    let references: Vec<Reference> = codec::decode(bytes).unwrap_or_default();
    if references.len() > MAX_HELD { Vec::new() } else { references }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(n: u8) -> Ticket {
        Ticket::new(Class::jwt(), vec![n + 1]).expect("fits")
    }

    #[test]
    fn adding_replacing_and_removing() {
        let mut held = Held::default();
        for n in 0..8 {
            assert_eq!(held.add(ticket(n)), Ok(true));
        }
        assert_eq!(held.add(ticket(0)), Ok(false), "it is there");
        assert_eq!(held.add(ticket(9)), Err(TooManyTickets));
        held.replace(&ticket(0).id(), ticket(9)).expect("in its place");
        assert!(held.get(&ticket(0).id()).is_none() && held.get(&ticket(9).id()).is_some());
        assert_eq!(held.replace(&ticket(0).id(), ticket(10)), Err(TooManyTickets), "nothing makes room");
        assert_eq!(held.references().len(), 8);
        assert!(held.remove(&ticket(9).id()) && !held.remove(&ticket(9).id()));
    }

    #[test]
    fn references_survive_the_way_and_nonsense_is_none() {
        let mut held = Held::default();
        held.add(ticket(1)).expect("room");
        held.add(ticket(2)).expect("room");
        assert_eq!(unpack(&pack(&held.references())), held.references());
        assert!(pack(&[]).is_empty() && unpack(&[]).is_empty());
        let many: Vec<Reference> = (0..9).map(|n| (Class::jwt(), ticket(n).id())).collect();
        assert!(unpack(&pack(&many)).is_empty());
        assert!(unpack(b"\x01\x03J W").is_empty(), "no class");
        assert!(pack(&held.references()).len() < 100, "an entry stays small");
    }
}
