//! Keeps the tickets of what this node proves: makes them, shows them, and renews them before they end.
//!
//! Where tickets come from, the floor above says; here is what becomes of them.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{Tickets, TicketsError};
use crate::{
    primitives::{PeerId, Wall},
    tickets::{
        Class, Denial, MAX_TICKET, Proof, ProofDescriptor, Shown, Ticket, TicketId, Trusted, Valid, aside,
        open,
    },
};

/// How often a file or a provider is looked at again.
const LOOK: Duration = Duration::from_secs(1);
/// How long before the end of a ticket a provider is asked for the next one, as a part of what is left at first.
const EARLY: u32 = 4;
/// A ticket that nobody here can read is asked for again so often.
const BLIND: Duration = Duration::from_secs(600);
/// And one that could not be checked for want of something, say of collateral.
const UNSURE: Duration = Duration::from_secs(60);

/// For whom a ticket is made, where and when.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The network's name.
    pub network: String,
    /// The node's id.
    pub peer: PeerId,
    /// The wall-clock time.
    pub now: Wall,
}

/// Makes tickets: at first, and again before one ends.
pub type Provider = Arc<dyn Fn(&Wanted) -> Result<Ticket, String> + Send + Sync>;

/// Where the tickets of a proof come from.
#[derive(Clone)]
pub(crate) enum Origin {
    /// A file, which is looked at every second.
    File(PathBuf),
    /// A function.
    Provider(Provider),
}

/// There is no ticket for a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvideError {
    /// None was made, or the one that was made would be refused.
    #[error("this node must prove `{proof}` and cannot: {why}")]
    NoTicket {
        /// The proof.
        proof: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// It cannot be shown.
    #[error(transparent)]
    Tickets(#[from] TicketsError),
}

/// Keeps the ticket of one proof.
pub(super) struct Keeper {
    proof: &'static ProofDescriptor,
    /// Who would decide about it here, if somebody can: what is over or wrong is found out before others refuse it.
    judge: Option<Trusted>,
    kept: Mutex<Kept>,
}

/// The ticket that is shown.
struct Kept {
    origin: Origin,
    /// How often the origin was changed.
    changes: u64,
    id: TicketId,
    /// When to ask a provider for the next.
    next: Option<Instant>,
    /// What stood in the way at last: told once.
    told: Option<String>,
}

impl Tickets {
    /// Proves `P` with the tickets that a function makes: it is asked at once, and again when three quarters of a ticket's time are
    /// over. A ticket that would be refused is not shown. Called again, the new function takes the place of the old one.
    ///
    /// # Errors
    ///
    /// When the first ticket cannot be made or would be refused.
    pub fn provide<P: Proof>(
        &self,
        provide: impl Fn(&Wanted) -> Result<Ticket, String> + Send + Sync + 'static,
    ) -> Result<TicketId, ProvideError> {
        self.keep(P::DESCRIPTOR, Origin::Provider(Arc::new(provide)))
    }

    /// Shows a first ticket of this proof, and goes on.
    pub(crate) fn keep(
        &self,
        proof: &'static ProofDescriptor,
        origin: Origin,
    ) -> Result<TicketId, ProvideError> {
        let no_ticket = |why| ProvideError::NoTicket { proof: proof.name, why };
        let judge = proof.validator().ok().and_then(|validator| Trusted::new(validator).ok());
        let ticket = origin.make(proof, &self.wanted()).map_err(no_ticket)?;
        let next = self.judged(judge.as_ref(), &ticket).map_err(no_ticket)?;
        let mut keepers = self.keepers();
        if let Some(keeper) = keepers.get(proof.path) {
            let mut kept = keeper.kept();
            let id = self.replace(&kept.id, ticket)?;
            *kept = Kept { origin, changes: kept.changes + 1, id, next, told: None };
            return Ok(id);
        }
        let id = self.add(ticket)?;
        let kept = Mutex::new(Kept { origin, changes: 0, id, next, told: None });
        let keeper = Arc::new(Keeper { proof, judge, kept });
        keepers.insert(proof.path, keeper.clone());
        drop(keepers);
        let (tickets, scope) = (self.clone(), self.scope().clone());
        self.scope().spawn("ticket keeper", async move {
            loop {
                tokio::select! {
                    biased;
                    () = scope.stopping() => return,
                    () = sleep_until(keeper.next_look()) => keeper.renew(&tickets),
                }
            }
        });
        Ok(id)
    }

    /// When to renew a ticket; an error when it would be refused by whoever decides as this node does.
    fn judged(&self, judge: Option<&Trusted>, ticket: &Ticket) -> Result<Option<Instant>, String> {
        let wanted = self.wanted();
        let Some(judge) = judge else { return Ok(Some(Instant::now() + BLIND)) };
        // Keys that cannot be read again stay as they were, and their own validator tells of it.
        let _ = judge.refresh();
        let shown = Shown { ticket, peer: wanted.peer, network: &wanted.network, now: wanted.now };
        // A check that does not answer at once is left to the other side.
        match futures::FutureExt::now_or_never(judge.validate(shown)) {
            Some(Ok(Valid { until })) => {
                let left = until.distance(wanted.now.min(until));
                Ok(Instant::now().checked_add(left - left / EARLY))
            }
            // What it takes to check it is not here. Others may have it.
            Some(Err(denial @ Denial::Unavailable { .. })) => {
                tracing::warn!(target: "mosaik::node", "a ticket is shown that could not be checked here: {denial}");
                Ok(Some(Instant::now() + UNSURE))
            }
            Some(Err(denial)) => Err(denial.to_string()),
            None => Ok(Some(Instant::now() + BLIND)),
        }
    }

    fn wanted(&self) -> Wanted {
        let (network, peer) = (self.network().to_owned(), self.transport().id());
        Wanted { network, peer, now: self.transport().clock().wall() }
    }
}

impl Keeper {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When to look again: each second, and when a provider is due.
    fn next_look(&self) -> Instant {
        let (now, kept) = (Instant::now(), self.kept());
        let due = kept.next.filter(|next| matches!(kept.origin, Origin::Provider(_)) && *next > now);
        due.map_or(now + LOOK, |due| due.min(now + LOOK))
    }

    /// Shows another ticket if there is one and it is good; else the old one stays.
    fn renew(&self, tickets: &Tickets) {
        let (origin, changes, id, next) = {
            let kept = self.kept();
            (kept.origin.clone(), kept.changes, kept.id, kept.next)
        };
        let of_file = matches!(origin, Origin::File(_));
        if !of_file && next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        // The user's code runs without the lock.
        let made = origin.make(self.proof, &tickets.wanted()).and_then(|ticket| {
            let same = ticket.id() == id;
            let next = if same && of_file { next } else { tickets.judged(self.judge.as_ref(), &ticket)? };
            Ok((ticket, same, next))
        });
        let mut kept = self.kept();
        if kept.changes != changes {
            return;
        }
        let renewed = made.and_then(|(ticket, same, next)| {
            (kept.next, kept.told) = (next, None);
            if same {
                return Ok(());
            }
            kept.id = tickets.replace(&kept.id, ticket).map_err(|error| error.to_string())?;
            tracing::info!(target: "mosaik::node", proof = self.proof.name, "the ticket was renewed");
            Ok(())
        });
        if let Err(why) = renewed
            && kept.told.as_ref() != Some(&why)
        {
            tracing::warn!(target: "mosaik::node", proof = self.proof.name, "the ticket stays as it was: {why}");
            kept.next = kept.next.map(|_| Instant::now() + 10 * LOOK);
            kept.told = Some(why);
        }
    }
}

impl Origin {
    fn make(&self, proof: &ProofDescriptor, wanted: &Wanted) -> Result<Ticket, String> {
        match self {
            Self::File(path) => read(path, proof.class()),
            Self::Provider(provide) => aside(|| provide(wanted)),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Provider(_) => f.write_str("a function"),
        }
    }
}

/// A ticket from a file. Tokens often end in a line break, which is not theirs.
fn read(path: &Path, class: Class) -> Result<Ticket, String> {
    use std::io::Read;
    let unreadable =
        |error: std::io::Error| format!("cannot read {}: {error}: check the path", path.display());
    let mut bytes = Vec::new();
    let file = open(path).map_err(unreadable)?;
    file.take(MAX_TICKET as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if class == Class::jwt() {
        bytes.truncate(bytes.trim_ascii_end().len());
    }
    Ticket::new(class, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_in_a_file_is_read_without_the_line_break_that_is_not_its_own() {
        let path = std::env::temp_dir().join(format!("mosaik-ticket-{}", std::process::id()));
        std::fs::write(&path, "a.b.c\n").expect("written");
        let own = Class::new("badge").expect("a word");
        assert_eq!(read(&path, Class::jwt()), Ok(Ticket::new(Class::jwt(), "a.b.c").expect("fits")));
        assert_eq!(read(&path, own.clone()), Ok(Ticket::new(own, "a.b.c\n").expect("fits")));
        std::fs::write(&path, vec![b'a'; MAX_TICKET + 1]).expect("written");
        assert!(read(&path, Class::jwt()).expect_err("too large").contains("the limit is"));
        std::fs::remove_file(&path).expect("removed");
        assert!(read(&path, Class::jwt()).expect_err("gone").contains("check the path"));
    }
}
