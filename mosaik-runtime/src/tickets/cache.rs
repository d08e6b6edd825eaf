//! Verdicts that are known already: bounded, by content, until they end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Denial, TicketId, Valid, Verdict};
use crate::primitives::{PeerId, Wall};

/// The most verdicts about one peer: one that shows ever new tickets pushes out none but its own.
const OF_ONE_PEER: usize = 64;
/// How long a refusal stands that may pass by itself.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// What a verdict is about. Another peer that shows the same ticket is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// Who shows it.
    pub(super) peer: PeerId,
    /// The ticket's content.
    pub(super) ticket: TicketId,
    /// Which validator is asked.
    pub(super) validator: Arc<str>,
}

/// A verdict, and the other names of what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) verdict: Verdict,
    pub(super) twins: Arc<[TicketId]>,
}

/// Verdicts, at most so many; those that were not asked for longest go first. They are looked for when one too many is put, so that
/// nothing has to be kept in order at every decision.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    clock: u64,
    known: BTreeMap<Question, Known>,
}

#[derive(Debug)]
struct Known {
    kept: Kept,
    generation: u64,
    /// The verdict is of use until then; `None`: as long as the generation is the same.
    until: Option<Wall>,
    used: u64,
}

impl Cache {
    /// A cache of at most `most` verdicts.
    pub(super) fn new(most: usize) -> Self {
        Self { most, clock: 0, known: BTreeMap::new() }
    }

    /// The verdict, while it stands.
    pub(super) fn get(&mut self, question: &Question, generation: u64, now: Wall) -> Option<Kept> {
        let known = self.known.get_mut(question)?;
        let stands = known.generation == generation && known.until.is_none_or(|until| now < until);
        if !stands {
            self.known.remove(question);
            return None;
        }
        self.clock += 1;
        known.used = self.clock;
        Some(known.kept.clone())
    }

    /// The other names of what a verdict is about.
    pub(super) fn twins(&self, question: &Question, generation: u64) -> Option<Arc<[TicketId]>> {
        let known = self.known.get(question).filter(|known| known.generation == generation)?;
        Some(known.kept.twins.clone())
    }

    /// Keeps a verdict that was given at `now`.
    pub(super) fn put(&mut self, question: Question, generation: u64, kept: Kept, now: Wall) {
        // Who is told that there is no room may ask again at once.
        if kept.verdict == Err(Denial::Busy) {
            return;
        }
        let until = stands_until(&kept.verdict, now);
        let peer = question.peer;
        self.clock += 1;
        self.known.insert(question, Known { kept, generation, until, used: self.clock });
        self.make_room_of(peer);
        if self.known.len() > self.most {
            let last = stale(self.known.values().map(|known| known.used));
            self.known.retain(|_, known| known.used > last);
        }
    }

    /// Forgets the one verdict about `peer` that was not asked for longest, if there are too many.
    fn make_room_of(&mut self, peer: PeerId) {
        let first = Question { peer, ticket: TicketId::from_bytes([0; 32]), validator: Arc::from("") };
        let of_peer = || self.known.range(&first..).take_while(|(question, _)| question.peer == peer);
        if of_peer().count() <= OF_ONE_PEER {
            return;
        }
        let oldest = of_peer().min_by_key(|(_, known)| known.used).map(|(question, _)| question.clone());
        if let Some(question) = oldest {
            self.known.remove(&question);
        }
    }

    /// Forgets everything: the wall clock jumped.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// How many verdicts are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// Of the times at which things were used last, the one up to which an eighth of them lie, or the first. To find what was not used longest
/// takes a look at everything, so several of these go at once.
pub(crate) fn stale(used: impl Iterator<Item = u64>) -> u64 {
    let mut used: Vec<u64> = used.collect();
    let at = (used.len() / 8).saturating_sub(1);
    if used.is_empty() { 0 } else { *used.select_nth_unstable(at).1 }
}

/// Until when a verdict need not be asked for again.
fn stands_until(verdict: &Verdict, now: Wall) -> Option<Wall> {
    match verdict {
        Ok(Valid { until }) => Some(*until),
        Err(Denial::NotYet { from, .. }) => Some(*from),
        Err(denial) if denial.may_pass() => Some(now.later(RETRY)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(byte: u8, peer: u8) -> Question {
        Question {
            ticket: TicketId::from_bytes([byte; 32]),
            peer: PeerId::from_bytes([peer; 32]),
            validator: "Desk".into(),
        }
    }

    const VALID: Verdict = Ok(Valid { until: Wall(1000) });

    fn kept(verdict: Verdict) -> Kept {
        Kept { verdict, twins: Arc::default() }
    }

    #[test]
    fn t4_a_verdict_stands_until_it_ends_and_for_its_peer_alone() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 0, kept(VALID), Wall(10));
        assert_eq!(cache.get(&question(1, 1), 0, Wall(999)), Some(kept(VALID)));
        assert_eq!(cache.get(&question(1, 2), 0, Wall(999)), None, "another peer");
        assert_eq!(cache.get(&question(1, 1), 0, Wall(1000)), None, "over");
        assert_eq!(cache.len(), 0, "what is over is forgotten");
    }

    #[test]
    fn an_eighth_goes_at_once_and_at_least_one() {
        let after = |most: u64| (1..=most).filter(|used| *used > stale(1..=most)).count();
        assert_eq!([1, 7, 8, 16, 4097].map(after), [0, 6, 7, 14, 3585]);
        assert_eq!(stale(std::iter::empty()), 0);
    }

    #[test]
    fn another_generation_asks_again() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 3, kept(VALID), Wall(10));
        assert_eq!(cache.get(&question(1, 1), 4, Wall(10)), None);
        assert_eq!(cache.get(&question(1, 1), 3, Wall(10)), None, "the old one is gone");
    }

    #[test]
    fn a_refusal_that_may_pass_is_asked_again_and_others_are_not() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 0, kept(Err(Denial::Panicked)), Wall(0));
        cache.put(question(2, 1), 0, kept(Err(Denial::OtherPeer)), Wall(0));
        let not_yet = Denial::NotYet { after: Duration::from_secs(60), from: Wall(60_000) };
        cache.put(question(3, 1), 0, kept(Err(not_yet)), Wall(0));
        let later = Wall(5000);
        assert_eq!(cache.get(&question(1, 1), 0, later), None);
        assert_eq!(cache.get(&question(2, 1), 0, Wall(u64::MAX)), Some(kept(Err(Denial::OtherPeer))));
        assert!(cache.get(&question(3, 1), 0, later).is_some());
        assert_eq!(cache.get(&question(3, 1), 0, Wall(60_000)), None);
    }

    #[test]
    fn the_size_is_bounded_and_what_is_used_stays() {
        let mut cache = Cache::new(3);
        for byte in 0..100 {
            cache.put(question(byte, 1), 0, kept(VALID), Wall(0));
            assert!(cache.get(&question(0, 1), 0, Wall(0)).is_some(), "used all the time");
            assert!(cache.len() <= 3);
        }
        cache.put(question(0, 1), 0, kept(VALID), Wall(0));
        assert_eq!(cache.len(), 3, "putting twice counts once");
        cache.clear();
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn a_peer_that_shows_ever_new_tickets_pushes_out_its_own_alone() {
        let mut cache = Cache::new(1000);
        cache.put(question(0, 1), 0, kept(VALID), Wall(0));
        for byte in 0..=255 {
            cache.put(question(byte, 2), 0, kept(VALID), Wall(0));
        }
        assert_eq!(cache.len(), OF_ONE_PEER + 1);
        assert!(cache.get(&question(0, 1), 0, Wall(0)).is_some());
        assert!(
            cache.get(&question(255, 2), 0, Wall(0)).is_some()
                && cache.get(&question(0, 2), 0, Wall(0)).is_none()
        );
    }

    #[test]
    fn that_there_was_no_room_is_not_kept() {
        let mut cache = Cache::new(8);
        cache.put(question(1, 1), 0, kept(Err(Denial::Busy)), Wall(0));
        assert_eq!(cache.len(), 0);
    }
}
