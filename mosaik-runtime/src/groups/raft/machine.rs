//! A group's machine as openraft drives it.
//!
//! The state is in memory; its snapshots and the log are in the store. Snapshots are made where the log says so, at once and as bytes,
//! and written when openraft next asks for one. After a panic of the user's code the state is made anew, from the newest snapshot
//! and the log.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::{
    EmptyNode, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, StoredMembership,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf},
};

use super::{
    convert,
    types::{Command, RaftTypes, Reply},
};
use crate::{
    groups::{
        MemberId,
        machine::{
            Applier, Applying, Beginning, Encoded, MachineSettings, Replica, SnapshotError, StateMachine,
            Trouble,
        },
        store::{
            LogReader, Snapshots,
            record::{LogId, Manifest},
        },
        version::Era,
    },
    primitives::watch,
};

/// How much of the log is read at a time when the state is made anew.
const READ_BYTES: usize = 1 << 20;

/// How often the beginning of the log may move away while the state is made anew.
const ATTEMPTS: u32 = 8;

/// After this many entries since the last place to start from, another one is made when the state is made anew.
const FAR: u64 = 64;

type Entry = EntryPayload<Command, MemberId, EmptyNode>;

/// A group's machine, of whatever type.
pub struct Machine {
    applying: Box<dyn Applying>,
    membership: StoredMembershipOf<RaftTypes>,
    snapshots: Snapshots,
    log: LogReader,
    made: Arc<Made>,
    /// Where to start from after a panic, when it is newer than all snapshots.
    base: Option<Arc<Kept>>,
    chunk: usize,
}

/// The state after an entry.
struct Kept {
    encoded: Encoded,
    membership: StoredMembershipOf<RaftTypes>,
    /// Whether the log says that there is a snapshot at this entry: then every member makes it, of the same bytes.
    is_due: bool,
}

/// The hash of a snapshot that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digested {
    /// The last entry that is in it.
    pub at: LogId,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Digested {
    /// Of its chunks' hashes, which are there already.
    fn of(at: LogId, manifest: &Manifest) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 group state");
        hasher.update(&manifest.bytes.to_le_bytes());
        manifest.chunks.iter().for_each(|chunk| _ = hasher.update(&chunk.0));
        Self { at, hash: *hasher.finalize().as_bytes() }
    }
}

/// The newest snapshot that is not in the store yet.
struct Made {
    waiting: Mutex<Option<Arc<Kept>>>,
    due: watch::Sender<Option<u64>>,
    /// The last that was due and is in the store.
    digested: watch::Sender<Option<Digested>>,
    /// One snapshot at a time gets into the store, so that an older one never follows a newer one.
    sealing: tokio::sync::Mutex<()>,
}

impl Machine {
    /// A machine before the first entry. openraft then restores it from the snapshot in the store, and applies the log.
    pub fn open<M: StateMachine>(
        initial: impl Into<Beginning<M>>,
        snapshots: Snapshots,
        log: LogReader,
        settings: MachineSettings,
    ) -> Result<(Self, Replica<M>), SnapshotError> {
        let (applier, replica) = Applier::new(initial, settings)?;
        let made = Made {
            waiting: Mutex::new(None),
            due: watch::Sender::new(None),
            digested: watch::Sender::new(None),
            sealing: tokio::sync::Mutex::new(()),
        };
        let machine = Self {
            applying: Box::new(applier),
            membership: StoredMembershipOf::<RaftTypes>::default(),
            snapshots,
            log,
            made: Arc::new(made),
            base: None,
            chunk: settings.chunk.max(1),
        };
        Ok((machine, replica))
    }

    /// The index of the snapshot that waits to be written. When there is one, call `raft.trigger().snapshot()`; it may be refused
    /// while another is being written, so look again when the raft's metrics next change.
    pub fn due(&self) -> watch::Receiver<Option<u64>> {
        self.made.due.subscribe()
    }

    /// All that is applied is of this birth of the group.
    pub fn begin(&mut self, era: Era) {
        self.applying.begin(era);
    }

    /// The hashes of snapshots that members compare: each was due, and is in the store.
    pub fn digested(&self) -> watch::Receiver<Option<Digested>> {
        self.made.digested.subscribe()
    }

    /// Writes a snapshot of what is applied, unless there is one.
    pub async fn keep(&mut self) -> io::Result<()> {
        if self.applying.applied().is_none() {
            return Ok(());
        }
        self.get_snapshot_builder().await.build_snapshot().await.map(drop)
    }

    /// Applies one entry, without those of its commands that panic.
    async fn apply_one(&mut self, at: LogId, entry: &Entry, answer: bool) -> io::Result<Vec<u8>> {
        let mut panics = 0;
        loop {
            match self.step(at, entry, answer) {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Panicked { slot, message }) => {
                    tracing::error!(
                        target: "mosaik::groups",
                        "command {slot} of entry {} panicked, and is undone: {message}", at.index
                    );
                    self.applying.skip(at.index, slot, message);
                    panics += 1;
                    self.make_anew(at, panics).await?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn step(&mut self, at: LogId, entry: &Entry, answer: bool) -> Result<Vec<u8>, Trouble> {
        let step = match entry {
            EntryPayload::Normal(Command(bytes)) => self.applying.apply(at, bytes, answer)?,
            EntryPayload::Blank => self.applying.pass(at)?,
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(convert::raft_log_id(at)), membership.clone());
                self.applying.pass(at)?
            }
        };
        if let Some(encoded) = step.snapshot {
            let kept = Kept { encoded, membership: self.membership.clone(), is_due: true };
            *self.made.waiting() = Some(Arc::new(kept));
            self.base = None;
            self.applying.forget_skips(at.index);
            self.made.due.send_replace(Some(at.index));
        }
        Ok(step.answer)
    }

    /// Makes the state before this entry anew, after so many panics in it.
    async fn make_anew(&mut self, at: LogId, panics: u32) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            let start = self.start().await?;
            self.applying.restore(start.as_ref().map(|start| start.encoded.bytes.clone()))?;
            self.membership = start.as_ref().map(|start| start.membership.clone()).unwrap_or_default();
            let first = next_index(self.applying.applied());
            if self.replay(first, at.index).await? {
                let far = if panics > 1 { 0 } else { FAR };
                if at.index.saturating_sub(first) > far || start.is_none() {
                    let membership = self.membership.clone();
                    self.base = self
                        .applying
                        .encode()
                        .ok()
                        .map(|encoded| Arc::new(Kept { encoded, membership, is_due: false }));
                }
                return Ok(());
            }
            // The log begins behind it: there is a newer snapshot.
            self.base = None;
        }
        Err(io::Error::other("the log was cut again and again while the state was made anew after a panic"))
    }

    /// The newest state that is kept.
    async fn start(&self) -> io::Result<Option<Arc<Kept>>> {
        let newest = [self.base.clone(), self.made.waiting().clone()].into_iter().flatten();
        if let Some(kept) = newest.max_by_key(|kept| kept.encoded.last) {
            return Ok(Some(kept));
        }
        let Some(manifest) = self.snapshots.current().await? else { return Ok(None) };
        let encoded = Encoded { last: manifest.last, bytes: read(&self.snapshots, &manifest).await? };
        let membership = convert::snapshot_meta(&manifest)?.last_membership;
        Ok(Some(Arc::new(Kept { encoded, membership, is_due: false })))
    }

    /// Applies the entries from `first` on and before `end` again. Says no if they are no longer in the log.
    async fn replay(&mut self, first: u64, end: u64) -> io::Result<bool> {
        let mut next = first;
        while next < end {
            let entries = self.log.read(next..end, READ_BYTES).await?;
            if entries.first().is_none_or(|entry| entry.id.index != next) {
                return Ok(false);
            }
            for entry in entries {
                let (at, entry) = (entry.id, convert::raft_entry(entry)?);
                self.step(at, &entry.payload, false).map_err(|trouble| {
                    io::Error::other(format!(
                        "entry {} was applied before, and now not ({trouble}): `apply` does not always do the same. It may use \
                         nothing but the state, the command and its context. This member stops, so that it does not differ \
                         from others",
                        at.index
                    ))
                })?;
                next = at.index + 1;
            }
        }
        Ok(true)
    }

    /// A snapshot of now.
    fn kept(&self) -> Result<Arc<Kept>, SnapshotError> {
        let encoded = self.applying.encode()?;
        Ok(Arc::new(Kept { encoded, membership: self.membership.clone(), is_due: false }))
    }

    fn builder(&self, kept: Result<Arc<Kept>, SnapshotError>) -> Builder {
        Builder { kept, made: self.made.clone(), snapshots: self.snapshots.clone(), chunk: self.chunk }
    }
}

impl Made {
    fn waiting(&self) -> MutexGuard<'_, Option<Arc<Kept>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All up to this is in the store.
    fn kept(&self, last: Option<LogId>) {
        let mut waiting = self.waiting();
        if waiting.as_ref().is_some_and(|kept| kept.encoded.last <= last) {
            *waiting = None;
            self.due.send_replace(None);
        }
    }
}

fn next_index(last: Option<LogId>) -> u64 {
    last.map_or(0, |last| last.index + 1)
}

/// All bytes of a snapshot whose chunks are in the store.
async fn read(snapshots: &Snapshots, manifest: &Manifest) -> io::Result<Bytes> {
    let damaged = |what: String| io::Error::from(SnapshotError::Damaged(what));
    let mut bytes = Vec::new();
    for hash in &manifest.chunks {
        let chunk = snapshots.chunk(*hash).await?;
        bytes.extend_from_slice(&chunk.ok_or_else(|| damaged(format!("chunk {hash} is missing")))?);
    }
    match bytes.len() as u64 == manifest.bytes {
        true => Ok(bytes.into()),
        false => Err(damaged(format!("{} bytes instead of {}", bytes.len(), manifest.bytes))),
    }
}

impl RaftStateMachine<RaftTypes> for Machine {
    /// The chunks that it names are in the store of whoever holds it.
    type SnapshotData = Manifest;
    type SnapshotBuilder = Builder;

    async fn applied_state(
        &mut self,
    ) -> io::Result<(Option<LogIdOf<RaftTypes>>, StoredMembershipOf<RaftTypes>)> {
        Ok((self.applying.applied().map(convert::raft_log_id), self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<RaftTypes>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let at = convert::log_id(&entry.log_id);
            let answer = self.apply_one(at, &entry.payload, responder.is_some()).await?;
            if let Some(responder) = responder {
                responder.send(Reply(Bytes::from(answer)));
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        if force {
            return Some(self.get_snapshot_builder().await);
        }
        let waiting = self.made.waiting().clone();
        waiting.map(|kept| self.builder(Ok(kept)))
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.builder(self.kept())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<RaftTypes>,
        snapshot: Manifest,
    ) -> io::Result<()> {
        let made = self.made.clone();
        let _sealing = made.sealing.lock().await;
        let bytes = read(&self.snapshots, &snapshot).await?;
        self.applying.restore(Some(bytes))?;
        let (last, found) = (meta.last_log_id.as_ref().map(convert::log_id), self.applying.applied());
        if found != last {
            let what = format!("it ends with entry {found:?} and not {last:?}");
            return Err(SnapshotError::Damaged(what).into());
        }
        self.membership = meta.last_membership.clone();
        if self.snapshots.current().await?.as_ref() != Some(&snapshot) {
            self.snapshots.seal(snapshot).await?;
        }
        self.base = None;
        made.kept(last);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<RaftTypes, Manifest>>> {
        current(&self.snapshots).await
    }
}

async fn current(snapshots: &Snapshots) -> io::Result<Option<SnapshotOf<RaftTypes, Manifest>>> {
    let Some(manifest) = snapshots.current().await? else { return Ok(None) };
    Ok(Some(Snapshot { meta: convert::snapshot_meta(&manifest)?, snapshot: manifest }))
}

/// Writes a snapshot.
pub struct Builder {
    kept: Result<Arc<Kept>, SnapshotError>,
    made: Arc<Made>,
    snapshots: Snapshots,
    chunk: usize,
}

impl RaftSnapshotBuilder<RaftTypes> for Builder {
    type SnapshotData = Manifest;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<RaftTypes, Manifest>> {
        let _sealing = self.made.sealing.lock().await;
        let kept = self.kept.clone()?;
        let last = kept.encoded.last;
        if let Some(newer) = current(&self.snapshots).await?.filter(|current| current.snapshot.last >= last) {
            self.made.kept(newer.snapshot.last);
            return Ok(newer);
        }
        let meta = SnapshotMetaOf::<RaftTypes> {
            last_log_id: last.map(convert::raft_log_id),
            last_membership: kept.membership.clone(),
        };
        let (bytes, mut chunks) = (&kept.encoded.bytes, Vec::new());
        for start in (0..bytes.len()).step_by(self.chunk) {
            let end = start.saturating_add(self.chunk).min(bytes.len());
            chunks.push(self.snapshots.put(bytes.slice(start..end)).await?);
        }
        let manifest = convert::manifest(&meta, bytes.len() as u64, chunks);
        self.snapshots.seal(manifest.clone()).await?;
        self.made.kept(last);
        if let Some(at) = last.filter(|_| kept.is_due) {
            self.made.digested.send_replace(Some(Digested::of(at, &manifest)));
        }
        Ok(Snapshot { meta, snapshot: manifest })
    }
}
