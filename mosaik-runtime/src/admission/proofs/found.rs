//! What a peer proves of what a policy asks for: from memory where that knows it, else asked for.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    Tickets,
    standing::{Found, Look, Proof, Standing},
};
use crate::{
    primitives::{PeerId, Policy, Wall, policy::short},
    tickets::{Denial, Expiry, Reference, TicketId, Trusted, Valid, Verdict},
};

/// Both clocks, at one look.
pub(in crate::admission) type Now = (Wall, Instant);

/// A proof of which not everything is known.
struct Open {
    /// Which of those that were asked for.
    at: usize,
    trusted: Trusted,
    /// The tickets of which nothing is known, as places among the looks.
    unknown: Vec<usize>,
}

impl Tickets {
    /// What the entry of `peer` names; `None` while the entry is not known.
    pub(in crate::admission) fn references(&self, peer: &PeerId) -> Option<Arc<[Reference]>> {
        if *peer == self.transport().id() {
            return Some(self.held().into());
        }
        self.discovery().tickets(peer)
    }

    /// What `peer` proves of what `policy` asks for, as far as it is found out by `until`, and when that was: `now`, if memory had all of
    /// it. Nothing is known of a peer whose entry is not. What it proved `before` is looked at, too, where it is no longer shown.
    pub(in crate::admission) async fn prove(
        &self,
        policy: &Policy,
        peer: PeerId,
        before: &Standing,
        now: Now,
        until: Instant,
    ) -> (Vec<Found>, Now) {
        let names = policy.proofs();
        if names.is_empty() {
            return (Vec::new(), now);
        }
        self.look(now.1);
        let Some(shown) = self.references(&peer) else { return (Vec::new(), now) };
        let (mut found, mut open) = (Vec::with_capacity(names.len()), Vec::new());
        for name in names {
            let (known, rest) = self.recall(name, peer, &shown, before.ticket(name), now);
            open.extend(rest.map(|(trusted, unknown)| Open { at: found.len(), trusted, unknown }));
            found.push(known);
        }
        if open.is_empty() {
            return (found, now);
        }
        let asked = open.into_iter().map(|Open { at, trusted, unknown }| {
            let looks = &found[at].looks;
            async move { (at, self.ask(&trusted, peer, looks, unknown, until).await) }
        });
        for (at, verdicts) in join_all(asked).await {
            for (place, verdict) in verdicts {
                found[at].looks[place].verdict = verdict;
            }
        }
        (found, self.now())
    }

    /// What memory knows of one proof; and the tickets of which it knows nothing, which look as if nobody had an answer.
    fn recall(
        &self,
        name: &Arc<str>,
        peer: PeerId,
        references: &[Reference],
        old: Option<TicketId>,
        now: Now,
    ) -> (Found, Option<(Trusted, Vec<usize>)>) {
        let nothing =
            |otherwise| Found { proof: name.clone(), looks: Vec::new(), otherwise: Some(otherwise) };
        let Some(trusted) = self.trusted(name) else {
            let name = short(name);
            let why = format!("nobody decides about `{name}` here: `tickets().trust(..)` takes who does");
            return (nothing(Denial::Unavailable { why }), None);
        };
        let class = trusted.class();
        let its = references.iter().filter(|(of, _)| of == class).map(|(_, id)| (*id, true));
        let (mut found, mut unknown) = (nothing(Denial::Busy), Vec::new());
        for (ticket, shown) in its.chain(old.map(|id| (id, false))) {
            if found.looks.iter().any(|look| look.ticket == ticket) {
                continue;
            }
            let verdict = self.known(&trusted, peer, ticket, now.0).unwrap_or_else(|| {
                unknown.push(found.looks.len());
                Err(unanswered())
            });
            let verdict = verdict.and_then(|valid| proven(ticket, valid.until, now));
            found.looks.push(Look { ticket, shown, verdict });
        }
        let is_shown = found.looks.iter().any(|look| look.shown);
        found.otherwise = (!is_shown).then(|| Denial::Missing { class: class.to_string() });
        let open = (!unknown.is_empty()).then_some((trusted, unknown));
        (found, open)
    }

    /// The verdict about a ticket, where nobody must be asked for it.
    fn known(&self, trusted: &Trusted, peer: PeerId, ticket: TicketId, now: Wall) -> Option<Verdict> {
        let verdict = self.checker().recall(trusted, ticket, peer, now)?;
        // A node knows itself; others may have to answer a challenge as well.
        let is_enough = verdict.is_err() || peer == self.transport().id() || trusted.challenge() == Ok(None);
        is_enough.then_some(verdict)
    }

    /// Asks about all tickets at once, and waits for the first good one. The others are asked about all the same, in the background: what
    /// comes of that is there at a later look.
    async fn ask(
        &self,
        trusted: &Trusted,
        peer: PeerId,
        looks: &[Look],
        unknown: Vec<usize>,
        until: Instant,
    ) -> Vec<(usize, Result<Proof, Denial>)> {
        let good = |look: &Look| look.shown && look.verdict.is_ok();
        let mut decided = looks.iter().any(good);
        let mut open: FuturesUnordered<_> = unknown
            .into_iter()
            .map(|place| async move {
                let ticket = looks[place].ticket;
                let verdict = self.look_at(trusted, peer, ticket, until).await;
                (place, verdict.and_then(|Valid { until }| proven(ticket, until, self.now())))
            })
            .collect();
        let mut verdicts = Vec::new();
        loop {
            let next = if decided { open.next().now_or_never().flatten() } else { open.next().await };
            let Some((place, verdict)) = next else { return verdicts };
            decided |= looks[place].shown && verdict.is_ok();
            verdicts.push((place, verdict));
        }
    }
}

/// What is told of a ticket of which nothing is known yet.
pub(super) fn unanswered() -> Denial {
    Denial::Unavailable { why: "the peer or the check takes its time".to_owned() }
}

/// The proof that a ticket is until then, if that is ahead.
fn proven(ticket: TicketId, until: Wall, (wall, mono): Now) -> Result<Proof, Denial> {
    let expiry = Expiry::fix(until, wall, mono);
    if expiry.passed(wall, mono) {
        return Err(Denial::Expired { ago: wall.distance(until.min(wall)) });
    }
    Ok(Proof { ticket, expiry, seen: mono })
}
