//! Who decides whether a ticket proves something.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use super::{Class, Denial, Nonce, Ticket, TicketId};
use crate::primitives::{NetworkId, PeerId, Wall};

/// A ticket, and who shows it where and when. Everything that a validator may decide on.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The ticket.
    pub ticket: &'a Ticket,
    /// Who shows it, as TLS proved it.
    pub peer: PeerId,
    /// The network's name.
    pub network: &'a str,
    /// The wall-clock time.
    pub now: Wall,
}

impl Shown<'_> {
    /// The network's id.
    pub fn network_id(&self) -> NetworkId {
        NetworkId::derive(self.network)
    }
}

/// A ticket proves what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// It does so until then, and not at that moment any more.
    pub until: Wall,
}

/// What a validator says.
pub type Verdict = Result<Valid, Denial>;

/// A verdict to come.
pub type Validation<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Decides whether a ticket proves something. The verdict must depend on nothing but what is [`Shown`] and the validator's own
/// settings: it is kept until it ends, or until [`generation`](Self::generation) changes.
///
/// A validator that panics, or that does not answer within the deadline, has refused. It must not block its thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` decides about no tickets",
    label = "not a validator",
    note = "implement `mosaik::tickets::Validator` for `{Self}`: a name, a class, and a function that decides"
)]
pub trait Validator: Send + Sync + 'static {
    /// The name, for messages and for telling validators apart: the name of the proof's type.
    fn name(&self) -> &str;

    /// The class of tickets that it reads.
    fn class(&self) -> Class;

    /// Changes whenever the same ticket may get another verdict: a key was added or taken away, a ticket revoked.
    fn generation(&self) -> u64 {
        0
    }

    /// Called about once a second while the validator is used: to look whether a file changed. It must not block for long.
    ///
    /// # Errors
    ///
    /// What stands in the way, for the log; the validator goes on with what it has.
    fn refresh(&self) -> Result<(), String> {
        Ok(())
    }

    /// Other names under which the same ticket could be shown, where its bytes may be changed and still be valid: a ticket is revoked
    /// when one of its names is.
    fn twins(&self, ticket: &Ticket) -> Vec<TicketId> {
        let _ = ticket;
        Vec::new()
    }

    /// How long an answer to a challenge counts, where a ticket alone is not enough: whoever shows a good one is then asked for a proof
    /// over bytes that this node chose a moment ago, and again before that time is over. `None`: tickets are enough.
    fn challenge(&self) -> Option<Duration> {
        None
    }

    /// Decides.
    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a>;

    /// Decides about an answer to a challenge with this nonce. The ticket of `shown` is the answer.
    fn answered<'a>(&'a self, shown: Shown<'a>, nonce: &'a Nonce) -> Validation<'a> {
        let _ = (shown, nonce);
        let why = format!("`{}` reads no answers to challenges", self.name());
        Box::pin(async { Err(Denial::Unavailable { why }) })
    }
}

/// A validator from a function that decides at once.
pub fn validator(
    name: impl Into<String>,
    class: Class,
    decide: impl Fn(Shown<'_>) -> Verdict + Send + Sync + 'static,
) -> impl Validator {
    Function { name: name.into(), class, decide }
}

struct Function<F> {
    name: String,
    class: Class,
    decide: F,
}

impl<F: Fn(Shown<'_>) -> Verdict + Send + Sync + 'static> Validator for Function<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> Class {
        self.class.clone()
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { (self.decide)(shown) })
    }
}

impl fmt::Debug for dyn Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Validator({} of {})", self.name(), self.class())
    }
}
