//! The number of the last acknowledged batch, kept beside the database.
//!
//! After a crash the database takes its last batch for unfinished if a page of it does not verify, and goes back by one. That is
//! right for a batch that was being written, and wrong for one that was acknowledged and whose page went bad later: a vote would
//! be forgotten in silence. The mark tells them apart. It is written after each batch and flushed only when the store closes, so
//! it is never ahead of the database, and behind only after a power cut: then a bad page of the very last batch is taken for an unfinished write.

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
        let length = usize::from(bytes[0]).min(LENGTH - 1);
        let said = bytes.get(1..=length).and_then(|bytes| seal::open::<u64>(PLACE, bytes).ok());
        Ok((Self(file), said))
    }

    /// Notes that this batch is on disk.
    pub(super) fn set(&mut self, sequence: u64) -> Result<(), StoreError> {
        let sealed = seal::seal(PLACE, &sequence).map_err(|error| StoreError::Misuse(error.to_string()))?;
        let mut bytes = [0; LENGTH];
        let length = sealed.len().min(LENGTH - 1);
        bytes[0] = length as u8;
        bytes[1..=length].copy_from_slice(&sealed[..length]);
        let written = self.0.run("write", |file| file.write(0, &bytes));
        written.map_err(|error| StoreError::io("write the mark", &error))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // Best effort: an older mark only knows less.
        let _ = self.0.run("flush", |file| file.sync());
    }
}
