//! What an inbox holds: batches of items, and notes on what happened.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    chunks::frame_size,
    source::{Begun, Lost},
};
use crate::{
    primitives::{BootId, PeerId},
    streams::wire::End,
    topology::Overflow,
};

/// How many notes are kept for a consumer that does not read. Beyond it comings and goings are not told, and of each
/// producer one gap more is.
pub(super) const NOTES: usize = 256;

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

/// What a declaration says of a stream's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSettings {
    /// Items that a subscription may lag behind.
    pub buffer: u64,
    /// Items that a late joiner gets from the past.
    pub replay: u64,
    /// What happens when a consumer is too slow.
    pub overflow: Overflow,
}

/// What happened to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It began, or goes on after a lost link.
    Joined(Begun),
    /// The producer's settings, which count, are not as declared here.
    Settings {
        /// What this node's consumers declare.
        declared: BufferSettings,
        /// What counts.
        counts: BufferSettings,
    },
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

impl Entry {
    /// The bytes of its items.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Batch(batch) => batch.bytes.len() as u64,
            Self::Note(..) => 0,
        }
    }
}

/// Adds a gap to the gap before it; says whether that was possible.
pub(super) fn merge(last: &mut Entry, entry: &Entry) -> bool {
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

/// Whether both are gaps of one producer, in different lives of its node.
pub(super) fn are_gaps_of_two_lives(one: &Entry, other: &Entry) -> bool {
    match (one, other) {
        (Entry::Note(from, epoch, Note::Gap(_)), Entry::Note(other, boot, Note::Gap(_))) => {
            from == other && epoch != boot
        }
        _ => false,
    }
}

/// Turns what a reader does not get into gaps, added up; notes are kept up to a limit.
pub(super) fn lose(own: &mut VecDeque<Entry>, entry: &Entry) {
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
    let notes = own.iter().filter(|entry| matches!(entry, Entry::Note(..))).count();
    if notes >= NOTES {
        if !matches!(entry, Entry::Note(_, _, Note::Gap(_))) {
            return;
        }
        own.retain(|known| !are_gaps_of_two_lives(known, &entry));
    }
    own.push_back(entry);
}
