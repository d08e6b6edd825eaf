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
    primitives::{Clock, NodeRng, Scope, Wall, policy::is_named},
    tickets::{
        self, Checker, CheckerLimits, Held, Jumps, Panicked, Reference, Revocations, Steady, Ticket,
        TicketId, TooManyTickets, Trusted, Validator, pack,
    },
    transport::Transport,
};

use super::super::refusal::shown;
use super::{
    answers::Answers, contents::Contents, exchange, fresh::Fresh, inquiry::Inquiries, keeper::Keeper,
};

/// How far the wall clock may jump before everything is validated again.
const LEEWAY: Duration = Duration::from_secs(5);
/// How often validators look for new keys, and the clocks are compared, at most.
const LOOK: Duration = Duration::from_millis(100);

/// The tickets of a node: what it shows, and what it asks of others. Cheap to clone.
#[derive(Clone)]
pub struct Tickets(Arc<Inner>);

struct Inner {
    network: String,
    transport: Transport,
    discovery: Discovery,
    clock: Clock,
    scope: Scope,
    checker: Checker,
    contents: Contents,
    inquiries: Inquiries,
    fresh: Fresh,
    answers: Answers,
    rng: Mutex<NodeRng>,
    held: Mutex<Held>,
    /// Who keeps the tickets of a declared proof, by its path.
    keepers: Mutex<BTreeMap<&'static str, Arc<Keeper>>>,
    serving: AtomicBool,
    validators: Mutex<BTreeMap<Arc<str>, Trusted>>,
    steady: Steady,
    looked: Mutex<(Instant, Jumps)>,
    /// What stood in the way of a look at the files, by whose they are: told once.
    complaints: Mutex<BTreeMap<Arc<str>, String>>,
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
    /// It does not say who it is.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// A declared proof cannot be decided about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// What it names cannot be used.
    #[error(transparent)]
    Unchecked(#[from] tickets::ProofError),
    /// The validator was not taken.
    #[error(transparent)]
    Tickets(#[from] TicketsError),
}

impl Tickets {
    pub(in crate::admission) fn new(
        network: &str,
        transport: Transport,
        discovery: Discovery,
        rng: NodeRng,
        scope: Scope,
    ) -> Self {
        let clock = transport.clock().clone();
        let now = clock.now();
        let (jumps, steady) = (Jumps::new(clock.wall(), now, LEEWAY), Steady::new(clock.wall(), now));
        Self(Arc::new(Inner {
            network: network.to_owned(),
            transport,
            discovery,
            clock,
            scope,
            checker: Checker::new(network, CheckerLimits::default()),
            contents: Contents::default(),
            inquiries: Inquiries::default(),
            fresh: Fresh::default(),
            answers: Answers::default(),
            rng: Mutex::new(rng),
            held: Mutex::default(),
            keepers: Mutex::default(),
            serving: AtomicBool::new(false),
            validators: Mutex::default(),
            steady,
            looked: Mutex::new((now, jumps)),
            complaints: Mutex::default(),
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
    /// When there is one of that name, or it panics when it is asked for its name.
    pub fn trust(&self, validator: impl Validator) -> Result<(), TicketsError> {
        self.trust_shared(Arc::new(validator))
    }

    /// As [`trust`](Self::trust), with a validator that the caller keeps, too: to change its keys.
    pub fn trust_shared(&self, validator: Arc<dyn Validator>) -> Result<(), TicketsError> {
        let trusted = Trusted::new(validator)?;
        let mut validators = self.validators();
        if validators.contains_key(trusted.name()) {
            return Err(TicketsError::NameTaken { name: trusted.name().to_string() });
        }
        validators.insert(trusted.name().clone(), trusted);
        Ok(())
    }

    /// Lets the declaration of `P` decide about it: what `require(..)` asks for in a program whose nodes are made at run time. A
    /// declared node does so by itself.
    ///
    /// # Errors
    ///
    /// When a file that it names cannot be used, or somebody decides about it already.
    pub fn trust_declared<P: tickets::Proof>(&self) -> Result<(), TrustError> {
        Ok(self.trust_shared(P::DESCRIPTOR.validator()?)?)
    }

    /// Whether somebody decides about the proof of this name here.
    pub fn trusts(&self, name: &str) -> bool {
        self.trusted(name).is_some()
    }

    /// Who decides about a proof. A declared one goes by its path, and by its name alone while no other has that name.
    pub(super) fn trusted(&self, name: &str) -> Option<Trusted> {
        let validators = self.validators();
        if let Some(trusted) = validators.get(name) {
            return Some(trusted.clone());
        }
        let mut named = validators.iter().filter(|(path, _)| is_named(path, name));
        let (_, only) = named.next()?;
        named.next().is_none().then(|| only.clone())
    }

    /// Refuses tickets that are in `revocations`, whoever decides about them: a link that stands on one ends within a second.
    pub fn revoke_by(&self, revocations: impl Revocations) {
        self.0.checker.revoke_by(Arc::new(revocations));
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

    /// Lets validators look for new keys, and compares the clocks; at most ten times a second.
    pub(super) fn look(&self, mono: Instant) {
        {
            let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if mono < looked.0 {
                return;
            }
            looked.0 = mono + LOOK;
            if let Some(jump) = looked.1.look(self.0.clock.wall(), mono) {
                tracing::warn!(target: "mosaik::admission", by_ms = %jump.by_ms, "the wall clock jumped: all tickets are validated again; after a step back they end by the time that passed");
                self.0.checker.forget();
            }
        }
        let validators: Vec<_> = self.validators().values().cloned().collect();
        for trusted in validators {
            let why = trusted.refresh().err();
            if let Some(why) = self.complaint(trusted.name().clone(), why) {
                tracing::warn!(target: "mosaik::admission", validator = %trusted.name(), "what it checks by stays as it was: {why}");
            }
        }
        let why = self.0.checker.refresh();
        if let Some(why) = self.complaint(Arc::from(""), (!why.is_empty()).then(|| why.join("; "))) {
            tracing::warn!(target: "mosaik::admission", "revocations stay as they were: {why}");
        }
    }

    /// What stands in the way, if it is not what stood there before.
    fn complaint(&self, of: Arc<str>, why: Option<String>) -> Option<String> {
        let mut told = self.0.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(why) = why else {
            told.remove(&of);
            return None;
        };
        let new = told.get(&of) != Some(&why);
        told.insert(of, why.clone());
        new.then(|| shown(&why))
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
        self.serve();
        Ok(())
    }

    /// Begins to answer peers that ask, if it did not.
    pub(super) fn serve(&self) {
        if !self.0.serving.swap(true, Ordering::AcqRel) {
            exchange::serve(self, &self.0.transport, &self.0.scope);
        }
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validators(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Trusted>> {
        self.0.validators.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_validators(&self) -> usize {
        self.validators().len()
    }

    /// The wall clock, as far as it was not set back, and monotonic time.
    pub(in crate::admission) fn now(&self) -> (Wall, Instant) {
        let mono = self.0.clock.now();
        (self.0.steady.now(self.0.clock.wall(), mono), mono)
    }

    pub(super) fn discovery(&self) -> &Discovery {
        &self.0.discovery
    }

    pub(super) fn keepers(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<Keeper>>> {
        self.0.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn network(&self) -> &str {
        &self.0.network
    }

    pub(super) fn checker(&self) -> &Checker {
        &self.0.checker
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    pub(super) fn inquiries(&self) -> &Inquiries {
        &self.0.inquiries
    }

    pub(super) fn freshness(&self) -> &Fresh {
        &self.0.fresh
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(super) fn rng(&self) -> MutexGuard<'_, NodeRng> {
        self.0.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.0.scope
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("held", &self.held()).finish_non_exhaustive()
    }
}
