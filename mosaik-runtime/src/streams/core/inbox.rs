//! What a node received of one stream, and how far each of its consumers has read.
//!
//! One subscription per producer feeds it; every consumer of the node has its own place in it. While all consumers are
//! full, nothing more is read from the producers, and the pressure reaches them. When only some are full, the stream's
//! policy applies to these alone (`slow`). Batches are shared bytes; consumers decode.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

pub use super::entry::{Batch, BufferSettings, Entry, Left, Note};
use super::{
    entry::{NOTES, are_gaps_of_two_lives, lose, merge},
    history::History,
    limits::batch_of,
    ring::Memory,
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
    /// The largest encoded item.
    pub max_item: u64,
}

impl InboxLimits {
    /// What a declaration says of them.
    pub fn settings(&self) -> BufferSettings {
        BufferSettings { buffer: self.items, replay: self.replay, overflow: self.overflow }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) items: u64,
    pub(super) bytes: u64,
    pub(super) notes: u64,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    before: Total,
}

#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Read before anything shared: what was there when it came, a window, gaps.
    pub(super) own: VecDeque<Entry>,
    /// The next shared entry; all below `done` are finished.
    pub(super) next: u64,
    pub(super) done: u64,
    /// It reads its own window; what comes meanwhile is lost to it, and `missed` says what that is.
    pub(super) windowed: bool,
    missed: VecDeque<Entry>,
    pub(super) holds_since: Option<Instant>,
    waker: Option<Waker>,
}

/// See the module.
#[derive(Debug)]
pub struct Inbox {
    pub(super) limits: InboxLimits,
    pub(super) slots: VecDeque<Slot>,
    /// The index of the front slot.
    pub(super) front: u64,
    total: Total,
    pub(super) readers: BTreeMap<u64, Reader>,
    named: u64,
    history: BTreeMap<PeerId, History>,
    /// Whose items come, in which epoch, and what is to say of the settings.
    present: BTreeMap<PeerId, (BootId, Option<Note>)>,
    consumed: BTreeMap<PeerId, (BootId, u64)>,
    /// The last gap of each producer, while it is here.
    gaps: BTreeMap<PeerId, u64>,
    /// Of whom `consumed` grew since it was asked.
    grown: Vec<PeerId>,
    /// Items that single consumers lost because they are slow, since it was asked.
    pub(super) dropped: BTreeMap<PeerId, u64>,
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
            present: BTreeMap::new(),
            consumed: BTreeMap::new(),
            gaps: BTreeMap::new(),
            grown: Vec::new(),
            dropped: BTreeMap::new(),
            closed: false,
        }
    }

    /// The producer's settings win over what the consumer assumed.
    pub fn set_limits(&mut self, limits: InboxLimits) {
        self.limits = limits;
    }

    pub(super) fn end(&self) -> u64 {
        self.front + self.slots.len() as u64
    }

    /// A consumer more; it begins with the producers that are there, and with the replay, if the stream has one.
    pub fn join(&mut self) -> u64 {
        self.named += 1;
        let replay = self.limits.replay;
        let present = self.present.iter().flat_map(|(from, (epoch, settings))| {
            let notes = std::iter::once(Note::Joined(Begun::Fresh)).chain(settings.clone());
            notes.map(|note| Entry::Note(*from, *epoch, note))
        });
        let replayed = self.history.values().flat_map(|history| history.newest(replay)).map(Entry::Batch);
        let own = present.chain(replayed).collect();
        let end = self.end();
        let reader = Reader { own, next: end, done: end, ..Reader::default() };
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

    pub(super) fn lag(&self, reader: &Reader) -> Total {
        let at = reader.next.checked_sub(self.front).and_then(|at| self.slots.get(usize::try_from(at).ok()?));
        self.since(at.map_or(self.total, |slot| slot.before))
    }

    fn since(&self, before: Total) -> Total {
        Total {
            items: self.total.items - before.items,
            bytes: self.total.bytes - before.bytes,
            notes: self.total.notes - before.notes,
        }
    }

    /// What waits for the slowest consumer.
    fn held(&self) -> Total {
        self.since(self.slots.front().map_or(self.total, |slot| slot.before))
    }

    /// Whether a reader has enough to do: nothing more is read for it alone.
    pub(super) fn is_full(&self, reader: &Reader) -> bool {
        let lag = self.lag(reader);
        let own = reader.own.len() as u64;
        lag.items >= self.limits.items || lag.bytes >= self.limits.bytes.min(ROOM) || own > self.limits.items
    }

    /// Whether a reader lags as far as the stream's buffer allows, while others go on.
    pub(super) fn is_over(&self, reader: &Reader) -> bool {
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
        match &note {
            Note::Joined(_) => drop(self.present.insert(from, (epoch, None))),
            Note::Settings { .. } => drop(self.present.insert(from, (epoch, Some(note.clone())))),
            Note::Left(_) => drop(self.present.remove(&from)),
            Note::Gap(_) | Note::Refused(_) => {}
        }
        if matches!(note, Note::Gap(_) | Note::Joined(Begun::Restarted { .. })) {
            // A replay has no hole.
            self.history.remove(&from);
        }
        let is_gap = matches!(note, Note::Gap(_));
        let entry = Entry::Note(from, epoch, note);
        let crowded = self.held().notes >= NOTES as u64;
        if !self.grow(from, &entry, crowded) && (is_gap || !crowded) {
            if crowded {
                self.hurry();
            }
            self.push(entry);
        }
    }

    /// Adds a gap to the last one of its producer, which nobody has read; says whether that was possible. Where it is
    /// `crowded`, the gap takes the place of one from an earlier life of that producer.
    fn grow(&mut self, from: PeerId, entry: &Entry, crowded: bool) -> bool {
        let Some(at) = self.gaps.get(&from).copied().filter(|at| *at >= self.front) else { return false };
        if self.readers.values().any(|reader| !reader.windowed && reader.next > at) {
            return false;
        }
        let Some(slot) = self.slots.get_mut((at - self.front) as usize) else { return false };
        if !merge(&mut slot.entry, entry) {
            if !crowded || !are_gaps_of_two_lives(&slot.entry, entry) {
                return false;
            }
            slot.entry = entry.clone();
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
        match &entry {
            Entry::Batch(batch) => {
                self.total.items += batch.count;
                self.total.bytes += batch.bytes.len() as u64;
            }
            Entry::Note(..) => self.total.notes += 1,
        }
        let end = self.end() + 1;
        for reader in self.readers.values_mut() {
            if reader.windowed {
                lose(&mut reader.missed, &entry);
                count_dropped(&mut self.dropped, &entry);
                (reader.next, reader.done) = (end, end);
            }
            reader.waker.take().into_iter().for_each(Waker::wake);
        }
        self.slots.push_back(Slot { entry, before });
        self.evict();
    }

    fn remember(&mut self, batch: &Batch) {
        let InboxLimits { replay, bytes, .. } = self.limits;
        if replay > 0 {
            self.history.entry(batch.from).or_default().remember(batch, replay, bytes);
        }
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

    pub(super) fn evict(&mut self) {
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
        self.present.remove(from);
    }

    /// Consumers are done with all items of `from` in `epoch` below this number: they took them, or are told that they lost them.
    pub fn consumed(&self, from: &PeerId, epoch: BootId) -> u64 {
        self.consumed.get(from).filter(|(known, _)| *known == epoch).map_or(0, |(_, next)| *next)
    }

    /// The producers of whom consumers took something since the last call.
    pub fn take_grown(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.grown)
    }

    /// Of which producers consumers lost items because they are slow, and how many, since the last call.
    pub fn take_dropped(&mut self) -> BTreeMap<PeerId, u64> {
        std::mem::take(&mut self.dropped)
    }

    /// Nothing more comes; readers end after what is there.
    pub fn close(&mut self) {
        self.closed = true;
        self.readers.values_mut().filter_map(|reader| reader.waker.take()).for_each(Waker::wake);
    }

    /// The bytes of the items held for consumers, and the most that these can be. What a consumer that was moved forward still reads,
    /// and what is replayed to one that comes late, is counted for each of them as if nothing of it were shared.
    pub fn memory(&self) -> Memory {
        let InboxLimits { bytes, max_item, .. } = self.limits;
        let batch = batch_of(max_item);
        // One batch more than the limit is put in, and the one that a consumer has in hand is held until it is done.
        let whole = bytes + 2 * batch;
        let replays = self.history.len() as u64;
        let mut memory = Memory { held: self.held().bytes, bound: whole + replays * (bytes + batch) };
        memory.held += self.history.values().map(History::bytes).sum::<u64>();
        for reader in self.readers.values().filter(|reader| !reader.own.is_empty()) {
            memory.held += reader.own.iter().map(Entry::bytes).sum::<u64>();
            memory.bound += whole + replays * (bytes + batch);
        }
        memory
    }

    /// Items and bytes that wait for the slowest consumer.
    pub fn backlog(&self) -> (u64, u64) {
        let held = self.held();
        (held.items, held.bytes)
    }

    /// Notes that wait for the slowest consumer, and those kept for consumers that were moved forward.
    #[cfg(test)]
    pub(super) fn notes(&self) -> usize {
        let is_note = |entry: &&Entry| matches!(entry, Entry::Note(..));
        let shared = self.slots.iter().map(|slot| &slot.entry);
        let own = self.readers.values().flat_map(|reader| reader.own.iter().chain(&reader.missed));
        shared.chain(own).filter(is_note).count()
    }
}

/// Counts what one consumer does not get. Gaps were counted when they came.
pub(super) fn count_dropped(dropped: &mut BTreeMap<PeerId, u64>, entry: &Entry) {
    if let Entry::Batch(batch) = entry {
        *dropped.entry(batch.from).or_default() += batch.count;
    }
}
