//! The handle of those who receive.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::Stream;
use tokio::task::coop;

use super::{
    core::{
        chunks::{FRAME_HEAD, frame_size},
        inbox::{Batch, Entry, Note},
    },
    datum::Decode,
    event::Event,
    hub::Hub,
    inlet::Inlet,
    stats::StreamStats,
    when::When,
};
use crate::{
    primitives::{
        BootId, PeerId,
        codec::{
            DecodeError,
            shared::{self, SHARED_FROM},
        },
    },
    topology::OnlineWhen,
};

/// So many items are decoded before other tasks get a turn.
const TURN: u32 = 256;

/// Receives the items of a stream, from every producer that this node is admitted by.
///
/// It is a [`Stream`] of items; [`events`](Self::events) also tells of gaps, of producers that come and go, and from whom each item
/// is. Items of one producer come in order and at most once in each life of its node. It ends with `None` when the node stops,
/// after what has been received.
pub struct Consumer<T> {
    hub: Arc<Hub>,
    inlet: Arc<Inlet>,
    reader: u64,
    decoders: Arc<[Decode<T>]>,
    current: Option<Current>,
    /// Whose batch that is, or was.
    source: (PeerId, BootId),
    turn: u32,
    ended: bool,
}

/// Before the first batch.
const NOBODY: (PeerId, BootId) = (PeerId::from_bytes([0; 32]), BootId(0));

/// What comes next: an item with its number, or anything else.
enum Next<T> {
    Item(u64, T),
    Note(Event<T>),
}

/// The batch in hand.
struct Current {
    batch: Batch,
    at: usize,
    seq: u64,
}

impl<T> Consumer<T> {
    pub(super) fn new(hub: Arc<Hub>, (inlet, reader): (Arc<Inlet>, u64), decoders: Arc<[Decode<T>]>) -> Self {
        Self { hub, inlet, reader, decoders, current: None, source: NOBODY, turn: 0, ended: false }
    }

    /// Everything that happens on the stream, as a [`Stream`]. It takes the same items as the consumer itself.
    pub fn events(&mut self) -> Events<'_, T> {
        Events(self)
    }

    /// What can be waited for. Online means: subscribed to a producer.
    pub fn when(&self) -> When {
        When::new(self.inlet.producers.subscribe(), Some(OnlineWhen { subscribers: 1, tag: None }))
    }

    /// The subscriptions, with items, bytes, lag and uptime. They are this node's: its consumers share them.
    pub fn stats(&self) -> StreamStats {
        self.inlet.stats()
    }

    /// The producers that this node is subscribed to now.
    pub fn producers(&self) -> Vec<PeerId> {
        self.inlet.producers.borrow().0.keys().copied().collect()
    }

    /// The name of the stream.
    pub fn intent(&self) -> &str {
        &self.inlet.subject.intent
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event<T>>> {
        match ready!(self.poll_any(context)) {
            None => Poll::Ready(None),
            Some(Next::Note(event)) => Poll::Ready(Some(event)),
            Some(Next::Item(seq, item)) => {
                let (from, epoch) = self.source;
                Poll::Ready(Some(Event::Item { from, epoch, seq, item }))
            }
        }
    }

    fn poll_any(&mut self, context: &mut Context<'_>) -> Poll<Option<Next<T>>> {
        loop {
            if self.turn >= TURN || self.current.is_none() {
                let coop = ready!(coop::poll_proceed(context));
                coop.made_progress();
                self.turn = 0;
            }
            if let Some((seq, decoded)) = self.next_item() {
                return Poll::Ready(Some(self.told(seq, decoded)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.inlet.poll(self.reader, context)) {
                Some(Entry::Batch(batch)) => {
                    self.source = (batch.from, batch.epoch);
                    let seq = batch.first;
                    self.current = Some(Current { batch, at: 0, seq });
                }
                Some(Entry::Note(from, epoch, note)) => {
                    return Poll::Ready(Some(Next::Note(self.noted(from, epoch, note))));
                }
                None => self.ended = true,
            }
        }
    }

    /// The next item of the batch in hand.
    fn next_item(&mut self) -> Option<(u64, Result<T, DecodeError>)> {
        let current = self.current.as_mut()?;
        let Some(size) = frame_size(&current.batch.bytes, current.at) else {
            // The decoder of its last item panicked.
            if self.current.take().is_some() {
                self.inlet.finish(self.reader);
            }
            return None;
        };
        let (seq, from) = (current.seq, current.at + FRAME_HEAD);
        // Before it is decoded: a decoder that panics is the fault of that call, and the next one goes on after the item.
        current.at += size;
        current.seq += 1;
        self.turn += 1;
        let body = &current.batch.bytes[from..current.at];
        let decoded = match self.decoders.get(current.batch.schema) {
            Some(decode) if size >= SHARED_FROM => shared::decoding(&current.batch.bytes, || decode(body)),
            Some(decode) => decode(body),
            None => Err(DecodeError::Malformed("no reader for this schema".to_owned())),
        };
        if current.at >= current.batch.bytes.len() {
            self.current = None;
            self.inlet.finish(self.reader);
        }
        Some((seq, decoded))
    }

    fn told(&self, seq: u64, decoded: Result<T, DecodeError>) -> Next<T> {
        let (from, epoch) = self.source;
        match decoded {
            Ok(item) => {
                if let Some(trace) = &self.hub.trace {
                    trace.delivered(self.inlet.subject.item, from, epoch, seq);
                }
                Next::Item(seq, item)
            }
            Err(error) => Next::Note(self.undecodable(from, epoch, seq, error)),
        }
    }

    fn undecodable(&self, from: PeerId, epoch: BootId, seq: u64, error: DecodeError) -> Event<T> {
        tracing::warn!(target: "mosaik::streams", stream = self.intent(), producer = %from.short(), seq, "an item cannot be read: {error}");
        self.inlet.spoil((from, epoch), seq, &error.to_string());
        if let Some(trace) = &self.hub.trace {
            trace.gap(self.inlet.subject.item, from, epoch, super::event::Lost { first: seq, count: 1 });
        }
        Event::Undecodable { from, epoch, seq, error }
    }

    fn noted(&self, from: PeerId, epoch: BootId, note: Note) -> Event<T> {
        match note {
            Note::Joined(begun) => Event::Joined { from, epoch, begun },
            Note::Settings { declared, counts } => Event::Settings { from, epoch, declared, counts },
            Note::Left(why) => Event::Left { from, epoch, why },
            Note::Refused(why) => Event::Refused { from, why },
            Note::Gap(lost) => {
                tracing::info!(target: "mosaik::streams", stream = self.intent(), producer = %from.short(), first = lost.first, count = lost.count, "items are lost to this consumer");
                if let Some(trace) = &self.hub.trace {
                    trace.gap(self.inlet.subject.item, from, epoch, lost);
                }
                Event::Gap { from, epoch, lost }
            }
        }
    }
}

impl<T> Unpin for Consumer<T> {}

impl<T> Stream for Consumer<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            match ready!(self.poll_any(context)) {
                Some(Next::Item(_, item)) => return Poll::Ready(Some(item)),
                Some(Next::Note(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.hub.leave(&self.inlet, self.reader);
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consumer({})", self.intent())
    }
}

/// Everything that happens on a consumed stream.
#[derive(Debug)]
pub struct Events<'a, T>(&'a mut Consumer<T>);

impl<T> Stream for Events<'_, T> {
    type Item = Event<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event<T>>> {
        self.0.poll_event(context)
    }
}
