//! The decisions of discovery, without clock, socket or task: `(state, event, now) → effects`.
//!
//! [`Core`] holds the table of who is there, this node's own entry and the failure detector. Each event
//! pushes effects that a driver carries out. Which bytes travel when, and over what, is not decided here.

mod compare;
mod detector;
mod digest;
mod lost;
mod own;
mod table;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    primitives::{
        BootId, NetworkId, NodeRng, PeerId, SecretKey, Version,
        canary::{self, Canary},
    },
    transport::Address,
};

use super::{
    catalog::Catalog,
    entry::{Entry, EntryTooLarge, Peer, SharedPeer},
    event::Event,
    signed::{Departure, Signed, Statement, Suspicion},
};

pub(crate) use compare::{Plan, answer, compare};
pub use detector::Timing;
#[cfg(any(test, feature = "sim"))]
pub(crate) use digest::Standing;
pub(crate) use digest::{BUCKETS, Digest, Summary, summaries};
pub(crate) use table::{TableLimits, Via};

use detector::{Detector, Due};
use lost::Lost;
use own::{Claim, Own};
use table::{Merged, Table};

/// What the driver shall do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Gossip this.
    Announce(Signed),
    /// Dial this peer and compare catalogs: does it answer?
    Check(PeerId),
    /// The peer is under suspicion: if its process can be looked at, look.
    Doubt(PeerId),
    /// Ask this gossip neighbour whether it is there.
    Probe(PeerId),
    /// This gossip neighbour is silent: drop its link.
    Unlink(PeerId),
    /// The peer can be dialled here, and this is its process.
    Locate(PeerId, BootId, Vec<Address>),
    /// The peer left: forget where it was.
    Forget(PeerId),
    /// This is the incarnation to remember over restarts.
    Keep(u64),
    /// Tell whoever listens.
    Report(Event),
}

/// What a core is made of.
pub(crate) struct Setup {
    pub(crate) key: SecretKey,
    pub(crate) network: NetworkId,
    pub(crate) entry: Entry,
    pub(crate) limits: TableLimits,
    pub(crate) timing: Timing,
    pub(crate) rng: NodeRng,
}

/// Sound statements that changed nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outdated {
    /// Something newer is known.
    pub(crate) stale: u64,
    /// The node has left, or is dead.
    pub(crate) buried: u64,
}

/// The state of discovery.
#[derive(Debug)]
pub(crate) struct Core {
    me: PeerId,
    table: Table,
    own: Own,
    detector: Detector,
    lost: Lost,
    rng: NodeRng,
    effects: VecDeque<Effect>,
    outdated: Outdated,
    changed: bool,
    refuted_at: Option<Instant>,
    refute_again: bool,
    /// When a version that somebody merely claims was last overtaken.
    overtaken_at: Option<Instant>,
}

/// A node answers suspicions of itself no more often than this.
const REFUTE_PAUSE: Duration = Duration::from_secs(1);
/// A version of this node that somebody claims without this node's signature is overtaken up to this incarnation, and no more
/// often than once in this time: else a stranger could drive the node to versions that nobody believes.
const MOST_CLAIMED: u64 = 1 << 32;
const CLAIM_PAUSE: Duration = Duration::from_secs(1);

impl Core {
    pub(crate) fn new(setup: Setup, now: Instant) -> Result<Self, EntryTooLarge> {
        let me = setup.key.peer_id();
        let mut core = Self {
            me,
            table: Table::new(setup.limits),
            own: Own::new(setup.key, setup.network, setup.entry),
            detector: Detector::new(setup.timing, now),
            lost: Lost::default(),
            rng: setup.rng,
            effects: VecDeque::new(),
            outdated: Outdated::default(),
            changed: false,
            refuted_at: None,
            refute_again: false,
            overtaken_at: None,
        };
        let signed = core.own.sign()?;
        core.enter_own(signed);
        Ok(core)
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.table.catalog()
    }

    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether the catalog changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// This node says something else of itself.
    pub(crate) fn say(&mut self, entry: Entry) {
        if !self.own.departed() && self.own.say(entry) {
            self.publish();
        }
    }

    /// Signs the own entry at its version, stores it, tells the others.
    fn publish(&mut self) {
        match self.own.sign() {
            Ok(signed) => {
                self.enter_own(signed.clone());
                self.effects.push_back(Effect::Announce(signed));
            }
            Err(error) => self.effects.push_back(Effect::Report(Event::NotAnnounced(error))),
        }
    }

    fn enter_own(&mut self, signed: Signed) {
        let peer = Peer::new(self.me, self.own.entry().clone(), signed);
        self.table.merge(Arc::new(peer), Via::Itself);
        self.effects.push_back(Effect::Keep(self.own.version().incarnation));
        self.changed = true;
    }

    /// Sound statements that were set aside since this was last asked.
    pub(crate) fn take_outdated(&mut self) -> Outdated {
        std::mem::take(&mut self.outdated)
    }

    /// A verified statement arrived. `age` is how old a departure already is.
    pub(crate) fn heard(&mut self, statement: Statement, via: Via, age: Duration, now: Instant) {
        match statement {
            Statement::Entry(peer) if peer.id == self.me => {
                self.overtake(peer.entry.version, Some(peer.entry.boot), now);
            }
            Statement::Entry(peer) => self.entry(peer, via, now),
            Statement::Departure(departure) if departure.peer == self.me => {
                self.overtake(departure.version, None, now);
            }
            Statement::Departure(departure) => self.departed(&departure, age, now),
            Statement::Suspicion(suspicion) => self.suspicion(suspicion, now),
        }
    }

    fn entry(&mut self, peer: SharedPeer, via: Via, now: Instant) {
        let (id, version, boot) = (peer.id, peer.entry.version, peer.entry.boot);
        let addresses = peer.entry.addresses.clone();
        match self.table.merge(peer, via) {
            Merged::Joined | Merged::Updated => {
                self.changed = true;
                self.lost.found(&id);
                self.detector.stands(&id, version, now);
                self.effects.push_back(Effect::Locate(id, boot, addresses));
            }
            Merged::NoRoom => {
                let by = if let Via::Other(by) = via { by } else { id };
                self.effects.push_back(Effect::Report(Event::NoRoom { peer: id, by }));
            }
            Merged::Stale => self.outdated.stale += 1,
            Merged::Buried => self.outdated.buried += 1,
            Merged::Known => {}
        }
        if via == Via::Itself {
            self.contacted(&id, now);
        }
    }

    fn departed(&mut self, departure: &Departure, age: Duration, now: Instant) {
        if self.table.depart(departure, age, now) {
            self.changed = true;
            self.detector.forget(&departure.peer);
            self.lost.found(&departure.peer);
            self.effects.push_back(Effect::Forget(departure.peer));
        } else {
            self.outdated.stale += 1;
        }
    }

    fn suspicion(&mut self, suspicion: Suspicion, now: Instant) {
        let Suspicion { suspect, version, reporter } = suspicion;
        if suspect == self.me {
            return self.refute(version, now);
        }
        let Some(held) = self.catalog().get(&suspect).map(|peer| peer.entry.version) else { return };
        // The suspect must be able to get above what it is suspected at.
        let version = if version.incarnation > MOST_CLAIMED { version.min(held) } else { version };
        if held <= version && self.catalog().get(&reporter).is_some() {
            let fraction = self.rng.unit();
            if self.detector.told((suspect, version), reporter, fraction, now) {
                self.effects.push_back(Effect::Doubt(suspect));
            }
        }
    }

    /// Somebody says that this node does not answer: a higher version says that it does.
    fn refute(&mut self, version: Version, now: Instant) {
        if self.own.departed() || version < self.own.version() {
            return;
        }
        if self.refuted_at.is_some_and(|at| now.saturating_duration_since(at) < REFUTE_PAUSE) {
            self.refute_again = true;
            return;
        }
        self.refuted_at = Some(now);
        if version > self.own.version() && version.incarnation <= MOST_CLAIMED {
            return self.overtake(version, None, now);
        }
        self.own.raise();
        self.publish();
    }

    /// Somebody says that it holds this version of this node, and shows no signature for it.
    pub(crate) fn claimed(&mut self, version: Version, boot: Option<BootId>, now: Instant) {
        let is_own = boot == Some(self.own.entry().boot) || version < self.own.version();
        let paused = self.overtaken_at.is_some_and(|at| now.saturating_duration_since(at) < CLAIM_PAUSE);
        if is_own || paused || version.incarnation > MOST_CLAIMED {
            return;
        }
        self.overtaken_at = Some(now);
        self.overtake(version, boot, now);
    }

    /// A version of this node is about, made by a former process of this key, or by another one now.
    fn overtake(&mut self, version: Version, boot: Option<BootId>, now: Instant) {
        match self.own.claimed(version, boot, now) {
            Claim::Fine => {}
            Claim::Overtaken => self.publish(),
            Claim::Rival(boot) => {
                self.publish();
                self.effects.push_back(Effect::Report(Event::IdentityInUse { boot: Some(boot) }));
            }
        }
    }

    /// The peer itself spoke to us just now.
    pub(crate) fn contacted(&mut self, peer: &PeerId, now: Instant) {
        self.table.spoke(peer);
        self.detector.heard(peer, now);
    }

    /// The peer did not answer us.
    pub(crate) fn unanswered(&mut self, peer: &PeerId, now: Instant) {
        let Some(version) = self.catalog().get(peer).map(|peer| peer.entry.version) else { return };
        if *peer != self.me && self.detector.unanswered(*peer, version, now) {
            self.accuse(*peer, version);
        }
    }

    fn accuse(&mut self, peer: PeerId, version: Version) {
        if !self.own.departed() {
            self.effects.push_back(Effect::Doubt(peer));
            self.effects.push_back(Effect::Announce(self.own.suspect(peer, version)));
        }
    }

    /// The process behind the peer's entry is known to be gone, by a lock that it no longer holds.
    pub(crate) fn gone(&mut self, peer: &PeerId, boot: BootId, now: Instant) {
        let Some(known) = self.catalog().get(peer).filter(|known| known.entry.boot == boot) else { return };
        let version = known.entry.version;
        if *peer != self.me {
            self.accuse(*peer, version);
            self.die(*peer, now);
        }
    }

    /// Another node holds the peer dead at this version, and it is alive here: one of us is wrong, so ask it.
    pub(crate) fn doubted(&mut self, peer: PeerId, version: Version, now: Instant) {
        if peer == self.me {
            return self.refute(version, now);
        }
        let Some(held) = self.catalog().get(&peer).map(|known| known.entry.version) else { return };
        if held <= version && self.detector.unanswered(peer, held, now) {
            self.accuse(peer, held);
            self.effects.push_back(Effect::Check(peer));
        }
    }

    /// The peer is, or is no longer, a neighbour in the gossip overlay.
    pub(crate) fn neighbour(&mut self, peer: PeerId, is: bool, now: Instant) {
        self.detector.neighbour(peer, is, now);
    }

    /// This node leaves: nothing that it signs after this counts.
    pub(crate) fn depart(&mut self) -> Signed {
        let signed = self.own.depart();
        self.effects.push_back(Effect::Announce(signed.clone()));
        signed
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn next_deadline(&self) -> Instant {
        let refute = self.refuted_at.filter(|_| self.refute_again).map(|at| at + REFUTE_PAUSE);
        let detector = self.detector.next_deadline(self.witnesses());
        refute.map_or(detector, |at| at.min(detector))
    }

    /// How many nodes could notice that one of them is silent.
    fn witnesses(&self) -> usize {
        self.catalog().len().saturating_sub(1)
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Instant) {
        for due in self.detector.tick(now, self.witnesses()) {
            match due {
                Due::Probe(peer) => self.effects.push_back(Effect::Probe(peer)),
                Due::Check(peer) => self.effects.push_back(Effect::Check(peer)),
                Due::Silent(peer) => {
                    self.effects.push_back(Effect::Unlink(peer));
                    self.unanswered(&peer, now);
                    self.effects.push_back(Effect::Check(peer));
                }
                Due::Dead(peer, version) => {
                    let held = self.catalog().get(&peer).map(|known| known.entry.version);
                    if held.is_some_and(|held| held <= version) {
                        self.die(peer, now);
                    }
                }
            }
        }
        if self.refute_again
            && self.refuted_at.is_none_or(|at| now.saturating_duration_since(at) >= REFUTE_PAUSE)
        {
            self.refute_again = false;
            self.refute(self.own.version(), now);
        }
        self.table.expire(now);
        self.lost.expire(now);
    }

    fn die(&mut self, peer: PeerId, now: Instant) {
        if let Some(known) = self.catalog().get(&peer) {
            self.lost.add(peer, known.entry.addresses.clone(), now);
        }
        self.table.die(&peer, now);
        self.detector.forget(&peer);
        self.changed = true;
    }

    /// Nodes of an earlier life, or dead ones, that may be back: some of them are dialled now and then.
    pub(crate) fn remember(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        if peer != self.me && self.catalog().get(&peer).is_none() {
            self.lost.add(peer, addresses, now);
        }
    }

    /// One node that is not in the catalog and may be back.
    pub(crate) fn one_lost(&mut self) -> Option<(PeerId, Vec<Address>)> {
        self.lost.pick(&mut self.rng).filter(|_| !canary::made(Canary::LostForGood))
    }

    /// Whether a node is missed that may be back.
    pub(crate) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// One node of the catalog, not this one.
    pub(crate) fn one_live(&mut self) -> Option<PeerId> {
        let others = self.catalog().len().saturating_sub(1);
        let at = self.rng.below(others);
        let me = self.me;
        self.catalog().live.keys().filter(|id| **id != me).nth(at).copied()
    }

    /// Where nodes can be found after a restart, live ones first.
    pub(crate) fn worth_remembering(&self, most: usize) -> Vec<(PeerId, Vec<Address>)> {
        let live = self.catalog().peers().filter(|peer| peer.id != self.me);
        let live = live.map(|peer| (peer.id, peer.entry.addresses.clone()));
        live.chain(self.lost.all()).take(most).collect()
    }

    /// The version of this node's entry.
    pub(crate) fn version(&self) -> Version {
        self.own.version()
    }

    /// Whether this node left.
    pub(crate) fn has_departed(&self) -> bool {
        self.own.departed()
    }
}
