//! The ring as subscribers and their writers use it: attach, take, acknowledge, detach.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{
    chunks::Run,
    cursor::{Bell, Cursor, CursorStats, Cut, Parting, Presence, Waits},
    limits::IN_FLIGHT,
    ring::{Memory, Ring},
};
use crate::{
    primitives::{BootId, PeerId},
    streams::wire::HEAD,
};

/// With less room in flight than this a writer waits for the next acknowledgement.
const LEAST_RUN: usize = 16 * 1024;

/// Why a subscription was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachError {
    /// `max_consumers` is reached.
    Full {
        /// The limit.
        limit: usize,
    },
    /// The stream has ended here.
    Closed,
}

/// A subscription begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Names the link in later calls.
    pub attachment: u64,
    /// The number with which this link begins; what is missing from there on is told as a gap.
    pub next: u64,
    /// Whether the node had a subscription here before, on this epoch.
    pub resumed: bool,
}

/// What a writer is to do.
#[derive(Debug, Clone)]
pub enum Take {
    /// Write these items.
    Run(Run),
    /// Tell the peer that these items are lost to it.
    Gap {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
    /// Nothing to do until the bell rings.
    Wait,
    /// Everything is written and the stream has ended.
    End,
    /// The subscription was ended.
    Cut(Cut),
    /// Another link serves this subscription now, or none.
    Superseded,
}

/// How a subscription stands, for statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it has carried.
    pub stats: CursorStats,
    /// Items produced that have not reached the peer's node.
    pub lag: u64,
    /// Bytes that wait here for it or are on their way to it, and the most that these can be.
    pub memory: Memory,
    /// Since when a link is up; `None` while it is down.
    pub since: Option<Instant>,
}

impl<B: Bell> Ring<B> {
    /// A node subscribes, or returns. `had` is the epoch and the next number that it expects. To a closed ring only those return
    /// that have a place in it.
    pub fn attach(
        &mut self,
        peer: PeerId,
        had: Option<(BootId, u64)>,
        bell: B,
        now: Instant,
    ) -> Result<Attached, AttachError> {
        let before = self.cursors.get(&peer).filter(|cursor| !cursor.is_cut());
        match self.limits.max_consumers {
            _ if self.closed && !self.knows(&peer) => return Err(AttachError::Closed),
            Some(limit) if before.is_none() && self.subscriptions() >= limit => {
                return Err(AttachError::Full { limit });
            }
            _ => {}
        }
        let told = had.map(|(epoch, next)| if epoch == self.epoch { next.min(self.end()) } else { 0 });
        let mut before = self.cursors.remove(&peer);
        if let Some(before) = &before {
            before.bell.cut();
        }
        let window = before.as_mut().and_then(|cursor| cursor.window.take());
        let holds_since = before.and_then(|cursor| cursor.holds_since);
        let kept = window.zip(told).and_then(|(window, told)| Some((window.find(told)?, window)));
        let (next, window) = match (kept, told) {
            (Some((next, window)), _) => (next, Some(window)),
            (None, Some(told)) => (self.log.find(told), None),
            (None, None) => (self.log.find(self.end().saturating_sub(self.limits.replay as u64)), None),
        };
        let told = told.unwrap_or(next.seq);
        // A link that comes and goes is no reason for more patience.
        let holds_since = holds_since.filter(|_| self.lag_reaches(next));
        self.attachments += 1;
        let cursor = Cursor {
            attachment: self.attachments,
            presence: Presence::Attached,
            since: now,
            next,
            ahead: next,
            told,
            window,
            received: told,
            consumed: 0,
            written: told,
            sent_bytes: 0,
            read_bytes: 0,
            holds_since,
            waits: Waits::No,
            bell,
            stats: CursorStats::default(),
        };
        self.cursors.insert(peer, cursor);
        self.review();
        let resumed = had.is_some_and(|(epoch, _)| epoch == self.epoch);
        Ok(Attached { attachment: self.attachments, next: told, resumed })
    }

    /// Subscriptions, those that wait for a return included.
    pub fn subscriptions(&self) -> usize {
        self.cursors.values().filter(|cursor| !cursor.is_cut()).count()
    }

    /// Subscriptions, those included that were cut and whose writers have not noticed.
    #[cfg(test)]
    pub(crate) fn links(&self) -> usize {
        let owed = |cursor: &&Cursor<B>| matches!(cursor.presence, Presence::Owed { .. });
        self.cursors.len() - self.cursors.values().filter(owed).count()
    }

    /// Whether a node has a place here: it is subscribed, may come back, or has a loss to be told.
    pub fn knows(&self, peer: &PeerId) -> bool {
        self.cursors.contains_key(peer)
    }

    fn served(&mut self, peer: &PeerId, attachment: u64) -> Option<&mut Cursor<B>> {
        self.cursors.get_mut(peer).filter(|cursor| cursor.attachment == attachment)
    }

    /// The next thing that a writer does.
    pub fn take(&mut self, peer: &PeerId, attachment: u64) -> Take {
        let end = self.log.end();
        let closed = self.closed;
        let Some(cursor) = self.served(peer, attachment) else { return Take::Superseded };
        match cursor.presence {
            Presence::Attached => {}
            Presence::Cut(reason) => return Take::Cut(reason),
            Presence::Leased { .. } | Presence::Owed { .. } => return Take::Superseded,
        }
        if cursor.window.as_ref().is_some_and(|window| cursor.next >= window.end) {
            cursor.window = None;
            cursor.next = end;
        }
        if cursor.told < cursor.next.seq {
            return self.tell_gap(peer);
        }
        if cursor.next >= end && cursor.window.is_none() && closed {
            return Take::End;
        }
        let in_flight = cursor.in_flight();
        let budget = (IN_FLIGHT as u64).saturating_sub(in_flight) as usize;
        let (from, force) = (cursor.next, in_flight == 0);
        let run = match &cursor.window {
            _ if budget < LEAST_RUN && !force => Run { first: from, end: from, ..Run::default() },
            Some(window) => window.chunks.run(from, budget, force),
            None => self.log.run(from, budget, force),
        };
        self.taken(peer, run)
    }

    fn tell_gap(&mut self, peer: &PeerId) -> Take {
        let Some(cursor) = self.cursors.get_mut(peer) else { return Take::Superseded };
        let (first, count) = (cursor.told, cursor.next.seq - cursor.told);
        cursor.told = cursor.next.seq;
        cursor.stats.lost += count;
        cursor.sent_bytes += HEAD as u64;
        self.review();
        Take::Gap { first, count }
    }

    fn taken(&mut self, peer: &PeerId, run: Run) -> Take {
        let ahead = self.cursors.get(peer).map_or(run.end, |cursor| cursor.ahead);
        let makes_room = !self.lag_reaches(run.end.max(ahead));
        let Some(cursor) = self.cursors.get_mut(peer) else { return Take::Superseded };
        if run.is_empty() {
            let all = cursor.window.is_none() && run.end >= self.log.end();
            cursor.waits = if all { Waits::ForItems } else { Waits::ForRoom };
            self.review();
            return Take::Wait;
        }
        cursor.next = run.end;
        cursor.told = run.end.seq;
        if makes_room {
            cursor.holds_since = None;
        }
        cursor.sent_bytes += (HEAD + run.len()) as u64;
        cursor.stats.items += run.count();
        cursor.stats.bytes += run.len() as u64;
        self.review();
        Take::Run(run)
    }

    /// The writer handed everything that it took to the transport.
    pub fn wrote(&mut self, peer: &PeerId, attachment: u64) {
        if let Some(cursor) = self.served(peer, attachment) {
            cursor.written = cursor.told;
        }
    }

    /// The peer says how far it is: raw bytes read, items received, items consumed.
    pub fn acknowledge(&mut self, peer: &PeerId, attachment: u64, read: u64, received: u64, consumed: u64) {
        let Some(cursor) = self.served(peer, attachment) else { return };
        cursor.read_bytes = read.clamp(cursor.read_bytes, cursor.sent_bytes);
        cursor.received = received.clamp(cursor.received, cursor.told.max(cursor.received));
        cursor.consumed = consumed.clamp(cursor.consumed, cursor.told.max(cursor.consumed));
        let received = cursor.received;
        if let Some(window) = &mut cursor.window {
            window.chunks.forget_below(received);
        }
        if cursor.waits == Waits::ForRoom {
            cursor.wake();
        }
        self.review();
        self.forget();
    }

    /// A link ended. A subscription that is not over with it waits for the peer's return; says what it became.
    ///
    /// A stream that was produced again while its end was told is not over: the new items are held for the peer's return.
    pub fn detach(
        &mut self,
        peer: &PeerId,
        attachment: u64,
        parting: Parting,
        now: Instant,
    ) -> Option<Parting> {
        let (closed, end) = (self.closed, self.log.end());
        let cursor = self.served(peer, attachment)?;
        let all = cursor.told == cursor.next.seq && cursor.next >= end && cursor.window.is_none();
        let over = match parting {
            Parting::Left | Parting::Refused => true,
            Parting::Ended => closed && all,
            Parting::Lost => false,
        };
        let became = match cursor.presence {
            _ if over => {
                self.cursors.remove(peer);
                Some(parting)
            }
            Presence::Attached => {
                cursor.presence = Presence::Leased { since: now };
                (cursor.waits, cursor.ahead) = (Waits::No, cursor.next);
                Some(Parting::Lost)
            }
            Presence::Cut(_) => {
                cursor.presence = Presence::Owed { since: now };
                None
            }
            Presence::Leased { .. } | Presence::Owed { .. } => None,
        };
        self.review();
        self.forget();
        became
    }

    /// Ends leases that are over; says when the next one will be.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        let resume = self.limits.resume;
        let until = |cursor: &Cursor<B>| match cursor.presence {
            Presence::Leased { since } | Presence::Owed { since } => Some(since + resume),
            Presence::Attached | Presence::Cut(_) => None,
        };
        let over = |cursor: &Cursor<B>| until(cursor).is_some_and(|until| now >= until);
        let ended = self.cursors.iter().filter(|(_, cursor)| over(cursor) && !cursor.is_cut());
        self.cuts.extend(ended.map(|(peer, _)| (*peer, Cut::LeaseOver)));
        self.cursors.retain(|_, cursor| !over(cursor));
        self.review();
        self.forget();
        self.cursors.values().filter_map(until).min()
    }

    /// Whether every link that is up was given all items below `seq`.
    pub fn is_flushed(&self, seq: u64) -> bool {
        self.cursors.values().filter(|cursor| cursor.is_attached()).all(|cursor| cursor.written >= seq)
    }

    /// Whether every link that is up has brought all items below `seq` to the peer's node.
    pub fn is_received(&self, seq: u64) -> bool {
        self.cursors.values().filter(|cursor| cursor.is_attached()).all(|cursor| cursor.received >= seq)
    }

    /// How many subscriptions have consumed all items below `seq`.
    pub fn consumed_by(&self, seq: u64) -> usize {
        self.cursors.values().filter(|cursor| !cursor.is_cut() && cursor.consumed >= seq).count()
    }

    fn waiting_for(&self, cursor: &Cursor<B>) -> Memory {
        let end = cursor.window.as_ref().map_or(self.log.end(), |window| window.end);
        // One that returns may find all that is held here; an item larger than what may be on its way travels alone.
        let bound = self.bound() + (IN_FLIGHT.max(self.limits.max_item) + 2 * HEAD) as u64;
        Memory { held: end.byte.saturating_sub(cursor.next.byte) + cursor.in_flight(), bound }
    }

    /// How the subscriptions stand.
    pub fn standings(&self) -> BTreeMap<PeerId, Standing> {
        let end = self.end();
        let standing = |cursor: &Cursor<B>| Standing {
            stats: cursor.stats,
            lag: end.saturating_sub(cursor.received),
            memory: self.waiting_for(cursor),
            since: cursor.is_attached().then_some(cursor.since),
        };
        let present = self.cursors.iter().filter(|(_, cursor)| !cursor.is_cut());
        present.map(|(peer, cursor)| (*peer, standing(cursor))).collect()
    }
}
