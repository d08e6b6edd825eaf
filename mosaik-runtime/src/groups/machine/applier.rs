//! Applies entries to a state: runs the user's code, and survives its panics.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, RwLock},
};

use bytes::Bytes;

use super::{
    Applied, Command, MAX_REPLY, MachineSettings, Replica, Reply, SnapshotError, StateMachine, command,
    core::{Call, Panicked, Ran, Rules, Skip, System},
    observe::{Batch, Observers, RanCommand},
    payload::PayloadRef,
    replica::{Shared, State},
    snapshot,
};
use crate::{
    groups::{
        store::record::LogId,
        version::{Era, Version},
    },
    primitives::{scope::panic_text, watch},
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

    /// Goes back, or forward, to a snapshot; without one to the beginning. On an error nothing changes.
    fn restore(&mut self, snapshot: Option<&[u8]>) -> Result<(), SnapshotError>;

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
    /// The first state, encoded.
    initial: Bytes,
    is_recursive: bool,
    settings: MachineSettings,
    skip: Skip,
}

impl<M: StateMachine> Applier<M> {
    /// A machine before the first entry, and its reading end.
    pub fn new(initial: M, settings: MachineSettings) -> Result<(Self, Replica<M>), SnapshotError> {
        settings.check().map_err(SnapshotError::Limits)?;
        let (schema, shape) = command::schema::<M>();
        if shape.has_weightless_elements() {
            let why =
                "the state or a command holds a sequence of elements without any bytes, such as `Vec<()>`";
            return Err(SnapshotError::Refused(why.to_owned()));
        }
        let initial = Bytes::from(snapshot::state(schema, &initial)?);
        // What is restored is what came back, not what was given: on all members alike.
        let machine = first(&initial)?;
        let (system, is_recursive) = (System::default(), shape.is_recursive());
        let (era, observers) = (Era::NONE, Observers::default());
        let state = RwLock::new(State { machine: Some(machine), system, shown: None, era, observers });
        let contract = command::contract(shape, snapshot::state_of(&initial), &settings);
        let shared = Arc::new(Shared { state, schema, contract });
        let (publish, applied) = watch::channel(Applied::default());
        let replica = Replica::new(shared.clone(), applied);
        Ok((Self { shared, publish, initial, is_recursive, settings, skip: Skip::new() }, replica))
    }

    /// Makes a snapshot if one is due, and shows what was applied.
    fn finish(&self, state: &mut State<M>, ran: &[RanCommand], payload: &[u8]) -> Option<Encoded> {
        let due = state.system.is_due(&self.settings);
        let snapshot = if due { self.snapshot(state) } else { None };
        let applied = state.system.applied();
        if applied > state.shown {
            state.shown = applied;
            if let Some(machine) = state.machine.as_ref().filter(|_| !state.observers.is_empty()) {
                let version = Version::new(state.era, applied.map_or(0, |last| last.index));
                let now = state.system.now();
                state.observers.applied(&Batch { version, now, ran, payload, state: machine });
            }
        }
        snapshot
    }

    fn snapshot(&self, state: &mut State<M>) -> Option<Encoded> {
        let made = state.machine.as_ref().map(|machine| {
            let bytes = snapshot::state(self.shared.schema, machine)?;
            if self.is_recursive {
                // It may be nested deeper than anybody would decode.
                snapshot::decode_state::<M>(snapshot::state_of(&bytes)).map_err(SnapshotError::Refused)?;
            }
            Ok(bytes)
        })?;
        let made = made.and_then(|bytes| {
            state.system.snapshot_made(Some(snapshot::length(&bytes)));
            snapshot::finish(bytes, &state.system)
        });
        match made {
            Ok(bytes) => Some(Encoded { last: state.system.applied(), bytes }),
            Err(error) => {
                state.system.snapshot_made(None);
                tracing::error!(target: "mosaik::groups", "no snapshot was made: {error}");
                None
            }
        }
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

    /// The user's code, with the state that it may have torn.
    fn run(machine: &mut M, call: Call<'_>, reply: &mut Vec<u8>) -> Ran {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let command = match M::Command::decode(call.method, call.body) {
                Ok(command) => command,
                Err(error) => return Ran::Unreadable(error.to_string()),
            };
            match machine.apply(command, &call.cx).encode(reply) {
                Ok(()) if reply.len() > MAX_REPLY => Ran::Panicked(format!(
                    "its reply takes {} bytes and {MAX_REPLY} are allowed: answer less, or let a query read it in parts",
                    reply.len()
                )),
                Ok(()) => Ran::Replied,
                Err(error) => Ran::Panicked(format!("its reply cannot be sent: {error}")),
            }
        }));
        result.unwrap_or_else(|panic| Ran::Panicked(panic_text(&*panic).to_owned()))
    }
}

impl<M: StateMachine> Applying for Applier<M> {
    fn apply(&mut self, at: LogId, payload: &[u8], answer: bool) -> Result<Step, Trouble> {
        let PayloadRef::V1(batch) =
            PayloadRef::decode(payload).map_err(|error| Trouble::Unknown(error.to_string()))?;
        let mut step = Step::default();
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let Some(machine) = &mut state.machine else { return Err(Trouble::Torn) };
        let (mut ran, observed) = (Vec::new(), !state.observers.is_empty());
        let done = state.system.apply(
            at,
            &batch,
            payload.len(),
            Rules { settings: &self.settings, skip: &self.skip },
            &mut |call, reply| {
                let Call { method, body, .. } = call;
                let came = Self::run(machine, call, reply);
                if observed && came == Ran::Replied {
                    let start = (body.as_ptr() as usize).saturating_sub(payload.as_ptr() as usize);
                    ran.push(RanCommand { method, start, length: body.len() });
                }
                came
            },
            answer.then_some(&mut step.answer),
        );
        if let Err(Panicked { slot, message }) = done {
            let torn = state.machine.take();
            drop(guard);
            // What it drops may be torn too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(torn)));
            return Err(Trouble::Panicked { slot, message });
        }
        step.snapshot = self.finish(state, &ran, payload);
        let applied = state.applied();
        drop(guard);
        self.show(applied);
        Ok(step)
    }

    fn pass(&mut self, at: LogId) -> Result<Step, Trouble> {
        let mut guard = self.shared.change();
        let state = &mut *guard;
        if state.machine.is_none() {
            return Err(Trouble::Torn);
        }
        state.system.pass(at);
        let snapshot = self.finish(state, &[], &[]);
        let applied = state.applied();
        drop(guard);
        self.show(applied);
        Ok(Step { answer: Vec::new(), snapshot })
    }

    fn skip(&mut self, index: u64, slot: u32, message: String) {
        self.skip.insert((index, slot), message);
    }

    fn forget_skips(&mut self, upto: u64) {
        self.skip = self.skip.split_off(&(upto.saturating_add(1), 0));
    }

    fn restore(&mut self, snapshot: Option<&[u8]>) -> Result<(), SnapshotError> {
        let (machine, system) = match snapshot {
            Some(bytes) => snapshot::open(self.shared.schema, bytes)?,
            None => (first(&self.initial)?, System::default()),
        };
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let before = state.machine.replace(machine);
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
        self.publish.send_replace(applied);
    }

    fn anew(&mut self, era: Era) -> Result<(), SnapshotError> {
        let first = first(&self.initial)?;
        let mut guard = self.shared.change();
        let state = &mut *guard;
        let before = state.machine.replace(first);
        (state.system, state.shown, state.era) = (System::default(), None, era);
        state.tell_reset();
        let applied = state.applied();
        drop(guard);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
        self.skip.clear();
        self.publish.send_replace(applied);
        Ok(())
    }

    fn encode(&self) -> Result<Encoded, SnapshotError> {
        let state = self.shared.look();
        let torn = || SnapshotError::Refused(Trouble::Torn.to_string());
        let bytes = snapshot::state(self.shared.schema, state.machine.as_ref().ok_or_else(torn)?)?;
        let bytes = snapshot::finish(bytes, &state.system)?;
        Ok(Encoded { last: state.system.applied(), bytes })
    }

    fn applied(&self) -> Option<LogId> {
        self.shared.look().system.applied()
    }
}

fn first<M: StateMachine>(initial: &[u8]) -> Result<M, SnapshotError> {
    snapshot::decode_state(snapshot::state_of(initial)).map_err(SnapshotError::Refused)
}
