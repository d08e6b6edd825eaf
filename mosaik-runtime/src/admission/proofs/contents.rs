//! Tickets of others, by content: each is fetched once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

use crate::tickets::{Ticket, TicketId};

/// Tickets that are kept. At most 64 KiB each, and most have less than 1 KiB.
const MOST: usize = 1024;
/// The bytes of all tickets that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;

type Cell = Arc<OnceCell<Ticket>>;

/// Tickets of others; the one that was asked for first goes first.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    cells: BTreeMap<TicketId, Cell>,
    order: VecDeque<TicketId>,
}

impl Contents {
    /// The place of a ticket: filled, being filled, or empty.
    pub(super) fn cell(&self, id: TicketId) -> Cell {
        let mut state = self.state();
        if let Some(cell) = state.cells.get(&id) {
            return cell.clone();
        }
        let cell = Cell::default();
        state.cells.insert(id, cell.clone());
        state.order.push_back(id);
        state.make_room();
        cell
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self) {
        while self.cells.len() > MOST || self.bytes() > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.cells.remove(&oldest);
        }
    }

    fn bytes(&self) -> usize {
        self.cells.values().filter_map(|cell| cell.get()).map(|ticket| ticket.bytes().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::Class;

    #[test]
    fn the_number_and_the_bytes_are_bounded() {
        let contents = Contents::default();
        for n in 0..2000u32 {
            let ticket = Ticket::new(Class::jwt(), n.to_be_bytes().repeat(8192)).expect("fits");
            let cell = contents.cell(ticket.id());
            cell.set(ticket).expect("empty");
        }
        let state = contents.state();
        assert!(state.cells.len() <= MOST && state.bytes() <= MOST_BYTES + 32 * 1024);
        assert_eq!(state.cells.len(), state.order.len());
    }
}
