//! The store of a node, as the rest of the node sees it.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{
    core::{mirror::Mirror, row::Write},
    error::StoreError,
    files::{Guarded, MemoryFolder},
    group::{GroupLog, LogReader},
    health::Health,
    queue::Queue,
    record::{Entry, FORMAT, Identity, StoreId},
    snapshots::Snapshots,
};
use crate::primitives::{PeerId, WireId};

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;

/// The store of a node. Its handles share it; the last one that is dropped closes it.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

pub(super) struct Shared {
    pub(super) identity: Identity,
    pub(super) health: Arc<Health>,
    pub(super) files: Guarded,
    groups: Mutex<BTreeMap<WireId, Arc<Mutex<Mirror>>>>,
    #[cfg(feature = "durable")]
    pub(super) durable: Option<super::open::Parts>,
}

impl Store {
    /// A store in memory, with an id that no other store of this node ever had.
    pub fn memory(owner: PeerId, id: StoreId) -> Self {
        let health = Arc::new(Health::default());
        Self(Arc::new(Shared {
            identity: Identity { format: FORMAT, owner, store: id },
            files: Guarded::new(Arc::new(MemoryFolder::default()), health.clone()),
            health,
            groups: Mutex::default(),
            #[cfg(feature = "durable")]
            durable: None,
        }))
    }

    #[cfg(feature = "durable")]
    pub(super) fn assemble(
        identity: Identity,
        files: Guarded,
        groups: BTreeMap<WireId, Mirror>,
        parts: super::open::Parts,
    ) -> Self {
        let groups =
            groups.into_iter().map(|(group, mirror)| (group, Arc::new(Mutex::new(mirror)))).collect();
        let (health, groups, durable) = (files.health().clone(), Mutex::new(groups), Some(parts));
        Self(Arc::new(Shared { identity, health, files, groups, durable }))
    }

    /// The id of the store.
    pub fn id(&self) -> StoreId {
        self.0.identity.store
    }

    /// The node that it belongs to.
    pub fn owner(&self) -> PeerId {
        self.0.identity.owner
    }

    /// The groups that it holds something of.
    pub fn groups(&self) -> Vec<WireId> {
        let groups = self.0.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let holds =
            |mirror: &Mutex<Mirror>| !mirror.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        groups.iter().filter(|(_, mirror)| holds(mirror)).map(|(group, _)| *group).collect()
    }

    /// Opens the log of a group for its one instance on this node.
    pub async fn log(&self, group: WireId) -> Result<GroupLog, StoreError> {
        let log = GroupLog::open(self.reader(group)).await?;
        let state = log.reader().state()?;
        let mut snapshot = self.snapshots(group).current().await?.and_then(|manifest| manifest.last);
        if snapshot.is_some() && state.last.is_none() && log.reader().vote()?.is_none() {
            // The group was being forgotten when the node went down.
            self.snapshots(group).remove().await?;
            snapshot = None;
        }
        match state.purged {
            Some(purged) if snapshot.is_none_or(|last| last.index < purged.index) => {
                Err(self.0.health.fail(StoreError::damaged(format_args!(
                    "the log begins behind {purged:?}, and the snapshot ends at {snapshot:?}"
                ))))
            }
            _ => Ok(log),
        }
    }

    /// Reads the log and the notes of a group.
    pub fn reader(&self, group: WireId) -> LogReader {
        LogReader::new(self.0.clone(), group)
    }

    /// The snapshot of a group.
    pub fn snapshots(&self, group: WireId) -> Snapshots {
        Snapshots::new(self.0.clone(), group)
    }

    /// Writes a small named value of a group, or removes it. Returns once that is on disk.
    pub async fn set_note(&self, group: WireId, name: &str, value: Option<Bytes>) -> Result<(), StoreError> {
        if !name.is_ascii() || value.as_ref().is_some_and(|value| value.len() > MAX_NOTE) {
            return Err(StoreError::Misuse(format!("a note has an ASCII name and at most {MAX_NOTE} bytes")));
        }
        self.reader(group).commit(Write::Note(name.to_owned(), value)).await
    }

    /// Removes what a member of a group has written: its vote, its log and its notes. The snapshot stays until the
    /// log is opened again. Close its log first.
    pub async fn forget_member(&self, group: WireId) -> Result<(), StoreError> {
        self.reader(group).commit(Write::Forget).await
    }

    /// Removes everything of a group, its snapshot last. Close its log first.
    pub async fn forget(&self, group: WireId) -> Result<(), StoreError> {
        self.reader(group).commit(Write::Forget).await?;
        self.snapshots(group).remove().await
    }

    /// Whether the store still works.
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.health.check()
    }

    /// Waits until the store fails, for ever if it does not.
    pub async fn failed(&self) -> StoreError {
        self.0.health.failed().await
    }

    /// Writes what waits and closes the store, also for all other handles. It can be opened again once its handles are gone.
    pub async fn close(&self) -> Result<(), StoreError> {
        #[cfg(feature = "durable")]
        if let Some(parts) = &self.0.durable {
            parts.close().await;
        }
        self.0.health.check()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("identity", &self.0.identity).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn mirror(&self, group: WireId) -> Arc<Mutex<Mirror>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).entry(group).or_default().clone()
    }

    /// Where writes wait for the disk; none in memory.
    pub(super) fn queue(&self) -> Option<&Arc<Queue>> {
        #[cfg(feature = "durable")]
        return self.durable.as_ref().map(super::open::Parts::queue);
        #[cfg(not(feature = "durable"))]
        None
    }

    /// Reads entries that are on disk alone.
    pub(super) async fn read(
        &self,
        group: WireId,
        range: Range<u64>,
        limit: usize,
        still: impl Fn() -> bool + Send + 'static,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        #[cfg(feature = "durable")]
        if let Some(parts) = &self.durable {
            return parts.read(group, range, limit, still).await;
        }
        let _ = (group, limit, still);
        Err(StoreError::damaged(format_args!("entries {range:?} are neither in memory nor on disk")))
    }

    /// Runs something that touches files, away from the caller's thread.
    pub(super) async fn on_files<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(feature = "durable")]
        if let Some(parts) = &self.durable {
            return parts.on_files(job).await;
        }
        job()
    }
}
