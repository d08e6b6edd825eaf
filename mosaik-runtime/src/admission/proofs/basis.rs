//! What a look at a peer's proofs rested on: while that is the same, so is what it would find.
//!
//! A link is looked at every second. Most of the time nothing has changed, and to see that must be cheap.

use super::{Now, Standing, Tickets};
use crate::{
    primitives::{PeerId, Policy},
    tickets::{TicketId, Trusted},
};

/// What a look rested on.
#[derive(Debug)]
pub(in crate::admission) struct Basis {
    /// How often all verdicts were forgotten.
    forgotten: u64,
    /// How many validators there are: one more may give a short name a second meaning.
    validators: usize,
    /// Who decided, in which state.
    deciders: Vec<(Trusted, u64)>,
    /// The tickets that everything stands on, under all their names.
    names: Vec<TicketId>,
}

impl Tickets {
    /// What `standing` rests on, if all of it is proven by tickets that are shown and known to be good, and none of it is asked for again
    /// and again. What stands only a little longer rests on nothing.
    pub(in crate::admission) fn basis(
        &self,
        policy: &Policy,
        peer: PeerId,
        standing: &Standing,
        now: Now,
    ) -> Option<Basis> {
        let shown = self.references(&peer)?;
        let mut basis = Basis {
            forgotten: self.checker().forgotten(),
            validators: self.count_validators(),
            deciders: Vec::new(),
            names: Vec::new(),
        };
        for name in policy.proofs() {
            let (trusted, ticket) = (self.trusted(name)?, standing.ticket(name)?);
            let generation = trusted.generation().ok()?;
            let recall = |ticket| self.checker().recall(&trusted, ticket, peer, now.0);
            let is_shown = shown.iter().any(|(_, id)| *id == ticket);
            let is_good = matches!(recall(ticket), Some(Ok(_)));
            if !is_shown || !is_good || trusted.challenge().ok()?.is_some() {
                return None;
            }
            // One that nobody waited for may end later: it is asked about until something is known of it.
            let mut its = shown.iter().filter(|(class, _)| class == trusted.class());
            if !its.all(|(_, id)| recall(*id).is_some()) {
                return None;
            }
            basis.names.push(ticket);
            basis.names.extend_from_slice(&self.checker().twins(&trusted, ticket, peer, generation)?);
            basis.deciders.push((trusted, generation));
        }
        Some(basis)
    }

    /// Whether all of it is as it was. Files are looked at first, as for every look.
    pub(in crate::admission) fn rest_on(&self, basis: &Basis, now: Now) -> bool {
        self.look(now.1);
        let checker = self.checker();
        basis.forgotten == checker.forgotten()
            && basis.validators == self.count_validators()
            && basis.deciders.iter().all(|(trusted, generation)| trusted.generation() == Ok(*generation))
            && checker.not_revoked(&basis.names).is_ok()
    }
}
