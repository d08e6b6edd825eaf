//! Who may have failed: silence of gossip neighbours, suspicions, and their deadlines.
//!
//! A suspicion is about one version of a node; a higher one ends it, and so does an answer. When a deadline passes, the node is
//! dead at that version, here. A node that was itself stopped for a while gives everybody the time that it missed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::primitives::{PeerId, Version};

/// The times of failure detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A gossip neighbour that said nothing for so long is asked whether it is there.
    pub probe: Duration,
    /// A neighbour that said nothing for so long is suspected.
    pub silence: Duration,
    /// How long a suspect has to answer or to sign a higher version when one node alone suspects it …
    pub patience: Duration,
    /// … when two do, or all that there are …
    pub shared: Duration,
    /// … and when three or more do.
    pub agreed: Duration,
    /// Within this time of hearing a suspicion a node sees for itself.
    pub check_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(2),
            silence: Duration::from_secs(4),
            patience: Duration::from_secs(15),
            shared: Duration::from_secs(6),
            agreed: Duration::from_secs(4),
            check_within: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// How long a suspect has, with so many witnesses of its silence, of so many that there could be.
    fn patience(&self, witnesses: usize, possible: usize) -> Duration {
        match witnesses {
            AGREED.. => self.agreed,
            witnesses if witnesses >= possible.min(2) => self.shared,
            _ => self.patience,
        }
    }
}

/// So many witnesses are enough: no more are needed, and more do not shorten a suspect's time.
const AGREED: usize = 3;
/// Without neighbours and suspects, so long.
const IDLE: Duration = Duration::from_secs(10);
/// A timer that fires later than this tells that the whole node stood still.
const STALL: Duration = Duration::from_secs(2);
/// A peer that others reach and this node does not is not suspected again by this node for so long, doubled each time.
const TRUST: Duration = Duration::from_secs(60);
const MOST_TRUST: u32 = 6;

#[derive(Debug, Clone)]
struct Suspect {
    version: Version,
    since: Instant,
    check_at: Option<Instant>,
    ours: bool,
    /// Others that say so.
    reporters: BTreeSet<PeerId>,
}

impl Suspect {
    fn witnesses(&self) -> usize {
        self.reporters.len() + usize::from(self.ours)
    }
}

#[derive(Debug, Clone, Copy)]
struct Neighbour {
    heard: Instant,
    asked: Instant,
}

#[derive(Debug, Clone, Copy, Default)]
struct Trust {
    refuted: u32,
    until: Option<Instant>,
}

/// What became due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ask this neighbour whether it is there.
    Probe(PeerId),
    /// This neighbour is silent.
    Silent(PeerId),
    /// See for yourself whether this suspect answers.
    Check(PeerId),
    /// This suspect did neither answer nor sign a higher version.
    Dead(PeerId, Version),
}

/// The state of failure detection.
#[derive(Debug)]
pub(crate) struct Detector {
    timing: Timing,
    /// Something is looked at again no later than this.
    next_look: Instant,
    neighbours: BTreeMap<PeerId, Neighbour>,
    suspects: BTreeMap<PeerId, Suspect>,
    trust: BTreeMap<PeerId, Trust>,
}

impl Detector {
    pub(crate) fn new(timing: Timing, now: Instant) -> Self {
        Self {
            timing,
            next_look: now + IDLE,
            neighbours: BTreeMap::new(),
            suspects: BTreeMap::new(),
            trust: BTreeMap::new(),
        }
    }

    pub(crate) fn neighbour(&mut self, peer: PeerId, is: bool, now: Instant) {
        if is {
            self.neighbours.insert(peer, Neighbour { heard: now, asked: now });
        } else {
            self.neighbours.remove(&peer);
        }
    }

    /// The peer said something to us: it is alive, and when it falls silent again that means something again.
    pub(crate) fn heard(&mut self, peer: &PeerId, now: Instant) {
        if let Some(neighbour) = self.neighbours.get_mut(peer) {
            neighbour.heard = now;
        }
        self.suspects.remove(peer);
        self.trust.remove(peer);
    }

    /// A version of the peer stands: a suspicion of a lower one is over. If it was ours, others reach a peer that we do not.
    pub(crate) fn stands(&mut self, peer: &PeerId, version: Version, now: Instant) {
        if self.suspects.get(peer).is_none_or(|suspect| suspect.version >= version) {
            return;
        }
        if self.suspects.remove(peer).is_some_and(|suspect| suspect.ours) {
            let trust = self.trust.entry(*peer).or_default();
            trust.refuted = (trust.refuted + 1).min(MOST_TRUST);
            trust.until = now.checked_add(TRUST * 2u32.pow(trust.refuted - 1));
        }
    }

    /// The peer is gone from the catalog.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.suspects.remove(peer);
        self.trust.remove(peer);
        self.neighbours.remove(peer);
    }

    /// The peer did not answer us. Returns whether that is to be told: it is news, and not enough others say so.
    pub(crate) fn unanswered(&mut self, peer: PeerId, version: Version, now: Instant) -> bool {
        let trusted = self.trust.get(&peer).and_then(|trust| trust.until).is_some_and(|until| now < until);
        if trusted {
            return false;
        }
        let suspect = self.suspect(peer, version, now);
        let news = !suspect.ours && suspect.reporters.len() < AGREED;
        suspect.ours = true;
        news
    }

    /// Somebody says that the peer does not answer. It is checked within `fraction` (0 to 1) of the time for that.
    /// Returns whether the peer was above suspicion before.
    pub(crate) fn told(
        &mut self,
        (peer, version): (PeerId, Version),
        reporter: PeerId,
        fraction: f64,
        now: Instant,
    ) -> bool {
        let probe = self.timing.probe;
        let fresh = self.neighbours.get(&peer).is_some_and(|neighbour| now - neighbour.heard < probe);
        if fresh {
            return false;
        }
        let check_at = now + self.timing.check_within.mul_f64(fraction.clamp(0.0, 1.0));
        let is_new = !self.suspects.contains_key(&peer);
        let suspect = self.suspect(peer, version, now);
        if is_new {
            suspect.check_at = Some(check_at);
        }
        if suspect.reporters.len() < AGREED {
            suspect.reporters.insert(reporter);
        }
        is_new
    }

    fn suspect(&mut self, peer: PeerId, version: Version, now: Instant) -> &mut Suspect {
        self.suspects.entry(peer).or_insert_with(|| Suspect {
            version,
            since: now,
            check_at: None,
            ours: false,
            reporters: BTreeSet::new(),
        })
    }

    /// Whether the peer is under suspicion.
    #[cfg(test)]
    pub(crate) fn suspects(&self, peer: &PeerId) -> bool {
        self.suspects.contains_key(peer)
    }

    /// When [`tick`](Self::tick) has something to say, if so many nodes could be witnesses of a silence.
    pub(crate) fn next_deadline(&self, possible: usize) -> Instant {
        let suspects = self.suspects.values();
        let suspects = suspects.map(|suspect| {
            let deadline = suspect.since + self.timing.patience(suspect.witnesses(), possible);
            suspect.check_at.map_or(deadline, |at| at.min(deadline))
        });
        let neighbours = self.neighbours.values().map(|neighbour| {
            (neighbour.heard.max(neighbour.asked) + self.timing.probe)
                .min(neighbour.heard + self.timing.silence)
        });
        suspects.chain(neighbours).fold(self.next_look, Instant::min)
    }

    /// What is due by now.
    pub(crate) fn tick(&mut self, now: Instant, possible: usize) -> Vec<Due> {
        self.forgive_a_stall(now, possible);
        self.next_look = now + IDLE;
        let mut due = Vec::new();
        // Questions that are due soon go out at once, so that few timers fire.
        let (soon, silence) = (now + self.timing.probe / 8, self.timing.silence);
        let ask_after = self.timing.probe;
        self.neighbours.retain(|peer, neighbour| {
            let is_silent = now.saturating_duration_since(neighbour.heard) >= silence;
            if is_silent {
                due.push(Due::Silent(*peer));
            } else if neighbour.heard.max(neighbour.asked) + ask_after <= soon {
                neighbour.asked = now;
                due.push(Due::Probe(*peer));
            }
            !is_silent
        });
        for (peer, suspect) in &mut self.suspects {
            let enough = suspect.witnesses() >= AGREED;
            if suspect.check_at.take_if(|at| *at <= now).is_some() && !enough {
                due.push(Due::Check(*peer));
            }
        }
        let timing = self.timing;
        self.suspects.retain(|peer, suspect| {
            let dead = suspect.since + timing.patience(suspect.witnesses(), possible) <= now;
            due.extend(dead.then_some(Due::Dead(*peer, suspect.version)));
            !dead
        });
        due
    }

    /// The whole node stood still: what others said meanwhile is still in the queues, so nobody's time has run.
    fn forgive_a_stall(&mut self, now: Instant, possible: usize) {
        let late = now.saturating_duration_since(self.next_deadline(possible));
        if late < STALL {
            return;
        }
        for neighbour in self.neighbours.values_mut() {
            neighbour.heard += late;
        }
        for suspect in self.suspects.values_mut() {
            suspect.since += late;
            suspect.check_at = suspect.check_at.map(|at| at + late);
        }
    }
}
