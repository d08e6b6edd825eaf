//! What comparisons brought and others may lack too: it is gossiped, unless the overlay brings it within a moment.
//!
//! While many nodes come at once each comparison finds what is still on its way to all. Who told that again would say everything
//! many times.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::primitives::{NodeRng, PeerId, Version};

use super::super::signed::Signed;

/// Statements that wait; more are left to the comparisons of others.
const MOST: usize = 64;
/// How long the overlay has, and as long again by chance: the first one tells, and the others hear it.
const WAIT: Duration = Duration::from_secs(2);

/// A statement to tell: about whom, at which version, and who brought it, if that was not itself.
pub(super) type Relay = (PeerId, Version, Signed, Option<PeerId>);

/// Statements that wait.
#[derive(Debug, Default)]
pub(super) struct Relays {
    waiting: BTreeMap<PeerId, (Version, Signed, Option<PeerId>)>,
    due: Option<Instant>,
}

impl Relays {
    /// A comparison brought a statement, of another than the one who brought it or of that one itself.
    pub(super) fn add(
        &mut self,
        (about, version): (PeerId, Version),
        signed: Signed,
        from: Option<PeerId>,
        now: Instant,
        rng: &mut NodeRng,
    ) {
        if self.waiting.len() >= MOST && !self.waiting.contains_key(&about) {
            return;
        }
        self.waiting.insert(about, (version, signed, from));
        self.due.get_or_insert_with(|| now + WAIT.mul_f64(1.0 + rng.unit()));
    }

    /// The overlay brought something about this node.
    pub(super) fn came(&mut self, about: &PeerId) {
        self.waiting.remove(about);
        if self.waiting.is_empty() {
            self.due = None;
        }
    }

    /// When something is to be told.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be told now.
    pub(super) fn take(&mut self) -> Vec<Relay> {
        self.due = None;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting.map(|(about, (version, signed, from))| (about, version, signed, from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{NetworkId, SecretKey};

    #[test]
    fn what_the_overlay_brings_meanwhile_is_not_told_again() {
        let (mut relays, mut rng) = (Relays::default(), NodeRng::from_seed(1));
        let peers: Vec<PeerId> = (0..=80).map(|n| PeerId::from_bytes([n; 32])).collect();
        let version = Version { incarnation: 1, counter: 0 };
        let key = SecretKey::from_bytes([1; 32]);
        let signed = Signed::departure(&key, NetworkId::derive("relays"), version);
        let now = Instant::now();
        relays.add((peers[1], version), signed.clone(), Some(peers[0]), now, &mut rng);
        relays.add((peers[2], version), signed.clone(), Some(peers[0]), now, &mut rng);
        assert!(relays.next().is_some_and(|at| at >= now + WAIT && at <= now + 2 * WAIT));
        relays.came(&peers[1]);
        assert_eq!(relays.take(), [(peers[2], version, signed.clone(), Some(peers[0]))]);
        assert_eq!(relays.next(), None);
        relays.add((peers[1], version), signed.clone(), Some(peers[0]), now, &mut rng);
        relays.came(&peers[1]);
        assert_eq!(relays.next(), None, "nothing waits");
        for peer in &peers {
            relays.add((*peer, version), signed.clone(), Some(peers[0]), now, &mut rng);
        }
        assert_eq!(relays.take().len(), MOST);
    }
}
