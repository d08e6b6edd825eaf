//! The part of a store that is on disk: a journal, where each batch is safe with one flush, and an embedded database behind it.
//!
//! A batch goes to the [journal](journal). When a half of that is full, what its batches have left of the groups is [folded](fold) into the
//! database in one transaction, while the other half is written. An opened store has the database, and then the batches that only the journal has.

mod fold;
mod folder;
pub(super) mod journal;
mod load;
mod mark;
mod medium;
mod reader;

use std::{collections::BTreeMap, sync::Arc};

use redb::{Database, TableDefinition};

use self::{fold::Turn, folder::Folder, journal::Journal, mark::Mark};
use super::{
    core::row::{Row, Write},
    error::StoreError,
    health::Health,
    seal::{self, Place},
};
use crate::primitives::WireId;

pub(super) use folder::Folds;
pub(super) use load::{Loaded, Wanted, load};
#[cfg(test)]
pub(super) use load::{make_first_format, set_format};
pub(super) use reader::Reader;

const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const GROUPS: TableDefinition<'static, &[u8; 32], &[u8]> = TableDefinition::new("groups");
const LOG: TableDefinition<'static, &[u8; 40], &[u8]> = TableDefinition::new("log");
const NOTES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("notes");

const IDENTITY: &str = "identity";
const SEQUENCE: &str = "sequence";
const JOURNAL: &str = "journal";

/// The journal, the database, and what the rows of the groups are.
pub(super) struct Disk {
    db: Arc<Database>,
    rows: BTreeMap<WireId, Row>,
    sequence: u64,
    journal: Journal,
    /// What is in the half of the journal that is being written, and how many turns there were before.
    turn: Turn,
    turns: u64,
    folder: Folder,
    mark: Mark,
    health: Arc<Health>,
}

impl Disk {
    pub(super) fn database(&self) -> Reader {
        Reader { db: self.db.clone(), health: self.health.clone() }
    }

    /// Writes a batch: when this returns well, all of it is on disk, and if not, the store is not used again. Returns the number of the turn that
    /// it belongs to.
    pub(super) fn commit<'a>(
        &mut self,
        batch: impl IntoIterator<Item = (&'a WireId, &'a Write)>,
    ) -> Result<u64, StoreError> {
        self.health.check()?;
        let batch: Vec<_> = batch.into_iter().collect();
        self.try_commit(&batch).map_err(|error| self.health.fail(error))
    }

    /// The turns with lower numbers are in the database, where [`database`](Self::database) reads.
    pub(super) fn folded(&self) -> u64 {
        self.folder.done()
    }

    /// Puts all of the journal into the database. Nothing is lost without.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.health.check()?;
        self.folder.finish()?;
        self.fold()
    }

    fn try_commit(&mut self, batch: &[(&WireId, &Write)]) -> Result<u64, StoreError> {
        let sequence = self.sequence + 1;
        self.look()?;
        self.journal.prepare(sequence, batch)?;
        if !self.journal.fits() {
            self.turn()?;
        }
        for (group, write) in batch {
            self.take(**group, write)?;
        }
        self.turn.last = sequence;
        let turn = self.turns;
        match self.journal.fits() {
            true => self.journal.append()?,
            // It is larger than the whole half, which is empty.
            false => self.fold()?,
        }
        // A fold may have failed meanwhile: then nothing more is acknowledged.
        self.health.check()?;
        self.sequence = sequence;
        self.mark.set(sequence)?;
        Ok(turn)
    }

    fn take(&mut self, group: WireId, write: &Write) -> Result<(), StoreError> {
        let row = self.rows.entry(group).or_default();
        let before = row.indices();
        row.apply(write).map_err(StoreError::damaged)?;
        if matches!(write, Write::Forget) {
            self.rows.remove(&group);
        }
        self.turn.take(group, before, write, self.rows.get(&group));
        Ok(())
    }

    fn look(&mut self) -> Result<(), StoreError> {
        #[cfg(any(test, feature = "sim"))]
        if self.folder.waits() && self.journal.filled() >= 50 {
            return self.folder.finish();
        }
        self.folder.look()
    }

    /// Goes on in the other half of the journal, as soon as that is in the database.
    fn turn(&mut self) -> Result<(), StoreError> {
        if self.turn.is_empty() {
            return Ok(());
        }
        self.folder.begin(std::mem::take(&mut self.turn))?;
        self.turns += 1;
        self.journal.turn();
        Ok(())
    }

    /// Puts what the journal has, and what is not in it yet, into the database at once.
    fn fold(&mut self) -> Result<(), StoreError> {
        if self.turn.is_empty() {
            return Ok(());
        }
        self.folder.now(&std::mem::take(&mut self.turn), None)?;
        self.turns += 1;
        self.journal.turn();
        Ok(())
    }
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
