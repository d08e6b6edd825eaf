//! The merge: which statement about a node stands.
//!
//! Of two entries of one node the higher version stands, whatever clocks say and whoever brings them. Departures and
//! deaths are graves; graves are bounded in number and age, oldest first. This file holds no clock: now is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::primitives::{
    PeerId,
    canary::{self, Canary},
};

use super::super::{
    catalog::{Catalog, Grave},
    entry::SharedPeer,
    signed::Departure,
};

/// How much the table holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableLimits {
    /// Live nodes.
    pub(crate) peers: usize,
    /// Live nodes that one node introduced and that never spoke to us; `None` where a network secret keeps strangers out.
    pub(crate) per_introducer: Option<usize>,
    /// Graves.
    pub(crate) graves: usize,
    /// How long a grave is kept.
    pub(crate) grave_age: Duration,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self {
            peers: 65_536,
            per_introducer: None,
            graves: 65_536,
            grave_age: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Who brought a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The node itself: over its own connection, or by the file that it holds locked.
    Itself,
    /// Another node.
    Other(PeerId),
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The node is new here, or back.
    Joined,
    /// It stands in place of an older one.
    Updated,
    /// It is the one we hold.
    Known,
    /// We hold a newer one.
    Stale,
    /// The node left, or is dead, at this version.
    Buried,
    /// There is no room for it.
    NoRoom,
}

/// All that is known of the nodes of the network.
#[derive(Debug)]
pub(crate) struct Table {
    catalog: Catalog,
    limits: TableLimits,
    ages: BTreeSet<(Instant, PeerId)>,
    /// Of these, the graves of nodes that never spoke to us: anybody can make thousands, so they make room first.
    unmet: BTreeSet<(Instant, PeerId)>,
    /// Nodes that never spoke to us, by who introduced them.
    introduced: BTreeMap<PeerId, PeerId>,
    introductions: BTreeMap<PeerId, usize>,
}

impl Table {
    pub(crate) fn new(limits: TableLimits) -> Self {
        Self {
            catalog: Catalog::default(),
            limits,
            ages: BTreeSet::new(),
            unmet: BTreeSet::new(),
            introduced: BTreeMap::new(),
            introductions: BTreeMap::new(),
        }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Takes an entry over, if it stands.
    pub(crate) fn merge(&mut self, peer: SharedPeer, via: Via) -> Merged {
        let (id, version) = (peer.id, peer.entry.version);
        if let Some(grave) = self.catalog.graves.get(&id) {
            let spoke_itself = via == Via::Itself && grave.departure.is_none() && version >= grave.version;
            if !grave.yields_to(version) && !spoke_itself {
                return Merged::Buried;
            }
        }
        let merged = match self.catalog.live.get(&id) {
            Some(known) => order(known, &peer),
            None => Merged::Joined,
        };
        if matches!(merged, Merged::Joined) && !self.has_room(via) {
            return Merged::NoRoom;
        }
        match (merged, via) {
            (Merged::Joined, Via::Other(introducer)) => self.introduce(id, introducer),
            (_, Via::Itself) => self.spoke(&id),
            _ => {}
        }
        if matches!(merged, Merged::Joined | Merged::Updated) {
            self.unearth(&id);
            self.catalog.live.insert(id, peer);
        }
        merged
    }

    /// Takes a departure over. Returns whether it was news.
    pub(crate) fn depart(&mut self, departure: &Departure, age: Duration, now: Instant) -> bool {
        let Departure { peer, version, signed } = departure;
        if age >= self.limits.grave_age {
            return false;
        }
        let live = self.catalog.live.get(peer);
        let live_on = live.is_some_and(|known| known.entry.version.incarnation > version.incarnation);
        let buried = self.catalog.graves.get(peer).is_some_and(|grave| {
            grave.version > *version || (grave.version == *version && grave.departure.is_some())
        });
        if live_on || buried {
            return false;
        }
        let since = now.checked_sub(age).unwrap_or(now);
        self.bury(*peer, Grave { version: *version, since, departure: Some(signed.clone()) });
        true
    }

    /// Declares a node dead at the version that is held of it.
    pub(crate) fn die(&mut self, peer: &PeerId, now: Instant) {
        if let Some(known) = self.catalog.live.get(peer) {
            let version = known.entry.version;
            self.bury(*peer, Grave { version, since: now, departure: None });
        }
    }

    fn bury(&mut self, peer: PeerId, grave: Grave) {
        let met = self.has_met(&peer);
        self.remove(&peer);
        self.unearth(&peer);
        if grave.departure.is_some() && canary::made(Canary::NoTombstone) {
            return;
        }
        let age = (grave.since, peer);
        self.ages.insert(age);
        if !met {
            self.unmet.insert(age);
        }
        self.catalog.graves.insert(peer, grave);
        while self.catalog.graves.len() > self.limits.graves {
            let oldest = self.unmet.first().or_else(|| self.ages.first()).copied();
            let Some((_, oldest)) = oldest else { break };
            self.unearth(&oldest);
        }
    }

    /// Whether the node spoke to us itself, in this life or before its grave was dug.
    fn has_met(&self, peer: &PeerId) -> bool {
        match self.catalog.graves.get(peer) {
            Some(grave) => !self.unmet.contains(&(grave.since, *peer)),
            None => self.catalog.live.contains_key(peer) && !self.introduced.contains_key(peer),
        }
    }

    fn unearth(&mut self, peer: &PeerId) {
        if let Some(grave) = self.catalog.graves.remove(peer) {
            self.ages.remove(&(grave.since, *peer));
            self.unmet.remove(&(grave.since, *peer));
        }
    }

    fn remove(&mut self, peer: &PeerId) {
        self.spoke(peer);
        self.catalog.live.remove(peer);
    }

    /// Drops graves that are old enough.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let before = self.ages.len();
        while let Some((since, peer)) = self.ages.first().copied() {
            if now.saturating_duration_since(since) < self.limits.grave_age {
                break;
            }
            self.unearth(&peer);
        }
        self.ages.len() != before
    }

    /// The node spoke to us itself: nobody's introduction counts for it any more.
    pub(crate) fn spoke(&mut self, peer: &PeerId) {
        let Some(introducer) = self.introduced.remove(peer) else { return };
        if let Some(count) = self.introductions.get_mut(&introducer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.introductions.remove(&introducer);
            }
        }
    }

    fn introduce(&mut self, peer: PeerId, introducer: PeerId) {
        self.introduced.insert(peer, introducer);
        *self.introductions.entry(introducer).or_default() += 1;
    }

    /// Whether one more node may come in; one that speaks itself displaces one that was only talked about.
    fn has_room(&mut self, via: Via) -> bool {
        if let (Via::Other(introducer), Some(most)) = (via, self.limits.per_introducer)
            && self.introductions.get(&introducer).copied().unwrap_or(0) >= most
        {
            return false;
        }
        if self.catalog.live.len() < self.limits.peers {
            return true;
        }
        via == Via::Itself && self.displace()
    }

    fn displace(&mut self) -> bool {
        let busiest = self.introductions.iter().max_by_key(|(_, count)| **count).map(|(id, _)| *id);
        let victim = self.introduced.iter().find(|(_, by)| Some(**by) == busiest).map(|(id, _)| *id);
        if let Some(victim) = victim {
            self.remove(&victim);
        }
        victim.is_some()
    }
}

/// Of two entries with one version, signed by two processes with one key, everyone keeps the same.
fn order(known: &SharedPeer, new: &SharedPeer) -> Merged {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let by_version = new.entry.version.cmp(&known.entry.version);
    match by_version.then_with(|| new.signed.bytes().cmp(known.signed.bytes())) {
        Greater => Merged::Updated,
        Equal => Merged::Known,
        Less => Merged::Stale,
    }
}
