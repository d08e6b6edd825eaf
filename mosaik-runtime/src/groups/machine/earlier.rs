//! States whose type was another one before: the older machine goes on until the log says that it becomes the newer one.
//!
//! Every entry before [`Item::Migrate`](super::Item::Migrate) was given by a program of the older type, and the older type's code
//! applies it. At that entry `From` makes the newer state of the older one: on all members at one place of the log, whatever
//! snapshots each of them had. This file knows the types and how one becomes the next; [`Applier`](super::Applier) says when.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    MAX_REPLY, MachineSettings, NotApplied, SnapshotError, StateMachine, command,
    core::{Call, Ran},
    snapshot,
};
use crate::primitives::{Fingerprint, schema::Shape, scope::panic_text};

/// The older type of a state machine, with the state that it began with.
///
/// It keeps its code: what is in the log from before is applied by it.
pub struct Earlier<M>(Box<dyn FnOnce() -> Prepared<M> + Send>);

type Prepared<M> = Result<Arc<dyn Before<M>>, SnapshotError>;

impl<M: StateMachine> Earlier<M> {
    /// The type `O`, whose states become states of type `M`. A group of that type began with this state.
    pub fn of<O: StateMachine>(initial: O) -> Self
    where
        M: From<O>,
    {
        Self::after(initial, None)
    }

    /// The same, of a type that itself was another one before.
    pub fn after<O: StateMachine>(initial: O, earlier: Option<Earlier<O>>) -> Self
    where
        M: From<O>,
    {
        let beginning = Beginning::new(initial, earlier);
        Self(Box::new(move || Ok(Arc::new(Link(Arc::new(Origin::new(beginning)?))))))
    }
}

/// What a state machine begins with.
pub struct Beginning<M> {
    initial: M,
    earlier: Option<Earlier<M>>,
}

impl<M> Beginning<M> {
    /// This state, or, for a group whose state had another type before, the state that the older type begins with.
    pub fn new(initial: M, earlier: Option<Earlier<M>>) -> Self {
        Self { initial, earlier }
    }
}

impl<M> From<M> for Beginning<M> {
    fn from(initial: M) -> Self {
        Self::new(initial, None)
    }
}

/// A type of state machine, and those before it.
pub(super) struct Origin<M> {
    pub(super) schema: Fingerprint,
    shape: Shape,
    /// The first state, encoded.
    initial: Bytes,
    is_recursive: bool,
    before: Option<Arc<dyn Before<M>>>,
}

/// A state: of the newest type, or still of one before it.
pub(super) enum Stage<M> {
    Now(M),
    Then(Box<dyn Past<M>>),
}

/// The types before `M`.
trait Before<M>: Send + Sync {
    fn first(&self) -> Result<Box<dyn Past<M>>, SnapshotError>;
    fn open(&self, found: Fingerprint, state: &[u8]) -> Result<Box<dyn Past<M>>, SnapshotError>;
    fn knows(&self, schema: Fingerprint) -> bool;
    /// The contracts of programs of these types, the newest first.
    fn contracts(&self, limits: &MachineSettings) -> Vec<Fingerprint>;
}

/// A state of a type before `M`.
pub(super) trait Past<M>: Send + Sync {
    fn run(&mut self, call: Call<'_>, reply: &mut Vec<u8>) -> Ran;
    fn encode(&self) -> Result<Vec<u8>, SnapshotError>;
    /// Becomes a state of the type with this schema, unless it is newer already.
    fn advance(self: Box<Self>, to: Fingerprint) -> Stage<M>;
    /// Becomes a state of the newest type.
    fn finish(self: Box<Self>) -> M;
}

struct Link<O>(Arc<Origin<O>>);

struct Older<O> {
    origin: Arc<Origin<O>>,
    stage: Stage<O>,
}

impl<M: StateMachine> Origin<M> {
    pub(super) fn new(beginning: Beginning<M>) -> Result<Self, SnapshotError> {
        let Beginning { initial, earlier } = beginning;
        let (schema, shape) = command::schema::<M>();
        if shape.has_weightless_elements() {
            let why =
                "the state or a command holds a sequence of elements without any bytes, such as `Vec<()>`";
            return Err(SnapshotError::Refused(why.to_owned()));
        }
        let initial = Bytes::from(snapshot::state(schema, &initial)?);
        let before = earlier.map(|earlier| (earlier.0)()).transpose()?;
        if before.as_ref().is_some_and(|before| before.knows(schema)) {
            return Err(SnapshotError::SameSchema);
        }
        let is_recursive = shape.is_recursive();
        let origin = Self { schema, shape, initial, is_recursive, before };
        origin.initial()?;
        Ok(origin)
    }

    /// What is restored is what came back, not what was given: on all members alike.
    fn initial(&self) -> Result<M, SnapshotError> {
        snapshot::decode_state(snapshot::state_of(&self.initial)).map_err(SnapshotError::Refused)
    }

    /// The state before the first entry.
    pub(super) fn first(&self) -> Result<Stage<M>, SnapshotError> {
        match &self.before {
            Some(before) => before.first().map(Stage::Then),
            None => self.initial().map(Stage::Now),
        }
    }

    /// The state in a snapshot with this schema.
    pub(super) fn open(&self, found: Fingerprint, state: &[u8]) -> Result<Stage<M>, SnapshotError> {
        match &self.before {
            _ if found == self.schema => {
                snapshot::decode_state(state).map(Stage::Now).map_err(SnapshotError::Damaged)
            }
            Some(before) if before.knows(found) => before.open(found, state).map(Stage::Then),
            _ => Err(SnapshotError::OtherSchema { found, own: self.schema }),
        }
    }

    /// Whether states of this schema are of this type, or of one before it.
    pub(super) fn knows(&self, schema: Fingerprint) -> bool {
        self.schema == schema || self.before.as_ref().is_some_and(|before| before.knows(schema))
    }

    /// The state as a snapshot writes it.
    pub(super) fn encode(&self, stage: &Stage<M>) -> Result<Vec<u8>, SnapshotError> {
        match stage {
            Stage::Now(machine) => snapshot::state(self.schema, machine),
            Stage::Then(older) => older.encode(),
        }
    }

    /// The same, of which it is known that it can be read again.
    pub(super) fn encode_to_keep(&self, stage: &Stage<M>) -> Result<Vec<u8>, SnapshotError> {
        let bytes = self.encode(stage)?;
        if let (true, Stage::Now(_)) = (self.is_recursive, stage) {
            // It may be nested deeper than anybody would decode.
            snapshot::decode_state::<M>(snapshot::state_of(&bytes)).map_err(SnapshotError::Refused)?;
        }
        Ok(bytes)
    }

    /// How many bytes [`encode_to_keep`](Self::encode_to_keep) has. Only what has to be read back for that is encoded.
    pub(super) fn size_to_keep(&self, stage: &Stage<M>) -> Result<u64, SnapshotError> {
        match stage {
            Stage::Now(machine) if !self.is_recursive => snapshot::size(machine),
            stage => self.encode_to_keep(stage).map(|bytes| snapshot::length(&bytes)),
        }
    }

    /// What members compare, and what members with programs of the types before it did.
    pub(super) fn contracts(&self, limits: &MachineSettings) -> ((Fingerprint, Shape), Vec<Fingerprint>) {
        let earlier = self.before.as_ref().map(|before| before.contracts(limits)).unwrap_or_default();
        let initial = snapshot::state_of(&self.initial);
        let own = command::contract(self.shape.clone(), initial, earlier.first().copied(), limits);
        (own, earlier)
    }
}

impl<O: StateMachine, M: StateMachine + From<O>> Before<M> for Link<O> {
    fn first(&self) -> Result<Box<dyn Past<M>>, SnapshotError> {
        Ok(Box::new(Older { origin: self.0.clone(), stage: self.0.first()? }))
    }

    fn open(&self, found: Fingerprint, state: &[u8]) -> Result<Box<dyn Past<M>>, SnapshotError> {
        Ok(Box::new(Older { origin: self.0.clone(), stage: self.0.open(found, state)? }))
    }

    fn knows(&self, schema: Fingerprint) -> bool {
        self.0.knows(schema)
    }

    fn contracts(&self, limits: &MachineSettings) -> Vec<Fingerprint> {
        let ((own, _), earlier) = self.0.contracts(limits);
        [own].into_iter().chain(earlier).collect()
    }
}

impl<O: StateMachine, M: StateMachine + From<O>> Past<M> for Older<O> {
    fn run(&mut self, call: Call<'_>, reply: &mut Vec<u8>) -> Ran {
        self.stage.run(call, reply)
    }

    fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        self.origin.encode_to_keep(&self.stage)
    }

    fn advance(self: Box<Self>, to: Fingerprint) -> Stage<M> {
        if !self.origin.knows(to) {
            return Stage::Now(self.finish());
        }
        let stage = match self.stage {
            Stage::Then(older) => older.advance(to),
            now @ Stage::Now(_) => now,
        };
        Stage::Then(Box::new(Self { origin: self.origin, stage }))
    }

    fn finish(self: Box<Self>) -> M {
        M::from(match self.stage {
            Stage::Now(older) => older,
            Stage::Then(older) => older.finish(),
        })
    }
}

impl<M> Stage<M> {
    /// The state, if it is of the newest type.
    pub(super) fn now(&self) -> Option<&M> {
        match self {
            Self::Now(machine) => Some(machine),
            Self::Then(_) => None,
        }
    }
}

impl<M: StateMachine> Stage<M> {
    /// The user's code, with the state that it may have torn.
    pub(super) fn run(&mut self, call: Call<'_>, reply: &mut Vec<u8>) -> Ran {
        match self {
            Self::Now(machine) => run(machine, call, reply),
            Self::Then(older) => older.run(call, reply),
        }
    }

    /// Becomes a state of the type with this schema; on an error it is gone, and this is what `From` said.
    pub(super) fn advance(self, to: Fingerprint) -> Result<Self, String> {
        match self {
            Self::Then(older) => catch_unwind(AssertUnwindSafe(|| older.advance(to)))
                .map_err(|panic| panic_text(&*panic).to_owned()),
            now @ Self::Now(_) => Ok(now),
        }
    }
}

fn run<M: StateMachine>(machine: &mut M, call: Call<'_>, reply: &mut Vec<u8>) -> Ran {
    let result = catch_unwind(AssertUnwindSafe(|| {
        match machine.apply_encoded(call.method, call.body, &call.cx, reply) {
            Ok(()) if reply.len() > MAX_REPLY => Ran::Panicked(format!(
                "its reply takes {} bytes and {MAX_REPLY} are allowed: answer less, or let a query read it in parts",
                reply.len()
            )),
            Ok(()) => Ran::Replied,
            Err(NotApplied::Unreadable(error)) => Ran::Unreadable(error.to_string()),
            Err(NotApplied::Reply(error)) => Ran::Panicked(format!("its reply cannot be sent: {error}")),
        }
    }));
    result.unwrap_or_else(|panic| Ran::Panicked(panic_text(&*panic).to_owned()))
}

impl<M> fmt::Debug for Earlier<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Earlier")
    }
}

impl<M> fmt::Debug for Beginning<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").field("earlier", &self.earlier).finish_non_exhaustive()
    }
}
