//! A member's side of one reader: what is sent when. Pure.
//!
//! A reader that takes nothing costs its member this, and what fits into the window. Nothing is kept for it.

use std::ops::Range;

use crate::groups::{
    store::record::{Entry, LogId},
    tail::WINDOW,
};

/// Less room than this is not worth a read of the log while something is on its way.
const LEAST: u64 = 4 * 1024;

/// Entries that are read of the log at a time.
const MOST: u64 = 1024;

/// The reader said what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum Breach {
    /// A round that is not later than the one before.
    #[error("a round that goes back")]
    Round,
    /// More was taken than was sent, or less than before.
    #[error("it took what was not sent")]
    Taken,
    /// The reader has an entry that is not in this log.
    #[error("it has another entry {index} than this log: one of the two is damaged")]
    Differs {
        /// The entry.
        index: u64,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) enum Plan {
    /// Nothing until more is committed, the reader takes something, or asks something.
    Wait,
    /// Read this of the log, and give it to [`Cursor::read`].
    Read {
        /// These entries.
        range: Range<u64>,
        /// About so many bytes of them.
        limit: usize,
    },
    /// The log does not go back so far.
    Snapshot,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) struct Frame {
    /// The round that it belongs to.
    pub(in crate::groups) round: u64,
    /// The entry before the first.
    pub(in crate::groups) before: Option<LogId>,
    /// The entries.
    pub(in crate::groups) entries: Vec<Entry>,
}

/// How far one reader is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::groups) struct Cursor {
    round: Option<u64>,
    at: At,
    sent: u64,
    taken: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Nothing was asked, or a snapshot is being pulled.
    #[default]
    Idle,
    /// The reader says that this is the last entry it has.
    Claimed(Option<LogId>),
    /// This is the last entry that was sent.
    Sent(Option<LogId>),
}

impl Cursor {
    /// The reader asks for what comes behind this entry.
    pub(in crate::groups) fn from(&mut self, round: u64, after: Option<LogId>) -> Result<(), Breach> {
        if self.round.is_some_and(|before| before >= round) {
            return Err(Breach::Round);
        }
        *self = Self { round: Some(round), at: At::Claimed(after), sent: 0, taken: 0 };
        Ok(())
    }

    /// The reader has applied so many bytes of this round.
    pub(in crate::groups) fn taken(&mut self, round: u64, bytes: u64) -> Result<(), Breach> {
        match self.round {
            // Of a round that is over.
            Some(now) if round < now => Ok(()),
            Some(now) if round == now && (self.taken..=self.sent).contains(&bytes) => {
                self.taken = bytes;
                Ok(())
            }
            _ => Err(Breach::Taken),
        }
    }

    /// Bytes that are on their way.
    fn outstanding(&self) -> u64 {
        self.sent - self.taken
    }

    /// What can be done, with a log whose last purged entry is `purged` and of which all up to `applied` may be sent.
    pub(in crate::groups) fn plan(&self, purged: Option<LogId>, applied: Option<LogId>) -> Plan {
        let (last, is_claim) = match self.at {
            At::Idle => return Plan::Wait,
            At::Claimed(last) => (last, true),
            At::Sent(last) => (last, false),
        };
        let next = last.map_or(0, |last| last.index.saturating_add(1));
        let Some(applied) = applied.filter(|applied| applied.index >= next) else { return Plan::Wait };
        let held = purged.map_or(0, |purged| purged.index.saturating_add(1));
        if next < held {
            return Plan::Snapshot;
        }
        let room = (WINDOW as u64).saturating_sub(self.outstanding());
        if self.outstanding() > 0 && room < LEAST {
            return Plan::Wait;
        }
        // The first time with the entry that the reader has, if it is there to compare.
        let first = if is_claim && next > held { next - 1 } else { next };
        let end = applied.index.saturating_add(1).min(next.saturating_add(MOST));
        Plan::Read { range: first..end, limit: usize::try_from(room).unwrap_or(WINDOW) }
    }

    /// What was read of the log for the last plan. Nothing comes of it when the log was cut meanwhile: plan again.
    pub(in crate::groups) fn read(&mut self, mut entries: Vec<Entry>) -> Result<Option<Frame>, Breach> {
        let (last, is_claim) = match self.at {
            At::Idle => return Ok(None),
            At::Claimed(last) => (last, true),
            At::Sent(last) => (last, false),
        };
        let (Some(round), Some(first)) = (self.round, entries.first().map(|entry| entry.id)) else {
            return Ok(None);
        };
        if is_claim && last.is_some_and(|last| last.index == first.index) {
            if last != Some(first) {
                return Err(Breach::Differs { index: first.index });
            }
            entries.remove(0);
        }
        let next = last.map_or(0, |last| last.index.saturating_add(1));
        if entries.first().is_some_and(|entry| entry.id.index != next) {
            return Ok(None);
        }
        let end = entries.last().map_or(last, |entry| Some(entry.id));
        self.at = At::Sent(end);
        match entries.is_empty() {
            true => Ok(None),
            false => Ok(Some(Frame { round, before: last, entries })),
        }
    }

    /// Whether a frame of so many bytes may be sent now. One that is larger than the window goes alone.
    pub(in crate::groups) fn fits(&self, bytes: usize) -> bool {
        self.outstanding() == 0 || self.outstanding().saturating_add(bytes as u64) <= WINDOW as u64
    }

    /// A frame of so many bytes was sent.
    pub(in crate::groups) fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// A snapshot was named for this round: nothing more is sent for it.
    pub(in crate::groups) fn named_snapshot(&mut self) -> Option<u64> {
        self.at = At::Idle;
        self.round
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::groups::store::record::Payload;

    fn id(index: u64) -> LogId {
        LogId { term: 1, index }
    }

    fn entries(range: Range<u64>) -> Vec<Entry> {
        let payload = || Payload::Command(Bytes::from_static(b"x"));
        range.map(|index| Entry { id: id(index), payload: payload() }).collect()
    }

    #[test]
    fn a_log_that_does_not_have_what_it_says_yet_brings_nobody_farther() {
        let mut cursor = Cursor::default();
        cursor.from(1, Some(id(4))).expect("the first round");
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Read { range: 4..10, limit: WINDOW });
        let before = cursor.clone();
        for read in [Vec::new(), entries(7..9)] {
            assert_eq!(cursor.read(read), Ok(None));
            assert_eq!(cursor, before);
        }
        assert_eq!(cursor.plan(Some(id(9)), Some(id(9))), Plan::Snapshot);
    }

    #[test]
    fn a_reader_gets_the_log_from_where_it_is_and_then_waits() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Wait, "nothing was asked");
        cursor.from(1, Some(id(4))).expect("the first round");
        assert_eq!(cursor.plan(None, Some(id(4))), Plan::Wait, "all is there");
        assert_eq!(cursor.plan(None, Some(id(2))), Plan::Wait, "the member lags behind its reader");
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Read { range: 4..10, limit: WINDOW });
        let frame = cursor.read(entries(4..10)).expect("the same log").expect("entries");
        assert_eq!((frame.before, frame.entries), (Some(id(4)), entries(5..10)));
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Wait);
        assert_eq!(cursor.plan(None, Some(id(10))), Plan::Read { range: 10..11, limit: WINDOW });
    }

    #[test]
    fn what_is_purged_comes_as_a_snapshot_and_the_end_of_it_is_enough_to_go_on() {
        let mut cursor = Cursor::default();
        cursor.from(1, None).expect("the first round");
        assert_eq!(cursor.plan(Some(id(7)), Some(id(9))), Plan::Snapshot);
        assert_eq!(cursor.named_snapshot(), Some(1));
        assert_eq!(cursor.plan(Some(id(7)), Some(id(9))), Plan::Wait);
        cursor.from(2, Some(id(7))).expect("a later round");
        assert_eq!(cursor.plan(Some(id(7)), Some(id(9))), Plan::Read { range: 8..10, limit: WINDOW });
        assert_eq!(cursor.read(entries(9..10)), Ok(None), "it was purged meanwhile");
        assert_eq!(cursor.plan(Some(id(8)), Some(id(9))), Plan::Snapshot);
    }

    #[test]
    fn no_more_than_the_window_is_on_its_way_and_what_is_larger_goes_alone() {
        let mut cursor = Cursor::default();
        cursor.from(1, None).expect("the first round");
        assert!(cursor.fits(10 * WINDOW));
        cursor.sent(WINDOW - 100);
        assert!(cursor.fits(100) && !cursor.fits(101));
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Wait);
        assert_eq!(cursor.taken(1, WINDOW as u64), Err(Breach::Taken), "that was not sent");
        cursor.taken(1, 90_000.min(WINDOW as u64 - 100)).expect("that was");
        assert_eq!(cursor.plan(None, Some(id(9))), Plan::Read { range: 0..10, limit: WINDOW });
        assert_eq!(cursor.taken(1, 0), Err(Breach::Taken), "nothing is given back");
        cursor.from(2, None).expect("a later round");
        assert_eq!((cursor.taken(1, 5), cursor.taken(3, 0)), (Ok(()), Err(Breach::Taken)));
        assert_eq!(cursor.from(2, None), Err(Breach::Round));
    }

    #[test]
    fn a_reader_of_another_log_is_told_so() {
        let mut cursor = Cursor::default();
        cursor.from(1, Some(LogId { term: 9, index: 4 })).expect("the first round");
        assert_eq!(cursor.read(entries(4..10)), Err(Breach::Differs { index: 4 }));
    }
}
