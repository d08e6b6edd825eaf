//! Where peers come from, again and again: bootstrap addresses, the rendezvous, remembered and lost peers.
//!
//! Everything here heals: it finds what gossip lost, joins what fell apart, and is rare when nothing is wrong.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    primitives::{
        NodeRng, PeerId,
        backoff::{Backoff, Settings},
    },
    transport::{Address, LinkError, PeerAddr},
};

use super::{
    super::{event::Event, remembered},
    Driver,
};

/// More bootstrap peers are not kept.
const MOST_SEEDS: usize = 64;
/// Peers that sources found and that are not met yet; more are not kept.
const MOST_FOUND: usize = 256;
/// Of many that are found at once, one after the other is asked: whom the first ones know need not be asked.
const FOUND_APART: Duration = Duration::from_millis(20);
/// The same for those that are given: each that is asked sends its whole catalog.
const SEEDS_APART: Duration = Duration::from_millis(250);
/// A seed that is in the catalog is looked at this often.
const SEED_CALM: Duration = Duration::from_secs(10);
/// Alone, with peers known: the overlay is joined again this often.
const LONELY: Duration = Duration::from_secs(1);
/// Catalogs are compared this much less often when nothing changes.
const CALMEST: f64 = 3.0;
/// A peer that was asked to take this node in has so long before another one is asked.
const ANSWER: Duration = Duration::from_millis(250);
/// While comparisons bring nothing that the overlay had not brought, it is joined again this much less often: each time costs some
/// hundred frames, and moves links.
const WHOLE: u32 = 10;
/// With fewer neighbours than this a newcomer is a reason to join the overlay.
const ENOUGH: usize = 2;

/// Peers to begin with, each tried with a back-off until it answers, and again when it is lost.
#[derive(Debug)]
pub(super) struct Seeds {
    seeds: BTreeMap<PeerId, Seed>,
    rng: NodeRng,
    never: Duration,
}

#[derive(Debug)]
struct Seed {
    addr: PeerAddr,
    /// Where a source says that a given peer is.
    found_at: Vec<Address>,
    next: Instant,
    backoff: Backoff,
    reported: bool,
    untried: bool,
    /// Whether a source found it; then it is no seed any more once it is met or gone.
    found: bool,
}

impl Seeds {
    pub(super) fn new(rng: NodeRng) -> Self {
        Self { seeds: BTreeMap::new(), rng, never: Duration::from_secs(3600) }
    }

    pub(super) fn add(&mut self, addr: PeerAddr, now: Instant) {
        let given = self.seeds.values().filter(|seed| !seed.found).count();
        if given >= MOST_SEEDS && !self.seeds.contains_key(&addr.id) {
            return;
        }
        let waiting = self.seeds.values().filter(|seed| !seed.found && seed.untried).count();
        let turn = u32::try_from(waiting).unwrap_or(u32::MAX);
        self.insert(addr, now + SEEDS_APART.saturating_mul(turn), false);
    }

    /// A source found a peer.
    pub(super) fn add_found(&mut self, addr: PeerAddr, now: Instant) {
        match self.seeds.get_mut(&addr.id) {
            Some(seed) if seed.found => (seed.addr, seed.next) = (addr, now),
            Some(seed) => (seed.found_at, seed.next) = (addr.addresses, now),
            None => {
                let waiting = self.seeds.values().filter(|seed| seed.found).count();
                if waiting < MOST_FOUND {
                    let turn = u32::try_from(waiting).unwrap_or(u32::MAX);
                    self.insert(addr, now + FOUND_APART.saturating_mul(turn), true);
                }
            }
        }
    }

    /// A peer that was found is no longer heard.
    pub(super) fn not_here(&mut self, peer: &PeerId) {
        if self.seeds.get(peer).is_some_and(|seed| seed.found) {
            self.seeds.remove(peer);
        }
    }

    fn insert(&mut self, addr: PeerAddr, next: Instant, found: bool) {
        let settings = Settings { first: Duration::from_millis(100), most: Duration::from_secs(10) };
        let backoff = Backoff::new(settings, self.rng.split("seed"));
        let (found_at, reported, untried) = (Vec::new(), false, true);
        self.seeds.insert(addr.id, Seed { addr, found_at, next, backoff, reported, untried, found });
    }

    /// When a seed is due.
    pub(super) fn next(&self) -> Instant {
        let next = self.seeds.values().map(|seed| seed.next).min();
        next.unwrap_or_else(|| Instant::now() + self.never)
    }

    fn due(&mut self, now: Instant) -> Vec<PeerAddr> {
        let due = self.seeds.values_mut().filter(|seed| seed.next <= now);
        due.map(|seed| {
            seed.next = now + SEED_CALM;
            seed.untried = false;
            let mut addr = seed.addr.clone();
            addr.addresses.extend(seed.found_at.iter().cloned());
            addr
        })
        .collect()
    }

    /// A peer was tried. The first failure of a row is worth an event.
    pub(super) fn tried(
        &mut self,
        peer: &PeerId,
        result: &Result<(), LinkError>,
        now: Instant,
    ) -> Option<Event> {
        let seed = self.seeds.get_mut(peer)?;
        match result {
            Ok(()) if seed.found => {
                self.seeds.remove(peer);
                None
            }
            Ok(()) => {
                seed.backoff.reset();
                seed.reported = false;
                None
            }
            Err(error) => {
                seed.next = now + seed.backoff.next_wait();
                let first = !std::mem::replace(&mut seed.reported, true);
                first.then(|| Event::SeedUnreachable { peer: *peer, why: error.to_string() })
            }
        }
    }
}

impl Driver {
    /// Does what heals and is due.
    pub(super) fn heal(&mut self, now: Instant) {
        if self.core.has_departed() {
            return self.rest(now);
        }
        self.tell_untold(now);
        for seed in self.seeds.due(now) {
            self.try_seed(seed, now);
        }
        if self.timers.compare <= now {
            self.timers.compare = now + self.pace.compare.mul_f64(self.calm * (0.75 + self.rng.unit() / 2.0));
            // Somebody who is lost may be back any time, and is looked for at the full pace.
            self.calm = if self.core.has_lost() { 1.0 } else { (self.calm * 1.5).min(CALMEST) };
            self.compare_at_random();
        }
        if self.timers.tend <= now {
            self.tend(now);
        }
        if self.timers.remember <= now {
            self.timers.remember = now + self.pace.remember;
            self.remember();
        }
    }

    fn rest(&mut self, now: Instant) {
        let later = now + Duration::from_secs(3600);
        (self.timers.compare, self.timers.tend, self.timers.remember) = (later, later, later);
        let _ = self.seeds.due(now);
    }

    fn try_seed(&mut self, seed: PeerAddr, now: Instant) {
        if seed.id == self.me || self.core.catalog().get(&seed.id).is_some() {
            return self.seeds.not_here(&seed.id);
        }
        if seed.addresses.is_empty() && self.transport.book().get(&seed.id).is_empty() {
            self.look_up(seed.id, now);
            return;
        }
        if !seed.addresses.is_empty() {
            self.transport.book().set(seed.id, seed.addresses);
        }
        // Into the overlay it goes at a random one of those that the seed knows: where all come in at the same few, nobody is a
        // neighbour of these for long.
        self.compare(seed.id, None);
    }

    /// The truth: the catalog of a random peer. And one peer that was lost may be back.
    fn compare_at_random(&mut self) {
        if let Some(peer) = self.core.one_live() {
            self.compare(peer, None);
        }
        if let Some((peer, addresses)) = self.core.one_lost() {
            self.transport.book().set(peer, addresses);
            self.compare(peer, None);
        }
    }

    /// The catalog changed: others may have missed it.
    pub(super) fn stir(&mut self, now: Instant) {
        self.calm = 1.0;
        self.timers.compare =
            self.timers.compare.min(now + self.pace.compare.mul_f64(0.75 + self.rng.unit() / 2.0));
    }

    /// Joins the overlay: at once when alone, soon with one neighbour, else now and then, which joins two overlays that know nothing of each other.
    fn tend(&mut self, now: Instant) {
        self.expecting = false;
        // Who has one neighbour is cut off when that one is, so it looks for more, less and less often.
        let others = self.core.catalog().len().saturating_sub(1);
        let few = self.neighbours.len() < ENOUGH.min(others);
        self.sparse = if few { (self.sparse * 2).min(self.pace.rejoin) } else { LONELY / 4 };
        let pause = match self.neighbours.is_empty() {
            true => LONELY,
            false if few => self.sparse,
            false => self.pace.rejoin * if self.core.has_lost() { 1 } else { WHOLE },
        };
        self.timers.tend = now + pause.mul_f64(0.75 + self.rng.unit() / 2.0);
        let beyond = self.apart.take().filter(|peer| self.core.catalog().get(peer).is_some());
        let at = beyond.or_else(|| self.core.one_live()).filter(|peer| !self.neighbours.contains(peer));
        if let Some(peer) = at {
            self.timers.joined = Some(now);
            let out = self.overlay.join(vec![peer], now);
            self.carry_out(out, now);
        }
    }

    /// A comparison brought what the overlay should have brought: it may be in two parts, and is joined soon at who knew.
    pub(super) fn apart(&mut self, peer: PeerId, now: Instant) {
        if self.apart.is_none() {
            self.apart = Some(peer);
            let pause = self.pace.rejoin.mul_f64(0.75 + self.rng.unit() / 2.0);
            let soon = now + self.pace.rejoin.mul_f64(self.rng.unit());
            let at = self.timers.joined.map_or(soon, |joined| soon.max(joined + pause));
            self.timers.tend = self.timers.tend.min(at);
        }
    }

    /// There is no neighbour any more, or only one: others are asked soon, not all at once.
    pub(super) fn maybe_alone(&mut self, now: Instant) {
        if self.neighbours.len() < ENOUGH {
            let drawn = self.rng.unit();
            let soon = match self.neighbours.is_empty() {
                true => LONELY.mul_f64(0.05 + drawn / 5.0),
                false => self.sparse.mul_f64(0.5 + drawn / 2.0),
            };
            self.timers.tend = self.timers.tend.min(now + soon);
        }
    }

    /// A peer is new here: there may be a way into the overlay. Many come at once, so which one is asked is drawn then.
    pub(super) fn newcomer(&mut self, now: Instant) {
        if self.neighbours.len() < ENOUGH && !self.expecting {
            self.expecting = true;
            let soon = now + LONELY.mul_f64(0.002 + self.rng.unit() / 50.0);
            let next = self.timers.joined.map_or(soon, |at| soon.max(at + ANSWER));
            self.timers.tend = self.timers.tend.min(next);
        }
    }

    /// Writes down where peers are.
    pub(super) fn remember(&mut self) {
        let peers = self.core.worth_remembering(remembered::MOST_PEERS);
        let result = self.data.as_mut().map_or(Ok(()), |data| data.keep_peers(peers));
        if let Err(error) = result {
            self.report(Event::NotRemembered { why: error.to_string() });
        }
    }

    pub(super) fn keep_incarnation(&mut self, incarnation: u64) {
        let result = self.data.as_mut().map_or(Ok(()), |data| data.keep_incarnation(incarnation));
        if let Err(error) = result {
            self.report(Event::NotRemembered { why: error.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u8, port: u32) -> PeerAddr {
        PeerAddr { id: PeerId::from_bytes([n; 32]), addresses: vec![Address::sim(port)] }
    }

    fn due(seeds: &mut Seeds, now: Instant) -> Vec<PeerAddr> {
        seeds.due(now + Duration::from_secs(60))
    }

    #[test]
    fn who_was_found_is_forgotten_once_met_or_gone_and_who_was_given_is_not() {
        let (now, mut seeds) = (Instant::now(), Seeds::new(NodeRng::from_seed(1)));
        seeds.add(addr(1, 1), now);
        (2..=3).for_each(|n| seeds.add_found(addr(n, 1), now));
        assert_eq!(due(&mut seeds, now).len(), 3);
        (1..=2).for_each(|n| assert_eq!(seeds.tried(&addr(n, 1).id, &Ok(()), now), None));
        (1..=3).for_each(|n| seeds.not_here(&addr(n, 1).id));
        assert_eq!(due(&mut seeds, now + SEED_CALM), [addr(1, 1)]);
    }

    #[test]
    fn what_is_found_of_a_given_peer_is_tried_beside_what_was_given() {
        let (now, mut seeds) = (Instant::now(), Seeds::new(NodeRng::from_seed(1)));
        seeds.add(addr(1, 1), now);
        seeds.add_found(addr(1, 2), now);
        seeds.add_found(addr(1, 2), now);
        let both =
            PeerAddr { addresses: [addr(1, 1).addresses, addr(1, 2).addresses].concat(), ..addr(1, 1) };
        assert_eq!(due(&mut seeds, now), [both]);
    }

    #[test]
    fn d7_no_more_are_kept_than_the_limits_say_however_many_are_found() {
        let (now, mut seeds) = (Instant::now(), Seeds::new(NodeRng::from_seed(1)));
        let many = (0..=u8::MAX).flat_map(|a| (0..4_u8).map(move |b| [a, b]));
        for [a, b] in many {
            let mut id = [a; 32];
            id[31] = b;
            seeds.add_found(PeerAddr { id: PeerId::from_bytes(id), ..addr(0, 1) }, now);
        }
        assert_eq!(seeds.seeds.len(), MOST_FOUND);
        (1..=100).for_each(|n| seeds.add(addr(n, 2), now));
        assert!(seeds.seeds.len() <= MOST_FOUND + MOST_SEEDS);
    }
}
