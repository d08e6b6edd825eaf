//! Keeps the lines of a consumed stream: to whom, and what happens when one ends.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    core::{
        inbox::{Left, Note},
        nearest::{Candidate, Choice, choose},
        source::Source,
    },
    hub::Hub,
    inlet::{Inlet, Refusals, Versions},
    line::Line,
    local::local,
    options::Preference,
    serve::SILENCE,
    subscribe::{Outcome, remote},
};
use crate::{
    discovery::Catalog,
    primitives::{BootId, PeerId, PeerRole, backoff::Backoff},
};

/// How often the nearest producers are chosen anew.
const CHOOSE: Duration = Duration::from_secs(10);
/// How long a line whose task panicked rests.
const REST: Duration = Duration::from_secs(10);
/// The longest wait between two attempts at a producer that is there: well below the lease of a lost subscription.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A subscription that stood so long begins with short waits again.
const STOOD: Duration = Duration::from_secs(1);
/// How long others are preferred to a producer that refused: at first, and after it did so again and again.
const REFUSED: Duration = Duration::from_secs(20);
const REFUSED_OFTEN: Duration = Duration::from_secs(600);
/// Places of producers that are gone; beyond it the numbers of some are forgotten, and their return begins anew.
const PLACES: usize = 4096;

/// Looks after an inlet until its last consumer is gone: who should have a line has one.
pub(super) async fn keep_inlet(hub: Arc<Hub>, inlet: Arc<Inlet>) {
    let mut catalog = hub.discovery.watch();
    loop {
        let snapshot = catalog.borrow_and_update().clone();
        let choice = choice(&hub, &inlet, &snapshot);
        connect(&hub, &inlet, choice);
        inlet.publish();
        let chooses = inlet.options.prefer != Preference::All;
        let look = chooses.then(|| hub.clock.now() + CHOOSE);
        let again: Option<Instant> = inlet.lines().resting.values().copied().chain(look).min();
        let far = hub.clock.now() + SILENCE;
        tokio::select! {
            biased;
            () = inlet.scope.stopping() => return,
            changed = catalog.changed() => if changed.is_err() { return },
            () = inlet.keeper.notified() => {}
            () = sleep_until(again.unwrap_or(far)) => {}
        }
    }
}

/// The producers to subscribe to.
fn choice(hub: &Hub, inlet: &Inlet, catalog: &Catalog) -> Choice {
    let producers: BTreeSet<PeerId> =
        catalog.with_role(PeerRole::Produces, &inlet.subject.item).map(|peer| peer.id).collect();
    let Preference::Nearest(most) = inlet.options.prefer else {
        return Choice { wanted: producers, spare: BTreeSet::new() };
    };
    let me = hub.transport.id();
    let now = hub.clock.now();
    let mut lines = inlet.lines();
    lines.refusals.retain(|peer, _| producers.contains(peer));
    let candidates = producers.into_iter().map(|peer| {
        let line = lines.running.get(&peer).filter(|line| !line.leave.is_cancelled());
        let refusals = lines.refusals.get(&peer);
        Candidate {
            peer,
            rtt: if peer == me { Some(Duration::ZERO) } else { hub.discovery.view(&peer).rtt },
            chosen: lines.wanted.contains(&peer),
            up: line.is_some_and(|line| line.up().is_some()),
            refused: refusals.is_some_and(|known| now < known.until && known.seen == seen(hub, &peer)),
        }
    });
    choose(candidates, most)
}

fn connect(hub: &Arc<Hub>, inlet: &Arc<Inlet>, Choice { wanted, spare }: Choice) {
    let mut lines = inlet.lines();
    let now = hub.clock.now();
    lines.resting.retain(|_, until| now < *until);
    if inlet.options.prefer != Preference::All {
        let stays = |peer: &PeerId| wanted.contains(peer) || spare.contains(peer);
        let unwanted = lines.running.iter().filter(|(peer, _)| !stays(peer));
        unwanted.for_each(|(_, line)| line.leave.cancel());
    }
    for peer in &wanted {
        if !lines.running.contains_key(peer) && !lines.resting.contains_key(peer) {
            let (line, peer, inlet) = (Arc::new(Line::default()), *peer, inlet.clone());
            let source = lines.places.remove(&peer).unwrap_or_default();
            lines.running.insert(peer, line.clone());
            let scope = inlet.scope.clone();
            let running = Running { inlet, peer, line, source };
            scope.spawn("streams line", keep_line(hub.clone(), running));
        }
    }
    lines.wanted = wanted;
}

/// A line whose task runs. When that ends early, in a panic, the line is down, its place is kept, and it begins again later.
struct Running {
    inlet: Arc<Inlet>,
    peer: PeerId,
    line: Arc<Line>,
    source: Source,
}

impl Drop for Running {
    fn drop(&mut self) {
        let inlet = &self.inlet;
        let is_mine = |line: &Arc<Line>| Arc::ptr_eq(line, &self.line);
        if inlet.scope.is_stopping() || !inlet.lines().running.get(&self.peer).is_some_and(is_mine) {
            return;
        }
        if let Some(epoch) = self.line.up() {
            let why = Left::Lost("this node failed to go on with it; its log says why".to_owned());
            inlet.end(self.peer, &self.line, epoch, why);
        }
        inlet.lines().resting.insert(self.peer, inlet.clock.now() + REST);
        inlet.forget(&self.peer, self.source);
    }
}

/// Keeps one line while its producer is wanted.
async fn keep_line(hub: Arc<Hub>, mut running: Running) {
    let (inlet, line, peer) = (running.inlet.clone(), running.line.clone(), running.peer);
    let source = &mut running.source;
    let mut waits = Backoff::new(hub.backoff(LONGEST_WAIT), hub.rng("streams line"));
    let mut said = None;
    let me = hub.transport.id();
    let mut place_until = None;
    while inlet.is_wanted(&peer, *source, place_until.is_some_and(|until| hub.clock.now() < until)) {
        let began = hub.clock.now();
        let before = seen(&hub, &peer);
        let outcome = match peer == me {
            true => local(&hub, &inlet, me, &line, source).await,
            false => remote(&hub, &inlet, peer, &line, source).await,
        };
        match outcome {
            Outcome::NotBegun(why) => {
                inlet.refused(&hub, peer, before);
                if said.as_ref() != Some(&why) {
                    let epoch = source.had().map_or(BootId(0), |(epoch, _)| epoch);
                    inlet.change(|inbox| inbox.note(peer, epoch, Note::Refused(why.clone())));
                    tracing::debug!(target: "mosaik::streams", stream = inlet.subject.intent, producer = %peer.short(), "no subscription: {why}");
                    said = Some(why);
                }
            }
            Outcome::Over(left) => {
                said = None;
                // The producer keeps the place for a while, whatever discovery thinks of a node that was silent.
                place_until = matches!(left, Left::Lost(_)).then(|| hub.clock.now() + line.lease());
                if hub.clock.now() - began >= STOOD {
                    waits.reset();
                }
                tracing::debug!(target: "mosaik::streams", stream = inlet.subject.intent, producer = %peer.short(), "a subscription is over: {left:?}");
            }
            Outcome::Done => {}
        }
        let until = hub.clock.now() + waits.next_wait();
        tokio::select! {
            biased;
            () = inlet.scope.stopping() => return,
            () = line.leave.cancelled() => {}
            () = changed(&hub, &peer, before) => {}
            () = sleep_until(until) => {}
        }
    }
}

/// The versions of this node's and the peer's entries.
fn seen(hub: &Hub, peer: &PeerId) -> Versions {
    let catalog = hub.discovery.catalog();
    [hub.transport.id(), *peer].map(|id| catalog.get(&id).map(|peer| peer.entry.version))
}

/// Waits until one of the two entries is another: what was refused may be admitted now.
async fn changed(hub: &Hub, peer: &PeerId, before: Versions) {
    let mut catalog = hub.discovery.watch();
    while seen(hub, peer) == before {
        if catalog.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

impl Inlet {
    /// A subscription did not come about: while only the nearest ones are preferred, another one is tried.
    fn refused(&self, hub: &Hub, peer: PeerId, seen: Versions) {
        if self.options.prefer == Preference::All {
            return;
        }
        let mut lines = self.lines();
        let times = lines.refusals.get(&peer).map_or(1, |known| known.times.saturating_add(1));
        let until = hub.clock.now() + (REFUSED * 2_u32.saturating_pow(times - 1)).min(REFUSED_OFTEN);
        lines.refusals.insert(peer, Refusals { times, until, seen });
        drop(lines);
        self.reconsider();
    }

    /// Whether the line to `peer` is still wanted, or has a place that is kept; if not, it is forgotten, and its place kept.
    fn is_wanted(&self, peer: &PeerId, source: Source, has_place: bool) -> bool {
        let lines = self.lines();
        let line_stays = lines.running.get(peer).is_some_and(|line| !line.leave.is_cancelled());
        if (has_place || lines.wanted.contains(peer)) && line_stays && !self.scope.is_stopping() {
            return true;
        }
        drop(lines);
        self.forget(peer, source);
        false
    }

    /// The line to `peer` is over; its place is kept.
    fn forget(&self, peer: &PeerId, source: Source) {
        let mut lines = self.lines();
        lines.running.remove(peer);
        if lines.places.len() >= PLACES {
            lines.places.pop_first();
        }
        lines.places.insert(*peer, source);
        drop(lines);
        self.inbox().forget(peer);
        self.publish();
        self.keeper.notify_one();
    }
}
