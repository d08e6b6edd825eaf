//! The ring of one stream on one node: one log, a cursor per subscription, and what happens to those that lag.
//!
//! Items are numbered (epoch = boot of the node, sequence). A cursor's lag is bounded by the buffer; what a cursor has taken
//! stays held until the peer's node has received it, so that a lost link loses nothing while the lease holds. The bound on
//! memory is: buffer + what is in flight, per stream, and one window per subscription under `drop_newest`.
//!
//! No clock and no task: time is an argument, and writers are woken through their [`Bell`].

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::time::Instant;

use super::{
    chunks::Position,
    cursor::{Bell, Cursor, Cut, Presence, Waits, Window},
    limits::{AHEAD_FROM, IN_FLIGHT, Limits},
    log::{Log, memory_of},
};
use crate::{
    primitives::{
        BootId, PeerId,
        canary::{self, Canary},
        codec::EncodeError,
    },
    topology::Overflow,
};

/// How much memory items take, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Now.
    pub held: u64,
    /// At most, whatever subscribers do.
    pub bound: u64,
}

/// Why an item was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushError {
    /// Under `block`: a subscriber has no room. At `until` the first such subscriber is out of patience.
    Full {
        /// When to try again at the latest.
        until: Instant,
    },
    /// The item cannot be sent at all.
    Encode(EncodeError),
    /// The stream has ended here.
    Closed,
}

/// See the module.
#[derive(Debug)]
pub struct Ring<B> {
    pub(super) epoch: BootId,
    pub(super) limits: Limits,
    pub(super) log: Log,
    pub(super) cursors: BTreeMap<PeerId, Cursor<B>>,
    /// The least position of all cursors that read from the log.
    slowest: Option<Position>,
    /// The least position from which a lag counts against the buffer.
    counted: Option<Position>,
    /// Items below it have reached everybody who follows.
    keep: Option<u64>,
    pub(super) attachments: u64,
    pub(super) waiting: usize,
    wanted: bool,
    /// Since when a producer has waited for room without any.
    blocked_since: Option<Instant>,
    pub(super) closed: bool,
    /// Subscriptions that were ended and not yet told to the producer.
    pub(super) cuts: Vec<(PeerId, Cut)>,
}

impl<B: Bell> Ring<B> {
    /// A ring whose first item has the number `first`.
    pub fn new(epoch: BootId, first: u64, limits: Limits) -> Self {
        Self {
            epoch,
            limits,
            log: Log::starting_at(first),
            cursors: BTreeMap::new(),
            slowest: None,
            counted: None,
            keep: None,
            attachments: 0,
            waiting: 0,
            wanted: false,
            blocked_since: None,
            closed: false,
            cuts: Vec::new(),
        }
    }

    /// The number of the next item.
    pub fn end(&self) -> u64 {
        self.log.end().seq
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes of items held by the ring itself.
    pub fn held(&self) -> u64 {
        self.log.held()
    }

    /// Accepts an item and gives it its number. The time is only asked for when somebody is in the way.
    pub fn push<T: Serialize + ?Sized>(
        &mut self,
        item: &T,
        now: impl FnOnce() -> Instant,
    ) -> Result<u64, PushError> {
        self.ready(now)?;
        let before = self.log.end();
        self.log.append(item, self.limits.max_item).map_err(PushError::Encode)?;
        // Under the other policies room was made before; they may be over by the size of one item.
        if self.is_over() && matches!(self.limits.overflow, Overflow::Disconnect | Overflow::DropOldest) {
            self.overflow();
        }
        // What followers have not got is kept, until they say that they have, or the bounds are reached.
        let keeps = self.keep.is_some() && self.limits.replay == 0;
        if !keeps || self.is_beyond_bounds() {
            self.forget();
        }
        if self.waiting > 0 {
            self.wake_all();
        }
        Ok(before.seq)
    }

    /// Makes room for an item, or says why there is none.
    pub fn ready(&mut self, now: impl FnOnce() -> Instant) -> Result<(), PushError> {
        if self.closed {
            return Err(PushError::Closed);
        }
        let makes_room = matches!(self.limits.overflow, Overflow::Block | Overflow::DropNewest);
        if makes_room && self.is_full() { self.make_room(now()) } else { Ok(()) }
    }

    /// Whether the slowest follower has no room for one more item.
    fn is_full(&self) -> bool {
        self.counted.is_some_and(|at| self.lag_reaches(at))
    }

    pub(super) fn lag_reaches(&self, at: Position) -> bool {
        let end = self.log.end();
        end.seq - at.seq >= self.limits.items as u64 || end.byte - at.byte >= self.limits.bytes as u64
    }

    /// Whether the slowest follower lags more than it may.
    fn is_over(&self) -> bool {
        self.slowest.is_some_and(|at| self.lag_exceeds(at))
    }

    fn lag_exceeds(&self, at: Position) -> bool {
        let end = self.log.end();
        end.seq - at.seq > self.limits.items as u64 || end.byte - at.byte > self.limits.bytes as u64
    }

    /// What must happen before an item is accepted: `block` waits, `drop_newest` turns to a window.
    fn make_room(&mut self, now: Instant) -> Result<(), PushError> {
        if canary::made(Canary::UnboundedQueue) {
            return Ok(());
        }
        if self.limits.overflow == Overflow::Block && self.limits.items >= AHEAD_FROM {
            let end = self.log.end();
            let prompt = self.cursors.values_mut().filter(|cursor| cursor.may_be_ahead(end));
            prompt.for_each(|cursor| cursor.ahead = end);
        }
        let full = self.peers_where(|ring, cursor| ring.lag_reaches(cursor.lags_from()));
        self.blocked_since.get_or_insert(now);
        let until = match self.limits.overflow {
            Overflow::Block => full.iter().filter_map(|peer| self.hold(peer, now)).min(),
            _ => {
                full.iter().for_each(|peer| self.hold_window(peer));
                None
            }
        };
        self.review();
        self.wanted = until.is_some();
        until.map_or(Ok(()), |until| Err(PushError::Full { until }))
    }

    fn peers_where(&self, is: impl Fn(&Self, &Cursor<B>) -> bool) -> Vec<PeerId> {
        let chosen = self.cursors.iter().filter(|(_, cursor)| cursor.follows() && is(self, cursor));
        chosen.map(|(peer, _)| *peer).collect()
    }

    /// Notes that a cursor holds up the producer; cuts it when its time is over, else says until when it may. One that comes into
    /// the way while the producer already waits (it returned, and what was in flight lies before it again) has what is left of
    /// the time, so that one `send` waits for `patience` at most, however many take turns.
    fn hold(&mut self, peer: &PeerId, now: Instant) -> Option<Instant> {
        let since = self.blocked_since.unwrap_or(now);
        let cursor = self.cursors.get_mut(peer)?;
        let patience = *cursor.holds_since.get_or_insert(since) + self.limits.patience;
        let (until, reason) = match cursor.presence {
            Presence::Leased { since } if since + self.limits.resume < patience => {
                (since + self.limits.resume, Cut::LeaseOver)
            }
            _ => (patience, Cut::OutOfPatience),
        };
        if now < until {
            return Some(until);
        }
        self.cut(peer, reason);
        None
    }

    /// `drop_newest`: what it has not got yet becomes its own; what follows is lost until that is written.
    fn hold_window(&mut self, peer: &PeerId) {
        let end = self.log.end();
        let Some(cursor) = self.cursors.get_mut(peer) else { return };
        let from = self.log.find(cursor.received);
        cursor.window = Some(Window { chunks: self.log.since(from), end });
    }

    /// What must happen after an item was accepted and somebody lags too much.
    fn overflow(&mut self) {
        if canary::made(Canary::UnboundedQueue) {
            return;
        }
        let over = self.peers_where(|ring, cursor| ring.lag_exceeds(cursor.next));
        for peer in &over {
            match self.limits.overflow {
                Overflow::Disconnect => self.cut(peer, Cut::TooSlow),
                _ => self.skip(peer),
            }
        }
        self.review();
    }

    /// `drop_oldest`: moves a cursor forward until it is within its limits.
    fn skip(&mut self, peer: &PeerId) {
        let Some(mut next) = self.cursors.get(peer).map(|cursor| cursor.next) else { return };
        while self.lag_exceeds(next) {
            next = self.log.step(next);
        }
        if let Some(cursor) = self.cursors.get_mut(peer) {
            cursor.next = next;
        }
    }

    fn cut(&mut self, peer: &PeerId, reason: Cut) {
        let Some(cursor) = self.cursors.get_mut(peer) else { return };
        cursor.window = None;
        cursor.holds_since = None;
        match cursor.presence {
            Presence::Attached => {
                cursor.presence = Presence::Cut(reason);
                cursor.bell.cut();
            }
            Presence::Leased { since } => cursor.presence = Presence::Owed { since },
            Presence::Cut(_) | Presence::Owed { .. } => return,
        }
        self.cuts.push((*peer, reason));
    }

    /// The subscriptions that were ended since this was asked last, and why.
    pub fn take_cuts(&mut self) -> Vec<(PeerId, Cut)> {
        std::mem::take(&mut self.cuts)
    }

    /// Recomputes what the hot path compares with.
    pub(super) fn review(&mut self) {
        let followers = self.cursors.values().filter(|cursor| cursor.follows());
        self.slowest = followers.clone().map(|cursor| cursor.next).min();
        self.counted = followers.clone().map(Cursor::lags_from).min();
        self.keep = followers.map(|cursor| cursor.received.min(cursor.next.seq)).min();
        self.waiting = self.cursors.values().filter(|cursor| cursor.waits == Waits::ForItems).count();
        if !self.is_full() {
            self.blocked_since = None;
        }
    }

    /// Forgets what nobody needs: below every receipt and outside the replay.
    pub(super) fn forget(&mut self) {
        let end = self.end();
        let needed = self.keep.unwrap_or(end);
        let replay = end.saturating_sub(self.limits.replay as u64);
        self.log.forget_below(needed.min(replay));
        while self.log.held() > self.limits.bytes as u64 && self.log.forget_oldest_below(needed) {}
        // What is on its way is held until it was received, within a bound: a peer that acknowledges late, or never, costs
        // no memory for that. After a lost link it gets a gap.
        let bound = self.bound();
        let unsent = self.slowest.map_or(end, |at| at.seq);
        while self.log.memory() > bound && self.log.forget_oldest_below(unsent) {}
    }

    fn is_beyond_bounds(&self) -> bool {
        self.log.held() > self.limits.bytes as u64 || self.log.memory() > self.bound()
    }

    /// The most memory that the items of the ring itself take: the buffer, what is on its way, what was read there and waits for
    /// room, and the ends of segments.
    pub fn bound(&self) -> u64 {
        memory_of(self.limits.bytes + 2 * IN_FLIGHT + 2 * self.limits.max_item) as u64
    }

    /// The memory of all held items, and the most that it can be. A window of `drop_newest` may hold as much again.
    pub fn memory(&self) -> Memory {
        let windows = self.cursors.values().filter_map(|cursor| cursor.window.as_ref());
        let (mut held, mut bound) = (self.log.memory(), self.bound());
        for window in windows {
            held += window.held();
            bound += self.bound();
        }
        Memory { held, bound }
    }

    fn wake_all(&mut self) {
        self.cursors.values_mut().filter(|cursor| cursor.waits == Waits::ForItems).for_each(Cursor::wake);
        self.waiting = 0;
    }

    /// Accepts nothing more; writers end when they have written what is held. A subscription whose link is lost may still come
    /// back for what it has not got.
    pub fn close(&mut self) {
        self.closed = true;
        self.wake_all();
    }

    /// Gives up those that wait for a return: nothing will serve them here any more.
    pub fn abandon(&mut self) {
        self.cursors.retain(|_, cursor| cursor.is_attached() || matches!(cursor.presence, Presence::Cut(_)));
        self.review();
        self.forget();
    }

    /// Whether the ring is closed and everybody has got what is held, or was given up.
    pub fn is_done(&self) -> bool {
        self.closed && self.cursors.is_empty()
    }

    /// Opens a closed ring again, with the numbers going on.
    pub fn reopen(&mut self, limits: Limits) {
        self.closed = false;
        self.limits = limits;
    }

    /// Whether a producer waits for room; asking answers it.
    pub fn takes_wanted(&mut self) -> bool {
        self.wanted && !self.is_full() && std::mem::take(&mut self.wanted)
    }
}
