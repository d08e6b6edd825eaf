//! What a turn of the journal has made of the groups, and how that reaches the database: in one transaction, only what is left of it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use redb::{Database, Table, WriteTransaction};

use super::{GROUPS, IDENTITY, JOURNAL, LOG, META, NOTES, SEQUENCE, failed, journal::Life, log_key, sealed};
use crate::{
    groups::store::{
        core::row::{Row, Write},
        error::StoreError,
        record::{Entry, Identity},
        seal::Place,
    },
    primitives::WireId,
};

/// What was written since the last fold, as far as it still matters.
#[derive(Debug, Default)]
pub(super) struct Turn {
    groups: BTreeMap<WireId, Changed>,
    /// The last batch that is in it.
    pub(super) last: u64,
}

/// What became of a group.
#[derive(Debug)]
struct Changed {
    /// None when it was forgotten.
    row: Option<Row>,
    /// Whether what the database has of it counts no more.
    forgotten: bool,
    notes: BTreeMap<String, Option<bytes::Bytes>>,
    /// The entries that the database has, and those of them that are still in the log.
    before: Range<u64>,
    kept: Range<u64>,
    /// The entries that came after these and are still in the log.
    entries: VecDeque<Entry>,
}

/// What is written with the first fold of a life of the store.
pub(super) struct Opening {
    pub(super) identity: Identity,
    pub(super) life: Life,
}

impl Turn {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Takes a write; `before` are the indices that the log had before it, and `row` is what the group is after it.
    pub(super) fn take(&mut self, group: WireId, before: Range<u64>, write: &Write, row: Option<&Row>) {
        let changed = self.groups.entry(group).or_insert_with(|| Changed {
            row: None,
            forgotten: false,
            notes: BTreeMap::new(),
            kept: before.clone(),
            before,
            entries: VecDeque::new(),
        });
        match write {
            Write::Append(entries) => changed.entries.extend(entries.iter().cloned()),
            Write::Note(name, value) => drop(changed.notes.insert(name.clone(), value.clone())),
            Write::Forget => {
                changed.forgotten = true;
                changed.notes.clear();
            }
            Write::Truncate(_) | Write::Purge(_) => changed.cut(row),
            Write::Vote(_) | Write::Committed(_) => {}
        }
        if row.is_none() {
            changed.cut(row);
        }
        changed.row = row.cloned();
    }
}

impl Changed {
    /// Drops what is no longer in the log.
    fn cut(&mut self, row: Option<&Row>) {
        let held = row.map_or(0..0, Row::indices);
        let kept = self.kept.start.max(held.start)..self.kept.end.min(held.end);
        self.kept = if kept.is_empty() { self.before.start..self.before.start } else { kept };
        while self.entries.back().is_some_and(|entry| entry.id.index >= held.end) {
            self.entries.pop_back();
        }
        while self.entries.front().is_some_and(|entry| entry.id.index < held.start) {
            self.entries.pop_front();
        }
    }
}

/// Puts a turn into the database, in one transaction.
pub(super) fn fold(db: &Database, turn: &Turn, opening: Option<&Opening>) -> Result<(), StoreError> {
    let transaction = db.begin_write().map_err(|error| failed(error.into()))?;
    fill(&transaction, turn)?;
    {
        let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
        put_meta(&mut meta, SEQUENCE, &turn.last)?;
        if let Some(opening) = opening {
            put_meta(&mut meta, IDENTITY, &opening.identity)?;
            put_meta(&mut meta, JOURNAL, &opening.life)?;
        }
    }
    transaction.commit().map_err(|error| failed(error.into()))
}

pub(super) fn put_meta<T: serde::Serialize>(
    meta: &mut Table<'_, &'static str, &'static [u8]>,
    name: &'static str,
    value: &T,
) -> Result<(), StoreError> {
    let bytes = sealed(Place { table: "meta", key: name.as_bytes() }, value)?;
    meta.insert(name, bytes.as_slice()).map(drop).map_err(|error| failed(error.into()))
}

fn fill(transaction: &WriteTransaction, turn: &Turn) -> Result<(), StoreError> {
    let mut log = transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
    let mut notes = transaction.open_table(NOTES).map_err(|error| failed(error.into()))?;
    let mut groups = transaction.open_table(GROUPS).map_err(|error| failed(error.into()))?;
    for (group, changed) in &turn.groups {
        let (before, kept) = (&changed.before, &changed.kept);
        remove(&mut log, group, before.start..kept.start)?;
        remove(&mut log, group, kept.end..before.end)?;
        append(&mut log, group, &changed.entries)?;
        if changed.forgotten {
            let (from, to) = note_range(group);
            notes
                .retain_in(from.as_slice()..=to.as_slice(), |_, _| false)
                .map_err(|error| failed(error.into()))?;
        }
        for (name, value) in &changed.notes {
            note(&mut notes, group, name, value.as_deref())?;
        }
        let key = group.as_bytes();
        let written = match &changed.row {
            None => groups.remove(key).map(drop),
            Some(row) => {
                let bytes = sealed(Place { table: "groups", key }, row)?;
                groups.insert(key, bytes.as_slice()).map(drop)
            }
        };
        written.map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

fn append<'a>(
    log: &mut Table<'_, &'static [u8; 40], &'static [u8]>,
    group: &WireId,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<(), StoreError> {
    for entry in entries {
        let key = log_key(group, entry.id.index);
        let bytes = sealed(Place { table: "log", key: &key }, entry)?;
        log.insert(&key, bytes.as_slice()).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

fn remove(
    log: &mut Table<'_, &'static [u8; 40], &'static [u8]>,
    group: &WireId,
    gone: Range<u64>,
) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let (from, to) = (log_key(group, gone.start), log_key(group, gone.end));
    log.retain_in::<&[u8; 40], _>(&from..&to, |_, _| false).map_err(|error| failed(error.into()))
}

fn note(
    notes: &mut Table<'_, &'static [u8], &'static [u8]>,
    group: &WireId,
    name: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    let key = [group.as_bytes(), name.as_bytes()].concat();
    let written = match value {
        None => notes.remove(key.as_slice()).map(drop),
        Some(value) => {
            let bytes = sealed(Place { table: "notes", key: &key }, &value)?;
            notes.insert(key.as_slice(), bytes.as_slice()).map(drop)
        }
    };
    written.map_err(|error| failed(error.into()))
}

/// The first and the last key that a note of this group can have; names are ASCII.
fn note_range(group: &WireId) -> (Vec<u8>, Vec<u8>) {
    (group.as_bytes().to_vec(), [group.as_bytes().as_slice(), &[0xFF]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::store::record::{LogId, Payload};

    #[test]
    fn what_came_and_went_meanwhile_is_not_folded() {
        let group = WireId::from_bytes([1; 32]);
        let entry = |index| Entry { id: LogId { term: 1, index }, payload: Payload::Blank };
        let mut row = Row { first: 1, last: Some(LogId { term: 1, index: 9 }), ..Row::default() };
        let mut turn = Turn::default();
        let mut take = |write: Write| {
            let before = row.indices();
            row.apply(&write).expect("makes sense");
            turn.take(group, before, &write, Some(&row));
            let changed = &turn.groups[&group];
            let entries: Vec<u64> = changed.entries.iter().map(|entry| entry.id.index).collect();
            (changed.before.clone(), changed.kept.clone(), entries)
        };
        let append = |indices: Range<u64>| Write::Append(indices.map(entry).collect());
        let at = |index| LogId { term: 1, index };
        assert_eq!(take(append(10..14)), (1..10, 1..10, vec![10, 11, 12, 13]));
        assert_eq!(take(Write::Truncate(Some(at(11)))), (1..10, 1..10, vec![10, 11]));
        assert_eq!(take(Write::Truncate(Some(at(7)))), (1..10, 1..8, vec![]));
        assert_eq!(take(append(8..12)), (1..10, 1..8, vec![8, 9, 10, 11]));
        assert_eq!(take(Write::Purge(at(3))), (1..10, 4..8, vec![8, 9, 10, 11]));
        assert_eq!(take(Write::Purge(at(9))), (1..10, 1..1, vec![10, 11]));
        assert_eq!(take(Write::Truncate(None)), (1..10, 1..1, vec![]));
        assert_eq!(take(append(10..11)), (1..10, 1..1, vec![10]));
        turn.take(group, 10..11, &Write::Forget, None);
        let changed = &turn.groups[&group];
        assert!(changed.forgotten && changed.row.is_none() && changed.entries.is_empty());
    }
}
