//! What happens to a consumer that is slower than the others of its node.

use tokio::time::Instant;

use super::{
    entry::{NOTES, lose},
    inbox::{Inbox, Reader, count_dropped},
};
use crate::topology::Overflow;

impl Inbox {
    /// A new batch comes, and somebody has room for it: those who have none fall under the policy.
    pub(super) fn overflow(&mut self) {
        if !self.has_room() {
            return;
        }
        for name in self.names_where(Self::is_over) {
            match self.limits.overflow {
                Overflow::DropNewest => self.window(name),
                Overflow::DropOldest => self.skip(name, false),
                Overflow::Disconnect | Overflow::Block => self.skip(name, true),
            }
        }
    }

    /// There are as many notes as may be, and one more must be told: who leaves them unread while others read loses its place.
    pub(super) fn hurry(&mut self) {
        let behind = self.names_where(|inbox, reader| inbox.lag(reader).notes >= NOTES as u64);
        if behind.len() < self.readers.len() {
            behind.into_iter().for_each(|name| self.skip(name, true));
            self.evict();
        }
    }

    /// `block`: gives up on consumers that hold up the others for too long; says when the next one's time is over.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        let full = self.names_where(Self::is_over);
        let waits = self.readers.values().any(|reader| !reader.windowed && !self.is_full(reader));
        if !waits || self.limits.overflow != Overflow::Block {
            return None;
        }
        let mut next: Option<Instant> = None;
        for name in full {
            let patience = self.limits.patience;
            let Some(reader) = self.readers.get_mut(&name) else { continue };
            let until = *reader.holds_since.get_or_insert(now) + patience;
            if now >= until {
                self.skip(name, true);
            } else {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        self.evict();
        next
    }

    fn names_where(&self, is: impl Fn(&Self, &Reader) -> bool) -> Vec<u64> {
        self.readers.iter().filter(|(_, reader)| is(self, reader)).map(|(name, _)| *name).collect()
    }

    /// Moves a reader forward: past everything, or until it has room.
    fn skip(&mut self, name: u64, all: bool) {
        let Some(mut reader) = self.readers.remove(&name) else { return };
        while reader.next < self.end() && (all || self.is_over(&reader)) {
            if let Some(slot) = self.slots.get((reader.next - self.front) as usize) {
                lose(&mut reader.own, &slot.entry);
                count_dropped(&mut self.dropped, &slot.entry);
            }
            reader.next += 1;
        }
        reader.done = reader.done.max(reader.next);
        reader.holds_since = None;
        self.readers.insert(name, reader);
    }

    /// Gives a reader its own copy of what it has not read; what comes after is lost to it until that is read.
    fn window(&mut self, name: u64) {
        let Some(mut reader) = self.readers.remove(&name) else { return };
        let from = reader.next.saturating_sub(self.front) as usize;
        reader.own.extend(self.slots.range(from.min(self.slots.len())..).map(|slot| slot.entry.clone()));
        reader.next = self.end();
        reader.done = reader.next;
        reader.windowed = true;
        self.readers.insert(name, reader);
    }
}
