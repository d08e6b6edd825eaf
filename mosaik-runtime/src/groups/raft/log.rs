//! A group's log as openraft uses it.

use std::{
    fmt::Debug,
    io,
    ops::{Bound, Range, RangeBounds},
};

use openraft::{
    LogState, OptionalSend, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
    type_config::alias::{EntryOf, LogIdOf, VoteOf},
};

use super::{convert, types::RaftTypes};
use crate::{
    groups::store::{GroupLog, LogReader, StoreError},
    primitives::canary::{self, Canary},
};

/// How much openraft gets of a log at a time where it may get less: the most that one message to a follower has. An entry may be larger.
const READ_BYTES: usize = 256 << 10;

/// Writes the log of one group, for openraft.
pub struct RaftLog(GroupLog);

/// Reads the log of one group, for openraft.
#[derive(Clone)]
pub struct RaftReader(LogReader);

impl RaftLog {
    /// The log of a group that this store keeps.
    pub fn new(log: GroupLog) -> Self {
        Self(log)
    }
}

impl RaftReader {
    async fn entries(&self, range: Range<u64>, limit: usize) -> Result<Vec<EntryOf<RaftTypes>>, io::Error> {
        let entries = self.0.read(range, limit).await?;
        let entries: Result<_, StoreError> = entries.into_iter().map(convert::raft_entry).collect();
        Ok(entries?)
    }
}

impl RaftLogReader<RaftTypes> for RaftReader {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<EntryOf<RaftTypes>>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.entries(bounds(&range), usize::MAX).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<EntryOf<RaftTypes>>, io::Error> {
        self.entries(start..end, READ_BYTES).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<RaftTypes>>, io::Error> {
        Ok(self.0.vote()?.map(convert::raft_vote))
    }
}

impl RaftLogStorage<RaftTypes> for RaftLog {
    type LogReader = RaftReader;

    async fn get_log_state(&mut self) -> Result<LogState<RaftTypes>, io::Error> {
        let state = self.0.reader().state()?;
        Ok(LogState {
            last_purged_log_id: state.purged.map(convert::raft_log_id),
            last_log_id: state.last.map(convert::raft_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> RaftReader {
        RaftReader(self.0.reader())
    }

    async fn save_vote(&mut self, vote: &VoteOf<RaftTypes>) -> Result<(), io::Error> {
        if canary::made(Canary::VoteNotPersisted) {
            return Ok(());
        }
        Ok(self.0.save_vote(convert::vote(vote)).await?)
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<RaftTypes>>) -> Result<(), io::Error> {
        match committed {
            Some(id) => Ok(self.0.save_committed(convert::log_id(&id)).await?),
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<RaftTypes>>, io::Error> {
        Ok(self.0.reader().state()?.committed.map(convert::raft_log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<RaftTypes>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<RaftTypes>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(convert::entry).collect();
        if canary::made(Canary::AckBeforeFlush) {
            callback.io_completed(Ok(()));
            return Ok(self.0.append(entries, |_| {}).await?);
        }
        let done = |result: Result<(), StoreError>| callback.io_completed(result.map_err(io::Error::from));
        Ok(self.0.append(entries, done).await?)
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<RaftTypes>>) -> Result<(), io::Error> {
        Ok(self.0.truncate(last.as_ref().map(convert::log_id)).await?)
    }

    async fn purge(&mut self, upto: LogIdOf<RaftTypes>) -> Result<(), io::Error> {
        Ok(self.0.purge(convert::log_id(&upto)).await?)
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
