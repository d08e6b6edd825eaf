//! The least that openraft needs: a log and a sum, both in memory.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io,
    ops::RangeBounds,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{Stream, TryStreamExt};
use openraft::{
    EntryPayload, LogState, OptionalSend, RaftLogReader, RaftSnapshotBuilder, Snapshot, StoredMembership,
    storage::{EntryResponder, IOFlushed, RaftLogStorage, RaftStateMachine},
    type_config::alias::{EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf},
};

use super::Alone;

/// A log in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    vote: Option<VoteOf<Alone>>,
    entries: BTreeMap<u64, EntryOf<Alone>>,
    purged: Option<LogIdOf<Alone>>,
}

impl Log {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftLogReader<Alone> for Log {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<EntryOf<Alone>>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(self.kept().entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Alone>>> {
        Ok(self.kept().vote)
    }
}

impl RaftLogStorage<Alone> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Alone>> {
        let kept = self.kept();
        let last = kept.entries.last_key_value().map(|(_, entry)| entry.log_id);
        Ok(LogState { last_purged_log_id: kept.purged, last_log_id: last.or(kept.purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Alone>) -> io::Result<()> {
        self.kept().vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Alone>) -> io::Result<()>
    where
        I: IntoIterator<Item = EntryOf<Alone>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.kept().entries.extend(entries.into_iter().map(|entry| (entry.log_id.index, entry)));
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<Alone>>) -> io::Result<()> {
        self.kept().entries.split_off(&last.map_or(0, |last| last.index + 1));
        Ok(())
    }

    async fn purge(&mut self, upto: LogIdOf<Alone>) -> io::Result<()> {
        let mut kept = self.kept();
        kept.entries = kept.entries.split_off(&(upto.index + 1));
        kept.purged = Some(upto);
        Ok(())
    }
}

/// A sum. It makes no snapshots: nobody asks for one.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    sum: u64,
    applied: Option<LogIdOf<Alone>>,
    membership: StoredMembershipOf<Alone>,
}

impl RaftStateMachine<Alone> for Sum {
    type SnapshotData = u64;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogIdOf<Alone>>, StoredMembershipOf<Alone>)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Alone>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(more) => self.sum = self.sum.wrapping_add(more),
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                }
            }
            if let Some(responder) = responder {
                responder.send(self.sum);
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<Self> {
        None
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, _meta: &SnapshotMetaOf<Alone>, _snapshot: u64) -> io::Result<()> {
        Err(io::Error::other("there are no snapshots"))
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Alone, u64>>> {
        Ok(None)
    }
}

impl RaftSnapshotBuilder<Alone> for Sum {
    type SnapshotData = u64;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Alone, u64>> {
        let meta =
            SnapshotMetaOf::<Alone> { last_log_id: self.applied, last_membership: self.membership.clone() };
        Ok(Snapshot { meta, snapshot: self.sum })
    }
}
