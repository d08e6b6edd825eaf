//! Which statements two nodes owe each other, from what each knows in the buckets that differ.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::primitives::{PeerId, Version};

use super::{
    super::{catalog::Catalog, signed::Signed, wire::Relayed},
    digest::{Standing, Summary, summaries},
};

/// What one side does about a difference.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Statements that the other side lacks.
    pub(crate) send: Vec<Relayed>,
    /// Nodes of which the other side knows more.
    pub(crate) want: Vec<PeerId>,
    /// Nodes that are dead here and alive there, at the versions up to which they are dead.
    pub(crate) dead_here: Vec<(PeerId, Version)>,
    /// Nodes that are alive here and dead there.
    pub(crate) dead_there: Vec<(PeerId, Version)>,
}

/// Compares what is known here with what the other side listed of `buckets`.
pub(crate) fn compare(catalog: &Catalog, buckets: &[u8], theirs: &[Summary], now: Instant) -> Plan {
    let mut all: BTreeMap<PeerId, (Option<Summary>, Option<Summary>)> = BTreeMap::new();
    for ours in buckets.iter().flat_map(|bucket| summaries(catalog, *bucket)) {
        all.entry(ours.peer).or_default().0 = Some(ours);
    }
    for theirs in theirs {
        all.entry(theirs.peer).or_default().1 = Some(*theirs);
    }
    let mut plan = Plan::default();
    for (peer, (ours, theirs)) in all {
        plan.decide(catalog, peer, ours, theirs, now);
    }
    plan
}

/// The statements about `wanted` nodes.
pub(crate) fn answer(catalog: &Catalog, wanted: &[PeerId], now: Instant) -> Vec<Relayed> {
    wanted.iter().filter_map(|peer| statement(catalog, peer, now)).collect()
}

fn statement(catalog: &Catalog, peer: &PeerId, now: Instant) -> Option<Relayed> {
    if let Some(live) = catalog.live.get(peer) {
        return Some(Relayed { signed: live.signed.clone(), age: 0 });
    }
    let grave = catalog.graves.get(peer)?;
    let signed: &Signed = grave.departure.as_ref()?;
    Some(Relayed { signed: signed.clone(), age: u32::try_from(grave.age(now).as_secs()).unwrap_or(u32::MAX) })
}

impl Plan {
    fn decide(
        &mut self,
        catalog: &Catalog,
        peer: PeerId,
        ours: Option<Summary>,
        theirs: Option<Summary>,
        now: Instant,
    ) {
        use Standing::{Dead, Departed, Live};
        let (send, want) = match (ours, theirs) {
            (Some(ours), None) => (ours.standing != Dead, false),
            (None, Some(theirs)) => (false, theirs.standing != Dead),
            (None, None) => (false, false),
            (Some(ours), Some(theirs)) => match (ours.standing, theirs.standing) {
                (Live, Live) | (Departed, Departed) => by_version(&ours, &theirs),
                (Live, Departed) => flip(departed_or_live(&theirs, &ours)),
                (Departed, Live) => departed_or_live(&ours, &theirs),
                (Live, Dead) if ours.version > theirs.version => (true, false),
                (Live, Dead) => {
                    self.dead_there.push((peer, theirs.version));
                    (false, false)
                }
                (Dead, Live) if theirs.version > ours.version => (false, true),
                (Dead, Live) => {
                    self.dead_here.push((peer, ours.version));
                    (false, false)
                }
                (Dead, Departed) => (false, theirs.version >= ours.version),
                (Departed, Dead) => (ours.version >= theirs.version, false),
                (Dead, Dead) => (false, false),
            },
        };
        if send {
            self.send.extend(statement(catalog, &peer, now));
        }
        if want {
            self.want.push(peer);
        }
    }
}

/// (send ours, want theirs) for two statements of one kind.
fn by_version(ours: &Summary, theirs: &Summary) -> (bool, bool) {
    if ours.version == theirs.version && ours.mark != theirs.mark {
        return (true, true);
    }
    (ours.version > theirs.version, ours.version < theirs.version)
}

/// (send the departure, want the entry): an entry outlives a departure only by a higher incarnation.
fn departed_or_live(departed: &Summary, live: &Summary) -> (bool, bool) {
    let outlived = live.version.incarnation > departed.version.incarnation;
    (!outlived, outlived)
}

fn flip((send, want): (bool, bool)) -> (bool, bool) {
    (want, send)
}
