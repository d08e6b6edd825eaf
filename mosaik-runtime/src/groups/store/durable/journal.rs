//! The journal: one file, written from its beginning to its end. A batch is safe with one write and a flush, in one call where that can be.
//!
//! ```text
//! file    = half half                      whose bytes were all written once, so that a flush has no lengths or places to write
//! half    = record*                        and behind them whatever earlier turns have left
//! record  = head body                      from the beginning of a page of 4 096 bytes on, the rest of the last page is zero
//! head    = 32 bytes: sequence, length     sealed for this life of the store and this page
//! body    = [(group, write)]               sealed for this life of the store and this sequence
//! ```
//!
//! While one half is written, the other one is folded into the database. A half is written again only after all that it had is in the
//! database; what is left of it has lower sequences then. Each opening of the store begins another life with a nonce that it tells nobody, so nothing
//! that was written before it, and no bytes of a caller that look like a record, is ever taken for a record of this one.
//!
//! A batch is written only after the one before it was flushed. So a record that does not verify is an unfinished batch if nothing
//! follows it, and damage if something does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    groups::store::{
        core::row::Write,
        error::StoreError,
        files::{Guarded, GuardedMedium},
        record::StoreId,
        seal::{self, Place},
    },
    primitives::WireId,
};

pub(super) const NAME: &str = "journal";

/// How long the file is: two halves. Little in tests, so that they see many turns.
pub(in crate::groups::store) const SIZE: usize = if cfg!(test) { 64 << 10 } else { 16 << 20 };

/// Records begin at multiples of this, so that none is written where another one already is.
const PAGE: usize = 4096;
const HEAD: usize = 32;

/// How much room for one record stays with the journal.
const SPARE: usize = 1 << 20;

/// From one opening of the store to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups::store) struct Life {
    /// The sequence of the opening, which is a batch of its own.
    pub(in crate::groups::store) opened: u64,
    /// Known to nobody else.
    pub(in crate::groups::store) nonce: u64,
}

/// To which life of which store a record belongs.
#[derive(Debug, Clone, Copy)]
pub(in crate::groups::store) struct Owner {
    pub(in crate::groups::store) store: StoreId,
    pub(in crate::groups::store) life: Life,
}

impl Owner {
    /// The key of one of its records.
    fn key(&self, number: u64) -> [u8; 32] {
        let parts = [self.store.0, self.life.opened, self.life.nonce, number];
        let mut key = [0; 32];
        for (room, part) in key.chunks_exact_mut(8).zip(parts) {
            room.copy_from_slice(&part.to_le_bytes());
        }
        key
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups::store) struct Head {
    pub(in crate::groups::store) sequence: u64,
    /// How many bytes the body has.
    pub(in crate::groups::store) length: u64,
}

/// The writes of one batch.
pub(in crate::groups::store) type Batch = Vec<(WireId, Write)>;

/// The journal of an open store.
pub(in crate::groups::store) struct Journal {
    file: GuardedMedium,
    owner: Owner,
    half: usize,
    /// Where the half that is written begins, and where the next record does.
    begin: usize,
    at: usize,
    /// The record that is being made: room for its head, its body, zeros up to the end of its last page.
    record: Vec<u8>,
    head: Head,
}

/// Makes the file, or makes it anew. Whatever happens meanwhile, it is whole or not there.
pub(in crate::groups::store) fn make(files: &Guarded, size: usize) -> Result<(), StoreError> {
    files.replace(NAME, &vec![0; size])
}

impl Journal {
    /// Opens the journal for this life of the store, which needs nothing of what is in it.
    pub(in crate::groups::store) fn open(
        files: &Guarded,
        owner: Owner,
        size: usize,
    ) -> Result<Self, StoreError> {
        let mut file = files.open_through(NAME)?;
        let length = file
            .run("read", |file| file.len())
            .map_err(|error| StoreError::io("read the journal", &error))?;
        if length != size as u64 {
            // Another version wrote less or more.
            make(files, size)?;
            file = files.open_through(NAME)?;
        }
        let head = Head { sequence: 0, length: 0 };
        Ok(Self { file, owner, half: size / 2 / PAGE * PAGE, begin: 0, at: 0, record: Vec::new(), head })
    }

    /// Makes the record of a batch.
    pub(in crate::groups::store) fn prepare(
        &mut self,
        sequence: u64,
        batch: &[(&WireId, &Write)],
    ) -> Result<(), StoreError> {
        self.record.clear();
        self.record.shrink_to(SPARE);
        self.record.resize(HEAD, 0);
        let key = self.owner.key(sequence);
        seal::seal_onto(Place { table: "journal", key: &key }, &batch, &mut self.record)
            .map_err(|error| StoreError::Misuse(error.to_string()))?;
        self.head = Head { sequence, length: (self.record.len() - HEAD) as u64 };
        self.record.resize(self.record.len().next_multiple_of(PAGE), 0);
        Ok(())
    }

    /// Whether the half has room for the record that was made.
    pub(in crate::groups::store) fn fits(&self) -> bool {
        self.record.len() <= self.half - (self.at - self.begin)
    }

    /// How much of the half is written, in hundredths.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn filled(&self) -> usize {
        (self.at - self.begin) * 100 / self.half
    }

    /// Goes on with the other half, of which nothing is needed any more.
    pub(in crate::groups::store) fn turn(&mut self) {
        self.begin = if self.begin == 0 { self.half } else { 0 };
        self.at = self.begin;
    }

    /// Writes the record that was made. When this returns well, it is on disk.
    pub(in crate::groups::store) fn append(&mut self) -> Result<(), StoreError> {
        let key = self.owner.key((self.at / PAGE) as u64);
        let head = seal::seal_within::<_, HEAD>(Place { table: "journal-head", key: &key }, &self.head)
            .map_err(|error| StoreError::Misuse(error.to_string()))?;
        if let Some(room) = self.record.first_chunk_mut() {
            *room = head;
        }
        let (at, record) = (self.at as u64, self.record.as_slice());
        let written = self.file.run("write", |file| file.write_through(at, record));
        written.map_err(|error| StoreError::io("write the journal", &error))?;
        self.at += self.record.len();
        Ok(())
    }
}

/// The batches behind `after` that a life of the store has left in its journal, in order.
pub(in crate::groups::store) fn read(
    files: &Guarded,
    owner: Owner,
    after: u64,
) -> Result<Vec<Batch>, StoreError> {
    let bytes = files.read(NAME)?.ok_or_else(|| StoreError::damaged("its journal is gone"))?;
    let mut found = BTreeMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let record = record_at(&bytes, owner, at, after)?;
        at += record.as_ref().map_or(PAGE, |(head, _)| (HEAD + head.length as usize).next_multiple_of(PAGE));
        if let Some((head, Some(batch))) = record {
            found.insert(head.sequence, batch);
        }
    }
    let mut batches = Vec::new();
    for (expected, (sequence, batch)) in (after.saturating_add(1)..).zip(found) {
        if sequence != expected {
            return Err(StoreError::damaged(format_args!(
                "batch {sequence} is in its journal, and batch {expected} before it is not"
            )));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// The record at a place, if one was written there to its end; without its batch if that is not behind `after`.
fn record_at(
    bytes: &[u8],
    owner: Owner,
    at: usize,
    after: u64,
) -> Result<Option<(Head, Option<Batch>)>, StoreError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((head, rest)) = rest.split_at_checked(HEAD) else { return Ok(None) };
    let key = owner.key((at / PAGE) as u64);
    let Ok(head) = seal::open_within::<Head>(Place { table: "journal-head", key: &key }, head) else {
        return Ok(None);
    };
    let Some(body) = usize::try_from(head.length).ok().and_then(|length| rest.get(..length)) else {
        return Ok(None);
    };
    if head.sequence <= after {
        return Ok(Some((head, None)));
    }
    let key = owner.key(head.sequence);
    let place = Place { table: "journal", key: &key };
    if seal::verify(place, body).is_err() {
        return Ok(None);
    }
    let batch = seal::open(place, body).map_err(StoreError::damaged)?;
    Ok(Some((head, Some(batch))))
}
