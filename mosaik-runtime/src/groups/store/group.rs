//! One group's part of a store: who writes its log, and who reads it.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    core::{mirror::Mirror, row::Write},
    error::StoreError,
    handle::Shared,
    queue::{Done, Request},
    record::{Entry, LogId, Vote},
};
use crate::primitives::WireId;

/// The log of one group, for the one instance of the group on this node. It may be opened again once this is dropped.
pub struct GroupLog(LogReader);

/// Reads the log of one group.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
    group: WireId,
    mirror: Arc<Mutex<Mirror>>,
}

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogState {
    /// The last entry that was purged.
    pub purged: Option<LogId>,
    /// The last entry; the last that was purged when there is none.
    pub last: Option<LogId>,
    /// The last entry that is known to be committed. It may be older than what was committed before a crash.
    pub committed: Option<LogId>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>, group: WireId) -> Self {
        let mirror = shared.mirror(group);
        Self { shared, group, mirror }
    }

    pub(super) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vote.
    pub fn vote(&self) -> Result<Option<Vote>, StoreError> {
        self.shared.health.check()?;
        Ok(self.mirror().row.vote)
    }

    /// Where the log begins and ends.
    pub fn state(&self) -> Result<LogState, StoreError> {
        self.shared.health.check()?;
        let row = &self.mirror().row;
        Ok(LogState { purged: row.purged, last: row.last, committed: row.committed })
    }

    /// Whether anything of a log was written: a vote or an entry.
    pub fn is_begun(&self) -> Result<bool, StoreError> {
        Ok(self.vote()?.is_some() || self.state()?.last.is_some())
    }

    /// The last of the entries that have to go so that those up to and with `last` have at most so many bytes; `None` if they have.
    pub fn beyond(&self, last: u64, bytes: u64) -> Option<u64> {
        self.mirror().beyond(last, bytes)
    }

    /// A small named value, as it was last written.
    pub fn note(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.shared.health.check()?;
        Ok(self.mirror().notes.get(name).cloned())
    }

    /// The entries with indices in `range` that are in the log, without a hole. Stops before the entry that would make them more
    /// than `limit` bytes, but not before the first.
    pub async fn read(&self, range: Range<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        loop {
            self.shared.health.check()?;
            let plan = self.mirror().plan(&range);
            let mut entries = Vec::new();
            if !plan.cold.is_empty() {
                let mirror = self.mirror.clone();
                let cut = plan.cut;
                let still = move || mirror.lock().unwrap_or_else(PoisonError::into_inner).cut() == cut;
                match self.shared.read(self.group, plan.cold.clone(), limit, still).await? {
                    Some(read) if self.mirror().cut() == plan.cut => entries = read,
                    // The log was cut meanwhile: look again.
                    _ => continue,
                }
                if (entries.len() as u64) < plan.cold.end - plan.cold.start {
                    return Ok(entries);
                }
            }
            let mut bytes: usize = entries.iter().map(Entry::size).sum();
            for entry in plan.hot {
                bytes = bytes.saturating_add(entry.size());
                if bytes > limit && !entries.is_empty() {
                    break;
                }
                entries.push(entry);
            }
            return Ok(entries);
        }
    }

    /// Shows a write at once, and sends it to the disk.
    async fn submit(&self, write: Write, lazy: bool, done: Option<Done>) -> Result<(), StoreError> {
        self.shared.health.check()?;
        let Some(queue) = self.shared.queue() else {
            self.mirror().apply(&write).map_err(StoreError::Misuse)?;
            if let Some(done) = done {
                done(Ok(()));
            }
            return Ok(());
        };
        let room = queue.room(write.size()).await?;
        let mut mirror = self.mirror();
        self.shared.health.check()?;
        let number = mirror.apply(&write).map_err(StoreError::Misuse)?;
        let (end, group) = (mirror.row.indices().end, self.group);
        queue.push(Request {
            group,
            mirror: self.mirror.clone(),
            write,
            number,
            end,
            lazy,
            done,
            _room: room,
        })
    }

    /// Like `submit`, and returns once it is on disk.
    pub(super) async fn commit(&self, write: Write) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        let done: Done = Box::new(move |result| drop(done.send(result)));
        self.submit(write, false, Some(done)).await?;
        wait.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl GroupLog {
    /// Opens the log for writing, once all that was written before is on disk.
    pub(super) async fn open(reader: LogReader) -> Result<Self, StoreError> {
        if std::mem::replace(&mut reader.mirror().open, true) {
            return Err(StoreError::Busy);
        }
        let log = Self(reader);
        log.0.commit(Write::Append(Arc::from([]))).await?;
        Ok(log)
    }

    /// A reader of this log.
    pub fn reader(&self) -> LogReader {
        self.0.clone()
    }

    /// Writes a vote. Returns once it is on disk.
    pub async fn save_vote(&self, vote: Vote) -> Result<(), StoreError> {
        self.0.commit(Write::Vote(vote)).await
    }

    /// Adds entries. They can be read when this returns; `done` is called once they are on disk.
    pub async fn append(
        &self,
        entries: Vec<Entry>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.0.submit(Write::Append(entries.into()), false, Some(Box::new(done))).await
    }

    /// Notes how far the log is committed. It reaches the disk with the next write, or a little later by itself: what is committed
    /// is in the logs of a majority, and this only says so.
    pub async fn save_committed(&self, id: LogId) -> Result<(), StoreError> {
        self.0.submit(Write::Committed(id), true, None).await
    }

    /// Removes the entries behind `last`, all of them without one. Later writes reach the disk only together with this.
    pub async fn truncate(&self, last: Option<LogId>) -> Result<(), StoreError> {
        self.0.submit(Write::Truncate(last), false, None).await
    }

    /// Removes the entries up to and with `upto`: a snapshot that is on disk has what they did.
    pub async fn purge(&self, upto: LogId) -> Result<(), StoreError> {
        self.0.submit(Write::Purge(upto), true, None).await
    }
}

impl Drop for GroupLog {
    fn drop(&mut self) {
        self.0.mirror().open = false;
    }
}
