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

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    chunks::frame_size,
    source::{Begun, Lost},
};
use crate::{
    primitives::{BootId, PeerId},
    streams::wire::End,
    topology::Overflow,
};

/// How many bytes the fastest consumer may be behind before its node stops reading from the producers.
pub const ROOM: u64 = 512 * 1024;
/// How many notes are kept for a consumer that was moved forward; older ones are forgotten first.
const NOTES: usize = 256;

/// Items of one producer, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Who produced them.
    pub from: PeerId,
    /// In which life of that node.
    pub epoch: BootId,
    /// Which of the consumer's accepted schemas they have.
    pub schema: usize,
    /// The number of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The frames.
    pub bytes: Bytes,
}

impl Batch {
    /// Without its first `count` items.
    pub fn skip(mut self, count: u64) -> Self {
        let mut at = 0;
        for _ in 0..count.min(self.count) {
            at += frame_size(&self.bytes, at).unwrap_or_default();
        }
        let _ = self.bytes.split_to(at);
        self.first += count.min(self.count);
        self.count -= count.min(self.count);
        self
    }
}

/// What happened to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It began, or goes on after a lost link.
    Joined(Begun),
    /// Items are lost to this consumer.
    Gap(Lost),
    /// It ended; the producer may come back.
    Left(Left),
    /// It did not begin. The attempt is repeated.
    Refused(String),
}

/// Why a subscription ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// The link was lost.
    Lost(String),
    /// The producer's node ended it.
    Ended(End),
    /// One of the two sides no longer admits the other.
    Refused(String),
    /// What the producer sent cannot be read.
    Malformed(String),
    /// This node prefers other producers now, or is stopping.
    Unwanted,
}

/// What a consumer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Items.
    Batch(Batch),
    /// A note about one producer, in its epoch.
    Note(PeerId, BootId, Note),
}

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
        // A gap grows only while nobody has read it.
        let end = self.end();
        let unread = self.readers.values().all(|reader| reader.next < end && !reader.windowed);
        if unread && self.slots.back_mut().is_some_and(|last| merge(&mut last.entry, &entry)) {
            return;
        }
        let notes = self.slots.iter().filter(|slot| matches!(slot.entry, Entry::Note(..))).count();
        if notes < NOTES || matches!(entry, Entry::Note(_, _, Note::Gap(_))) {
            self.push(entry);
        }
    }

    fn push(&mut self, entry: Entry) {
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
            if let Entry::Batch(batch) = slot.entry {
                self.consumed.insert(batch.from, (batch.epoch, batch.first + batch.count));
                if self.grown.last() != Some(&batch.from) {
                    self.grown.push(batch.from);
                }
            }
        }
    }

    /// All items of `from` in `epoch` below this number were taken by every consumer.
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

/// The last `count` items of some batches.
fn newest(batches: &VecDeque<Batch>, count: u64) -> Vec<Batch> {
    let items: u64 = batches.iter().map(|batch| batch.count).sum();
    let mut skip = items.saturating_sub(count);
    let trimmed = batches.iter().filter_map(|batch| {
        let here = skip.min(batch.count);
        skip -= here;
        (here < batch.count).then(|| batch.clone().skip(here))
    });
    trimmed.collect()
}

/// Adds a gap to the gap before it; says whether that was possible.
fn merge(last: &mut Entry, entry: &Entry) -> bool {
    let (Entry::Note(from, epoch, Note::Gap(lost)), Entry::Note(other, boot, Note::Gap(more))) =
        (last, entry)
    else {
        return false;
    };
    let fits = from == other && epoch == boot && lost.first + lost.count == more.first;
    if fits {
        lost.count += more.count;
    }
    fits
}

/// Turns what a reader does not get into gaps, added up; other notes are kept up to a limit.
fn lose(own: &mut VecDeque<Entry>, entry: &Entry) {
    let entry = match entry {
        Entry::Batch(batch) => {
            let lost = Lost { first: batch.first, count: batch.count };
            Entry::Note(batch.from, batch.epoch, Note::Gap(lost))
        }
        note => note.clone(),
    };
    if own.iter_mut().rev().any(|last| merge(last, &entry)) {
        return;
    }
    let is_gap = matches!(entry, Entry::Note(_, _, Note::Gap(_)));
    if is_gap || own.len() < NOTES {
        own.push_back(entry);
    }
}
