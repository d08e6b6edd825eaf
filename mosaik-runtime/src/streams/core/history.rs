//! The last items of one producer, for consumers of the node that come late.

use std::collections::VecDeque;

use super::entry::Batch;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    batches: VecDeque<Batch>,
    /// Of all batches together.
    items: u64,
    bytes: u64,
}

impl History {
    /// Remembers a batch, and forgets the oldest ones that are not needed for `items` items, or are over `bytes` bytes.
    pub(super) fn remember(&mut self, batch: &Batch, items: u64, bytes: u64) {
        self.items += batch.count;
        self.bytes += batch.bytes.len() as u64;
        self.batches.push_back(batch.clone());
        while let Some(oldest) = self.batches.front() {
            let (count, size) = (oldest.count, oldest.bytes.len() as u64);
            if self.items - count < items && self.bytes <= bytes {
                break;
            }
            self.items -= count;
            self.bytes -= size;
            self.batches.pop_front();
        }
    }

    /// The bytes of all that is remembered.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last `count` items.
    pub(super) fn newest(&self, count: u64) -> impl Iterator<Item = Batch> + '_ {
        let mut skip = self.items.saturating_sub(count);
        self.batches.iter().filter_map(move |batch| {
            let here = skip.min(batch.count);
            skip -= here;
            (here < batch.count).then(|| batch.clone().skip(here))
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::primitives::{BootId, PeerId};

    fn batch(first: u64, count: u64) -> Batch {
        let bytes = Bytes::from(vec![0; 4 * count as usize]);
        Batch { from: PeerId::from_bytes([1; 32]), epoch: BootId(1), schema: 0, first, count, bytes }
    }

    #[test]
    fn the_newest_items_are_kept_within_both_limits() {
        let mut history = History::default();
        for n in 0..10 {
            history.remember(&batch(3 * n, 3), 7, 1000);
        }
        let kept: Vec<_> = history.newest(7).map(|batch| (batch.first, batch.count)).collect();
        assert_eq!(kept, [(23, 1), (24, 3), (27, 3)]);
        history.remember(&batch(30, 3), 7, 24);
        let kept: Vec<_> = history.newest(7).map(|batch| (batch.first, batch.count)).collect();
        assert_eq!(kept, [(27, 3), (30, 3)]);
    }

    /// With a sum over all batches for each new one this takes minutes.
    #[test]
    fn a_long_replay_of_small_batches_costs_no_more_than_a_short_one() {
        let mut history = History::default();
        for n in 0..200_000 {
            history.remember(&batch(n, 1), 100_000, 1 << 30);
        }
        assert_eq!(history.newest(u64::MAX).count(), 100_000);
    }
}
