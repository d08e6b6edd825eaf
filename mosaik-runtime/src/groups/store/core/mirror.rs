//! What is known of a group in memory: its row, its notes and the end of its log.
//!
//! Writes show here at once, before they are on disk, because the consensus library reads what it has just written. Entries leave
//! again once they can be read from the database and the room is needed; until then they are in the journal, which nobody reads.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
};

use bytes::Bytes;

use super::{
    row::{Row, Write},
    sizes::Sizes,
};
use crate::groups::store::record::{ChunkHash, Entry};

/// How many bytes of a group's log in the database also stay in memory; few in tests, so that they read from their disks.
const KEPT: usize = if cfg!(test) { 16 << 10 } else { 1 << 20 };

#[derive(Debug, Default)]
pub(in crate::groups::store) struct Mirror {
    pub(in crate::groups::store) row: Row,
    pub(in crate::groups::store) notes: BTreeMap<String, Bytes>,
    /// Whether somebody has the log open.
    pub(in crate::groups::store) open: bool,
    /// Chunks of snapshots that were put and that no manifest names yet.
    pub(in crate::groups::store) fresh: BTreeSet<ChunkHash>,
    /// Chunks that were pulled from others for the snapshot that is being received.
    pub(in crate::groups::store) pulled: BTreeSet<ChunkHash>,
    /// The sizes of all entries, also of those that are in the database alone.
    sizes: Sizes,
    tail: VecDeque<Entry>,
    bytes: usize,
    /// Entries below this index are in the database.
    folded: u64,
    /// How many writes there were, how many at the last that took entries away, and at the last that took the newest ones away.
    writes: u64,
    cut: u64,
    shortened: u64,
}

/// What a read takes from where.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::groups::store) struct Plan {
    /// These are in the database alone.
    pub(in crate::groups::store) cold: Range<u64>,
    /// These follow.
    pub(in crate::groups::store) hot: Vec<Entry>,
    /// What [`Mirror::cut`] was; what is read from disk counts while it is.
    pub(in crate::groups::store) cut: u64,
}

impl Mirror {
    /// A group as it was found on disk.
    pub(in crate::groups::store) fn found(row: Row, notes: BTreeMap<String, Bytes>, sizes: Sizes) -> Self {
        let folded = row.indices().end;
        Self { row, notes, folded, sizes, ..Self::default() }
    }

    /// Whether there is nothing to remember.
    pub(in crate::groups::store) fn is_empty(&self) -> bool {
        self.row == Row::default() && self.notes.is_empty()
    }

    /// Takes a write; returns its number. Nothing changes on an error.
    pub(in crate::groups::store) fn apply(&mut self, write: &Write) -> Result<u64, String> {
        self.row.apply(write)?;
        self.writes += 1;
        match write {
            Write::Append(entries) => {
                for entry in entries.iter() {
                    self.bytes += entry.size();
                    self.sizes.push(entry.id.index, entry.size());
                    self.tail.push_back(entry.clone());
                }
            }
            Write::Purge(_) => self.trim(),
            Write::Truncate(_) | Write::Forget => {
                self.trim();
                self.shortened = self.writes;
            }
            Write::Note(name, Some(value)) => drop(self.notes.insert(name.clone(), value.clone())),
            Write::Note(name, None) => drop(self.notes.remove(name)),
            Write::Vote(_) | Write::Committed(_) => {}
        }
        if matches!(write, Write::Forget) {
            self.notes.clear();
        }
        Ok(self.writes)
    }

    /// Drops what is no longer in the log.
    fn trim(&mut self) {
        let indices = self.row.indices();
        self.sizes.keep(&indices);
        while let Some(entry) = self.tail.back().filter(|entry| !indices.contains(&entry.id.index)) {
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.tail.pop_back();
        }
        while let Some(entry) = self.tail.front().filter(|entry| !indices.contains(&entry.id.index)) {
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.tail.pop_front();
        }
        self.folded = self.folded.min(indices.end);
        self.cut = self.writes;
    }

    /// The writes up to and with number `write` are in the database; that one made the log end before `end`.
    pub(in crate::groups::store) fn folded(&mut self, write: u64, end: u64) {
        if write >= self.shortened {
            self.folded = self.folded.max(end.min(self.row.indices().end));
        }
        while self.bytes > KEPT
            && let Some(entry) = self.tail.front().filter(|entry| entry.id.index < self.folded)
        {
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.tail.pop_front();
        }
    }

    /// All writes are in the database.
    #[cfg(feature = "durable")]
    pub(in crate::groups::store) fn all_folded(&mut self) {
        self.folded(self.writes, self.row.indices().end);
    }

    /// How many writes there were at the last one that took entries away.
    pub(in crate::groups::store) fn cut(&self) -> u64 {
        self.cut
    }

    /// The last of the entries that have to go so that those up to and with `last` have at most so many bytes.
    pub(in crate::groups::store) fn beyond(&self, last: u64, bytes: u64) -> Option<u64> {
        self.sizes.beyond(last, bytes)
    }

    /// How to read the entries with indices in `range`.
    pub(in crate::groups::store) fn plan(&self, range: &Range<u64>) -> Plan {
        let held = self.row.indices();
        let range = range.start.max(held.start)..range.end.min(held.end);
        let hot_from = self.tail.front().map_or(held.end, |entry| entry.id.index);
        let cold = range.start..range.end.min(hot_from);
        let skip = usize::try_from(range.start.saturating_sub(hot_from)).unwrap_or(usize::MAX);
        let take = usize::try_from(range.end.saturating_sub(hot_from.max(range.start))).unwrap_or(usize::MAX);
        Plan { cold, hot: self.tail.iter().skip(skip).take(take).cloned().collect(), cut: self.cut }
    }
}
