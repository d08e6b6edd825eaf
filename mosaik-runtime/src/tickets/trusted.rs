//! A validator behind a panic wall: nothing of the user's code takes a task of the node with it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{Class, Denial, Nonce, Shown, Ticket, TicketId, Validator, Verdict};
use futures::FutureExt;

/// A validator that decides for a node. Its name and its class are what they were at the beginning.
#[derive(Clone)]
pub struct Trusted(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    class: Class,
    validator: Arc<dyn Validator>,
}

/// The user's code panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the validator panicked when it was asked for `{0}`: the log says where")]
pub struct Panicked(pub &'static str);

impl From<Panicked> for Denial {
    fn from(_: Panicked) -> Self {
        Self::Panicked
    }
}

impl Trusted {
    /// Asks `validator` who it is.
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn new(validator: Arc<dyn Validator>) -> Result<Self, Panicked> {
        let name = guarded("name", || Arc::from(validator.name()))?;
        let class = guarded("class", || validator.class())?;
        Ok(Self(Arc::new(Inner { name, class, validator })))
    }

    /// The proof's name.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// The class of tickets that it reads.
    pub fn class(&self) -> &Class {
        &self.0.class
    }

    /// See [`Validator::generation`].
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn generation(&self) -> Result<u64, Panicked> {
        guarded("generation", || self.0.validator.generation())
    }

    /// See [`Validator::refresh`].
    ///
    /// # Errors
    ///
    /// What stands in the way, a panic among it.
    pub fn refresh(&self) -> Result<(), String> {
        guarded("refresh", || self.0.validator.refresh()).unwrap_or_else(|panicked| Err(panicked.to_string()))
    }

    /// See [`Validator::twins`].
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn twins(&self, ticket: &Ticket) -> Result<Vec<TicketId>, Panicked> {
        guarded("twins", || self.0.validator.twins(ticket))
    }

    /// See [`Validator::challenge`].
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn challenge(&self) -> Result<Option<Duration>, Panicked> {
        guarded("challenge", || self.0.validator.challenge())
    }

    /// See [`Validator::answered`]; a panic is a refusal.
    pub async fn answered(&self, shown: Shown<'_>, nonce: &Nonce) -> Verdict {
        walled(async { self.0.validator.answered(shown, nonce).await }).await
    }

    /// See [`Validator::validate`]; a panic is a refusal.
    pub async fn validate(&self, shown: Shown<'_>) -> Verdict {
        walled(async { self.0.validator.validate(shown).await }).await
    }
}

/// What a validator decides; what it does when it is called belongs behind the wall, too, so the call is in `asked`.
async fn walled(asked: impl Future<Output = Verdict>) -> Verdict {
    AssertUnwindSafe(asked).catch_unwind().await.unwrap_or(Err(Denial::Panicked))
}

fn guarded<T>(what: &'static str, ask: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(ask)).map_err(|_| Panicked(what))
}

/// Runs what takes a while without holding up the tasks that wait for the same thread. In a simulation there is one thread, and the
/// work is done in place.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trusted({} of {})", self.name(), self.class())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::Validation;

    /// Panics wherever it is asked something.
    struct Panics(&'static str);

    impl Panics {
        fn at(&self, what: &str) {
            assert_ne!(self.0, what, "on purpose");
        }
    }

    impl Validator for Panics {
        fn name(&self) -> &str {
            self.at("name");
            "Panics"
        }

        fn class(&self) -> Class {
            self.at("class");
            Class::jwt()
        }

        fn generation(&self) -> u64 {
            self.at("generation");
            1
        }

        fn refresh(&self) -> Result<(), String> {
            self.at("refresh");
            Ok(())
        }

        fn twins(&self, _: &Ticket) -> Vec<TicketId> {
            self.at("twins");
            Vec::new()
        }

        fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
            Box::pin(async { Err(Denial::OtherPeer) })
        }
    }

    #[test]
    fn t5_a_panic_anywhere_is_a_refusal_and_no_more() {
        let trusted = |what| Trusted::new(Arc::new(Panics(what)));
        assert_eq!(trusted("name").expect_err("told"), Panicked("name"));
        assert_eq!(trusted("class").expect_err("told"), Panicked("class"));
        assert_eq!(trusted("generation").expect("named").generation(), Err(Panicked("generation")));
        assert!(trusted("refresh").expect("named").refresh().expect_err("told").contains("`refresh`"));
        let ticket = Ticket::new(Class::jwt(), "a").expect("fits");
        assert_eq!(trusted("twins").expect("named").twins(&ticket), Err(Panicked("twins")));
        assert_eq!(Denial::from(Panicked("name")), Denial::Panicked);
        assert_eq!(trusted("none").expect("named").generation(), Ok(1));
    }
}
