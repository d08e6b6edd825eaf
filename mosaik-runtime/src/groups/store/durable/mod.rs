//! The part of a store that is on disk: one embedded database for all groups, one flush for each batch.

mod load;
mod mark;
mod medium;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use redb::{Database, ReadableDatabase, Table, TableDefinition, WriteTransaction};

use self::mark::Mark;
use super::{
    core::row::{Row, Write},
    error::StoreError,
    health::Health,
    record::Entry,
    seal::{self, Place},
};
use crate::primitives::WireId;

#[cfg(test)]
pub(super) use load::set_format;
pub(super) use load::{Loaded, load};

const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const GROUPS: TableDefinition<'static, &[u8; 32], &[u8]> = TableDefinition::new("groups");
const LOG: TableDefinition<'static, &[u8; 40], &[u8]> = TableDefinition::new("log");
const NOTES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("notes");

const IDENTITY: &str = "identity";
const SEQUENCE: &str = "sequence";

/// The database and what its rows are.
pub(super) struct Disk {
    db: Arc<Database>,
    rows: BTreeMap<WireId, Row>,
    sequence: u64,
    mark: Mark,
    health: Arc<Health>,
}

impl Disk {
    pub(super) fn database(&self) -> Reader {
        Reader { db: self.db.clone(), health: self.health.clone() }
    }

    /// Writes a batch: when this returns well, all of it is on disk, and if not, the store is not used again.
    pub(super) fn commit<'a>(
        &mut self,
        batch: impl IntoIterator<Item = (&'a WireId, &'a Write)>,
    ) -> Result<(), StoreError> {
        self.health.check()?;
        self.try_commit(batch).map_err(|error| self.health.fail(error))
    }

    fn try_commit<'a>(
        &mut self,
        batch: impl IntoIterator<Item = (&'a WireId, &'a Write)>,
    ) -> Result<(), StoreError> {
        let sequence = self.sequence + 1;
        let transaction = self.db.begin_write().map_err(|error| failed(error.into()))?;
        self.fill(&transaction, sequence, batch)?;
        transaction.commit().map_err(|error| failed(error.into()))?;
        self.sequence = sequence;
        self.mark.set(sequence)
    }

    fn fill<'a>(
        &mut self,
        transaction: &WriteTransaction,
        sequence: u64,
        batch: impl IntoIterator<Item = (&'a WireId, &'a Write)>,
    ) -> Result<(), StoreError> {
        let mut log = transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
        let mut notes = transaction.open_table(NOTES).map_err(|error| failed(error.into()))?;
        let mut changed = BTreeSet::new();
        for (group, write) in batch {
            changed.insert(*group);
            let row = self.rows.entry(*group).or_default();
            let before = row.indices();
            row.apply(write).map_err(StoreError::damaged)?;
            match write {
                Write::Append(entries) => append(&mut log, group, entries)?,
                Write::Truncate(_) | Write::Purge(_) => shrink(&mut log, group, before, row.indices())?,
                Write::Note(name, value) => note(&mut notes, group, name, value.as_deref())?,
                Write::Forget => {
                    shrink(&mut log, group, before, 0..0)?;
                    let (from, to) = note_range(group);
                    notes
                        .retain_in(from.as_slice()..=to.as_slice(), |_, _| false)
                        .map_err(|error| failed(error.into()))?;
                    self.rows.remove(group);
                }
                Write::Vote(_) | Write::Committed(_) => {}
            }
        }
        let mut groups = transaction.open_table(GROUPS).map_err(|error| failed(error.into()))?;
        for group in changed {
            let key = group.as_bytes();
            let written = match self.rows.get(&group) {
                None => groups.remove(key).map(drop),
                Some(row) => {
                    let bytes = sealed(Place { table: "groups", key }, row)?;
                    groups.insert(key, bytes.as_slice()).map(drop)
                }
            };
            written.map_err(|error| failed(error.into()))?;
        }
        let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
        let bytes = sealed(Place { table: "meta", key: SEQUENCE.as_bytes() }, &sequence)?;
        meta.insert(SEQUENCE, bytes.as_slice()).map_err(|error| failed(error.into()))?;
        Ok(())
    }
}

fn append(
    log: &mut Table<'_, &'static [u8; 40], &'static [u8]>,
    group: &WireId,
    entries: &[Entry],
) -> Result<(), StoreError> {
    for entry in entries {
        let key = log_key(group, entry.id.index);
        let bytes = sealed(Place { table: "log", key: &key }, entry)?;
        log.insert(&key, bytes.as_slice()).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

/// Removes the entries that were in the log before and are not after.
fn shrink(
    log: &mut Table<'_, &'static [u8; 40], &'static [u8]>,
    group: &WireId,
    before: Range<u64>,
    after: Range<u64>,
) -> Result<(), StoreError> {
    let gone = if after.is_empty() {
        before
    } else if after.end < before.end {
        after.end..before.end
    } else {
        before.start..after.start
    };
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

fn log_key(group: &WireId, index: u64) -> [u8; 40] {
    let mut key = [0; 40];
    let (first, second) = key.split_at_mut(32);
    first.copy_from_slice(group.as_bytes());
    second.copy_from_slice(&index.to_be_bytes());
    key
}

fn sealed<T: serde::Serialize>(place: Place<'_>, value: &T) -> Result<Vec<u8>, StoreError> {
    seal::seal(place, value).map_err(|error| StoreError::Misuse(error.to_string()))
}

/// What an error of the database means for the store.
fn failed(error: redb::Error) -> StoreError {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        redb::Error::Io(error) if matches!(error.kind(), InvalidData | UnexpectedEof) => {
            StoreError::damaged(error)
        }
        redb::Error::Io(error) => StoreError::io("use the database", &error),
        redb::Error::PreviousIo => {
            StoreError::Failed { doing: "use the database".to_owned(), why: "it failed before".to_owned() }
        }
        error => StoreError::damaged(error),
    }
}

/// Reads the log, beside the thread that writes.
#[derive(Clone)]
pub(super) struct Reader {
    db: Arc<Database>,
    health: Arc<Health>,
}

impl Reader {
    /// Reads entries from the first of `range` on, until the next would go over `limit` bytes; at least one. A missing or damaged
    /// entry is damage: the caller knows that they are all there, unless the log was cut meanwhile, and asks `still` then.
    pub(super) fn read(
        &self,
        group: &WireId,
        range: Range<u64>,
        limit: usize,
        still: impl Fn() -> bool,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        self.health.check()?;
        match self.try_read(group, range, limit) {
            Ok(entries) => Ok(Some(entries)),
            Err(StoreError::Damaged { .. }) if !still() => Ok(None),
            Err(error) => Err(self.health.fail(error)),
        }
    }

    fn try_read(&self, group: &WireId, range: Range<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let transaction = self.db.begin_read().map_err(|error| failed(error.into()))?;
        let log = transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
        let (from, to) = (log_key(group, range.start), log_key(group, range.end));
        let found = log.range::<&[u8; 40]>(&from..&to);
        let mut found = found.map_err(|error| failed(error.into()))?;
        let (mut entries, mut bytes) = (Vec::new(), 0usize);
        for index in range {
            let Some(record) = found.next() else {
                return Err(StoreError::damaged(format_args!("entry {index} of a log is missing")));
            };
            let (key, value) = record.map_err(|error| failed(error.into()))?;
            let expected = log_key(group, index);
            if *key.value() != expected {
                return Err(StoreError::damaged(format_args!("entry {index} of a log is missing")));
            }
            let place = Place { table: "log", key: &expected };
            let entry: Entry = seal::open(place, value.value()).map_err(StoreError::damaged)?;
            if entry.id.index != index {
                return Err(StoreError::damaged(format_args!("entry {index} of a log says {:?}", entry.id)));
            }
            bytes = bytes.saturating_add(entry.size());
            if bytes > limit && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
