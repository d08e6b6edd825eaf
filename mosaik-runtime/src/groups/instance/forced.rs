//! A new group out of what one member has left, when the majority is gone for good. Only an operator decides that.
//!
//! It is done to the store, before Raft starts: the log goes on with a membership of this node alone, under an id that the old members do
//! not know, in a term far beyond theirs, and the group gets another birth. Old members that come back meet another group. What had fenced
//! the group before is lifted, and the new group counts for more than the one that it was fenced for.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::notes::{Notes, Part};
use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, Member, Promise, Record, StoreId},
        hub::OpenError,
        machine::{Batch, Fence, Item, Payload as Entries, SystemView, Timestamp, fence_after, fence_in},
        settings::{GroupSettings, Storage},
        store::{
            GroupLog, Store, StoreError,
            record::{Entry, LogId, Membership, Payload, Vote},
        },
    },
    primitives::{NodeRng, PeerId, WireId, codec},
};

/// The name of the note that says which birth was forced here.
const FORCED: &str = "forced";

/// Terms of a group that was forced begin at a multiple of this: no election gets there.
const LEAP: u64 = 1 << 32;

/// What was forced here last. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ForcedNote {
    V1 { cluster: ClusterId },
}

/// How far a group has come, in the eyes of another one of its name: one that an operator forced counts for more than any that was not.
pub(super) fn standing(term: u64, committed: u64) -> u64 {
    let forced = (term / LEAP).min(u64::from(u16::MAX));
    forced << 48 | committed.min((1 << 48) - 1)
}

/// How often groups that stand there were forced, at least.
fn forced(standing: u64) -> u64 {
    standing >> 48
}

/// Whether a group has fenced itself, in this term. A fence of before an operator made a new group of it is not in force, also while this
/// member has not applied what lifts it.
pub(super) fn is_fenced(system: &SystemView, term: u64) -> bool {
    let is_of_now = |last: LogId| last.term / LEAP >= term / LEAP;
    system.fenced.is_some() && system.applied.last.is_some_and(is_of_now)
}

/// How much of the log is read at a time.
const READ_BYTES: usize = 1 << 20;

/// What the new group is made of.
pub(in crate::groups) struct Forcing<'a> {
    pub(in crate::groups) intent: &'a str,
    pub(in crate::groups) item: WireId,
    pub(in crate::groups) me: PeerId,
    pub(in crate::groups) settings: &'a GroupSettings,
    pub(in crate::groups) store: &'a Store,
    pub(in crate::groups) promises: &'a Store,
    pub(in crate::groups) log: &'a GroupLog,
}

impl Forcing<'_> {
    /// Makes the new group, unless that was done before.
    pub(in crate::groups) async fn force(self, rng: &mut NodeRng) -> Result<(), OpenError> {
        let Self { intent, item, me, settings, store, promises, log } = self;
        let cannot = |why: &str| OpenError::CannotForce { intent: intent.into(), why: why.to_owned() };
        if settings.storage == Storage::Memory {
            return Err(cannot("it lives in memory, and nothing of it outlived the process"));
        }
        let notes = Notes::new(item, store.clone(), promises.clone());
        let Some(Part { member: old, cluster: before, .. }) = notes.part()? else {
            return Err(cannot("this node has nothing of it: name a node that was a member"));
        };
        if done(store, item)? == Some(before) {
            tracing::warn!(target: "mosaik::groups", group = intent, "a new group was forced here before, and it is the one that goes on: take the option away. Should it have fenced itself since, start the node once without the option; then it can be forced again");
            return Ok(());
        }
        let (state, vote) = (log.reader().state()?, log.reader().vote()?);
        let term = vote.map_or(0, |vote| vote.term).max(state.last.map_or(0, |last| last.term));
        let rival = self.fence().await?.map_or(0, |fence| forced(fence.rival_committed));
        let term = ((term / LEAP).max(rival) + 1) * LEAP;
        let lifts = LogId { term, index: state.last.map_or(0, |last| last.index + 1) };
        let next = LogId { term, index: lifts.index + 1 };
        let generation = rng.next_u64();
        let member = MemberId::new(me, generation);
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 forced cluster");
        hasher.update(before.as_bytes()).update(me.as_bytes()).update(&generation.to_le_bytes());
        let cluster = ClusterId::from_bytes(*hasher.finalize().as_bytes());
        warn(intent, &notes.record()?, (state.committed, state.last), (before, cluster));
        // If the node goes down in between, the log says that the old member votes no more, and this is done again.
        let members = Membership { configs: vec![[member].into()], members: [member].into() };
        let lift = Entries::V1(Batch { now: Timestamp::BIRTH, items: vec![Item::Lift] }).encode();
        let lift = lift.map_err(|error| StoreError::Misuse(error.to_string()))?;
        let lift = Entry { id: lifts, payload: Payload::Command(lift) };
        append(log, vec![lift, Entry { id: next, payload: Payload::Membership(members) }]).await?;
        log.save_vote(Vote { term, member, committed: false }).await?;
        notes.set_part(Part { member, cluster, first: false }).await?;
        let voters = vec![Member { peer: me, store: StoreId(generation) }];
        let record = Record { promise: Promise::Bound { cluster, voters }, ..notes.record()? };
        notes.set_record(record).await?;
        let note = codec::encode(&ForcedNote::V1 { cluster })
            .map_err(|error| StoreError::Misuse(error.to_string()))?;
        store.set_note(item, FORCED, Some(Bytes::from(note))).await?;
        tracing::warn!(target: "mosaik::groups", group = intent, "a new group {cluster} goes on from entry {} with this node ({member}, before {old}) alone: start other nodes to grow it", next.index);
        metrics::counter!("mosaik_groups_forced_total").increment(1);
        Ok(())
    }

    /// The node starts without being told: what was forced here may be forced again when it has fenced itself since.
    pub(in crate::groups) async fn may_be_again(self) -> Result<(), StoreError> {
        if done(self.store, self.item)?.is_some() && self.fence().await?.is_some() {
            self.store.set_note(self.item, FORCED, None).await?;
        }
        Ok(())
    }

    /// What fences the group at the end of this node's log.
    async fn fence(&self) -> Result<Option<Fence>, StoreError> {
        let (snapshots, log) = (self.store.snapshots(self.item), self.log.reader());
        let (mut fence, mut next) = (None, 0);
        if let Some(manifest) = snapshots.current().await? {
            let mut bytes = Vec::new();
            for chunk in &manifest.chunks {
                bytes.extend(snapshots.chunk(*chunk).await?.unwrap_or_default());
            }
            fence = fence_in(&bytes);
            next = manifest.last.map_or(0, |last| last.index + 1);
        }
        loop {
            let entries = log.read(next..u64::MAX, READ_BYTES).await?;
            let Some(last) = entries.last() else { return Ok(fence) };
            next = last.id.index + 1;
            for entry in &entries {
                if let Payload::Command(payload) = &entry.payload {
                    fence = fence_after(fence, payload);
                }
            }
        }
    }
}

/// The birth that was forced here last.
fn done(store: &Store, item: WireId) -> Result<Option<ClusterId>, StoreError> {
    let Some(note) = store.reader(item).note(FORCED)? else { return Ok(None) };
    match codec::decode(&note) {
        Ok(ForcedNote::V1 { cluster }) => Ok(Some(cluster)),
        Err(error) => Err(StoreError::Damaged { what: format!("the note `{FORCED}` of a group: {error}") }),
    }
}

/// Says what is being done and what may be lost.
fn warn(
    intent: &str,
    record: &Record,
    (committed, last): (Option<LogId>, Option<LogId>),
    (before, cluster): (ClusterId, ClusterId),
) {
    let index = |id: Option<LogId>| id.map_or(0, |id| id.index);
    let members: Vec<_> = match &record.promise {
        Promise::Bound { voters, .. } => voters.iter().map(|voter| voter.peer.short().to_string()).collect(),
        Promise::Sealed { genesis } | Promise::Given { genesis, .. } => {
            genesis.members.iter().map(|member| member.peer.short().to_string()).collect()
        }
        Promise::Free => Vec::new(),
    };
    tracing::warn!(
        target: "mosaik::groups",
        group = intent,
        "as you said, a new group {cluster} is made of what this node has of the group {before}: its log up to entry {}, of which {} are \
         known to be committed. Acknowledged commands that this node never received are lost. The old voters [{}] must not come back with \
         their old data: remove it first, or they meet this group as another one",
        index(last), index(committed), members.join(", ")
    );
}

async fn append(log: &GroupLog, entries: Vec<Entry>) -> Result<(), StoreError> {
    let (done, written) = oneshot::channel();
    log.append(entries, |result| drop(done.send(result))).await?;
    written.await.unwrap_or(Err(StoreError::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_group_stands_above_all_that_were_not() {
        assert_eq!(standing(7, 300), 300);
        assert!(standing(LEAP, 1) > standing(LEAP - 1, u64::MAX));
        assert!(standing(2 * LEAP + 5, 0) > standing(LEAP + 9, 1 << 40));
        assert!(standing(LEAP, 5) > standing(LEAP, 4));
        assert_eq!((forced(standing(2 * LEAP + 5, 9)), forced(standing(7, u64::MAX))), (2, 0));
        assert!(standing((forced(u64::MAX) + 1) * LEAP, 0) >= standing(u64::MAX, 0), "whatever a rival says");
    }

    #[test]
    fn a_fence_of_before_the_force_is_not_in_force() {
        let fence = Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 };
        let mut system = SystemView { fenced: Some(fence), ..SystemView::default() };
        system.applied.last = Some(LogId { term: 4, index: 9 });
        assert!(is_fenced(&system, 4) && is_fenced(&system, 7));
        assert!(!is_fenced(&system, LEAP), "what lifts it is not applied yet");
        system.applied.last = Some(LogId { term: LEAP, index: 20 });
        assert!(is_fenced(&system, LEAP + 3), "another fence");
        assert!(!is_fenced(&SystemView { fenced: None, ..system }, LEAP + 3));
    }
}
