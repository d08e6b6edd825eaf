//! The number of the last acknowledged batch, kept beside the journal and the database.
//!
//! After a crash the last batch in the journal is taken for unfinished if it does not verify. That is right for a batch that was being
//! written, and wrong for one that was acknowledged and went bad later: a vote would be forgotten in silence. The mark tells them
//! apart. It is written after each batch, and flushed when the store opens and closes, so it is never ahead of what is on disk, and behind
//! only after a power cut: then a bad record of the very last batch is taken for an unfinished write.
//!
//! The database goes back by one transaction if a page of its last one does not verify. The journal shows that, because what it has
//! does not follow then; and the mark does for the transaction with which the store was opened, because it is flushed right after it.

use std::io;

use crate::groups::store::{
    error::StoreError,
    files::{Guarded, GuardedMedium},
    seal::{self, Place},
};

const NAME: &str = "mark";
const PLACE: Place<'static> = Place { table: "mark", key: &[] };
const LENGTH: usize = 32;

pub(super) struct Mark(GuardedMedium);

impl Mark {
    /// Opens the mark, and what it says; none if it was never written, or not to its end.
    pub(super) fn open(files: &Guarded) -> Result<(Self, Option<u64>), StoreError> {
        let file = files.open(NAME)?;
        let mut bytes = [0; LENGTH];
        let read = file.run("read", |file| match usize::try_from(file.len()?) {
            Ok(length) if length >= LENGTH => file.read(0, &mut bytes),
            _ => Ok(()),
        });
        read.map_err(|error: io::Error| StoreError::io("read the mark", &error))?;
        Ok((Self(file), seal::open_within(PLACE, &bytes).ok()))
    }

    /// Notes that this batch is on disk.
    pub(super) fn set(&mut self, sequence: u64) -> Result<(), StoreError> {
        let bytes = seal::seal_within::<_, LENGTH>(PLACE, &sequence)
            .map_err(|error| StoreError::Misuse(error.to_string()))?;
        let written = self.0.run("write", |file| file.write(0, &bytes));
        written.map_err(|error| StoreError::io("write the mark", &error))
    }

    /// Returns when it is on disk.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.0.run("flush", |file| file.sync()).map_err(|error| StoreError::io("flush the mark", &error))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // Best effort: an older mark only knows less.
        let _ = self.flush();
    }
}
