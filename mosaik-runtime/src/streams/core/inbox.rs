//! What a node received of one stream, and how far each of its consumers has read.
//!
//! One subscription per producer feeds it; every consumer of the node has its own place in it. While all consumers are
//! full, nothing more is read from the producers, and the pressure reaches them. When only some are full, the stream's
//! policy applies to these alone. Batches are shared bytes; consumers decode.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

pub use super::entry::{Batch, Entry, Left, Note};
use super::{
    entry::{NOTES, lose, merge, newest},
    source::Begun,
};
use crate::{
    primitives::{BootId, PeerId},
    topology::Overflow,
};

/// How many bytes the fastest consumer may be behind before its node stops reading from the producers.
pub const ROOM: u64 = 512 * 1024;

/// How far behind a consumer may be, and what happens then. The producer's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLimits {
    /// In items.
    pub items: u64,
    /// In bytes.
    pub bytes: u64,
    /// What happens to a slow consumer while another one is not.
    pub overflow: Overflow,
    /// How long `block` waits for one consumer.
    pub patience: Duration,
    /// Items of each producer that a late consumer gets.
    pub replay: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Total {
    items: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    before: Total,
}

#[derive(Debug, Default)]
struct Reader {
    /// Read before anything shared: replay, a window, gaps.
    own: VecDeque<Entry>,
    /// The next shared entry; all below `done` are finished.
    next: u64,
    done: u64,
    /// It reads its own window; what comes meanwhile is lost to it, and `missed` says what that is.
    windowed: bool,
    missed: VecDeque<Entry>,
    holds_since: Option<Instant>,
    waker: Option<Waker>,
}

/// See the module.
#[derive(Debug)]
pub struct Inbox {
    limits: InboxLimits,
    slots: VecDeque<Slot>,
    /// The index of the front slot.
    front: u64,
    total: Total,
    readers: BTreeMap<u64, Reader>,
    named: u64,
    history: BTreeMap<PeerId, VecDeque<Batch>>,
    consumed: BTreeMap<PeerId, (BootId, u64)>,
    /// The last gap of each producer, while it is here.
    gaps: BTreeMap<PeerId, u64>,
    /// Of whom `consumed` grew since it was asked.
    grown: Vec<PeerId>,
    closed: bool,
}

impl Inbox {
    /// An empty inbox.
    pub fn new(limits: InboxLimits) -> Self {
        Self {
            limits,
            slots: VecDeque::new(),
            front: 0,
            total: Total::default(),
            readers: BTreeMap::new(),
            named: 0,
            history: BTreeMap::new(),
            consumed: BTreeMap::new(),
            gaps: BTreeMap::new(),
            grown: Vec::new(),
            closed: false,
        }
    }

    /// The producer's settings win over what the consumer assumed.
    pub fn set_limits(&mut self, limits: InboxLimits) {
        self.limits = limits;
    }

    fn end(&self) -> u64 {
        self.front + self.slots.len() as u64
    }

    /// A consumer more; it begins with the replay, if the stream has one.
    pub fn join(&mut self) -> u64 {
        self.named += 1;
        let replay = self.limits.replay;
        let own = self.history.values().flat_map(|batches| newest(batches, replay)).map(Entry::Batch);
        let end = self.end();
        let reader = Reader { own: own.collect(), next: end, done: end, ..Reader::default() };
        self.readers.insert(self.named, reader);
        self.named
    }

    /// A consumer less; says whether it was the last one.
    pub fn leave(&mut self, reader: u64) -> bool {
        self.readers.remove(&reader);
        self.evict();
        self.readers.is_empty()
    }

    /// Whether there are consumers.
    pub fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    fn lag(&self, reader: &Reader) -> Total {
        let at = reader.next.checked_sub(self.front).and_then(|at| self.slots.get(usize::try_from(at).ok()?));
        let before = at.map_or(self.total, |slot| slot.before);
        Total { items: self.total.items - before.items, bytes: self.total.bytes - before.bytes }
    }

    /// Whether a reader has enough to do: nothing more is read for it alone.
    fn is_full(&self, reader: &Reader) -> bool {
        let lag = self.lag(reader);
        let own = reader.own.len() as u64;
        lag.items >= self.limits.items || lag.bytes >= self.limits.bytes.min(ROOM) || own > self.limits.items
    }

    /// Whether a reader lags as far as the stream's buffer allows, while others go on.
    fn is_over(&self, reader: &Reader) -> bool {
        let lag = self.lag(reader);
        !reader.windowed && (lag.items >= self.limits.items || lag.bytes >= self.limits.bytes)
    }

    /// Whether a batch may be put in now.
    pub fn has_room(&self) -> bool {
        let mut present = self.readers.values().filter(|reader| !reader.windowed);
        let some = self.readers.is_empty() || present.any(|reader| !self.is_full(reader));
        let holds = self.limits.overflow == Overflow::Block
            && self.readers.values().any(|reader| self.is_over(reader));
        some && !holds
    }

    /// Puts in a batch; ask [`has_room`](Self::has_room) first.
    pub fn put(&mut self, batch: Batch) {
        if self.limits.overflow != Overflow::Block {
            self.overflow();
        }
        self.remember(&batch);
        self.push(Entry::Batch(batch));
    }

    /// Puts in a note. Notes have room always, but not without end: of a consumer that does not read, gaps are kept and
    /// added up, comings and goings beyond a limit are not.
    pub fn note(&mut self, from: PeerId, epoch: BootId, note: Note) {
        let entry = Entry::Note(from, epoch, note);
        if matches!(entry, Entry::Note(_, _, Note::Gap(_) | Note::Joined(Begun::Restarted { .. }))) {
            // A replay has no hole.
            self.history.remove(&from);
        }
        if self.grow(from, &entry) {
            return;
        }
        let notes = self.slots.iter().filter(|slot| matches!(slot.entry, Entry::Note(..))).count();
        if notes < NOTES || matches!(entry, Entry::Note(_, _, Note::Gap(_))) {
            self.push(entry);
        }
    }

    /// Adds a gap to the last one of its producer, which nobody has read; says whether that was possible.
    fn grow(&mut self, from: PeerId, entry: &Entry) -> bool {
        let Some(at) = self.gaps.get(&from).copied().filter(|at| *at >= self.front) else { return false };
        if self.readers.values().any(|reader| !reader.windowed && reader.next > at) {
            return false;
        }
        let slot = self.slots.get_mut((at - self.front) as usize);
        if !slot.is_some_and(|slot| merge(&mut slot.entry, entry)) {
            return false;
        }
        let windowed = self.readers.values_mut().filter(|reader| reader.windowed);
        windowed.for_each(|reader| lose(&mut reader.missed, entry));
        true
    }

    fn push(&mut self, entry: Entry) {
        if let Entry::Note(from, _, Note::Gap(_)) = &entry {
            self.gaps.insert(*from, self.end());
        }
        let before = self.total;
        if let Entry::Batch(batch) = &entry {
            self.total.items += batch.count;
            self.total.bytes += batch.bytes.len() as u64;
        }
        let end = self.end() + 1;
        for reader in self.readers.values_mut() {
            if reader.windowed {
                lose(&mut reader.missed, &entry);
                (reader.next, reader.done) = (end, end);
            }
            reader.waker.take().into_iter().for_each(Waker::wake);
        }
        self.slots.push_back(Slot { entry, before });
        self.evict();
    }

    fn remember(&mut self, batch: &Batch) {
        let replay = self.limits.replay;
        if replay == 0 {
            return;
        }
        let batches = self.history.entry(batch.from).or_default();
        batches.push_back(batch.clone());
        let items = |batches: &VecDeque<Batch>| batches.iter().map(|batch| batch.count).sum::<u64>();
        let bytes =
            |batches: &VecDeque<Batch>| batches.iter().map(|batch| batch.bytes.len() as u64).sum::<u64>();
        while batches.front().is_some_and(|oldest| {
            items(batches) - oldest.count >= replay || bytes(batches) > self.limits.bytes
        }) {
            batches.pop_front();
        }
    }

    /// A new batch comes, and somebody has room for it: those who have none fall under the policy.
    fn overflow(&mut self) {
        if !self.has_room() {
            return;
        }
        let full: Vec<u64> = self.names_where(|inbox, reader| inbox.is_over(reader));
        for name in full {
            match self.limits.overflow {
                Overflow::DropNewest => self.window(name),
                Overflow::DropOldest => self.skip(name, false),
                Overflow::Disconnect | Overflow::Block => self.skip(name, true),
            }
        }
    }

    fn names_where(&self, is: impl Fn(&Self, &Reader) -> bool) -> Vec<u64> {
        self.readers.iter().filter(|(_, reader)| is(self, reader)).map(|(name, _)| *name).collect()
    }

    /// Moves a reader forward: past everything, or until it has room.
    fn skip(&mut self, name: u64, all: bool) {
        let Some(mut reader) = self.readers.remove(&name) else { return };
        while reader.next < self.end() && (all || self.is_over(&reader)) {
            let slot = self.slots.get((reader.next - self.front) as usize);
            slot.into_iter().for_each(|slot| lose(&mut reader.own, &slot.entry));
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

    /// The next entry of a reader, who is done with the one before; `None` after the last one of a closed inbox.
    pub fn poll(&mut self, name: u64, context: &mut Context<'_>) -> Poll<Option<Entry>> {
        self.finish(name);
        let entry = self.next_entry(name);
        if entry.is_some() || self.closed || !self.readers.contains_key(&name) {
            return Poll::Ready(entry);
        }
        if let Some(reader) = self.readers.get_mut(&name) {
            reader.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    fn next_entry(&mut self, name: u64) -> Option<Entry> {
        let own = self.readers.get_mut(&name)?.own.pop_front();
        if own.is_some() {
            return own;
        }
        let reader = self.readers.get_mut(&name)?;
        if std::mem::take(&mut reader.windowed) {
            reader.own = std::mem::take(&mut reader.missed);
            return self.next_entry(name);
        }
        let slot = self.slots.get(usize::try_from(reader.next.checked_sub(self.front)?).ok()?)?;
        let entry = slot.entry.clone();
        reader.next += 1;
        reader.holds_since = None;
        Some(entry)
    }

    /// A reader is done with what it was given.
    pub fn finish(&mut self, name: u64) {
        if let Some(reader) = self.readers.get_mut(&name) {
            reader.done = reader.next;
        }
        self.evict();
    }

    fn evict(&mut self) {
        let end = self.end();
        let needed = self.readers.values().map(|reader| reader.done);
        let needed = needed.min().unwrap_or(end);
        while self.front < needed {
            let Some(slot) = self.slots.pop_front() else { break };
            self.front += 1;
            let (from, epoch, next) = match slot.entry {
                Entry::Batch(batch) => (batch.from, batch.epoch, batch.first + batch.count),
                Entry::Note(from, epoch, Note::Gap(lost)) => {
                    if self.gaps.get(&from).is_some_and(|at| *at < self.front) {
                        self.gaps.remove(&from);
                    }
                    (from, epoch, lost.first + lost.count)
                }
                Entry::Note(..) => continue,
            };
            // Nobody asks about a producer that is forgotten.
            let Some(known) = self.consumed.get_mut(&from) else { continue };
            *known = (epoch, next);
            if self.grown.last() != Some(&from) {
                self.grown.push(from);
            }
        }
    }

    /// From now on it is known how far consumers are with `from`.
    pub fn welcome(&mut self, from: PeerId, epoch: BootId) {
        self.consumed.entry(from).or_insert((epoch, 0));
    }

    /// A producer is gone: nothing more is remembered of it. What it sent stays until it is read.
    pub fn forget(&mut self, from: &PeerId) {
        self.history.remove(from);
        self.consumed.remove(from);
    }

    /// Consumers are done with all items of `from` in `epoch` below this number: they took them, or are told that they lost them.
    pub fn consumed(&self, from: &PeerId, epoch: BootId) -> u64 {
        self.consumed.get(from).filter(|(known, _)| *known == epoch).map_or(0, |(_, next)| *next)
    }

    /// The producers of whom consumers took something since the last call.
    pub fn take_grown(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.grown)
    }

    /// `block`: gives up on consumers that hold up the others for too long; says when the next one's time is over.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        let full = self.names_where(|inbox, reader| inbox.is_over(reader));
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

    /// Nothing more comes; readers end after what is there.
    pub fn close(&mut self) {
        self.closed = true;
        self.readers.values_mut().filter_map(|reader| reader.waker.take()).for_each(Waker::wake);
    }

    /// Items and bytes that wait for the slowest consumer.
    pub fn backlog(&self) -> (u64, u64) {
        let before = self.slots.front().map_or(self.total, |slot| slot.before);
        (self.total.items - before.items, self.total.bytes - before.bytes)
    }
}
