//! Who may have failed: silence of gossip neighbours, suspicions, and their deadlines.
//!
//! A suspicion is about one version of a node; a higher one ends it, and so does an answer. When a deadline passes, the node is
//! dead at that version, here. A node that was itself stopped for a while gives everybody the time that it missed.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::primitives::{PeerId, Version};

/// The times of failure detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often a gossip neighbour is asked whether it is there.
    pub probe: Duration,
    /// How long a neighbour may be silent before it is suspected. It is looked at when a probe is due.
    pub silence: Duration,
    /// How long a suspect has to answer or to sign a higher version.
    pub patience: Duration,
    /// Within this time of hearing a suspicion a node sees for itself.
    pub check_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(3),
            silence: Duration::from_millis(4500),
            patience: Duration::from_secs(15),
            check_within: Duration::from_secs(5),
        }
    }
}

/// A timer that fires later than this tells that the whole node stood still.
const STALL: Duration = Duration::from_secs(2);
/// A peer that others reach and this node does not is not suspected again by this node for so long, doubled each time.
const TRUST: Duration = Duration::from_secs(60);
const MOST_TRUST: u32 = 6;

#[derive(Debug, Clone, Copy)]
struct Suspect {
    version: Version,
    deadline: Instant,
    check_at: Option<Instant>,
    ours: bool,
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
    next_probe: Instant,
    neighbours: BTreeMap<PeerId, Instant>,
    suspects: BTreeMap<PeerId, Suspect>,
    trust: BTreeMap<PeerId, Trust>,
}

impl Detector {
    pub(crate) fn new(timing: Timing, now: Instant) -> Self {
        Self {
            timing,
            next_probe: now + timing.probe,
            neighbours: BTreeMap::new(),
            suspects: BTreeMap::new(),
            trust: BTreeMap::new(),
        }
    }

    pub(crate) fn neighbour(&mut self, peer: PeerId, is: bool, now: Instant) {
        if is {
            self.neighbours.insert(peer, now);
        } else {
            self.neighbours.remove(&peer);
        }
    }

    /// The peer said something to us: it is alive, and when it falls silent again that means something again.
    pub(crate) fn heard(&mut self, peer: &PeerId, now: Instant) {
        if let Some(last) = self.neighbours.get_mut(peer) {
            *last = now;
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

    /// The peer did not answer us. Returns whether that is news to be told.
    pub(crate) fn unanswered(&mut self, peer: PeerId, version: Version, now: Instant) -> bool {
        let trusted = self.trust.get(&peer).and_then(|trust| trust.until).is_some_and(|until| now < until);
        if trusted {
            return false;
        }
        if let Some(suspect) = self.suspects.get_mut(&peer) {
            let news = !suspect.ours;
            suspect.ours = true;
            return news;
        }
        self.suspect(peer, version, None, true, now);
        true
    }

    /// Somebody says that the peer does not answer. It is checked within `fraction` (0 to 1) of the time for that.
    pub(crate) fn told(&mut self, peer: PeerId, version: Version, fraction: f64, now: Instant) {
        let fresh =
            self.neighbours.get(&peer).is_some_and(|last| now.duration_since(*last) < self.timing.probe);
        if fresh || self.suspects.contains_key(&peer) {
            return;
        }
        let check_at = now + self.timing.check_within.mul_f64(fraction.clamp(0.0, 1.0));
        self.suspect(peer, version, Some(check_at), false, now);
    }

    fn suspect(
        &mut self,
        peer: PeerId,
        version: Version,
        check_at: Option<Instant>,
        ours: bool,
        now: Instant,
    ) {
        let deadline = now + self.timing.patience;
        self.suspects.insert(peer, Suspect { version, deadline, check_at, ours });
    }

    /// Whether the peer is under suspicion.
    #[cfg(test)]
    pub(crate) fn suspects(&self, peer: &PeerId) -> bool {
        self.suspects.contains_key(peer)
    }

    /// When [`tick`](Self::tick) has something to say.
    pub(crate) fn next_deadline(&self) -> Instant {
        let suspects = self.suspects.values().map(|suspect| suspect.check_at.unwrap_or(suspect.deadline));
        suspects.fold(self.next_probe, Instant::min)
    }

    /// What is due by now.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Due> {
        self.forgive_a_stall(now);
        let mut due = Vec::new();
        if now >= self.next_probe {
            self.next_probe = now + self.timing.probe;
            let silence = self.timing.silence;
            due.extend(self.neighbours.iter().map(
                |(peer, last)| match now.saturating_duration_since(*last) {
                    silent if silent >= silence => Due::Silent(*peer),
                    _ => Due::Probe(*peer),
                },
            ));
        }
        for (peer, suspect) in &mut self.suspects {
            if suspect.check_at.is_some_and(|at| at <= now) {
                suspect.check_at = None;
                due.push(Due::Check(*peer));
            }
        }
        let dead: Vec<_> = self.suspects.iter().filter(|(_, suspect)| suspect.deadline <= now).collect();
        due.extend(dead.into_iter().map(|(peer, suspect)| Due::Dead(*peer, suspect.version)));
        self.suspects.retain(|_, suspect| suspect.deadline > now);
        due
    }

    /// The whole node stood still: what others said meanwhile is still in the queues, so nobody's time has run.
    fn forgive_a_stall(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.next_deadline());
        if late < STALL {
            return;
        }
        self.next_probe = now;
        for last in self.neighbours.values_mut() {
            *last += late;
        }
        for suspect in self.suspects.values_mut() {
            suspect.deadline += late;
            suspect.check_at = suspect.check_at.map(|at| at + late);
        }
    }
}
