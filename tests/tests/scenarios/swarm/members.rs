//! What must hold of catalogs (D1, D3–D8): every node's every change is checked as it comes.

use std::collections::{BTreeMap, BTreeSet};

use mosaik_runtime::{
    discovery::{Change, LeftReason, SharedPeer},
    node::Result,
    primitives::{BootId, PeerId, Tag, Version},
};

use super::lab::broken;

/// What one node holds of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    boot: BootId,
    version: Version,
    tags: BTreeSet<Tag>,
}

/// What one life of a node saw.
#[derive(Debug, Default)]
struct View {
    live: BTreeMap<PeerId, Held>,
    /// The highest version of each node.
    highest: BTreeMap<PeerId, Version>,
    /// Who left, as it was told.
    gone: BTreeSet<(PeerId, BootId)>,
}

/// Who lives, and who thinks so.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Whether nobody has a reason to think that somebody is dead.
    pub(super) calm: bool,
    /// All lives that ever began.
    lives: BTreeSet<(PeerId, BootId)>,
    /// Lives that ended in order.
    departed: BTreeSet<(PeerId, BootId)>,
    /// The present life of each node.
    present: BTreeMap<usize, (PeerId, BootId)>,
    /// What was signed, by life and version, and whether its own node was seen to hold it.
    said: BTreeMap<(PeerId, BootId, Version), (SharedPeer, bool)>,
    views: BTreeMap<usize, View>,
}

impl Members {
    /// A life begins.
    pub(super) fn born(&mut self, node: usize, me: PeerId, boot: BootId) {
        self.lives.insert((me, boot));
        self.present.insert(node, (me, boot));
    }

    /// A life ends in order.
    pub(super) fn departs(&mut self, me: PeerId, boot: BootId) {
        self.departed.insert((me, boot));
    }

    /// A node begins to look.
    pub(super) fn begin(&mut self, node: usize) {
        self.views.insert(node, View::default());
    }

    /// A node's catalog changed.
    pub(super) fn changed(&mut self, node: usize, change: Change) -> Result<()> {
        match change {
            Change::Joined(peer) => self.holds(node, &peer),
            Change::Updated { before, after } if after.entry.version <= before.entry.version => {
                let (old, new) = (before.entry.version, after.entry.version);
                Err(broken("D6", format!("{new:?} in place of {old:?}")))
            }
            Change::Updated { after, .. } => self.holds(node, &after),
            Change::Left { peer, reason } => self.left(node, peer, reason),
        }
    }

    fn holds(&mut self, node: usize, peer: &SharedPeer) -> Result<()> {
        let (life, version) = ((peer.id, peer.entry.boot), peer.entry.version);
        if !self.lives.contains(&life) {
            let text = format!("node {node} holds {}, which never said that", peer.id.short());
            return Err(broken("D5", text));
        }
        self.is_as_said(node, peer)?;
        let Some(view) = self.views.get_mut(&node) else { return Ok(()) };
        if view.gone.contains(&life) {
            return Err(broken("D4", format!("node {node} holds {} again, which left", peer.id.short())));
        }
        let highest = view.highest.entry(peer.id).or_insert(version);
        if version < *highest {
            return Err(broken("D6", format!("node {node} went from {highest:?} back to {version:?}")));
        }
        *highest = version;
        let held = Held { boot: life.1, version, tags: (*peer.entry.tags).clone() };
        view.live.insert(peer.id, held);
        Ok(())
    }

    /// D5: at one version a life says one thing, to everybody, and it is what the node itself holds.
    fn is_as_said(&mut self, node: usize, peer: &SharedPeer) -> Result<()> {
        let key = (peer.id, peer.entry.boot, peer.entry.version);
        let own = self.present.get(&node).is_some_and(|(me, _)| *me == peer.id);
        let (said, seen) = self.said.entry(key).or_insert_with(|| (peer.clone(), own));
        *seen |= own;
        if said == peer {
            return Ok(());
        }
        let whose = if *seen { "the node itself holds" } else { "another node holds" };
        let text =
            format!("node {node} holds of {} at {:?} what differs from what {whose}", peer.id.short(), key.2);
        Err(broken("D5", text))
    }

    fn left(&mut self, node: usize, peer: PeerId, reason: LeftReason) -> Result<()> {
        let Some(view) = self.views.get_mut(&node) else { return Ok(()) };
        let Some(held) = view.live.remove(&peer) else { return Ok(()) };
        let life = (peer, held.boot);
        let departed = self.departed.contains(&life);
        match reason {
            LeftReason::Departed if !departed => {
                Err(broken("D5", format!("node {node} hears that {} left; it did not", peer.short())))
            }
            LeftReason::Dead if self.calm => {
                Err(broken("D3", format!("node {node} thinks that {} is dead", peer.short())))
            }
            LeftReason::Departed | LeftReason::Evicted if departed => {
                view.gone.insert(life);
                Ok(())
            }
            LeftReason::Evicted => Err(broken("D7", format!("node {node} has no room for {}", peer.short()))),
            _ => Ok(()),
        }
    }

    /// D7: a catalog holds no more nodes than there are.
    pub(super) fn count(&self, node: usize, known: usize) -> Result<()> {
        let all: BTreeSet<PeerId> = self.lives.iter().map(|(peer, _)| *peer).collect();
        if known > all.len() {
            return Err(broken("D7", format!("node {node} holds {known} of {} nodes", all.len())));
        }
        Ok(())
    }

    /// D1, D8: whether each of these nodes holds the present life of all of them, at the same version, and nobody else.
    pub(super) fn agree(&self, nodes: &[usize]) -> bool {
        let lives: Option<BTreeMap<PeerId, BootId>> =
            nodes.iter().map(|node| self.present.get(node).copied()).collect();
        let Some(lives) = lives else { return false };
        let views: Option<Vec<_>> = nodes.iter().map(|node| Some(&self.views.get(node)?.live)).collect();
        let Some(views) = views else { return false };
        let is_true = |live: &BTreeMap<PeerId, Held>| {
            live.len() == lives.len() && live.iter().all(|(peer, held)| lives.get(peer) == Some(&held.boot))
        };
        views.iter().all(|live| is_true(live) && *live == views[0])
    }

    /// Whether each of these nodes knows that this one claims the tag.
    pub(super) fn all_know(&self, nodes: &[usize], who: usize, tag: &str) -> bool {
        let Some((peer, _)) = self.present.get(&who) else { return false };
        nodes.iter().all(|node| {
            let held = self.views.get(node).and_then(|view| view.live.get(peer));
            held.is_some_and(|held| held.tags.contains(tag))
        })
    }

    /// What the nodes hold, for a failure's text.
    pub(super) fn describe(&self, nodes: &[usize]) -> String {
        let name = |peer: &PeerId| {
            let found = self.present.iter().find(|(_, (of, _))| of == peer).map(|(node, _)| *node);
            found.map_or_else(|| peer.short().to_string(), |node| node.to_string())
        };
        let lines = nodes.iter().filter_map(|node| {
            let live = &self.views.get(node)?.live;
            let known: Vec<String> = live
                .iter()
                .map(|(peer, held)| {
                    let version = held.version;
                    let stale = !self.present.values().any(|life| *life == (*peer, held.boot));
                    let stale = if stale { " stale" } else { "" };
                    format!("{} at {}.{}{stale}", name(peer), version.incarnation, version.counter)
                })
                .collect();
            Some(format!("\n  node {node}: {}", known.join(", ")))
        });
        lines.collect()
    }
}
