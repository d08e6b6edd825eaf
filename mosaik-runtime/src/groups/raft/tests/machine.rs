//! A state machine that counts what it was given, for tests of the store.

use std::io;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, StoredMembership,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf},
};

use crate::groups::{
    raft::{Command, RaftTypes, Reply, convert},
    store::{Snapshots, record::Manifest},
};

/// Keeps all commands, one after the other; the reply is how many bytes they have.
pub(super) struct Machine {
    meta: SnapshotMetaOf<RaftTypes>,
    state: Vec<u8>,
    snapshots: Snapshots,
}

impl Machine {
    /// All commands.
    #[cfg(feature = "sim")]
    pub(super) fn state(&self) -> &[u8] {
        &self.state
    }

    /// A machine as its snapshot says.
    pub(super) async fn new(snapshots: Snapshots) -> io::Result<Self> {
        let mut machine = Self { meta: Default::default(), state: Vec::new(), snapshots };
        if let Some(snapshot) = machine.get_current_snapshot().await? {
            let state = machine.read(&snapshot.snapshot).await?;
            machine.restore(snapshot.meta, &state);
        }
        Ok(machine)
    }

    async fn read(&self, manifest: &Manifest) -> io::Result<Vec<u8>> {
        let mut state = Vec::new();
        for hash in &manifest.chunks {
            let chunk = self.snapshots.chunk(*hash).await?;
            state.extend_from_slice(&chunk.ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(state)
    }

    fn restore(&mut self, meta: SnapshotMetaOf<RaftTypes>, bytes: &[u8]) {
        self.state = bytes.to_vec();
        self.meta = meta;
    }

    fn apply_one(
        &mut self,
        id: LogIdOf<RaftTypes>,
        payload: &EntryPayload<Command, crate::groups::MemberId, openraft::EmptyNode>,
    ) {
        match payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(Command(bytes)) => self.state.extend_from_slice(bytes),
            EntryPayload::Membership(members) => {
                self.meta.last_membership = StoredMembership::new(Some(id), members.clone());
            }
        }
        self.meta.last_log_id = Some(id);
    }
}

/// Keeps a snapshot in two chunks.
async fn keep(snapshots: &Snapshots, meta: &SnapshotMetaOf<RaftTypes>, bytes: &[u8]) -> io::Result<Manifest> {
    let mut chunks = Vec::new();
    for chunk in bytes.chunks(16) {
        chunks.push(snapshots.put(Bytes::copy_from_slice(chunk)).await?);
    }
    let manifest = convert::manifest(meta, bytes.len() as u64, chunks);
    snapshots.seal(manifest.clone()).await?;
    Ok(manifest)
}

impl RaftStateMachine<RaftTypes> for Machine {
    type SnapshotData = Manifest;
    type SnapshotBuilder = Builder;

    async fn applied_state(
        &mut self,
    ) -> io::Result<(Option<LogIdOf<RaftTypes>>, StoredMembershipOf<RaftTypes>)> {
        Ok((self.meta.last_log_id, self.meta.last_membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<RaftTypes>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.apply_one(entry.log_id, &entry.payload);
            if let Some(responder) = responder {
                responder.send(Reply(Bytes::copy_from_slice(&(self.state.len() as u64).to_be_bytes())));
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { meta: self.meta.clone(), state: self.state.clone(), snapshots: self.snapshots.clone() }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<RaftTypes>,
        snapshot: Manifest,
    ) -> io::Result<()> {
        let state = self.read(&snapshot).await?;
        self.snapshots.seal(snapshot).await?;
        self.restore(meta.clone(), &state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<RaftTypes, Manifest>>> {
        let Some(manifest) = self.snapshots.current().await? else { return Ok(None) };
        Ok(Some(Snapshot { meta: convert::snapshot_meta(&manifest)?, snapshot: manifest }))
    }
}

pub(super) struct Builder {
    meta: SnapshotMetaOf<RaftTypes>,
    state: Vec<u8>,
    snapshots: Snapshots,
}

impl RaftSnapshotBuilder<RaftTypes> for Builder {
    type SnapshotData = Manifest;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<RaftTypes, Manifest>> {
        let manifest = keep(&self.snapshots, &self.meta, &self.state).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot: manifest })
    }
}
