//! Keeps the lines of a consumed stream: to whom, and what happens when one ends.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{
    core::{
        inbox::{Left, Note},
        limits::MAX_WAIT,
        source::Source,
    },
    hub::Hub,
    inlet::{Inlet, Line},
    local::local,
    options::Preference,
    outlet::Outlet,
    subscribe::{Outcome, remote},
};
use crate::{
    discovery::Catalog,
    primitives::{BootId, PeerId, PeerRole, backoff::Backoff},
};

/// How often the nearest producers are chosen anew.
const CHOOSE: Duration = Duration::from_secs(10);
/// The longest wait between two attempts at a producer that is there: well below the lease of a lost subscription.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A subscription that stood so long begins with short waits again.
const STOOD: Duration = Duration::from_secs(1);
/// Places of producers that are gone; beyond it the numbers of some are forgotten, and their return begins anew.
const PLACES: usize = 4096;

/// Looks after an inlet until its last consumer is gone: who should have a line has one.
pub(super) async fn keep_inlet(hub: Arc<Hub>, inlet: Arc<Inlet>) {
    let mut catalog = hub.discovery.watch();
    loop {
        let snapshot = catalog.borrow_and_update().clone();
        let wanted = choose(&hub, &inlet, &snapshot);
        connect(&hub, &inlet, wanted);
        inlet.publish();
        let again = hub.clock.now() + CHOOSE;
        tokio::select! {
            biased;
            () = inlet.scope.stopping() => return,
            changed = catalog.changed() => if changed.is_err() { return },
            () = sleep_until(again), if inlet.options.prefer != Preference::All => {}
        }
    }
}

/// The producers to subscribe to. Of those that are near alike, the ones with a line stay.
fn choose(hub: &Hub, inlet: &Inlet, catalog: &Catalog) -> BTreeSet<PeerId> {
    let producers = catalog.with_role(PeerRole::Produces, &inlet.subject.item).map(|peer| peer.id);
    let Preference::Nearest(most) = inlet.options.prefer else { return producers.collect() };
    let running: BTreeSet<PeerId> = inlet.lines().wanted.clone();
    let me = hub.transport.id();
    let mut ranked: Vec<_> = producers
        .map(|peer| {
            let rtt = if peer == me { Some(Duration::ZERO) } else { hub.discovery.view(&peer).rtt };
            let rtt = rtt.unwrap_or(Duration::MAX);
            // A challenger must be clearly nearer: at most half as far.
            let far = if running.contains(&peer) { rtt / 2 } else { rtt };
            (far, !running.contains(&peer), peer)
        })
        .collect();
    ranked.sort();
    ranked.into_iter().take(most).map(|(_, _, peer)| peer).collect()
}

fn connect(hub: &Arc<Hub>, inlet: &Arc<Inlet>, wanted: BTreeSet<PeerId>) {
    let mut lines = inlet.lines();
    if inlet.options.prefer != Preference::All {
        let unwanted = lines.running.iter().filter(|(peer, _)| !wanted.contains(peer));
        unwanted.for_each(|(_, line)| line.leave.cancel());
    }
    for peer in &wanted {
        if !lines.running.contains_key(peer) {
            let line = Arc::new(Line::default());
            lines.running.insert(*peer, line.clone());
            let keep = keep_line(hub.clone(), inlet.clone(), *peer, line);
            inlet.scope.spawn("streams line", keep);
        }
    }
    lines.wanted = wanted;
}

/// Keeps one line while its producer is wanted.
async fn keep_line(hub: Arc<Hub>, inlet: Arc<Inlet>, peer: PeerId, line: Arc<Line>) {
    let mut source = inlet.lines().places.remove(&peer).unwrap_or_default();
    let mut waits = Backoff::new(hub.backoff(LONGEST_WAIT), hub.rng("streams line"));
    let mut said = None;
    let me = hub.transport.id();
    let mut place_until = None;
    while inlet.is_wanted(&peer, source, place_until.is_some_and(|until| hub.clock.now() < until)) {
        let began = hub.clock.now();
        let before = seen(&hub, &peer);
        let outcome = match peer == me {
            true => local(&hub, &inlet, me, &line, &mut source).await,
            false => remote(&hub, &inlet, peer, &line, &mut source).await,
        };
        match outcome {
            Outcome::NotBegun(why) => {
                if said.as_ref() != Some(&why) {
                    let epoch = source.had().map_or(BootId(0), |(epoch, _)| epoch);
                    inlet.inbox().note(peer, epoch, Note::Refused(why.clone()));
                    tracing::debug!(target: "mosaik::streams", stream = inlet.subject.intent, producer = %peer.short(), "no subscription: {why}");
                    said = Some(why);
                }
            }
            Outcome::Over(left) => {
                said = None;
                // The producer keeps the place for a while, whatever discovery thinks of a node that was silent.
                let lease = Duration::from_millis(line.resume_ms.load(Ordering::Relaxed)).min(MAX_WAIT);
                place_until = matches!(left, Left::Lost(_)).then(|| hub.clock.now() + lease);
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

type Versions = [Option<crate::primitives::Version>; 2];

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
    /// Whether the line to `peer` is still wanted, or has a place that is kept; if not, it is forgotten, and its place kept.
    fn is_wanted(&self, peer: &PeerId, source: Source, has_place: bool) -> bool {
        let mut lines = self.lines();
        let line_stays = lines.running.get(peer).is_some_and(|line| !line.leave.is_cancelled());
        if (has_place || lines.wanted.contains(peer)) && line_stays && !self.scope.is_stopping() {
            return true;
        }
        lines.running.remove(peer);
        if lines.places.len() >= PLACES {
            lines.places.pop_first();
        }
        lines.places.insert(*peer, source);
        drop(lines);
        self.inbox().forget(peer);
        self.publish();
        false
    }
}

/// Looks after an outlet while it is produced to, or waited for: leases end in time, and tags of subscribers are those of their
/// entries.
pub(super) async fn keep_outlet(hub: Arc<Hub>, outlet: Arc<Outlet>) {
    let mut catalog = hub.discovery.watch();
    loop {
        catalog.borrow_and_update();
        outlet.publish();
        let next: Option<Instant> = outlet.expire();
        if hub.retire(&outlet) {
            return;
        }
        let far = hub.clock.now() + super::serve::SILENCE;
        tokio::select! {
            biased;
            () = hub.scope.stopping() => return,
            () = outlet.keeper.notified() => {}
            changed = catalog.changed() => if changed.is_err() { return },
            () = sleep_until(next.unwrap_or(far)) => {}
        }
    }
}
