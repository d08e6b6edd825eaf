//! What the core and the overlay decide, carried out: announcements, links, probes, comparisons, departure.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    primitives::{BootId, PeerId, Version, Wall, codec},
    transport::{Link, LinkError, Protocol},
};

use super::{
    super::{
        catalog::Catalog,
        core::{Effect, Via},
        event::Event,
        gossip::Out,
        signed::{Signed, Statement},
        wire::{Announcement, GossipFrame, GossipProtocol, Overlay},
    },
    CLOCKS_APART, Departing, Driver, Input,
    links::{Sent, UNUSED},
};

/// Comparisons that this node begins, at a time.
const MOST_COMPARING: usize = 16;
/// Peers whose clocks are reported once.
const MOST_CLOCKS: usize = 256;
/// A new neighbour is compared with after about this time.
const SOON: Duration = Duration::from_secs(1);
/// A new neighbour with which catalogs were compared within this time is not asked again: announcements bring the rest.
const LATELY: Duration = Duration::from_secs(5);
/// What was announced within this time is not announced again because another neighbour took this node in: it is on its way, and the
/// comparison with the neighbour brings it too.
const TOLD: Duration = Duration::from_secs(30);
/// So many peers are told of a departure where there are no neighbours.
const MOST_TOLD: usize = 4;
/// So long after its first neighbour came a node is new to the overlay.
const NEWLY: Duration = Duration::from_secs(5);
/// Peers of which it is known when catalogs were last compared.
const MOST_COMPARED: usize = 512;

impl Driver {
    /// Carries out what was decided, and shows the catalog if it changed.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        while let Some(effect) = self.core.next_effect() {
            self.effect(effect, now);
        }
        self.counters.neighbours.store(self.overlay.neighbours() as u64, Ordering::Relaxed);
        self.count_outdated();
        if self.core.take_changed() {
            self.stir(now);
            self.show();
        }
    }

    /// Shows the catalog to the handles, and the own entry to the rendezvous if it is another.
    fn show(&mut self) {
        let catalog = Arc::new(self.core.catalog().clone());
        let signed = |catalog: &Catalog| catalog.get(&self.me).map(|me| me.signed.clone());
        let (mine, shown) = (signed(&catalog), signed(&self.catalog.borrow()));
        self.catalog.send_replace(catalog);
        if mine != shown && !self.core.has_departed() {
            self.show_myself();
        }
    }

    pub(super) fn show_myself(&mut self) {
        let mine = self.core.catalog().get(&self.me).map(|me| me.signed.clone());
        if let Some(Err(why)) = mine.map(|mine| self.meeting.publish(&mine)) {
            self.report(Event::RendezvousTrouble { why });
        }
    }

    fn effect(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Announce(signed) => {
                let nonce = self.nonce_for(&signed, now);
                self.announce(signed, nonce, now);
            }
            Effect::Check(peer) => self.check(peer),
            Effect::Doubt(peer) => self.meeting.doubt(peer),
            Effect::Probe(peer) => {
                let nonce = self.rng.next_u64();
                self.send(peer, GossipFrame::Probe(nonce), now);
            }
            Effect::Unlink(peer) => {
                self.links.cut(&peer);
                let out = self.overlay.lost(peer, now);
                self.carry_out(out, now);
            }
            Effect::Locate(peer, boot, addresses) => {
                self.transport.locate(peer, addresses);
                self.transport.lives_as(&peer, boot);
            }
            Effect::Forget(peer) => self.transport.book().forget(&peer),
            Effect::Keep(incarnation) => self.keep_incarnation(incarnation),
            Effect::Report(event) => self.report(event),
        }
    }

    /// Gossips a statement. The same bytes are dropped by others for a while; another nonce makes other bytes.
    pub(super) fn announce(&mut self, signed: Signed, nonce: u64, now: Instant) {
        if self.departing.is_some() {
            return;
        }
        let Ok(content) = codec::encode(&Announcement { nonce, signed }) else { return };
        let out = self.overlay.broadcast(Bytes::from(content), now);
        self.carry_out(out, now);
    }

    /// Somebody listens again. What was told a moment ago, to neighbours that have left since, goes round nevertheless.
    fn announce_myself(&mut self, now: Instant) {
        let mine = self.core.catalog().get(&self.me).map(|me| (me.entry.version, me.signed.clone()));
        let Some((version, mine)) = mine.filter(|_| !self.core.has_departed()) else { return };
        let lately = |(told, at)| told == version && now.saturating_duration_since(at) < TOLD;
        if !self.announced.is_some_and(lately) {
            let nonce = self.nonce_for(&mine, now);
            self.announce(mine, nonce, now);
        }
    }

    /// A new entry of this node is told with the nonce with which others tell what they learn of it, so that it goes round once.
    /// All that may have been told before gets bytes of its own. Without neighbours nothing is told.
    fn nonce_for(&mut self, signed: &Signed, now: Instant) -> u64 {
        let mine = self.core.catalog().get(&self.me);
        let version = mine.filter(|me| me.signed == *signed).map(|me| me.entry.version);
        let Some(version) = version.filter(|_| !self.neighbours.is_empty()) else {
            return self.rng.next_u64();
        };
        let again = self.announced.is_some_and(|(told, _)| told == version);
        self.announced = Some((version, now));
        if again { self.rng.next_u64() } else { 0 }
    }

    /// Does what the overlay says.
    pub(super) fn carry_out(&mut self, out: Vec<Out>, now: Instant) {
        for out in out {
            match out {
                Out::Send(peer, message) => self.send(peer, GossipFrame::Overlay(message), now),
                Out::Close(peer) => {
                    self.links.close(&peer);
                    self.no_link(peer, now);
                }
                Out::Up(peer) => self.neighbour_up(peer, now),
                Out::Down(peer) => {
                    self.neighbours.remove(&peer);
                    self.sweep_later(now);
                    self.core.neighbour(peer, false, now);
                    self.transport.keep(peer, GossipProtocol::NAME, false);
                    self.maybe_alone(now);
                }
                // Broadcasts are handed on where they arrive, with their verified statement.
                Out::Received(..) => {}
            }
        }
    }

    fn neighbour_up(&mut self, peer: PeerId, now: Instant) {
        let was_alone = self.neighbours.is_empty();
        self.neighbours.insert(peer);
        self.core.neighbour(peer, true, now);
        self.transport.keep(peer, GossipProtocol::NAME, true);
        // One of the two asks; what it learns, both learn. Who was alone missed announcements, and asks sooner. There is
        // time: at a start neighbours come and go, and a comparison is a connection.
        if was_alone || self.me < peer {
            self.unequal.insert(peer);
            let soon = now + SOON.mul_f64(if was_alone { 0.1 } else { 0.5 } + self.rng.unit());
            self.timers.unequal = Some(self.timers.unequal.map_or(soon, |at| at.min(soon)));
        }
        if was_alone {
            self.member_since = Some(now);
            self.maybe_alone(now);
            self.announce_myself(now);
        }
    }

    /// Compares with one of the new neighbours; the next one later.
    pub(super) fn compare_with_the_new(&mut self, now: Instant) {
        self.timers.unequal = None;
        let lately = |peer: &PeerId| {
            self.compared_at.get(peer).is_some_and(|at| now.saturating_duration_since(*at) < LATELY)
        };
        let neighbours = &self.neighbours;
        self.unequal.retain(|peer| neighbours.contains(peer) && !lately(peer));
        if let Some(peer) = self.unequal.pop_first() {
            self.compare(peer, None);
        }
        if !self.unequal.is_empty() {
            self.timers.unequal = Some(now + SOON.mul_f64(0.5 + self.rng.unit()));
        }
    }

    /// Says something to a peer, over a link that may have to be made.
    pub(super) fn send(&mut self, peer: PeerId, frame: GossipFrame, now: Instant) {
        if peer == self.me {
            return self.no_link(peer, now);
        }
        if !self.neighbours.contains(&peer) {
            self.sweep_later(now);
        }
        match self.links.send(peer, frame, now) {
            Sent::Queued => {}
            Sent::Cut => self.no_link(peer, now),
            Sent::Dial if self.dials.may(now) => {
                let (transport, inbox) = (self.transport.clone(), self.tasks.inbox.clone());
                self.scope.spawn("gossip dial", async move {
                    let link = transport.link::<GossipProtocol>(peer).await;
                    let _ = inbox.send(Input::Dialled { peer, link }).await;
                });
            }
            Sent::Dial => {
                self.links.failed(&peer);
                self.no_link(peer, now);
            }
        }
    }

    /// A link stands. One to a new process of the peer ends those to its former one, and what the overlay thinks of it.
    pub(super) fn linked(&mut self, link: Link<GossipProtocol>, dialled: bool, now: Instant) {
        let (peer, is_new) = (link.peer(), self.links.supersede(&link));
        self.links.opened(link, dialled, &self.tasks);
        if is_new {
            let out = self.overlay.restarted(peer, now);
            self.carry_out(out, now);
        }
    }

    /// Links to others than neighbours are ended a little later.
    pub(super) fn sweep_later(&mut self, now: Instant) {
        self.timers.sweep.get_or_insert(now + UNUSED + UNUSED / 2);
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        self.timers.sweep = None;
        let (ended, left) = self.links.sweep(&self.neighbours, now);
        ended.into_iter().for_each(|peer| self.no_link(peer, now));
        if left {
            self.sweep_later(now);
        }
    }

    fn no_link(&mut self, peer: PeerId, now: Instant) {
        let out = self.overlay.lost(peer, now);
        self.carry_out(out, now);
    }

    pub(super) fn not_linked(&mut self, peer: PeerId, error: &LinkError, now: Instant) {
        if self.links.failed(&peer) {
            self.no_link(peer, now);
        }
        if does_not_answer(error) {
            self.core.unanswered(&peer, now);
        }
        self.departure_cannot_be_heard(peer);
    }

    pub(super) fn link_ended(&mut self, peer: PeerId, id: u64, failed: bool, now: Instant) {
        if self.links.ended(&peer, id) {
            self.no_link(peer, now);
            self.departure_cannot_be_heard(peer);
            if failed {
                self.check(peer);
            }
        }
    }

    pub(super) fn overlay_message(
        &mut self,
        peer: PeerId,
        message: Overlay,
        statement: Option<Statement>,
        now: Instant,
    ) {
        self.core.contacted(&peer, now);
        let Some(out) = self.overlay.received(peer, message, now) else {
            self.links.cut(&peer);
            return self.no_link(peer, now);
        };
        let is_news = out.iter().any(|out| matches!(out, Out::Received(..)));
        self.carry_out(out, now);
        if let Some(statement) = statement.filter(|_| is_news) {
            self.counters.announcements.fetch_add(1, Ordering::Relaxed);
            if !matches!(statement, Statement::Suspicion(_)) {
                self.relays.came(&statement.about());
            }
            self.core.heard(statement, Via::Other(peer), Duration::ZERO, now);
        }
    }

    /// Finds out whether a peer answers.
    pub(super) fn check(&mut self, peer: PeerId) {
        if self.core.catalog().get(&peer).is_some() {
            self.compare(peer, None);
        }
    }

    /// Compares catalogs with a peer, unless that is under way.
    pub(super) fn compare(&mut self, peer: PeerId, done: Option<oneshot::Sender<Result<(), LinkError>>>) {
        if let Some(waiting) = self.comparing.get_mut(&peer) {
            return waiting.extend(done);
        }
        let is_asked_for = done.is_some();
        if peer == self.me || (!is_asked_for && self.comparing.len() >= MOST_COMPARING) {
            done.map(|done| done.send(Err(LinkError::Myself)));
            return;
        }
        if !is_asked_for && !self.dials.may(Instant::now()) {
            return;
        }
        self.comparing.insert(peer, done.into_iter().collect());
        let comparer = self.comparer.clone();
        self.scope.spawn("catalog comparison", async move {
            let asked = comparer.scope.caught("catalog comparison", comparer.ask(peer)).await;
            let result = asked.unwrap_or_else(|why| Err(LinkError::Malformed(why)));
            let _ = comparer.inbox.send(Input::Compared { peer, result }).await;
        });
    }

    pub(super) fn compared(&mut self, peer: PeerId, result: Result<(), LinkError>, now: Instant) {
        match &result {
            Ok(()) => {
                self.counters.comparisons.fetch_add(1, Ordering::Relaxed);
                self.core.contacted(&peer, now);
                self.has_compared(now);
                self.told(&peer);
            }
            Err(error) if does_not_answer(error) => self.core.unanswered(&peer, now),
            Err(_) => {}
        }
        if let Err(error) = &result {
            self.seek(&peer, error, now);
        }
        self.tried(&peer, &result, now);
        for done in self.comparing.remove(&peer).unwrap_or_default() {
            let _ = done.send(result.clone());
        }
    }

    /// A comparison has ended. Only with the first one there is a choice of whom to ask for neighbours.
    pub(super) fn has_compared(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.informed, true) {
            self.newcomer(now);
        }
    }

    /// A seed was tried, if it is one.
    pub(super) fn tried(&mut self, peer: &PeerId, result: &Result<(), LinkError>, now: Instant) {
        let answer = self.seeds.tried(peer, result, now);
        answer.into_iter().for_each(|event| self.report(event));
    }

    pub(super) fn opened(
        &mut self,
        peer: PeerId,
        statement: Statement,
        holds: Option<(Version, Option<BootId>)>,
        wall: Wall,
        now: Instant,
    ) {
        if self.compared_at.len() >= MOST_COMPARED {
            self.compared_at.retain(|_, at| now.saturating_duration_since(*at) < LATELY);
        }
        if self.compared_at.len() < MOST_COMPARED {
            self.compared_at.insert(peer, now);
        }
        let news = self.core.catalog().get(&peer).is_none();
        let about = match &statement {
            Statement::Entry(entry) => Some((entry.entry.version, entry.signed.clone())),
            _ => None,
        };
        self.core.heard(statement, Via::Itself, Duration::ZERO, now);
        if let (true, Some((version, signed))) = (news, about) {
            // Most newcomers tell everybody themselves, as soon as the overlay took them in.
            if self.informed {
                self.relays.add((peer, version), signed, None, now, &mut self.rng);
                self.newcomer(now);
            }
        }
        if let Some((version, boot)) = holds {
            self.core.claimed(version, boot, now);
        }
        let apart = wall.distance(self.comparer.clock.wall());
        if apart > CLOCKS_APART && self.clocks_told.len() < MOST_CLOCKS && self.clocks_told.insert(peer) {
            self.report(Event::ClocksDisagree { peer, by: apart });
        }
    }

    /// What a comparison brought may be news to others as well: they are told too, unless the overlay brings it meanwhile. To one
    /// who has just come all is news, and to others nothing of it is: it went round before this node was in the overlay. So
    /// it tells nobody, and asks another one soon, as long as there is news.
    pub(super) fn learned(&mut self, from: PeerId, statements: Vec<(Statement, Duration)>, now: Instant) {
        self.count_compared(statements.len());
        let settled = self.member_since.is_some_and(|at| now.saturating_duration_since(at) >= NEWLY);
        for (statement, age) in statements {
            let about = statement.about();
            let signed = match &statement {
                Statement::Entry(peer) => Some(peer.signed.clone()),
                Statement::Departure(departure) => Some(departure.signed.clone()),
                Statement::Suspicion(_) => None,
            };
            let before = self.core.catalog().version_of(&about);
            let via = if about == from { Via::Itself } else { Via::Other(from) };
            self.core.heard(statement, via, age, now);
            let after = self.core.catalog().version_of(&about);
            let is_news = after != before && about != self.me;
            if is_news && !settled {
                let soon = now + SOON.mul_f64(0.5 + self.rng.unit() / 2.0);
                self.timers.compare = self.timers.compare.min(soon);
            } else if let (true, Some(version), Some(signed)) = (is_news, after, signed) {
                let by = (about != from).then_some(from);
                self.relays.add((about, version), signed, by, now, &mut self.rng);
            }
        }
    }

    /// Tells what comparisons brought and the overlay did not, all with the same bytes.
    pub(super) fn relay(&mut self, now: Instant) {
        for (about, version, signed, from) in self.relays.take() {
            if self.core.catalog().version_of(&about) == Some(version) {
                self.announce(signed, 0, now);
                if let Some(from) = from {
                    self.apart(from, now);
                }
            }
        }
    }

    pub(super) fn depart(&mut self, done: oneshot::Sender<()>) {
        let now = Instant::now();
        if self.core.has_departed() {
            let _ = done.send(());
            return;
        }
        let signed = self.core.depart();
        // The node is out of its own catalog's say from here on; the announcement goes out now, before the question.
        self.settle();
        let mut waiting = self.links.linked();
        if self.neighbours.is_empty() {
            waiting.extend(self.tell_who_knows(signed, now));
        }
        let nonce = self.rng.next_u64();
        for peer in &waiting {
            self.send(*peer, GossipFrame::Probe(nonce), now);
        }
        self.departing = Some(Departing { waiting: waiting.into_iter().collect(), nonce, done: Some(done) });
        self.departure_cannot_be_heard(self.me);
    }

    /// The overlay has not taken this node in yet, and some know it already: they are told themselves. Returns who.
    fn tell_who_knows(&mut self, departure: Signed, now: Instant) -> Vec<PeerId> {
        let announcement = Announcement { nonce: self.rng.next_u64(), signed: departure };
        let Ok(content) = codec::encode(&announcement).map(Bytes::from) else { return Vec::new() };
        let lately = |at: &Instant| now.saturating_duration_since(*at) < LATELY;
        let compared = self.compared_at.iter().filter(|(_, at)| lately(at)).map(|(peer, _)| peer);
        let knowing: BTreeSet<PeerId> = self.comparing.keys().chain(compared).copied().collect();
        let knowing: Vec<PeerId> = knowing.into_iter().take(MOST_TOLD).collect();
        for peer in &knowing {
            let content = content.clone();
            self.send(*peer, GossipFrame::Overlay(Overlay::Broadcast { hops: 0, content }), now);
        }
        knowing
    }

    /// A neighbour answered what was asked after the departure: it has heard the departure.
    pub(super) fn departure_heard(&mut self, peer: PeerId, nonce: u64) {
        if self.departing.as_ref().is_some_and(|departing| departing.nonce == nonce) {
            self.departure_cannot_be_heard(peer);
        }
    }

    fn departure_cannot_be_heard(&mut self, peer: PeerId) {
        let Some(departing) = &mut self.departing else { return };
        departing.waiting.remove(&peer);
        if !departing.waiting.is_empty() {
            return;
        }
        if let Some(done) = departing.done.take() {
            self.meeting.withdraw();
            self.remember();
            let _ = done.send(());
        }
    }
}

/// Whether the error means that nobody is there. A peer that refuses is there.
fn does_not_answer(error: &LinkError) -> bool {
    matches!(error, LinkError::Unreachable { .. } | LinkError::Deadline { .. } | LinkError::Lost)
}
