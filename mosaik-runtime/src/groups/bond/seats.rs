//! Who is dialled, and which bonds stand. Pure.

use std::collections::BTreeMap;

use super::{event::BondRefused, live::Bond};
use crate::{
    primitives::{PeerId, Scope},
    transport::SessionId,
};

/// Peers of which a refusal is remembered, so that it is told once.
const REFUSED: usize = 1024;

/// The peers of a group, as bonds see them.
#[derive(Default)]
pub(super) struct Seats {
    /// Peers that are dialled, with what ends that.
    offered: BTreeMap<PeerId, Scope>,
    live: BTreeMap<PeerId, Bond>,
    /// Handshakes under way: a channel may arrive before the last frame of one.
    greeting: BTreeMap<(PeerId, SessionId), usize>,
    refused: BTreeMap<PeerId, BondRefused>,
    closed: bool,
}

/// What becomes of a new bond.
pub(super) enum Placed {
    /// It stands; another one that it took the place of has to end first.
    Stands(Option<Bond>),
    /// There is another one that stays.
    Unwanted,
}

impl Seats {
    /// Whether this peer was not dialled before.
    pub(super) fn offer(&mut self, peer: PeerId, scope: Scope) -> bool {
        let new = !self.closed && !self.offered.contains_key(&peer);
        if new {
            self.offered.insert(peer, scope);
        }
        new
    }

    /// The bond that has to end.
    pub(super) fn withdraw(&mut self, peer: PeerId) -> Option<Bond> {
        if let Some(scope) = self.offered.remove(&peer) {
            scope.kill();
        }
        self.live.get(&peer).cloned()
    }

    /// The bonds that have to end.
    pub(super) fn close(&mut self) -> Vec<Bond> {
        self.closed = true;
        std::mem::take(&mut self.offered).into_values().for_each(|scope| scope.kill());
        self.live.values().cloned().collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn live(&self, peer: &PeerId) -> Option<&Bond> {
        self.live.get(peer)
    }

    pub(super) fn bonded(&self) -> Vec<PeerId> {
        self.live.keys().copied().collect()
    }

    /// Takes a bond in. Of two between the same processes, the one that the lower id dialled stays; of two that one side dialled, the
    /// later one, since that side has given the earlier one up.
    pub(super) fn place(&mut self, bond: &Bond) -> Placed {
        if self.closed {
            return Placed::Unwanted;
        }
        let before = self.live.get(&bond.peer());
        let stays = |before: &Bond| {
            before.boot() == bond.boot() && before.by_lower() && !bond.by_lower() && !before.is_closing()
        };
        if before.is_some_and(stays) {
            return Placed::Unwanted;
        }
        self.refused.remove(&bond.peer());
        Placed::Stands(self.live.insert(bond.peer(), bond.clone()))
    }

    /// A bond has ended; whether it was the one that stood.
    pub(super) fn ended(&mut self, bond: &Bond) -> bool {
        let stood = self.live.get(&bond.peer()).is_some_and(|live| live.is(bond));
        if stood {
            self.live.remove(&bond.peer());
        }
        stood
    }

    /// Whether this refusal is news.
    pub(super) fn refused(&mut self, peer: PeerId, why: &BondRefused) -> bool {
        if self.refused.get(&peer) == Some(why) {
            return false;
        }
        if self.refused.len() >= REFUSED {
            self.refused.pop_first();
        }
        self.refused.insert(peer, why.clone());
        true
    }

    pub(super) fn greet(&mut self, from: (PeerId, SessionId)) {
        *self.greeting.entry(from).or_default() += 1;
    }

    pub(super) fn greeted(&mut self, from: (PeerId, SessionId)) {
        if let Some(count) = self.greeting.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                self.greeting.remove(&from);
            }
        }
    }

    pub(super) fn is_greeting(&self, from: (PeerId, SessionId)) -> bool {
        self.greeting.contains_key(&from)
    }
}
