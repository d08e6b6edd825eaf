//! Whoever is told of everything that a copy applies.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{Command, StateMachine, Timestamp};
use crate::{groups::version::Version, primitives::scope::panic_text};

/// Is told of all that the copy of a state on a node applies, in the order of the log: nothing is missing, nothing comes twice.
///
/// It is called while the state is locked. So it returns at once: it neither waits nor asks the group anything, and it keeps what it
/// is told within a bound of its own.
pub trait Observer<M>: Send + Sync + 'static {
    /// One entry of the log was applied.
    fn applied(&self, batch: &Batch<'_, M>);

    /// The state is this one. It is the first call, and comes again when the copy went on from a snapshot, or when the group was
    /// born again: then the version is of another era.
    fn reset(&self, version: Version, state: &M);

    /// Whether it asks for [`Batch::commands`]. Who says no may find none there.
    fn wants_commands(&self) -> bool {
        true
    }
}

/// What one entry of the log did to the state.
pub struct Batch<'a, M> {
    pub(super) version: Version,
    pub(super) now: Timestamp,
    /// How many ran.
    pub(super) count: usize,
    /// Where they are, if anybody wants to know.
    pub(super) ran: &'a [RanCommand],
    pub(super) payload: &'a [u8],
    pub(super) state: &'a M,
}

/// A command that ran: its method, and where in the entry its arguments are.
#[derive(Debug, Clone, Copy)]
pub(super) struct RanCommand {
    pub(super) method: u64,
    pub(super) start: usize,
    pub(super) length: usize,
}

impl<'a, M: StateMachine> Batch<'a, M> {
    /// The version of the state after the entry.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The group's time after the entry.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How many commands ran.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no command ran: the entry was about something else, or all that it held had been applied before.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The commands that ran, in their order; those that panicked or were sent twice are not among them. They are decoded anew
    /// by each call.
    pub fn commands(&self) -> impl Iterator<Item = M::Command> + use<'a, M> {
        let payload = self.payload;
        self.ran.iter().filter_map(move |ran| {
            let body = payload.get(ran.start..ran.start + ran.length)?;
            // It was decoded a moment ago.
            M::Command::decode(ran.method, body).ok()
        })
    }

    /// The state after the entry.
    pub fn state(&self) -> &'a M {
        self.state
    }
}

impl<M> fmt::Debug for Batch<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({}, {} commands)", self.version, self.count)
    }
}

/// Keeps an [`Observer`] told; when it is dropped the calls end.
#[must_use = "the observer is told for as long as this lives"]
pub struct Observing {
    pub(super) _alive: Arc<()>,
}

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observing")
    }
}

/// The observers of one copy.
pub(super) struct Observers<M>(Vec<Observed<M>>);

struct Observed<M> {
    observer: Arc<dyn Observer<M>>,
    alive: Weak<()>,
    /// Whether it knows of the state before the next entry.
    is_told: bool,
    wants_commands: bool,
}

impl<M> Default for Observers<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M: StateMachine> Observers<M> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anybody asks for the commands of an entry.
    pub(super) fn want_commands(&self) -> bool {
        self.0.iter().any(|observed| observed.wants_commands)
    }

    /// One more, which is told of the state now, if there is one.
    pub(super) fn add(&mut self, observer: Arc<dyn Observer<M>>, now: Option<(Version, &M)>) -> Observing {
        self.drop_dead();
        let alive = Arc::new(());
        if let Some((version, state)) = now {
            tell(|| observer.reset(version, state));
        }
        let (is_told, wants_commands) = (now.is_some(), observer.wants_commands());
        self.0.push(Observed { observer, alive: Arc::downgrade(&alive), is_told, wants_commands });
        Observing { _alive: alive }
    }

    fn drop_dead(&mut self) {
        self.0.retain(|observed| observed.alive.strong_count() > 0);
    }

    /// An entry was applied.
    pub(super) fn applied(&mut self, batch: &Batch<'_, M>) {
        self.drop_dead();
        self.0.retain_mut(|observed| match std::mem::replace(&mut observed.is_told, true) {
            true => tell(|| observed.observer.applied(batch)),
            false => tell(|| observed.observer.reset(batch.version, batch.state)),
        });
    }

    /// There is no state that they could be told of for now.
    pub(super) fn forget(&mut self) {
        self.0.iter_mut().for_each(|observed| observed.is_told = false);
    }

    /// The state is another one.
    pub(super) fn reset(&mut self, version: Version, state: &M) {
        self.drop_dead();
        self.0.retain_mut(|observed| {
            observed.is_told = true;
            tell(|| observed.observer.reset(version, state))
        });
    }
}

/// The observers, for whoever has the state to itself.
pub(super) fn unlocked<M>(observers: &mut Mutex<Observers<M>>) -> &mut Observers<M> {
    observers.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Says no when the observer panicked: it is told no more, and the copy goes on.
fn tell(call: impl FnOnce()) -> bool {
    let told = catch_unwind(AssertUnwindSafe(call));
    if let Err(panic) = &told {
        tracing::error!(target: "mosaik::groups", "an observer panicked and is told no more: {}", panic_text(&**panic));
    }
    told.is_ok()
}
