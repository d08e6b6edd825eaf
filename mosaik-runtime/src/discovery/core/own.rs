//! This node's own entry: its versions, and the rule for a key that somebody used before, or uses now.
//!
//! A version is an incarnation, raised at each start, and a counter. A node that meets a version of itself that is not its
//! own doing takes the incarnation after it. Meeting the same other process again and again means that it is alive:
//! two nodes share one key, and both say so.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::primitives::{
    BootId, NetworkId, SecretKey, Version,
    canary::{self, Canary},
};

use super::super::{
    entry::{Entry, EntryTooLarge},
    signed::Signed,
};

/// So many times one other process must overtake this one before it counts as alive.
const RIVAL_AFTER: u32 = 3;
/// While a rival lives, this node overtakes it no more often than this.
const RIVAL_PAUSE: Duration = Duration::from_secs(10);
/// Other boots that are remembered.
const RIVALS: usize = 16;

/// The own entry and its versions.
#[derive(Debug)]
pub(crate) struct Own {
    key: SecretKey,
    network: NetworkId,
    entry: Entry,
    rivals: BTreeMap<BootId, u32>,
    quiet_until: Option<Instant>,
    departed: bool,
}

/// What to do about a version of this node that somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nothing: it is this node's own, or older.
    Fine,
    /// The version was raised: sign again.
    Overtaken,
    /// Another process is using the key now.
    Rival(BootId),
}

impl Own {
    pub(crate) fn new(key: SecretKey, network: NetworkId, entry: Entry) -> Self {
        Self { key, network, entry, rivals: BTreeMap::new(), quiet_until: None, departed: false }
    }

    pub(crate) fn version(&self) -> Version {
        self.entry.version
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) fn departed(&self) -> bool {
        self.departed
    }

    /// Signs the entry as it is.
    pub(crate) fn sign(&self) -> Result<Signed, EntryTooLarge> {
        Signed::entry(&self.key, self.network, &self.entry)
    }

    /// Says something else of this node, at the next version. Returns `false` when it is the same.
    pub(crate) fn say(&mut self, mut entry: Entry) -> bool {
        (entry.version, entry.boot) = (self.entry.version, self.entry.boot);
        if entry == self.entry {
            return false;
        }
        self.entry = entry;
        self.raise();
        true
    }

    /// The next version of the same things: it refutes a suspicion.
    pub(crate) fn raise(&mut self) {
        self.entry.version = self.entry.version.next();
    }

    /// Somebody holds `version` of this node, signed by `boot`; `None` where only a grave or a bare version is held.
    pub(crate) fn claimed(&mut self, version: Version, boot: Option<BootId>, now: Instant) -> Claim {
        if boot == Some(self.entry.boot) || version < self.entry.version || self.departed {
            return Claim::Fine;
        }
        if canary::made(Canary::ClockVersion) {
            return Claim::Fine;
        }
        if self.quiet_until.is_some_and(|until| now < until) {
            return Claim::Fine;
        }
        self.entry.version = Version { incarnation: version.incarnation.saturating_add(1), counter: 0 };
        match boot {
            Some(boot) if self.met(boot) >= RIVAL_AFTER => {
                self.quiet_until = now.checked_add(RIVAL_PAUSE);
                Claim::Rival(boot)
            }
            _ => Claim::Overtaken,
        }
    }

    fn met(&mut self, boot: BootId) -> u32 {
        if self.rivals.len() >= RIVALS && !self.rivals.contains_key(&boot) {
            self.rivals.pop_first();
        }
        let met = self.rivals.entry(boot).or_default();
        *met = met.saturating_add(1);
        *met
    }

    /// Signs the departure, once and for all.
    pub(crate) fn depart(&mut self) -> Signed {
        self.departed = true;
        self.raise();
        Signed::departure(&self.key, self.network, self.entry.version)
    }

    pub(crate) fn suspect(&self, peer: crate::primitives::PeerId, version: Version) -> Signed {
        Signed::suspicion(&self.key, self.network, peer, version)
    }
}
