//! Verdicts that are known already: bounded, by content, until they end.

use std::{collections::BTreeMap, time::Duration};

use super::{TicketId, Valid, Verdict};
use crate::primitives::{PeerId, Wall};

/// How long a refusal stands that may pass by itself.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// What a verdict is about. Another peer that shows the same ticket is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// The ticket's content.
    pub(super) ticket: TicketId,
    /// Who shows it.
    pub(super) peer: PeerId,
    /// Which validator is asked.
    pub(super) validator: String,
}

/// Verdicts, at most so many; the one that was not asked for longest goes first.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    clock: u64,
    known: BTreeMap<Question, Known>,
    by_use: BTreeMap<u64, Question>,
}

#[derive(Debug)]
struct Known {
    verdict: Verdict,
    generation: u64,
    /// The verdict is of use until then; `None`: as long as the generation is the same.
    until: Option<Wall>,
    used: u64,
}

impl Cache {
    /// A cache of at most `most` verdicts.
    pub(super) fn new(most: usize) -> Self {
        Self { most, clock: 0, known: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    /// The verdict, while it stands.
    pub(super) fn get(&mut self, question: &Question, generation: u64, now: Wall) -> Option<Verdict> {
        let known = self.known.get_mut(question)?;
        let stands = known.generation == generation && known.until.is_none_or(|until| now < until);
        if !stands {
            let used = known.used;
            self.by_use.remove(&used);
            self.known.remove(question);
            return None;
        }
        self.by_use.remove(&known.used);
        self.clock += 1;
        known.used = self.clock;
        self.by_use.insert(self.clock, question.clone());
        Some(known.verdict.clone())
    }

    /// Keeps a verdict that was given at `now`.
    pub(super) fn put(&mut self, question: Question, generation: u64, verdict: Verdict, now: Wall) {
        let until = stands_until(&verdict, now);
        self.clock += 1;
        let used = self.clock;
        self.by_use.insert(used, question.clone());
        if let Some(old) = self.known.insert(question, Known { verdict, generation, until, used }) {
            self.by_use.remove(&old.used);
        }
        while self.known.len() > self.most {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            self.known.remove(&oldest);
        }
    }

    /// Forgets everything: the wall clock jumped.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.by_use.clear();
    }

    /// How many verdicts are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// Until when a verdict need not be asked for again.
fn stands_until(verdict: &Verdict, now: Wall) -> Option<Wall> {
    use super::Denial;
    let soon = Wall(now.0.saturating_add(u64::try_from(RETRY.as_millis()).unwrap_or(u64::MAX)));
    match verdict {
        Ok(Valid { until }) => Some(*until),
        Err(Denial::NotYet { from, .. }) => Some(*from),
        Err(denial) if denial.may_pass() => Some(soon),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::Denial;

    fn question(byte: u8, peer: u8) -> Question {
        Question {
            ticket: TicketId::from_bytes([byte; 32]),
            peer: PeerId::from_bytes([peer; 32]),
            validator: "Desk".to_owned(),
        }
    }

    const VALID: Verdict = Ok(Valid { until: Wall(1000) });

    #[test]
    fn t4_a_verdict_stands_until_it_ends_and_for_its_peer_alone() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 0, VALID, Wall(10));
        assert_eq!(cache.get(&question(1, 1), 0, Wall(999)), Some(VALID));
        assert_eq!(cache.get(&question(1, 2), 0, Wall(999)), None, "another peer");
        assert_eq!(cache.get(&question(1, 1), 0, Wall(1000)), None, "over");
        assert_eq!(cache.len(), 0, "what is over is forgotten");
    }

    #[test]
    fn another_generation_asks_again() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 3, VALID, Wall(10));
        assert_eq!(cache.get(&question(1, 1), 4, Wall(10)), None);
        assert_eq!(cache.get(&question(1, 1), 3, Wall(10)), None, "the old one is gone");
    }

    #[test]
    fn a_refusal_that_may_pass_is_asked_again_and_others_are_not() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 0, Err(Denial::Busy), Wall(0));
        cache.put(question(2, 1), 0, Err(Denial::OtherPeer), Wall(0));
        let not_yet = Denial::NotYet { after: Duration::from_secs(60), from: Wall(60_000) };
        cache.put(question(3, 1), 0, Err(not_yet), Wall(0));
        let later = Wall(5000);
        assert_eq!(cache.get(&question(1, 1), 0, later), None);
        assert_eq!(cache.get(&question(2, 1), 0, Wall(u64::MAX)), Some(Err(Denial::OtherPeer)));
        assert!(cache.get(&question(3, 1), 0, later).is_some());
        assert_eq!(cache.get(&question(3, 1), 0, Wall(60_000)), None);
    }

    #[test]
    fn the_size_is_bounded_and_what_is_used_stays() {
        let mut cache = Cache::new(3);
        for byte in 0..100 {
            cache.put(question(byte, 1), 0, VALID, Wall(0));
            assert!(cache.get(&question(0, 1), 0, Wall(0)).is_some(), "used all the time");
            assert!(cache.len() <= 3 && cache.by_use.len() == cache.len());
        }
        cache.put(question(0, 1), 0, VALID, Wall(0));
        assert_eq!(cache.by_use.len(), cache.len(), "putting twice counts once");
        cache.clear();
        assert_eq!((cache.len(), cache.by_use.len()), (0, 0));
    }
}
