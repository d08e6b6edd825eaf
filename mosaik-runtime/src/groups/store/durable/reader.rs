//! Reads logs from the database, beside the thread that writes.

use std::{ops::Range, sync::Arc};

use redb::{Database, ReadableDatabase};

use super::{LOG, failed, log_key};
use crate::{
    groups::store::{
        error::StoreError,
        health::Health,
        record::Entry,
        seal::{self, Place},
    },
    primitives::WireId,
};

/// Reads entries that are in the database.
#[derive(Clone)]
pub(in crate::groups::store) struct Reader {
    pub(super) db: Arc<Database>,
    pub(super) health: Arc<Health>,
}

impl Reader {
    /// Reads entries from the first of `range` on, until the next would go over `limit` bytes; at least one. A missing or damaged
    /// entry is damage: the caller knows that they are all there, unless the log was cut meanwhile, and asks `still` then.
    pub(in crate::groups::store) fn read(
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
