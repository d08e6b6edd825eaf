//! The tickets of a node: its own, those of others, and who decides about them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    discovery::{Discovery, EntryTooLarge, TICKETS},
    primitives::{Clock, PeerId, Policy, Scope, Wall},
    tickets::{
        Checker, CheckerLimits, Denial, Expiry, Held, Jumps, Reference, Ticket, TicketId, TooManyTickets,
        Validator, pack, unpack,
    },
    transport::Transport,
};

use super::{
    contents::Contents,
    exchange,
    standing::{Proof, Standing},
};

/// How far the wall clock may jump before everything is validated again.
const LEEWAY: Duration = Duration::from_secs(5);
/// How often validators look for new keys, and the clocks are compared.
pub(in crate::admission) const LOOK: Duration = Duration::from_secs(1);

/// The tickets of a node: what it shows, and what it asks of others. Cheap to clone.
#[derive(Clone)]
pub struct Tickets(Arc<Inner>);

struct Inner {
    transport: Transport,
    discovery: Discovery,
    clock: Clock,
    scope: Scope,
    checker: Checker,
    contents: Contents,
    held: Mutex<Held>,
    serving: AtomicBool,
    validators: Mutex<BTreeMap<Arc<str>, Arc<dyn Validator>>>,
    looked: Mutex<(Instant, Jumps)>,
}

/// A ticket or a validator was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketsError {
    /// The node shows too many.
    #[error(transparent)]
    TooMany(#[from] TooManyTickets),
    /// The node's entry has no room for one more.
    #[error(transparent)]
    Entry(#[from] EntryTooLarge),
    /// There is another validator of that name.
    #[error("there is a validator named `{name}` already: give this one another name")]
    NameTaken {
        /// The name.
        name: String,
    },
}

impl Tickets {
    pub(in crate::admission) fn new(
        network: &str,
        transport: Transport,
        discovery: Discovery,
        scope: Scope,
    ) -> Self {
        let clock = transport.clock().clone();
        let now = clock.now();
        let jumps = Jumps::new(clock.wall(), now, LEEWAY);
        Self(Arc::new(Inner {
            transport,
            discovery,
            clock,
            scope,
            checker: Checker::new(network, CheckerLimits::default()),
            contents: Contents::default(),
            held: Mutex::default(),
            serving: AtomicBool::new(false),
            validators: Mutex::default(),
            looked: Mutex::new((now, jumps)),
        }))
    }

    /// Shows one more ticket: this node's entry names it from now on, and peers may ask for it. Returns its name.
    ///
    /// # Errors
    ///
    /// When the node shows 8 already, or its entry has no room; nothing is changed then.
    pub fn add(&self, ticket: Ticket) -> Result<TicketId, TicketsError> {
        let id = ticket.id();
        self.change(|held| held.add(ticket).map(drop))?;
        Ok(id)
    }

    /// Shows a ticket in the place of another one: a link that stands on the old one stands on the new one.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn replace(&self, old: &TicketId, new: Ticket) -> Result<TicketId, TicketsError> {
        let id = new.id();
        self.change(|held| held.replace(old, new))?;
        Ok(id)
    }

    /// Shows a ticket no more; says whether it was shown. Links that stand on it end.
    pub fn remove(&self, id: &TicketId) -> bool {
        let mut removed = false;
        let change = self.change(|held| {
            removed = held.remove(id);
            Ok(())
        });
        removed && change.is_ok()
    }

    /// What this node shows, by class and name.
    pub fn held(&self) -> Vec<Reference> {
        self.lock_held().references()
    }

    /// Lets `validator` decide about the proof of its name, which policies ask for by
    /// [`proof`](crate::primitives::policy::proof). A policy that asks for a proof nobody decides about refuses.
    ///
    /// # Errors
    ///
    /// When there is one of that name.
    pub fn trust(&self, validator: impl Validator) -> Result<(), TicketsError> {
        self.trust_shared(Arc::new(validator))
    }

    /// As [`trust`](Self::trust), with a validator that the caller keeps, too: to change its keys.
    pub fn trust_shared(&self, validator: Arc<dyn Validator>) -> Result<(), TicketsError> {
        let name: Arc<str> = validator.name().into();
        let mut validators = self.validators();
        if validators.contains_key(&name) {
            return Err(TicketsError::NameTaken { name: name.to_string() });
        }
        validators.insert(name, validator);
        Ok(())
    }

    /// How often a validator was asked since the node started; answers from memory do not count.
    pub fn asked(&self) -> u64 {
        self.0.checker.asked()
    }

    /// One of the tickets that this node shows.
    pub(super) fn shown(&self, id: &TicketId) -> Option<Ticket> {
        self.lock_held().get(id).cloned()
    }

    #[cfg(all(test, feature = "sim"))]
    pub(in crate::admission) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What the entry of `peer` names; `None` while the entry is not known.
    pub(in crate::admission) fn references(&self, peer: &PeerId) -> Option<Vec<Reference>> {
        if *peer == self.0.transport.id() {
            return Some(self.held());
        }
        let catalog = self.0.discovery.catalog();
        let entry = &catalog.get(peer)?.entry;
        Some(entry.extension(TICKETS).map(|bytes| unpack(bytes)).unwrap_or_default())
    }

    /// What `peer` proves of what `policy` asks for. Nothing is known of a peer whose entry is not.
    pub(in crate::admission) async fn prove(&self, policy: &Policy, peer: PeerId) -> Standing {
        let mut standing = Standing::default();
        let names = policy.proofs();
        if names.is_empty() {
            return standing;
        }
        self.look();
        let Some(references) = self.references(&peer) else { return standing };
        for name in names {
            let verdict = self.prove_one(&name, peer, &references).await;
            standing.put(name, verdict);
        }
        standing
    }

    async fn prove_one(&self, name: &str, peer: PeerId, shown: &[Reference]) -> Result<Proof, Denial> {
        let validator = self.validators().get(name).cloned();
        let unavailable = |why: String| Denial::Unavailable { why };
        let validator = validator.ok_or_else(|| {
            unavailable(format!("nobody decides about `{name}` here: `tickets().trust(..)` takes who does"))
        })?;
        let class = validator.class();
        let mut best: Result<Proof, Denial> = Err(Denial::Missing { class: class.to_string() });
        for (_, id) in shown.iter().filter(|(its, _)| *its == class) {
            let found = match self.ticket(peer, *id).await {
                Ok(ticket) => self.check(&*validator, &ticket, peer).await,
                Err(why) => Err(unavailable(why)),
            };
            best = match (best, found) {
                (Ok(a), Ok(b)) => Ok(if b.expiry.until() > a.expiry.until() { b } else { a }),
                (Ok(proof), Err(_)) | (Err(_), Ok(proof)) => Ok(proof),
                (Err(a), Err(b)) => Err(a.or_more_telling(b)),
            };
        }
        best
    }

    async fn check(&self, validator: &dyn Validator, ticket: &Ticket, peer: PeerId) -> Result<Proof, Denial> {
        let (wall, mono) = (self.0.clock.wall(), self.0.clock.now());
        let valid = self.0.checker.check(validator, ticket, peer, wall).await?;
        let expiry = Expiry::fix(valid.until, wall, mono);
        // The check may have taken a while.
        let (wall, mono) = (self.0.clock.wall(), self.0.clock.now());
        if expiry.passed(wall, mono) {
            return Err(Denial::Expired { ago: wall.distance(valid.until.min(wall)) });
        }
        Ok(Proof { ticket: ticket.id(), expiry })
    }

    async fn ticket(&self, peer: PeerId, id: TicketId) -> Result<Ticket, String> {
        if peer == self.0.transport.id() {
            return self.shown(&id).ok_or_else(|| "it is not shown any more".to_owned());
        }
        let cell = self.0.contents.cell(id);
        let fetched = cell.get_or_try_init(|| async {
            let fetched = exchange::fetch(&self.0.transport, peer, id).await;
            let result = if fetched.is_ok() { "fetched" } else { "failed" };
            metrics::counter!("mosaik_tickets_fetched_total", "result" => result).increment(1);
            fetched
        });
        fetched.await.cloned().map_err(|why| format!("the ticket could not be fetched: {why}"))
    }

    /// Lets validators look for new keys, and compares the clocks; at most once a second.
    fn look(&self) {
        let (wall, mono) = (self.0.clock.wall(), self.0.clock.now());
        {
            let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if mono < looked.0 {
                return;
            }
            looked.0 = mono + LOOK;
            if let Some(jump) = looked.1.look(wall, mono) {
                tracing::warn!(target: "mosaik::admission", by_ms = %jump.by_ms, "the wall clock jumped: all tickets are validated again");
                self.0.checker.forget();
            }
        }
        let validators: Vec<_> = self.validators().values().cloned().collect();
        for validator in validators {
            if let Err(why) = validator.refresh() {
                tracing::warn!(target: "mosaik::admission", validator = validator.name(), "keys stay as they were: {why}");
            }
        }
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Held) -> Result<(), TooManyTickets>,
    ) -> Result<(), TicketsError> {
        let mut held = self.lock_held();
        let mut changed = held.clone();
        change(&mut changed)?;
        self.0.discovery.set_extension(TICKETS, pack(&changed.references()))?;
        *held = changed;
        drop(held);
        if !self.0.serving.swap(true, Ordering::AcqRel) {
            exchange::serve(self, &self.0.transport, &self.0.scope);
        }
        Ok(())
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validators(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<dyn Validator>>> {
        self.0.validators.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wall clock and monotonic time.
    pub(in crate::admission) fn now(&self) -> (Wall, Instant) {
        (self.0.clock.wall(), self.0.clock.now())
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("held", &self.held()).finish_non_exhaustive()
    }
}
