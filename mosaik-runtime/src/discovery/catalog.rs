//! The catalog: an immutable snapshot of who is there, and the difference of two snapshots.
//!
//! Cloning one is cheap. It holds this node too. Who left or is dead is in the graves, which is how a late replay of an
//! old entry is told from news.

use std::{collections::BTreeSet, time::Duration};

use imbl::OrdMap;
use tokio::time::Instant;

use crate::primitives::{PeerId, PeerRole, Version, WireId};

use super::{entry::SharedPeer, signed::Signed};

/// A node that is gone, at the version up to which nothing of it is believed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grave {
    pub(crate) version: Version,
    /// When it was dug, here or where the news came from.
    pub(crate) since: Instant,
    /// The node's own word that it left; `None` for one that stopped answering.
    pub(crate) departure: Option<Signed>,
}

impl Grave {
    /// Whether an entry of this version comes from beyond: after a departure only a new incarnation lives, after a
    /// death any higher version does.
    pub(crate) fn yields_to(&self, version: Version) -> bool {
        match self.departure {
            Some(_) => version.incarnation > self.version.incarnation,
            None => version > self.version,
        }
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

/// Who is there: a snapshot that does not change.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub(crate) live: OrdMap<PeerId, SharedPeer>,
    pub(crate) graves: OrdMap<PeerId, Grave>,
}

impl Catalog {
    /// The node with this id, unless it left or is dead.
    pub fn get(&self, id: &PeerId) -> Option<&SharedPeer> {
        self.live.get(id)
    }

    /// All nodes, this one among them, in the order of their ids.
    pub fn peers(&self) -> impl Iterator<Item = &SharedPeer> {
        self.live.values()
    }

    /// The nodes that say they have `role` on `item`, in the order of their ids.
    pub fn with_role<'a>(&'a self, role: PeerRole, item: &'a WireId) -> impl Iterator<Item = &'a SharedPeer> {
        self.peers().filter(move |peer| peer.has_role(role, item))
    }

    /// How many nodes there are, this one included.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether not even this node is in it: only before the start.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The highest version known of a node, alive or not.
    pub(crate) fn version_of(&self, id: &PeerId) -> Option<Version> {
        let live = self.live.get(id).map(|peer| peer.entry.version);
        live.or_else(|| self.graves.get(id).map(|grave| grave.version))
    }
}

/// Why a node is no longer in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftReason {
    /// It said that it leaves.
    Departed,
    /// It did not answer, to nobody who asked.
    Dead,
    /// A later process with the same key took its place.
    Superseded,
    /// The catalog was full, and it was not connected.
    Evicted,
}

/// A difference between two snapshots.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A node is there.
    Joined(SharedPeer),
    /// A node says something new of itself.
    Updated {
        /// What it said.
        before: SharedPeer,
        /// What it says.
        after: SharedPeer,
    },
    /// A node is no longer there.
    Left {
        /// The node.
        peer: PeerId,
        /// Why.
        reason: LeftReason,
    },
}

/// What happened between two snapshots, leavers first. A node that came and went between them is not mentioned.
pub(crate) fn difference(before: &Catalog, after: &Catalog) -> Vec<Change> {
    let ids: BTreeSet<&PeerId> = changed_ids(before, after);
    let (mut left, mut come) = (Vec::new(), Vec::new());
    for id in ids {
        match (before.live.get(id), after.live.get(id)) {
            (Some(old), Some(new)) if old.entry.boot != new.entry.boot => {
                left.push(Change::Left { peer: *id, reason: LeftReason::Superseded });
                come.push(Change::Joined(new.clone()));
            }
            (Some(old), Some(new)) => come.push(Change::Updated { before: old.clone(), after: new.clone() }),
            (Some(_), None) => left.push(Change::Left { peer: *id, reason: why(after, id) }),
            (None, Some(new)) => come.push(Change::Joined(new.clone())),
            (None, None) => {}
        }
    }
    left.extend(come);
    left
}

fn changed_ids<'a>(before: &'a Catalog, after: &'a Catalog) -> BTreeSet<&'a PeerId> {
    let differences = before.live.diff(&after.live);
    let ids = differences.filter_map(|item| match item {
        imbl::ordmap::DiffItem::Add(id, _) | imbl::ordmap::DiffItem::Remove(id, _) => Some(id),
        imbl::ordmap::DiffItem::Update { old, new } => (old.1.signed != new.1.signed).then_some(new.0),
    });
    ids.collect()
}

fn why(after: &Catalog, id: &PeerId) -> LeftReason {
    match after.graves.get(id) {
        Some(Grave { departure: Some(_), .. }) => LeftReason::Departed,
        Some(Grave { departure: None, .. }) => LeftReason::Dead,
        None => LeftReason::Evicted,
    }
}
