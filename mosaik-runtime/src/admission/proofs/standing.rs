//! What a peer has proven, and until when it stands. Pure.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use crate::{
    primitives::{Decision, PeerView, Wall},
    tickets::{Denial, Expiry, Reference, TicketId},
};

/// One proof that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admission) struct Proof {
    pub(super) ticket: TicketId,
    pub(super) expiry: Expiry,
}

/// What a peer has proven of what a policy asks for.
#[derive(Debug, Clone, Default)]
pub(in crate::admission) struct Standing(BTreeMap<Arc<str>, Result<Proof, Denial>>);

impl Standing {
    /// Takes new findings. Where the same ticket stands until the same time as before, its end stays where it was fixed: a wall
    /// clock that was set back meanwhile prolongs nothing.
    ///
    /// A ticket that could only not be looked at just now stands as it did, if it is still shown.
    pub(in crate::admission) fn renewed(&self, mut found: Self, shown: &[Reference]) -> Self {
        for (name, verdict) in &mut found.0 {
            let Some(Ok(old)) = self.0.get(name) else { continue };
            let still = shown.iter().any(|(_, id)| *id == old.ticket);
            let same = |new: &Proof| new.ticket == old.ticket && new.expiry.until() == old.expiry.until();
            let stands = match &*verdict {
                Ok(new) => same(new),
                Err(Denial::Busy | Denial::Unavailable { .. }) => still,
                Err(_) => false,
            };
            if stands {
                *verdict = Ok(*old);
            }
        }
        found
    }

    /// Adds one finding.
    pub(super) fn put(&mut self, name: Arc<str>, verdict: Result<Proof, Denial>) {
        self.0.insert(name, verdict);
    }

    /// Takes away what is over, and what the peer no longer shows.
    pub(in crate::admission) fn prune(&mut self, shown: Option<&[Reference]>, wall: Wall, mono: Instant) {
        for verdict in self.0.values_mut() {
            let Ok(proof) = verdict else { continue };
            let gone = shown.is_some_and(|shown| shown.iter().all(|(_, id)| *id != proof.ticket));
            if gone {
                *verdict = Err(Denial::Unavailable { why: "the peer no longer shows the ticket".to_owned() });
            } else if proof.expiry.passed(wall, mono) {
                *verdict = Err(Denial::Expired { ago: wall.distance(proof.expiry.until().min(wall)) });
            }
        }
    }

    /// When the first proof ends.
    pub(in crate::admission) fn next_end(&self, wall: Wall, mono: Instant) -> Option<Instant> {
        let proofs = self.0.values().filter_map(|verdict| verdict.as_ref().ok());
        proofs.filter_map(|proof| proof.expiry.next(wall, mono)).min()
    }

    /// The first proof that is missing, and why.
    pub(in crate::admission) fn missing(&self) -> Option<(&str, &Denial)> {
        self.0.iter().find_map(|(name, verdict)| Some((&**name, verdict.as_ref().err()?)))
    }

    /// Tells a view what is proven.
    pub(in crate::admission) fn tell(&self, view: &mut PeerView) {
        let decided = self.0.iter().map(|(name, verdict)| (name.clone(), Decision::from(verdict.is_ok())));
        view.proofs = decided.collect();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{primitives::PeerId, tickets::Class};

    fn standing(ticket: u8, until: u64, wall: u64, mono: Instant) -> Standing {
        let expiry = Expiry::fix(Wall(until), Wall(wall), mono);
        let mut standing = Standing::default();
        standing.put("Desk".into(), Ok(Proof { ticket: TicketId::from_bytes([ticket; 32]), expiry }));
        standing
    }

    #[tokio::test(start_paused = true)]
    async fn t2_a_clock_that_is_set_back_prolongs_nothing_and_a_new_ticket_does() {
        let start = Instant::now();
        let first = standing(1, 10_000, 0, start);
        let end = Some(start + Duration::from_secs(10));
        let again = first.renewed(standing(1, 10_000, 0, start + Duration::from_secs(5)), &[]);
        assert_eq!(again.next_end(Wall(0), start), end, "validated again with a clock that was set back");
        let newer = again.renewed(standing(2, 60_000, 5000, start + Duration::from_secs(5)), &[]);
        assert_eq!(
            newer.next_end(Wall(5000), start + Duration::from_secs(5)),
            Some(start + Duration::from_secs(60))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_looked_at_stands_while_it_is_shown() {
        let start = Instant::now();
        let before = standing(1, 10_000, 0, start);
        let shown = [(Class::jwt(), TicketId::from_bytes([1; 32]))];
        let after = |denial, shown: &[Reference]| {
            let mut found = Standing::default();
            found.put("Desk".into(), Err(denial));
            before.renewed(found, shown).missing().is_none()
        };
        assert!(after(Denial::Busy, &shown));
        assert!(!after(Denial::Busy, &[]));
        assert!(!after(Denial::Revoked, &shown));
        assert!(!after(Denial::Panicked, &shown), "t5");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_or_not_shown_any_more_is_missing() {
        let start = Instant::now();
        let mut over = standing(1, 10_000, 0, start);
        over.prune(None, Wall(9999), start);
        assert!(over.missing().is_none());
        over.prune(None, Wall(10_000), start);
        assert_eq!(over.missing().map(|(name, denial)| (name, denial.code())), Some(("Desk", "expired")));
        let mut gone = standing(1, 10_000, 0, start);
        gone.prune(Some(&[(Class::jwt(), TicketId::from_bytes([1; 32]))]), Wall(0), start);
        assert!(gone.missing().is_none());
        gone.prune(Some(&[(Class::jwt(), TicketId::from_bytes([2; 32]))]), Wall(0), start);
        assert_eq!(gone.missing().map(|(_, denial)| denial.code()), Some("unavailable"));
        let mut view = PeerView::stranger(PeerId::from_bytes([1; 32]));
        gone.tell(&mut view);
        assert_eq!(view.proofs.get("Desk"), Some(&Decision::No));
    }
}
