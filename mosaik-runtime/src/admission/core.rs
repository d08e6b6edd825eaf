//! The decisions, pure: who is let in, on which schema, and when a lease ends.

use std::{fmt, sync::Arc};

use super::{Refusal, proofs::Standing, refusal::shown};
use crate::primitives::{
    Decision, Fingerprint, PeerRole, PeerView, Policy, WireId,
    policy::short,
    schema::{Shape, difference},
};

/// The item that an ask is about. The name stays on this node; the id is what travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The id on the wire.
    pub id: WireId,
    /// What this node calls it: the intent. `None` when it knows no such item.
    pub name: Option<Arc<str>>,
}

impl Item {
    /// An item that this node declares or uses.
    pub fn known(id: WireId, name: &str) -> Self {
        Self { id, name: Some(name.into()) }
    }

    /// An item of which this node knows the id alone.
    pub fn unknown(id: WireId) -> Self {
        Self { id, name: None }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.id.short()),
        }
    }
}

/// What a node asks of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The item.
    pub item: Item,
    /// What the asker will be.
    pub role: PeerRole,
    /// The schemas that the asker can speak, best first.
    pub schemas: Vec<Fingerprint>,
    /// The shape of the first of them, for the sentence about what differs; a peer may have sent none.
    pub shape: Option<Shape>,
}

/// What a node offers: the other side of an [`Ask`].
#[derive(Debug, Clone)]
pub struct Gate {
    /// What this side calls the item, for events and logs.
    pub name: Arc<str>,
    /// Who may ask.
    pub policy: Policy,
    /// The schema that this side speaks.
    pub schema: Fingerprint,
    /// Its shape.
    pub shape: Shape,
}

/// Whether the schemas fit. On a mismatch: what the side here and what the asker should read.
pub(super) fn agree(gate: &Gate, ask: &Ask) -> Result<Fingerprint, Mismatch> {
    let shape = ask.shape.as_ref();
    if ask.schemas.contains(&gate.schema) {
        return Ok(gate.schema);
    }
    let unknown = || "the types differ (no shape was sent)".to_owned();
    let sentence = |here: &Shape, there: &Shape| shown(&difference(here, there).unwrap_or_else(unknown));
    Err(Mismatch {
        here: shape.map_or_else(unknown, |theirs| sentence(&gate.shape, theirs)),
        there: shape.map_or_else(unknown, |theirs| sentence(theirs, &gate.shape)),
    })
}

/// One difference, told from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) here: String,
    pub(super) there: String,
}

/// What a policy says of a peer, as a refusal.
pub(super) fn judge(policy: &Policy, view: &PeerView) -> Result<(), Refusal> {
    match policy.evaluate(view) {
        Decision::Yes => Ok(()),
        Decision::No => Err(Refusal::PolicyUnmet { policy: policy.to_string() }),
        Decision::Unknown => Err(Refusal::NotKnownYet { policy: policy.to_string() }),
    }
}

/// Tells a refusal as one for want of a proof, if the proofs alone are what is missing.
pub(super) fn explain(refusal: Refusal, policy: &Policy, view: &PeerView, standing: &Standing) -> Refusal {
    let Some((proof, why)) = standing.missing() else { return refusal };
    let mut proven = view.clone();
    proven.proofs.values_mut().for_each(|decision| *decision = Decision::Yes);
    if judge(policy, &proven).is_err() {
        return refusal;
    }
    Refusal::NotProven {
        policy: policy.to_string(),
        proof: short(proof).to_owned(),
        why: shown(&why.to_string()),
    }
}

/// How many slow samples in a row end a lease.
const STRIKES: u32 = 3;
/// How far above a limit on round-trip time a sample must be to count.
const SLACK: f64 = 1.25;

/// Decides whether an admission still stands. A lost tag ends it at once; a slow round trip only after three samples over
/// 1.25 × the limit, so that a hiccup does not cut a link.
#[derive(Debug)]
pub(super) struct Keeper {
    policy: Policy,
    relaxed: Policy,
    strikes: u32,
}

impl Keeper {
    pub(super) fn new(policy: Policy) -> Self {
        let relaxed = policy.relaxed(SLACK);
        Self { policy, relaxed, strikes: 0 }
    }

    /// The policy.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether round trips must be sampled for this policy.
    pub(super) fn samples(&self) -> bool {
        self.policy.needs_rtt()
    }

    /// Looks again; `sampled` when a new round-trip time may be in `view`.
    pub(super) fn review(&mut self, view: &PeerView, sampled: bool) -> Result<(), Refusal> {
        let Err(refusal) = judge(&self.relaxed, view) else {
            self.strikes = 0;
            return Ok(());
        };
        let if_fast = PeerView { rtt: view.rtt.map(|_| std::time::Duration::ZERO), ..view.clone() };
        if judge(&self.relaxed, &if_fast).is_err() {
            return Err(self.worded(refusal));
        }
        self.strikes += u32::from(sampled);
        if self.strikes >= STRIKES { Err(self.worded(refusal)) } else { Ok(()) }
    }

    /// The user reads the policy that was written, not the relaxed one.
    fn worded(&self, refusal: Refusal) -> Refusal {
        let policy = self.policy.to_string();
        match refusal {
            Refusal::PolicyUnmet { .. } => Refusal::PolicyUnmet { policy },
            Refusal::NotKnownYet { .. } => Refusal::NotKnownYet { policy },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::primitives::{
        PeerId, Tag,
        policy::{rtt_below, tag},
        schema::of,
    };

    fn view(tags: &[&str], rtt_ms: u64) -> PeerView {
        PeerView {
            tags: Some(Arc::new(tags.iter().filter_map(|text| Tag::new(text).ok()).collect())),
            rtt: Some(Duration::from_millis(rtt_ms)),
            ..PeerView::stranger(PeerId::from_bytes([1; 32]))
        }
    }

    #[test]
    fn a_mismatch_is_told_from_both_sides() {
        let shape = of::<f32>();
        let gate =
            Gate { name: "lab.item".into(), policy: Policy::anyone(), schema: shape.fingerprint(), shape };
        let theirs = of::<f64>();
        let (item, role) = (Item::unknown(WireId::from_bytes([1; 32])), PeerRole::Consumes);
        let ask = |schemas| Ask { item: item.clone(), role, schemas, shape: Some(theirs.clone()) };
        let found = agree(&gate, &ask(vec![theirs.fingerprint()])).expect_err("they differ");
        assert_eq!(found.here, "f32 here, f64 there");
        assert_eq!(found.there, "f64 here, f32 there");
        assert!(agree(&gate, &ask(vec![theirs.fingerprint(), gate.schema])).is_ok());
    }

    #[test]
    fn what_is_unknown_refuses() {
        let stranger = PeerView::stranger(PeerId::from_bytes([1; 32]));
        assert!(matches!(judge(&tag("a"), &stranger), Err(Refusal::NotKnownYet { .. })));
        assert!(matches!(judge(&!tag("a"), &stranger), Err(Refusal::NotKnownYet { .. })));
        assert_eq!(judge(&Policy::anyone(), &stranger), Ok(()));
    }

    #[test]
    fn a_lost_tag_ends_a_lease_at_once() {
        let mut keeper = Keeper::new(tag("matcher"));
        assert_eq!(keeper.review(&view(&["matcher"], 1), false), Ok(()));
        assert!(keeper.review(&view(&[], 1), false).is_err());
    }

    #[test]
    fn three_slow_samples_in_a_row_end_a_lease() {
        let limit = tag("a") & rtt_below(Duration::from_millis(20));
        let mut keeper = Keeper::new(limit.clone());
        let (fast, near, slow) = (view(&["a"], 5), view(&["a"], 24), view(&["a"], 30));
        for _ in 0..10 {
            assert_eq!(keeper.review(&near, true), Ok(()), "within 1.25 times the limit");
        }
        for sample in [&slow, &slow, &fast, &slow, &slow] {
            assert_eq!(keeper.review(sample, true), Ok(()), "not three in a row");
        }
        assert_eq!(keeper.review(&slow, false), Ok(()), "an entry change is no sample");
        let refusal = Refusal::PolicyUnmet { policy: limit.to_string() };
        assert_eq!(keeper.review(&slow, true), Err(refusal));
    }
}
