//! Whether everybody who may know the group was asked, before one node founds it alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    groups::timing::Timing,
    primitives::{PeerId, Reach},
};

/// Others get this long to be found: on this machine, on its network, anywhere.
const fn look_around(reach: Reach) -> Duration {
    match reach {
        Reach::Host => Duration::from_secs(1),
        Reach::Lan => Duration::from_secs(6),
        Reach::Internet => Duration::from_secs(15),
    }
}

/// Who was asked, and who answered.
#[derive(Debug)]
pub(super) struct Survey {
    /// Nobody who is not known by then is waited for.
    looks_until: Instant,
    timing: Timing,
    known: BTreeMap<PeerId, Instant>,
    answered: BTreeSet<PeerId>,
    done: bool,
}

impl Survey {
    pub(super) fn new(start: Instant, timing: Timing, reach: Reach) -> Self {
        let looks_until = start + look_around(reach).max(timing.looks_around());
        Self { looks_until, timing, known: BTreeMap::new(), answered: BTreeSet::new(), done: false }
    }

    /// Discovery knows this node.
    pub(super) fn knows(&mut self, peer: PeerId, now: Instant) {
        if !self.done {
            self.known.entry(peer).or_insert(now);
        }
    }

    /// Discovery does not know it any more.
    pub(super) fn lost(&mut self, peer: &PeerId) {
        self.known.remove(peer);
    }

    /// The node has said what it knows of the group, or that it wants no bond.
    pub(super) fn answered(&mut self, peer: PeerId) {
        if !self.done {
            self.answered.insert(peer);
        }
    }

    /// Whether the survey ends now; true once.
    pub(super) fn ends(&mut self, now: Instant) -> bool {
        // One that is known and has not answered for long does not count.
        let patience = self.timing.hears_of();
        let waits = |(peer, since): (&PeerId, &Instant)| {
            !self.answered.contains(peer) && now.saturating_duration_since(*since) < patience
        };
        if self.done || now < self.looks_until || self.known.iter().any(waits) {
            return false;
        }
        self.done = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_survey_waits_for_those_who_are_known_but_not_for_ever() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let (a, b) = (PeerId::from_bytes([1; 32]), PeerId::from_bytes([2; 32]));
        let mut survey = Survey::new(start, Timing::default(), Reach::Host);
        survey.knows(a, at(0.1));
        survey.knows(b, at(0.9));
        assert!(!survey.ends(at(2.0)));
        survey.answered(a);
        assert!(!survey.ends(at(5.2)), "b was heard of later");
        assert!(survey.ends(at(6.0)));
        assert!(!survey.ends(at(7.0)), "it ends once");
        // The farther others may be, the longer they take to be found.
        for (reach, seconds) in [(Reach::Host, 1.0), (Reach::Lan, 6.0), (Reach::Internet, 15.0)] {
            let mut alone = Survey::new(start, Timing::default(), reach);
            assert!(!alone.ends(at(seconds - 0.1)) && alone.ends(at(seconds)), "{reach:?}");
        }
    }
}
