//! What a peer has proven, and until when it stands. Pure.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    primitives::{Decision, PeerView, Wall},
    tickets::{Denial, Expiry, TicketId},
};

/// How long a proof stands that cannot be looked at just now, or whose successor cannot.
const GRACE: Duration = Duration::from_secs(4);

/// One proof that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admission) struct Proof {
    pub(super) ticket: TicketId,
    pub(super) expiry: Expiry,
    /// When it was last seen to stand.
    pub(super) seen: Instant,
}

/// What was found out about one ticket.
#[derive(Debug, Clone)]
pub(in crate::admission) struct Look {
    pub(super) ticket: TicketId,
    /// Whether the peer shows it now; one that it showed before is looked at until another stands in its place.
    pub(super) shown: bool,
    pub(super) verdict: Result<Proof, Denial>,
}

/// What was found out about one proof that a policy asks for: all tickets, and why there is none otherwise.
#[derive(Debug)]
pub(in crate::admission) struct Found {
    pub(super) proof: Arc<str>,
    pub(super) looks: Vec<Look>,
    /// `None` where a ticket is shown, which then says more.
    pub(super) otherwise: Option<Denial>,
}

/// What a peer has proven of what a policy asks for. There are few of these, so they are a list.
#[derive(Debug, Clone, Default)]
pub(in crate::admission) struct Standing(Vec<(Arc<str>, Result<Proof, Denial>)>);

/// Whether nothing was found out.
fn undecided<T>(verdict: &Result<T, Denial>) -> bool {
    matches!(verdict, Err(Denial::Busy | Denial::Unavailable { .. } | Denial::Unanswered { .. }))
}

/// The proof of several tickets: the one with the latest end, else the most telling refusal.
fn best(looks: &[Look], otherwise: Option<Denial>) -> Result<Proof, Denial> {
    let shown = looks.iter().filter(|look| look.shown).map(|look| look.verdict.clone());
    let best = shown.reduce(|best, other| match (best, other) {
        (Ok(a), Ok(b)) => Ok(if b.expiry.until() > a.expiry.until() { b } else { a }),
        (Ok(proof), Err(_)) | (Err(_), Ok(proof)) => Ok(proof),
        (Err(a), Err(b)) => Err(a.or_more_telling(b)),
    });
    best.or(otherwise.map(Err)).unwrap_or(Err(Denial::Busy))
}

impl Standing {
    /// What follows from new findings. Where the same ticket stands until the same time as before, its end stays where it was fixed: a
    /// wall clock that was set back meanwhile prolongs nothing.
    ///
    /// A ticket that could only not be looked at just now stands a little longer, and so does one whose successor could not be. What
    /// was found out about the ticket itself counts at once, whatever another ticket of the same peer does.
    #[must_use]
    pub(in crate::admission) fn renewed(&self, found: Vec<Found>, now: Instant) -> Self {
        let decide = |Found { proof: name, looks, otherwise }| {
            let old = self.of(&name);
            let verdict = match (best(&looks, otherwise), old) {
                (Ok(new), Some(old)) if new.ticket == old.ticket => {
                    let same = new.expiry.until() == old.expiry.until();
                    Ok(Proof { expiry: if same { old.expiry } else { new.expiry }, ..new })
                }
                (Err(_), Some(old)) if old.outlasts(&looks, now) => Ok(*old),
                (verdict, _) => verdict,
            };
            (name, verdict)
        };
        Self(found.into_iter().map(decide).collect())
    }

    fn of(&self, name: &str) -> Option<&Proof> {
        self.0.iter().find(|(its, _)| **its == *name)?.1.as_ref().ok()
    }

    /// The ticket that a proof stands on.
    pub(in crate::admission) fn ticket(&self, name: &str) -> Option<TicketId> {
        self.of(name).map(|proof| proof.ticket)
    }

    /// Takes away what is over.
    pub(in crate::admission) fn prune(&mut self, wall: Wall, mono: Instant) {
        for (_, verdict) in &mut self.0 {
            let Ok(proof) = verdict else { continue };
            if proof.expiry.passed(wall, mono) {
                *verdict = Err(Denial::Expired { ago: wall.distance(proof.expiry.until().min(wall)) });
            }
        }
    }

    /// All that is proven was seen to stand.
    pub(in crate::admission) fn seen_again(&mut self, now: Instant) {
        self.0.iter_mut().filter_map(|(_, verdict)| verdict.as_mut().ok()).for_each(|proof| proof.seen = now);
    }

    /// Whether a proof is over that was not taken away yet.
    pub(in crate::admission) fn any_passed(&self, wall: Wall, mono: Instant) -> bool {
        self.proofs().any(|proof| proof.expiry.passed(wall, mono))
    }

    /// When the first proof ends.
    pub(in crate::admission) fn next_end(&self, wall: Wall, mono: Instant) -> Option<Instant> {
        self.proofs().filter_map(|proof| proof.expiry.next(wall, mono)).min()
    }

    /// The end that comes first.
    pub(in crate::admission) fn first_end(&self, wall: Wall, mono: Instant) -> Option<Expiry> {
        self.proofs()
            .map(|proof| proof.expiry)
            .min_by_key(|end| end.next(wall, mono).map_or((1, mono), |next| (0, next)))
    }

    fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.0.iter().filter_map(|(_, verdict)| verdict.as_ref().ok())
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

impl Proof {
    /// Whether it stands a little longer though nothing was found that proves it.
    fn outlasts(&self, looks: &[Look], now: Instant) -> bool {
        let Some(own) = looks.iter().find(|look| look.ticket == self.ticket) else { return false };
        let successor = || looks.iter().any(|look| look.shown && undecided(&look.verdict));
        let open = if own.shown {
            undecided(&own.verdict)
        } else {
            (own.verdict.is_ok() || undecided(&own.verdict)) && successor()
        };
        // Where a fresh proof did not come in time, that is what is told, and not that the last one is over.
        let unanswered = matches!(own.verdict, Err(Denial::Unanswered { .. }));
        open && now < self.seen + GRACE && !(unanswered && self.expiry.passed(Wall(0), now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::primitives::PeerId;

    fn id(ticket: u8) -> TicketId {
        TicketId::from_bytes([ticket; 32])
    }

    fn proven(ticket: u8, until: u64, wall: u64, mono: Instant) -> Look {
        let expiry = Expiry::fix(Wall(until), Wall(wall), mono);
        Look {
            ticket: id(ticket),
            shown: true,
            verdict: Ok(Proof { ticket: id(ticket), expiry, seen: mono }),
        }
    }

    fn denied(ticket: u8, denial: Denial) -> Look {
        Look { ticket: id(ticket), shown: true, verdict: Err(denial) }
    }

    fn gone(look: Look) -> Look {
        Look { shown: false, ..look }
    }

    fn unanswered() -> Denial {
        Denial::Unavailable { why: String::new() }
    }

    fn found(looks: impl IntoIterator<Item = Look>) -> Vec<Found> {
        let missing = Denial::Missing { class: "plain".into() };
        let (proof, looks) = ("Desk".into(), looks.into_iter().collect());
        vec![Found { proof, looks, otherwise: Some(missing) }]
    }

    fn standing(ticket: u8, until: u64, wall: u64, mono: Instant) -> Standing {
        Standing::default().renewed(found([proven(ticket, until, wall, mono)]), mono)
    }

    #[tokio::test(start_paused = true)]
    async fn t2_a_clock_that_is_set_back_prolongs_nothing_and_a_new_ticket_does() {
        let start = Instant::now();
        let first = standing(1, 10_000, 0, start);
        let (end, later) = (Some(start + Duration::from_secs(10)), start + Duration::from_secs(5));
        let again = first.renewed(found([proven(1, 10_000, 0, later)]), later);
        assert_eq!(again.next_end(Wall(0), start), end, "validated again with a clock that was set back");
        let newer = again.renewed(found([proven(2, 60_000, 5000, later)]), later);
        assert_eq!(newer.next_end(Wall(5000), later), Some(start + Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn t2_what_is_found_of_a_ticket_counts_whatever_another_one_does() {
        let start = Instant::now();
        let before = standing(1, 100_000, 0, start);
        for denial in
            [Denial::Revoked, Denial::OtherPeer, Denial::Untrusted { why: String::new() }, Denial::Panicked]
        {
            let after = before.renewed(found([denied(1, denial.clone()), denied(2, unanswered())]), start);
            assert!(after.missing().is_some(), "{denial}: a second ticket holds nothing up");
        }
        let timed_out = Denial::TimedOut { limit: GRACE };
        assert!(before.renewed(found([denied(1, timed_out)]), start).missing().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_looked_at_stands_a_little_longer_and_no_more() {
        let start = Instant::now();
        let before = standing(1, 100_000, 0, start);
        let after = |looks: Vec<Look>, now| before.renewed(found(looks), now).missing().is_none();
        for denial in [Denial::Busy, unanswered()] {
            assert!(after(vec![denied(1, denial.clone())], start + GRACE - Duration::from_millis(1)));
            assert!(!after(vec![denied(1, denial)], start + GRACE));
        }
        let mut again = before.clone();
        for second in 1..4 {
            again = again.renewed(found([denied(1, Denial::Busy)]), start + Duration::from_secs(second));
        }
        assert!(
            again.renewed(found([denied(1, Denial::Busy)]), start + GRACE).missing().is_some(),
            "not each time anew"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ls7_a_ticket_stands_while_its_successor_is_looked_at() {
        let start = Instant::now();
        let before = standing(1, 100_000, 0, start);
        let after = |looks: Vec<Look>, now| before.renewed(found(looks), now).missing().is_none();
        let (old, soon) = (|| gone(proven(1, 100_000, 0, start)), start + Duration::from_secs(2));
        assert!(after(vec![old(), denied(2, unanswered())], soon));
        assert!(!after(vec![old(), denied(2, unanswered())], start + GRACE), "not for ever");
        assert!(!after(vec![old(), denied(2, Denial::OtherPeer)], soon), "the successor proves nothing");
        assert!(!after(vec![old()], soon), "there is no successor");
        assert!(
            !after(vec![gone(denied(1, Denial::Revoked)), denied(2, unanswered())], soon),
            "it was revoked"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_is_missing_and_the_latest_end_counts() {
        let start = Instant::now();
        let mut over = standing(1, 10_000, 0, start);
        over.prune(Wall(9999), start);
        assert!(over.missing().is_none());
        over.prune(Wall(10_000), start);
        assert_eq!(over.missing().map(|(name, denial)| (name, denial.code())), Some(("Desk", "expired")));
        let mut view = PeerView::stranger(PeerId::from_bytes([1; 32]));
        over.tell(&mut view);
        assert_eq!(view.proofs.get("Desk"), Some(&Decision::No));
        let two = Standing::default()
            .renewed(found([proven(1, 10_000, 0, start), proven(2, 20_000, 0, start)]), start);
        assert_eq!((two.ticket("Desk"), two.ticket("Other")), (Some(id(2)), None));
    }
}
