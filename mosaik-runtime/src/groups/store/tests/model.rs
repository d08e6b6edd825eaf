//! What a store should hold, kept as simply as can be; and random writes that make sense.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::groups::store::core::row::Write;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    pub(super) log: BTreeMap<u64, Entry>,
    pub(super) notes: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model(pub(super) BTreeMap<WireId, Group>);

impl Group {
    pub(super) fn last(&self) -> Option<LogId> {
        self.log.values().next_back().map(|entry| entry.id).or(self.purged)
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::Vote(vote) => self.vote = Some(*vote),
            Write::Append(entries) => {
                self.log.extend(entries.iter().map(|entry| (entry.id.index, entry.clone())))
            }
            Write::Committed(id) => self.committed = Some(*id),
            Write::Truncate(after) => {
                let after = *after;
                self.log.retain(|index, _| after.is_some_and(|after| *index <= after.index));
            }
            Write::Purge(upto) => {
                self.log.retain(|index, _| *index > upto.index);
                self.purged = Some(*upto);
            }
            Write::Note(name, Some(value)) => drop(self.notes.insert(name.clone(), value.clone())),
            Write::Note(name, None) => drop(self.notes.remove(name)),
            Write::Forget => *self = Self::default(),
        }
    }
}

impl Model {
    pub(super) fn apply(&mut self, group: WireId, write: &Write) {
        self.0.entry(group).or_default().apply(write);
        if matches!(write, Write::Forget) {
            self.0.remove(&group);
        }
    }

    /// A write that a group of this state may see.
    pub(super) fn next_write(&self, group: &WireId, rng: &mut NodeRng) -> Write {
        let state = self.0.get(group).cloned().unwrap_or_default();
        let term = state.vote.map_or(1, |vote| vote.term);
        let next = state.last().map_or(0, |last| last.index + 1);
        let somewhere = |rng: &mut NodeRng| {
            let ids: Vec<LogId> = state.log.values().map(|entry| entry.id).collect();
            ids.get(rng.below(ids.len())).copied()
        };
        match (rng.below(16), somewhere(rng)) {
            (0, _) => Write::Vote(vote(term + 1, rng.next_u64() % 3)),
            (1, Some(id)) if state.committed.is_none_or(|before| before.index < id.index) => {
                Write::Committed(id)
            }
            (2, Some(id)) => Write::Truncate(Some(id)),
            (3, Some(id)) => Write::Purge(id),
            (4, _) => Write::Note("promise".to_owned(), Some(rng.bytes_32().to_vec().into())),
            (5, _) => Write::Note("promise".to_owned(), None),
            (6, _) if rng.below(4) == 0 => Write::Forget,
            (6, _) if state.purged.is_none() => Write::Truncate(None),
            _ => {
                let count = 1 + rng.below(5) as u64;
                let size = if rng.below(8) == 0 { 6000 } else { rng.below(300) };
                Write::Append((next..next + count).map(|index| entry(term, index, size)).collect())
            }
        }
    }
}

#[tokio::test]
async fn a_log_reads_as_it_was_written() {
    let mut rng = NodeRng::from_seed(1);
    let store = crate::groups::store::Store::memory(OWNER, StoreId(1));
    let reader = store.reader(group(1));
    let mut model = Model::default();
    for _ in 0..2000 {
        let write = model.next_write(&group(1), &mut rng);
        model.apply(group(1), &write);
        reader.commit(write).await.expect("makes sense");
        let state = model.0.get(&group(1)).cloned().unwrap_or_default();
        let (from, to) = (rng.next_u64() % 40, rng.next_u64() % 400);
        let expected: Vec<Entry> =
            state.log.range(from..to.max(from)).map(|(_, entry)| entry.clone()).collect();
        assert_eq!(reader.read(from..to, usize::MAX).await.expect("reads"), expected);
        let found = reader.state().expect("works");
        assert_eq!((found.purged, found.committed), (state.purged, state.committed));
        assert_eq!(reader.vote().expect("works"), state.vote);
        assert_eq!(reader.note("promise").expect("works"), state.notes.get("promise").cloned());
    }
}

#[tokio::test]
async fn a_read_stops_at_its_limit_but_never_before_the_first_entry() {
    let store = crate::groups::store::Store::memory(OWNER, StoreId(1));
    let reader = store.reader(group(1));
    reader
        .commit(Write::Append((1..=9).map(|index| entry(1, index, 1000)).collect()))
        .await
        .expect("written");
    assert_eq!(reader.read(0..u64::MAX, 3500).await.expect("reads").len(), 3);
    assert_eq!(reader.read(4..u64::MAX, 1).await.expect("reads").len(), 1);
}

#[tokio::test]
async fn r4_votes_never_go_back_and_logs_have_no_holes() {
    let store = crate::groups::store::Store::memory(OWNER, StoreId(1));
    let reader = store.reader(group(1));
    let leader = Vote { committed: true, ..vote(5, 1) };
    for good in [vote(4, 2), vote(5, 2), leader] {
        reader.commit(Write::Vote(good)).await.expect("forward");
    }
    for bad in [vote(4, 1), vote(5, 1), Vote { committed: true, ..vote(5, 2) }] {
        assert!(reader.commit(Write::Vote(bad)).await.is_err(), "{bad:?}");
    }
    assert_eq!(reader.vote().expect("works"), Some(leader));
    reader.commit(Write::Append([entry(1, 1, 1), entry(1, 2, 1)].into())).await.expect("written");
    for bad in [entry(1, 2, 1), entry(1, 4, 1)] {
        assert!(reader.commit(Write::Append([bad].into())).await.is_err());
    }
    assert_eq!(reader.state().expect("works").last, Some(id(1, 2)));
    assert!(store.check().is_ok(), "what is refused breaks nothing");
}
