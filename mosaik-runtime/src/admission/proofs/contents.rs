//! Tickets of others, by peer and content: each is fetched once.
//!
//! What one peer showed is never taken for what another shows: whoever names a ticket has to have it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use crate::{
    primitives::PeerId,
    tickets::{MAX_HELD, Ticket, TicketId, stale},
};

/// Tickets that are kept. At most 64 KiB each, and most have less than 1 KiB.
const MOST: usize = 1024;
/// The bytes of all tickets that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Tickets of one peer: those that it shows, and those that it showed before.
const OF_ONE_PEER: usize = 2 * MAX_HELD;
/// How long a peer is not asked again for what it did not give.
const RETRY: Duration = Duration::from_secs(2);

type Key = (PeerId, TicketId);
type Cell = Arc<OnceCell<Ticket>>;

/// Tickets of others; those that were not asked for longest go first.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    places: BTreeMap<Key, Place>,
    clock: u64,
    /// Of all tickets that are there.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Place {
    cell: Cell,
    /// Of its ticket, once that is there.
    bytes: usize,
    used: u64,
    failed: Option<(Instant, String)>,
}

impl Contents {
    /// The place of a ticket: filled, being filled, or empty. An error when it could not be fetched a moment ago.
    pub(super) fn cell(&self, key: Key, now: Instant) -> Result<Cell, String> {
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        let place = state.places.entry(key).or_default();
        place.used = used;
        if let Some((at, why)) = &place.failed
            && now < *at + RETRY
        {
            return Err(why.clone());
        }
        let cell = place.cell.clone();
        state.make_room(key.0);
        Ok(cell)
    }

    /// A ticket is there: its bytes count from now on.
    pub(super) fn filled(&self, key: Key) {
        let state = &mut *self.state();
        let Some(place) = state.places.get_mut(&key) else { return };
        let bytes = place.cell.get().map_or(0, |ticket| ticket.bytes().len());
        state.bytes = state.bytes - place.bytes + bytes;
        place.bytes = bytes;
        state.make_room(key.0);
    }

    /// A ticket could not be fetched.
    pub(super) fn failed(&self, key: Key, now: Instant, why: &str) {
        if let Some(place) = self.state().places.get_mut(&key) {
            place.failed = Some((now, why.to_owned()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self, peer: PeerId) {
        let first = (peer, TicketId::from_bytes([0; 32]));
        while self.places.range(first..).take_while(|((of, _), _)| *of == peer).count() > OF_ONE_PEER {
            self.remove_oldest(|of| *of == peer);
        }
        if self.places.len() > MOST {
            let last = stale(self.places.values().map(|place| place.used));
            self.places.retain(|_, place| {
                let stays = place.used > last;
                self.bytes -= if stays { 0 } else { place.bytes };
                stays
            });
        }
        while self.bytes > MOST_BYTES {
            self.remove_oldest(|_| true);
        }
    }

    fn remove_oldest(&mut self, of: impl Fn(&PeerId) -> bool) {
        let all = self.places.iter().filter(|((peer, _), _)| of(peer));
        let oldest = all.min_by_key(|(_, place)| place.used).map(|(key, _)| *key);
        let removed = oldest.and_then(|oldest| self.places.remove(&oldest));
        self.bytes -= removed.map_or(0, |place| place.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::Class;

    fn ticket(n: u32) -> Ticket {
        Ticket::new(Class::jwt(), n.to_be_bytes().repeat(8192)).expect("fits")
    }

    fn peer(n: u32) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        PeerId::from_bytes(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_and_the_bytes_are_bounded_and_what_is_used_stays() {
        let (contents, now) = (Contents::default(), Instant::now());
        let first = (peer(0), ticket(0).id());
        for n in 0..2000 {
            let cell = contents.cell((peer(n), ticket(n).id()), now).expect("not tried yet");
            cell.set(ticket(n)).expect("empty");
            contents.filled((peer(n), ticket(n).id()));
            assert!(contents.cell(first, now).expect("there").get().is_some(), "{n}: it is used");
        }
        let state = contents.state();
        let bytes =
            state.places.values().filter_map(|place| place.cell.get()).map(|ticket| ticket.bytes().len());
        assert_eq!(state.bytes, bytes.sum::<usize>(), "none is forgotten, and none counts twice");
        assert!(state.places.len() <= MOST && state.bytes <= MOST_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn t3_what_one_peer_showed_is_not_there_for_another_nor_pushed_out_by_it() {
        let (contents, now) = (Contents::default(), Instant::now());
        let id = ticket(1).id();
        contents.cell((peer(1), id), now).expect("fresh").set(ticket(1)).expect("empty");
        assert!(contents.cell((peer(2), id), now).expect("fresh").get().is_none());
        for n in 0..2000 {
            let _ = contents.cell((peer(2), ticket(n).id()), now);
        }
        assert_eq!(contents.state().places.len(), OF_ONE_PEER + 1);
        assert!(contents.cell((peer(1), id), now).expect("there").get().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_did_not_answer_is_not_asked_again_at_once() {
        let (contents, now) = (Contents::default(), Instant::now());
        let key = (peer(1), ticket(1).id());
        contents.cell(key, now).expect("fresh");
        contents.failed(key, now, "silence");
        assert_eq!(contents.cell(key, now).map(drop), Err("silence".to_owned()));
        assert!(contents.cell(key, now + RETRY).is_ok());
    }
}
