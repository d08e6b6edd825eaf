//! Between openraft's types and those that are stored.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{
    EmptyNode, EntryPayload, StoredMembership,
    type_config::alias::{EntryOf, LogIdOf, SnapshotMetaOf, VoteOf},
};

use super::types::{Command, RaftTypes};
use crate::groups::{
    MemberId,
    store::{
        StoreError,
        record::{ChunkHash, Entry, LogId, Manifest, Membership, Payload, Vote},
    },
};

type RaftMembership = openraft::Membership<MemberId, EmptyNode>;

pub(super) fn log_id(id: &LogIdOf<RaftTypes>) -> LogId {
    LogId { term: id.leader_id.term, index: id.index }
}

pub(super) fn raft_log_id(id: LogId) -> LogIdOf<RaftTypes> {
    LogIdOf::<RaftTypes>::new(id.term.into(), id.index)
}

pub(super) fn vote(vote: &VoteOf<RaftTypes>) -> Vote {
    Vote { term: vote.leader_id.term, member: vote.leader_id.voted_for, committed: vote.committed }
}

pub(super) fn raft_vote(vote: Vote) -> VoteOf<RaftTypes> {
    match vote.committed {
        true => VoteOf::<RaftTypes>::new_committed(vote.term, vote.member),
        false => VoteOf::<RaftTypes>::new(vote.term, vote.member),
    }
}

pub(super) fn entry(entry: EntryOf<RaftTypes>) -> Entry {
    let payload = match entry.payload {
        EntryPayload::Blank => Payload::Blank,
        EntryPayload::Normal(Command(bytes)) => Payload::Command(bytes),
        EntryPayload::Membership(members) => Payload::Membership(membership(&members)),
    };
    Entry { id: log_id(&entry.log_id), payload }
}

pub(super) fn raft_entry(entry: Entry) -> Result<EntryOf<RaftTypes>, StoreError> {
    let payload = match entry.payload {
        Payload::Blank => EntryPayload::Blank,
        Payload::Command(bytes) => EntryPayload::Normal(Command(bytes)),
        Payload::Membership(members) => EntryPayload::Membership(raft_membership(&members)?),
    };
    Ok(EntryOf::<RaftTypes> { log_id: raft_log_id(entry.id), payload })
}

fn membership(members: &RaftMembership) -> Membership {
    let all: BTreeSet<MemberId> = members.nodes().map(|(id, _)| *id).collect();
    Membership { configs: members.get_joint_config().clone(), members: all }
}

fn raft_membership(members: &Membership) -> Result<RaftMembership, StoreError> {
    if *members == Membership::default() {
        return Ok(RaftMembership::default());
    }
    let nodes: BTreeMap<MemberId, EmptyNode> = members.members.iter().map(|id| (*id, EmptyNode {})).collect();
    RaftMembership::new(members.configs.clone(), nodes)
        .map_err(|error| StoreError::Damaged { what: format!("a membership makes no sense: {error}") })
}

/// The manifest of a snapshot.
pub fn manifest(meta: &SnapshotMetaOf<RaftTypes>, bytes: u64, chunks: Vec<ChunkHash>) -> Manifest {
    Manifest {
        last: meta.last_log_id.as_ref().map(log_id),
        membership_at: meta.last_membership.log_id().as_ref().map(log_id),
        membership: membership(meta.last_membership.membership()),
        bytes,
        chunks,
    }
}

/// What openraft wants to know of a snapshot.
pub fn snapshot_meta(manifest: &Manifest) -> Result<SnapshotMetaOf<RaftTypes>, StoreError> {
    let membership = raft_membership(&manifest.membership)?;
    Ok(SnapshotMetaOf::<RaftTypes> {
        last_log_id: manifest.last.map(raft_log_id),
        last_membership: StoredMembership::new(manifest.membership_at.map(raft_log_id), membership),
    })
}
