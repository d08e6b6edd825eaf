//! How many bytes the entries of a log have, so that what is kept of it can be bounded by bytes.

use std::{collections::VecDeque, ops::Range};

/// The sizes of the entries of one log, without a hole.
#[derive(Debug, Default)]
pub(in crate::groups::store) struct Sizes {
    /// The index of the first one.
    first: u64,
    sizes: VecDeque<u32>,
    bytes: u64,
}

impl Sizes {
    /// One more entry behind the others; the first one may have any index.
    pub(in crate::groups::store) fn push(&mut self, index: u64, size: usize) {
        if self.sizes.is_empty() {
            self.first = index;
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.sizes.push_back(size);
        self.bytes += u64::from(size);
    }

    /// Entries with other indices are not in the log any more.
    pub(in crate::groups::store) fn keep(&mut self, indices: &Range<u64>) {
        while !self.sizes.is_empty() && self.end() > indices.end.max(self.first) {
            let size = self.sizes.pop_back().unwrap_or_default();
            self.bytes -= u64::from(size);
        }
        while self.first < indices.start
            && let Some(size) = self.sizes.pop_front()
        {
            self.bytes -= u64::from(size);
            self.first += 1;
        }
    }

    fn end(&self) -> u64 {
        self.first + self.sizes.len() as u64
    }

    /// The last of the entries that have to go so that the rest up to and with `last` has at most so many bytes; `None` if it has.
    /// Never more than up to `last`.
    pub(in crate::groups::store) fn beyond(&self, last: u64, bytes: u64) -> Option<u64> {
        if self.bytes <= bytes || last < self.first {
            return None;
        }
        let behind = usize::try_from(self.end().saturating_sub(last.saturating_add(1))).unwrap_or(usize::MAX);
        let mut kept = 0;
        for (back, size) in self.sizes.iter().rev().skip(behind).enumerate() {
            kept += u64::from(*size);
            if kept > bytes {
                return Some(last.min(self.end().saturating_sub(1)) - back as u64);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bytes_is_told_by_its_last_index() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.beyond(9, 0), None);
        (5..15).for_each(|index| sizes.push(index, 10));
        assert_eq!(sizes.beyond(14, 100), None, "all of it fits");
        assert_eq!(sizes.beyond(14, 99), Some(5));
        assert_eq!(sizes.beyond(14, 35), Some(11), "12, 13 and 14 stay");
        assert_eq!(sizes.beyond(10, 35), Some(7), "8, 9 and 10 stay, and what follows anyway");
        assert_eq!(sizes.beyond(10, 60), None, "5 to 10 have as many");
        assert_eq!(sizes.beyond(14, 0), Some(14));
        assert_eq!(sizes.beyond(99, 35), Some(11));
        assert_eq!(sizes.beyond(4, 0), None);
    }

    #[test]
    fn sizes_follow_the_log() {
        let mut sizes = Sizes::default();
        (5..15).for_each(|index| sizes.push(index, 10));
        sizes.keep(&(8..12));
        assert_eq!((sizes.first, sizes.end(), sizes.bytes), (8, 12, 40));
        sizes.push(12, 7);
        assert_eq!(sizes.beyond(12, 7), Some(11));
        sizes.keep(&(20..20));
        assert_eq!((sizes.sizes.len(), sizes.bytes), (0, 0));
        sizes.push(20, 3);
        assert_eq!((sizes.first, sizes.beyond(20, 2)), (20, Some(20)));
        sizes.keep(&(20..20));
        assert_eq!(sizes.bytes, 0);
    }
}
