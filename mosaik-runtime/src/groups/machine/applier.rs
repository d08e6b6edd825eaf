//! Applies entries to a state: runs the user's code, and survives its panics.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use super::{
    Applied, Beginning, MachineSettings, Replica, SnapshotError, StateMachine,
    core::{Call, Panicked, Ran, Rules, Skip, System},
    earlier::{Origin, Stage},
    observe::{Batch, Observers, RanCommand, unlocked},
    payload::PayloadRef,
    replica::{Shared, State},
    snapshot,
};
use crate::{
    groups::{store::record::LogId, version::Era},
    primitives::{Fingerprint, watch},
};

/// A snapshot that was made, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The last entry that is in it.
    pub last: Option<LogId>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What an entry did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The outcomes of its items, if they were asked for.
    pub answer: Vec<u8>,
    /// A snapshot was due after it: here it is.
    pub snapshot: Option<Encoded>,
}

/// An entry was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A command panicked: [`skip`](Applying::skip) it, [`restore`](Applying::restore), apply the entries since then, and this one again.
    #[error("command {slot} of the entry panicked: {message}")]
    Panicked {
        /// Its place in the entry.
        slot: u32,
        /// What it said.
        message: String,
    },
    /// The entry is of a form that this program does not know.
    #[error(
        "a log entry does not decode ({0}): a newer version of the program wrote it. Start that version again; nothing was lost"
    )]
    Unknown(String),
    /// The entry says that the state becomes one of a type that this program does not know.
    #[error(
        "a later version of the program has given the state of this group another shape ({found}, and here it is {own}): start that \
         version again; nothing was lost"
    )]
    Later {
        /// The schema of that version.
        found: Fingerprint,
        /// The schema of this program.
        own: Fingerprint,
    },
    /// The older state did not become a newer one.
    #[error(
        "the state of the older version cannot be taken over, because `From` panicked: {0}. Nothing was lost: mend `From`, and start \
         all members again"
    )]
    Migration(String),
    /// The state was not restored after a panic.
    #[error("the state was not made anew after a panic")]
    Torn,
}

/// Any [`Applier`].
pub trait Applying: Send + Sync + 'static {
    /// Applies an entry; says what came of its items if `answer`.
    fn apply(&mut self, at: LogId, payload: &[u8], answer: bool) -> Result<Step, Trouble>;

    /// Passes over an entry that says nothing to the machine.
    fn pass(&mut self, at: LogId) -> Result<Step, Trouble>;

    /// From now on this command is known to panic with this message.
    fn skip(&mut self, index: u64, slot: u32, message: String);

    /// Whoever goes back from now on goes back no farther than to this entry: panics before it need not be known.
    fn forget_skips(&mut self, upto: u64);

    /// Goes back, or forward, to a snapshot; without one to the beginning. Its bytes are let go before anybody sees the state, so that not
    /// both are in memory for long. On an error nothing changes.
    fn restore(&mut self, snapshot: Option<Bytes>) -> Result<(), SnapshotError>;

    /// From now on the entries are of this birth of the group.
    fn begin(&mut self, era: Era);

    /// The group was born again: back to the first state, also for those who read.
    fn anew(&mut self, era: Era) -> Result<(), SnapshotError>;

    /// A snapshot of what is applied now. It may differ from that of a member that makes one here because it is due.
    fn encode(&self) -> Result<Encoded, SnapshotError>;

    /// The last entry.
    fn applied(&self) -> Option<LogId>;
}

/// Applies entries to a machine.
pub struct Applier<M> {
    shared: Arc<Shared<M>>,
    publish: watch::Sender<Applied>,
    origin: Origin<M>,
    settings: MachineSettings,
    skip: Skip,
    /// Whether snapshots are kept here.
    keeps: bool,
}

impl<M: StateMachine> Applier<M> {
    /// A machine before the first entry, and its reading end.
    pub fn new(
        beginning: impl Into<Beginning<M>>,
        settings: MachineSettings,
    ) -> Result<(Self, Replica<M>), SnapshotError> {
        settings.check().map_err(SnapshotError::Limits)?;
        let origin = Origin::new(beginning.into())?;
        let stage = origin.first()?;
        let (contract, earlier) = origin.contracts(&settings);
        let is_current = AtomicBool::new(stage.now().is_some());
        let (system, observers) = (System::default(), Mutex::new(Observers::default()));
        let (shown, era, is_due) = (None, Era::NONE, false);
        let state = RwLock::new(State { stage: Some(stage), system, shown, era, is_due, observers });
        let (schema, era) = (origin.schema, AtomicU64::new(Era::NONE.to_bits()));
        let shared = Arc::new(Shared { state, schema, is_current, era, contract, earlier });
        let (publish, applied) = watch::channel(Applied::default());
        let replica = Replica::new(shared.clone(), applied);
        Ok((Self { shared, publish, origin, settings, skip: Skip::new(), keeps: true }, replica))
    }

    /// The same for a reader, which keeps no snapshots: where members make one, it only counts the bytes, since they decide when the
    /// next one is due.
    #[must_use]
    pub fn for_reader(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// Shows what was applied, and makes a snapshot if one is due: whoever reads goes on meanwhile.
    fn finish(
        &self,
        mut guard: RwLockWriteGuard<'_, State<M>>,
        (count, ran): (usize, &[RanCommand]),
        payload: &[u8],
    ) -> Option<Encoded> {
        let state = &mut *guard;
        let applied = state.applied();
        if applied.last > state.shown {
            state.shown = applied.last;
            let machine = state.stage.as_ref().and_then(Stage::now);
            let observers = unlocked(&mut state.observers);
            if let Some(machine) = machine.filter(|_| !observers.is_empty()) {
                let (version, now) = (applied.version(), applied.now);
                observers.applied(&Batch { version, now, count, ran, payload, state: machine });
            }
        }
        state.is_due = state.system.is_due(&self.settings);
        if !state.is_due {
            drop(guard);
            self.show(applied);
            return None;
        }
        let reading = RwLockWriteGuard::downgrade(guard);
        self.show(applied);
        let stage = reading.stage.as_ref();
        let made = match self.keeps {
            true => stage.map(|stage| self.origin.encode_to_keep(stage)),
            false => None,
        };
        let size = match &made {
            Some(made) => made.as_ref().ok().map(|bytes| snapshot::length(bytes)),
            None => stage.and_then(|stage| self.origin.size_to_keep(stage).ok()),
        };
        drop(reading);
        // Nobody else applies, so this is the state that was encoded.
        let mut state = self.shared.change();
        state.system.snapshot_made(size);
        state.is_due = false;
        let state = RwLockWriteGuard::downgrade(state);
        match made?.and_then(|bytes| snapshot::finish(bytes, &state.system)) {
            Ok(bytes) => Some(Encoded { last: applied.last, bytes }),
            Err(error) => {
                tracing::error!(target: "mosaik::groups", "no snapshot was made: {error}");
                None
            }
        }
    }

    /// The state is this one from now on; the one before is dropped by whoever asked, without the lock.
    fn replace(&self, state: &mut State<M>, stage: Stage<M>) -> Option<Stage<M>> {
        self.shared.is_current.store(stage.now().is_some(), Ordering::Release);
        if stage.now().is_none() {
            unlocked(&mut state.observers).forget();
        }
        state.stage.replace(stage)
    }

    /// The state becomes one of the type with this schema.
    fn migrate(&self, state: &mut State<M>, to: Fingerprint) -> Result<(), Trouble> {
        let stage = state.stage.take().ok_or(Trouble::Torn)?;
        self.replace(state, stage.advance(to).map_err(Trouble::Migration)?);
        Ok(())
    }

    /// Shows what is applied in another era, whatever was shown before.
    fn show_anew(&self, applied: Applied) {
        self.publish.send_replace(applied);
        self.shared.era.store(applied.era.to_bits(), Ordering::Release);
    }

    fn show(&self, applied: Applied) {
        self.publish.send_if_modified(|shown| {
            let newer = applied.last > shown.last;
            if newer {
                *shown = applied;
            }
            newer
        });
    }
}

impl<M: StateMachine> Applying for Applier<M> {
    fn apply(&mut self, at: LogId, payload: &[u8], answer: bool) -> Result<Step, Trouble> {
        let PayloadRef::V1(batch) =
            PayloadRef::decode(payload).map_err(|error| Trouble::Unknown(error.to_string()))?;
        let mut step = Step::default();
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let migrates = batch.migrates();
        if let Some(found) = migrates.filter(|to| !self.origin.knows(*to)) {
            return Err(Trouble::Later { found, own: self.origin.schema });
        }
        let Some(stage) = &mut state.stage else { return Err(Trouble::Torn) };
        let are_wanted = unlocked(&mut state.observers).want_commands();
        let mut ran = Vec::with_capacity(if are_wanted { batch.items.len() } else { 0 });
        let mut count = 0;
        let done = state.system.apply(
            at,
            &batch,
            payload.len(),
            Rules { settings: &self.settings, skip: &self.skip },
            &mut |call, reply| {
                let Call { method, body, .. } = call;
                let came = stage.run(call, reply);
                count += usize::from(came == Ran::Replied);
                if are_wanted && came == Ran::Replied {
                    let start = (body.as_ptr() as usize).saturating_sub(payload.as_ptr() as usize);
                    ran.push(RanCommand { method, start, length: body.len() });
                }
                came
            },
            answer.then_some(&mut step.answer),
        );
        if let Err(Panicked { slot, message }) = done {
            let torn = state.stage.take();
            drop(guard);
            // What it drops may be torn too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(torn)));
            return Err(Trouble::Panicked { slot, message });
        }
        if let Some(to) = migrates {
            self.migrate(state, to)?;
        }
        step.snapshot = self.finish(guard, (count, &ran), payload);
        Ok(step)
    }

    fn pass(&mut self, at: LogId) -> Result<Step, Trouble> {
        let mut state = self.shared.change();
        if state.stage.is_none() {
            return Err(Trouble::Torn);
        }
        state.system.pass(at);
        Ok(Step { answer: Vec::new(), snapshot: self.finish(state, (0, &[]), &[]) })
    }

    fn skip(&mut self, index: u64, slot: u32, message: String) {
        self.skip.insert((index, slot), message);
    }

    fn forget_skips(&mut self, upto: u64) {
        self.skip = self.skip.split_off(&(upto.saturating_add(1), 0));
    }

    fn restore(&mut self, snapshot: Option<Bytes>) -> Result<(), SnapshotError> {
        let (stage, system) = match &snapshot {
            Some(bytes) => snapshot::open(&self.origin, bytes)?,
            None => (self.origin.first()?, System::default()),
        };
        drop(snapshot);
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let before = self.replace(state, stage);
        state.system = system;
        let applied = state.applied();
        let newer = applied.last > state.shown;
        state.shown = state.shown.max(applied.last);
        if newer {
            state.tell_reset();
        }
        drop(guard);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
        if newer {
            // Whoever goes back goes back no farther than this.
            match applied.last {
                Some(last) => self.forget_skips(last.index),
                None => self.skip.clear(),
            }
            self.show(applied);
        }
        Ok(())
    }

    fn begin(&mut self, era: Era) {
        let mut state = self.shared.change();
        state.era = era;
        let applied = state.applied();
        drop(state);
        self.show_anew(applied);
    }

    fn anew(&mut self, era: Era) -> Result<(), SnapshotError> {
        let first = self.origin.first()?;
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let before = self.replace(state, first);
        (state.system, state.shown, state.era) = (System::default(), None, era);
        state.tell_reset();
        let applied = state.applied();
        drop(guard);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
        self.skip.clear();
        self.show_anew(applied);
        Ok(())
    }

    fn encode(&self) -> Result<Encoded, SnapshotError> {
        let state = self.shared.look();
        let torn = || SnapshotError::Refused(Trouble::Torn.to_string());
        let bytes = self.origin.encode(state.stage.as_ref().ok_or_else(torn)?)?;
        let bytes = snapshot::finish(bytes, &state.system)?;
        Ok(Encoded { last: state.system.applied(), bytes })
    }

    fn applied(&self) -> Option<LogId> {
        self.shared.look().system.applied()
    }
}
