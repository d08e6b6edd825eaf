//! The small part of a group's state, and what each write makes of it.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::groups::store::record::{Entry, LogId, Vote};

/// One change of one group. The journal keeps them: their encoding is a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups::store) enum Write {
    /// A vote. It never goes back.
    Vote(Vote),
    /// More entries, right behind the last.
    Append(#[serde(with = "entries")] Arc<[Entry]>),
    /// How far the log is known to be committed.
    Committed(LogId),
    /// Entries behind this one go away; all of them without one.
    Truncate(Option<LogId>),
    /// Entries up to and with this one go away.
    Purge(LogId),
    /// A small named value, or none any more.
    Note(String, Option<Bytes>),
    /// Everything of the group goes away.
    Forget,
}

impl Write {
    /// Roughly how many bytes it has.
    pub(in crate::groups::store) fn size(&self) -> usize {
        match self {
            Self::Append(entries) => entries.iter().map(Entry::size).sum(),
            Self::Note(_, Some(value)) => value.len(),
            _ => 64,
        }
    }
}

mod entries {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Arc, Entry};

    pub(super) fn serialize<S: Serializer>(entries: &Arc<[Entry]>, serializer: S) -> Result<S::Ok, S::Error> {
        entries.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[Entry]>, D::Error> {
        Vec::deserialize(from).map(Into::into)
    }
}

/// What a group must not forget, but for its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups::store) struct Row {
    pub(in crate::groups::store) vote: Option<Vote>,
    pub(in crate::groups::store) committed: Option<LogId>,
    pub(in crate::groups::store) purged: Option<LogId>,
    /// The last entry, or what was purged last when there is none.
    pub(in crate::groups::store) last: Option<LogId>,
    /// The index of the first entry, while there is one.
    pub(in crate::groups::store) first: u64,
}

impl Row {
    /// The indices of the entries.
    pub(in crate::groups::store) fn indices(&self) -> std::ops::Range<u64> {
        match self.last {
            Some(last) if last.index >= self.first => self.first..last.index.saturating_add(1),
            _ => self.first..self.first,
        }
    }

    /// What the row is after this write, or why it must not be written.
    pub(in crate::groups::store) fn apply(&mut self, write: &Write) -> Result<(), String> {
        match write {
            Write::Vote(vote) => self.vote(*vote),
            Write::Append(entries) => self.append(entries),
            Write::Committed(id) => {
                if self.committed.is_none_or(|before| before.index < id.index) {
                    self.committed = Some(*id);
                }
                Ok(())
            }
            Write::Truncate(after) => {
                let keep =
                    (*after).filter(|after| self.purged.is_none_or(|purged| purged.index <= after.index));
                let keep = keep.or(self.purged);
                if self.last.is_some_and(|last| keep.is_none_or(|keep| keep.index < last.index)) {
                    self.last = keep;
                }
                Ok(())
            }
            Write::Purge(upto) => {
                if self.purged.is_none_or(|before| before.index < upto.index) {
                    self.purged = Some(*upto);
                    self.first = upto.index.saturating_add(1);
                    if self.last.is_none_or(|last| last.index <= upto.index) {
                        self.last = Some(*upto);
                    }
                }
                Ok(())
            }
            Write::Note(..) => Ok(()),
            Write::Forget => {
                *self = Self::default();
                Ok(())
            }
        }
    }

    fn vote(&mut self, vote: Vote) -> Result<(), String> {
        if let Some(before) = self.vote {
            let other_leader = before.committed && before.member != vote.member;
            if vote.term < before.term
                || (vote.term == before.term && (other_leader || before.committed && !vote.committed))
            {
                return Err(format!("{vote:?} would take back {before:?}"));
            }
        }
        self.vote = Some(vote);
        Ok(())
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), String> {
        let mut after = self.clone();
        for entry in entries {
            let empty = after.indices().is_empty();
            match after.last {
                None if empty => after.first = entry.id.index,
                Some(last) if last.index.checked_add(1) == Some(entry.id.index) => {
                    if empty {
                        after.first = entry.id.index;
                    }
                }
                last => return Err(format!("entry {:?} does not follow {last:?}", entry.id)),
            }
            after.last = Some(entry.id);
        }
        *self = after;
        Ok(())
    }
}
