//! How far the members of a group are from each other: what was measured, and what the others say that the group stands.
//!
//! Nothing is changed for it. A group stands the round trip that it declares, the same on all its nodes; here somebody is told when that is too
//! little, or not the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::driver::Driver;
use crate::{
    groups::timing::{FARTHEST, Timing},
    primitives::PeerId,
};

/// How often distances are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Of so many nodes it is remembered what was said.
const SAID: usize = 1024;

/// What a driver knows of distances.
#[derive(Debug, Default)]
pub(super) struct Distances {
    looked: Option<Instant>,
    /// Too far when they were looked at last: once may be chance.
    suspects: BTreeSet<PeerId>,
    /// Who was said to be too far away for what the group stands.
    said: Said,
    /// Who was said to declare another round trip, and which.
    others: Said,
}

/// Of whom something was said, so that it is said once.
#[derive(Debug, Default)]
struct Said(BTreeMap<PeerId, Duration>);

impl Said {
    fn is_news(&mut self, peer: PeerId, what: Duration) -> bool {
        if self.0.len() >= SAID {
            self.0.pop_first();
        }
        self.0.insert(peer, what) != Some(what)
    }
}

impl Distances {
    /// Whether it is time to look.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK);
        if due {
            self.looked = Some(now);
        }
        due
    }

    /// Those who are too far away now, as it was shown before or as it was measured.
    fn far(
        &mut self,
        timing: Timing,
        measured: &BTreeMap<PeerId, Duration>,
        shown: &BTreeMap<PeerId, Duration>,
    ) -> BTreeMap<PeerId, Duration> {
        let beyond = measured.iter().filter(|(_, rtt)| timing.is_beyond(**rtt));
        let suspects = beyond.clone().map(|(peer, _)| *peer).collect();
        let before = std::mem::replace(&mut self.suspects, suspects);
        let again = beyond.filter(|(peer, _)| before.contains(peer));
        again.map(|(peer, rtt)| (*peer, shown.get(peer).copied().unwrap_or(*rtt))).collect()
    }
}

impl Driver {
    /// Measures the ways to the others, and says which are too long.
    pub(super) fn look_at_distances(&mut self) {
        if !self.distances.is_due(self.instance.clock().now()) {
            return;
        }
        let bonds = self.instance.bonds();
        let measured = bonds.peers().into_iter().filter_map(|peer| Some((peer, bonds.rtt(&peer)?))).collect();
        let timing = bonds.timing();
        let shown = self.instance.0.view.borrow().far.clone();
        let far = self.distances.far(timing, &measured, &shown);
        let group = self.instance.subject().intent.clone();
        metrics::gauge!("mosaik_groups_far", "group" => group.clone()).set(far.len() as f64);
        if *shown == far {
            return;
        }
        for (peer, rtt) in &far {
            if self.distances.said.is_news(*peer, timing.round_trip()) {
                tracing::warn!(target: "mosaik::groups", group = &*group, peer = %peer.short(), "{}", too_far(*rtt, timing));
            }
        }
        self.instance.change_view(|view| view.far = Arc::new(far));
    }

    /// A bond with this peer has begun or ended: the peer says which round trip the group stands there.
    pub(super) fn compare_round_trips(&mut self, peer: PeerId, there: Option<Timing>) {
        let ours = self.instance.bonds().timing().round_trip();
        let theirs = there.map(Timing::round_trip);
        let other = theirs.filter(|theirs| *theirs != ours);
        let shown = self.instance.0.view.borrow().round_trips.clone();
        if shown.get(&peer).copied() == other {
            return;
        }
        let mut round_trips = shown.as_ref().clone();
        round_trips.remove(&peer);
        if let Some(theirs) = other {
            round_trips.insert(peer, theirs);
            if self.distances.others.is_news(peer, theirs) {
                let group = self.instance.intent();
                tracing::warn!(target: "mosaik::groups", group, peer = %peer.short(), "`round_trip` is {ours:?} here and {theirs:?} there: say the same on all nodes of the group, or whoever leads with the shorter one may lose its majority");
            }
        }
        self.instance.change_view(|view| view.round_trips = Arc::new(round_trips));
    }
}

/// What is wrong, and what to do.
fn too_far(measured: Duration, timing: Timing) -> String {
    let declared = timing.round_trip();
    let mut told = format!(
        "the way to this node and back takes {measured:.0?}, and the group stands {declared:?}: heartbeats and votes come too late, and leaders may \
         change without end. "
    );
    let _ = match Timing::to_declare(measured) {
        Some(enough) => {
            let enough = enough.as_millis();
            write!(
                told,
                "Write `round_trip = \"{enough}ms\"` on the group, or `.round_trip(..)` on its builder, the same on all its nodes"
            )
        }
        None => write!(told, "No group stands more than {FARTHEST:?}: keep its members nearer to each other"),
    };
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_way_is_too_long_when_it_was_twice_and_stays_as_it_was_shown() {
        let (near, a, b) = (Timing::default(), PeerId::from_bytes([1; 32]), PeerId::from_bytes([2; 32]));
        let mut distances = Distances::default();
        let mut far = |ways: [(PeerId, u64); 2], shown: &BTreeMap<PeerId, Duration>| {
            distances.far(near, &ways.map(|(peer, rtt)| (peer, ms(rtt))).into(), shown)
        };
        let none = BTreeMap::new();
        assert_eq!(far([(a, 300), (b, 60)], &none), none, "the first look may be chance");
        let shown = BTreeMap::from([(a, ms(310))]);
        assert_eq!(far([(a, 310), (b, 61)], &none), shown);
        assert_eq!(far([(a, 305), (b, 60)], &shown), shown, "it does not change with each look");
        assert_eq!(far([(a, 40), (b, 61)], &shown), none);
    }

    #[test]
    fn what_is_too_far_is_said_with_what_to_write() {
        let told = too_far(ms(640), Timing::default());
        assert!(told.contains("640ms") && told.contains("stands 60ms"), "{told}");
        assert!(told.contains("`round_trip = \"800ms\"`"), "{told}");
        let told = too_far(ms(1900), Timing::of(ms(800)));
        assert!(told.contains("No group stands more than 2s"), "{told}");
    }
}
