//! The end of a machine that reads.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Fence, SessionId, StateMachine, Timestamp,
    core::System,
    earlier::Stage,
    observe::{Observer, Observers, Observing, unlocked},
    snapshot,
};
use crate::{
    groups::{
        MemberId,
        store::record::{LogId, StoreId},
        version::{Era, Version},
    },
    primitives::{Fingerprint, PeerId, Stopped, ids::hex, schema::Shape, watch},
};

/// How far a member has applied the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Which birth of the group it is.
    pub era: Era,
    /// The last entry.
    pub last: Option<LogId>,
    /// Group time after it.
    pub now: Timestamp,
}

impl Applied {
    /// The index of the last entry.
    pub fn index(&self) -> Option<u64> {
        self.last.map(|last| last.index)
    }

    /// The version of the state.
    pub fn version(&self) -> Version {
        Version::new(self.era, self.index().unwrap_or(0))
    }

    /// Whether the entry with this index is applied.
    pub fn has(&self, index: u64) -> bool {
        self.index().is_some_and(|last| last >= index)
    }
}

/// What members compare: after equal entries they have equal hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The last entry.
    pub last: Option<LogId>,
    /// The hash of the state and of the group's own part of it.
    pub hash: [u8; 32],
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:?}, {})", self.last, hex(&self.hash[..5]))
    }
}

/// What a group keeps beside the user's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemView {
    /// How far the log is applied.
    pub applied: Applied,
    /// How many sessions are open.
    pub sessions: usize,
    /// Who was given a place after the birth, and with which store.
    pub welcomed: Vec<(MemberId, StoreId)>,
    /// Why the group is stopped, if it is.
    pub fenced: Option<Fence>,
    /// How many commands panicked.
    pub panics: u64,
}

/// A state and how it came to be.
pub(super) struct State<M> {
    /// None while it is being made anew, after a panic.
    pub(super) stage: Option<Stage<M>>,
    pub(super) system: System,
    /// The last entry that readers were told of. They see nothing older.
    pub(super) shown: Option<LogId>,
    /// Which birth of the group it is.
    pub(super) era: Era,
    /// A snapshot of it is being made, and `system` does not have it yet. Whoever reads goes on meanwhile.
    pub(super) is_due: bool,
    /// Whoever only reads may add one, so that nobody who reads waits behind it.
    pub(super) observers: Mutex<Observers<M>>,
}

pub(super) struct Shared<M> {
    pub(super) state: RwLock<State<M>>,
    /// The schema of its type.
    pub(super) schema: Fingerprint,
    /// Whether the state is of this type, and no more of an older one.
    pub(super) is_current: AtomicBool,
    /// The era that was shown last, for whoever wants nothing else: a look at what is applied is in the way of whoever applies.
    pub(super) era: AtomicU64,
    pub(super) contract: (Fingerprint, Shape),
    /// The contracts of programs of the types before it.
    pub(super) earlier: Vec<Fingerprint>,
}

/// Reads the state of one member. Clones read the same one.
pub struct Replica<M> {
    shared: Arc<Shared<M>>,
    applied: watch::Receiver<Applied>,
}

impl<M> Shared<M> {
    pub(super) fn look(&self) -> RwLockReadGuard<'_, State<M>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self) -> RwLockWriteGuard<'_, State<M>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> State<M> {
    pub(super) fn applied(&self) -> Applied {
        Applied { era: self.era, last: self.system.applied(), now: self.system.now() }
    }

    /// The machine, unless it is behind what readers have seen.
    fn readable(&self) -> Option<&M> {
        self.now().filter(|_| self.system.applied() >= self.shown)
    }

    /// The machine, unless it is being made anew, or of an older type still.
    pub(super) fn now(&self) -> Option<&M> {
        self.stage.as_ref().and_then(Stage::now)
    }
}

impl<M: StateMachine> State<M> {
    /// Tells the observers that the state is another one.
    pub(super) fn tell_reset(&mut self) {
        let version = self.applied().version();
        match self.stage.as_ref().and_then(Stage::now) {
            Some(machine) => unlocked(&mut self.observers).reset(version, machine),
            None => unlocked(&mut self.observers).forget(),
        }
    }
}

impl<M> Replica<M> {
    pub(super) fn new(shared: Arc<Shared<M>>, applied: watch::Receiver<Applied>) -> Self {
        Self { shared, applied }
    }

    /// What two members compare before they bond: the shapes of the state and of the methods' arguments, the initial state, and the
    /// limits.
    pub fn contract(&self) -> (Fingerprint, Shape) {
        self.shared.contract.clone()
    }

    /// What members with programs of the types before it compared, the newest first.
    pub fn earlier(&self) -> &[Fingerprint] {
        &self.shared.earlier
    }

    /// How far the log is applied. It ends when the member stops.
    pub fn applied(&self) -> watch::Receiver<Applied> {
        self.applied.clone()
    }

    /// Which birth of the group it is. Takes one load.
    pub fn era(&self) -> Era {
        Era::from_bits(self.shared.era.load(Ordering::Acquire))
    }

    /// Waits until the entry with this index is applied.
    pub async fn wait_applied(&self, index: u64) -> Result<Applied, Stopped> {
        let mut applied = self.applied();
        let found = applied.wait_for(|applied| applied.has(index)).await;
        found.map(|applied| *applied).map_err(|_| Stopped)
    }

    /// Reads the state as it is, unless it is being made anew after a panic or is of an older type: then the closure comes back. Whoever
    /// applies an entry meanwhile is waited for, whoever makes a snapshot is not.
    pub fn try_read<R, F: FnOnce(&M, Applied) -> R>(&self, read: F) -> Result<R, F> {
        let state = self.shared.look();
        match state.readable() {
            Some(machine) => Ok(read(machine, state.applied())),
            None => Err(read),
        }
    }

    /// Reads the state as [`try_read`](Self::try_read) does, and waits for nobody: `false` if an entry is just being applied.
    pub fn read_at_once(&self, read: impl FnOnce(&M, Applied)) -> bool {
        let state = match self.shared.state.try_read() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if let Some(machine) = state.readable() {
            read(machine, state.applied());
        }
        true
    }

    /// Reads the state, after the entry that comes with it. Waits only while the state is being made anew after a panic, and while it
    /// is of an older type.
    pub async fn read<R>(&self, mut read: impl FnOnce(&M, Applied) -> R) -> Result<R, Stopped> {
        let mut applied = self.applied();
        loop {
            drop(applied.borrow_and_update());
            read = match self.try_read(read) {
                Ok(answer) => return Ok(answer),
                Err(read) => read,
            };
            applied.changed().await.map_err(|_| Stopped)?;
        }
    }

    /// What the group keeps beside the state.
    pub fn system(&self) -> SystemView {
        let era = self.applied.borrow().era;
        self.with_system(|system| SystemView {
            applied: Applied { era, last: system.applied(), now: system.now() },
            sessions: system.sessions(),
            welcomed: system.welcomed().collect(),
            fenced: system.fenced(),
            panics: system.panics(),
        })
    }

    /// Whose session it is.
    pub fn owner(&self, session: SessionId) -> Option<PeerId> {
        self.with_system(|system| system.owner(session))
    }

    fn with_system<R>(&self, look: impl FnOnce(&System) -> R) -> R {
        look(&self.shared.look().system)
    }
}

impl<M: StateMachine> Replica<M> {
    /// The hash of the state. `None` while it is being made anew, while a snapshot of it is made, and for a state that cannot be
    /// encoded.
    pub fn digest(&self) -> Option<Digest> {
        let state = self.shared.look();
        // What the group keeps of a snapshot is the same on all members once it is made.
        if state.is_due {
            return None;
        }
        let bytes = snapshot::state(self.shared.schema, state.readable()?).ok()?;
        let bytes = snapshot::finish(bytes, &state.system).ok()?;
        Some(Digest { last: state.system.applied(), hash: *blake3::hash(&bytes).as_bytes() })
    }

    /// Tells `observer` of everything that is applied from now on, after the state as it is now. It is told for as long as what comes
    /// back lives.
    pub fn observe(&self, observer: Arc<dyn Observer<M>>) -> Observing {
        // Nothing is applied meanwhile.
        let state = self.shared.look();
        let version = state.applied().version();
        let now = state.readable().map(|machine| (version, machine));
        state.observers.lock().unwrap_or_else(PoisonError::into_inner).add(observer, now)
    }

    /// This replica where its type does not matter.
    pub fn reading(&self) -> Arc<dyn Reading> {
        Arc::new(self.clone())
    }
}

/// A [`Replica`] of any machine.
pub trait Reading: Send + Sync + 'static {
    /// How far the log is applied. It ends when the member stops.
    fn applied(&self) -> watch::Receiver<Applied>;
    /// What the group keeps beside the state.
    fn system(&self) -> SystemView;
    /// Whose session it is.
    fn owner(&self, session: SessionId) -> Option<PeerId>;
    /// The hash of the state.
    fn digest(&self) -> Option<Digest>;
    /// The commands that panicked in entries with indices in this range, as far as they are known: the entry, and the place in it.
    fn panicked(&self, range: Range<u64>) -> Vec<(u64, u32)>;
    /// The schema of the type that the state shall have, while it is of an older type.
    fn migrates(&self) -> Option<Fingerprint>;
}

impl<M: StateMachine> Reading for Replica<M> {
    fn applied(&self) -> watch::Receiver<Applied> {
        Self::applied(self)
    }

    fn system(&self) -> SystemView {
        Self::system(self)
    }

    fn owner(&self, session: SessionId) -> Option<PeerId> {
        Self::owner(self, session)
    }

    fn digest(&self) -> Option<Digest> {
        Self::digest(self)
    }

    fn panicked(&self, range: Range<u64>) -> Vec<(u64, u32)> {
        self.with_system(|system| system.panicked(range).collect())
    }

    fn migrates(&self) -> Option<Fingerprint> {
        let is_current = self.shared.is_current.load(Ordering::Acquire);
        (!is_current).then_some(self.shared.schema)
    }
}

impl<M> Clone for Replica<M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), applied: self.applied.clone() }
    }
}

impl<M> fmt::Debug for Replica<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("applied", &*self.applied.borrow()).finish_non_exhaustive()
    }
}
