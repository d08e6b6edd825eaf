//! Comparisons that peers began. One peer has few at a time, and when all places are taken the oldest makes room: those who
//! begin and say nothing cannot keep others out.

use std::collections::VecDeque;

use tokio_util::sync::CancellationToken;

use crate::primitives::PeerId;

/// Comparisons that peers began, at a time.
pub(super) const MOST_SERVED: usize = 32;
/// Of these, those that one peer began.
const PER_PEER: usize = 2;

/// Who is being served, oldest first.
#[derive(Debug, Default)]
pub(super) struct Served {
    all: VecDeque<(u64, PeerId, CancellationToken)>,
    begun: u64,
}

impl Served {
    /// A place for a comparison: its number, and what is cancelled when it has to make room. `None` when the peer has its share.
    pub(super) fn enter(&mut self, peer: PeerId) -> Option<(u64, CancellationToken)> {
        if self.all.iter().filter(|(_, by, _)| *by == peer).count() >= PER_PEER {
            return None;
        }
        if self.all.len() >= MOST_SERVED
            && let Some((_, _, oldest)) = self.all.pop_front()
        {
            oldest.cancel();
        }
        self.begun += 1;
        let evicted = CancellationToken::new();
        self.all.push_back((self.begun, peer, evicted.clone()));
        Some((self.begun, evicted))
    }

    /// A comparison ended.
    pub(super) fn ended(&mut self, number: u64) {
        self.all.retain(|(other, ..)| *other != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    #[test]
    fn h3_one_peer_has_its_share_and_the_oldest_makes_room() {
        let mut served = Served::default();
        let (first, evicted) = served.enter(peer(0)).expect("a place");
        assert!(served.enter(peer(0)).is_some());
        assert!(served.enter(peer(0)).is_none(), "its share is taken");
        for n in 1..=30 {
            assert!(served.enter(peer(n)).is_some());
        }
        assert!(!evicted.is_cancelled());
        assert!(served.enter(peer(31)).is_some());
        assert!(evicted.is_cancelled());
        served.ended(first);
        assert_eq!(served.all.len(), MOST_SERVED);
    }
}
