//! One direction of one stream: what is on its way, and how much room its writer has.
//!
//! Everything here is state; the waiting is done by the halves in `stream.rs`. A time of `None` means "held by a cut".

use std::{collections::VecDeque, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::{sync::Notify, time::Instant};

/// Something on its way.
#[derive(Debug)]
struct Segment {
    at: Option<Instant>,
    /// `None` is the end of the stream.
    data: Option<Bytes>,
}

/// A code on its way, from the writer (reset) or from the reader (stop).
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) at: Option<Instant>,
    pub(super) code: u32,
}

impl Signal {
    pub(super) fn arrived(&self, now: Instant) -> Option<u32> {
        self.at.filter(|at| *at <= now).map(|_| self.code)
    }
}

/// What a reader finds.
pub(super) enum Found {
    Bytes(usize),
    End,
    Nothing,
}

/// One direction of one stream.
#[derive(Debug)]
pub(super) struct Pipe {
    window: usize,
    segments: VecDeque<Segment>,
    in_use: usize,
    freed: usize,
    credits: VecDeque<(Option<Instant>, usize)>,
    last: Option<Instant>,
    pub(super) started: bool,
    pub(super) first: Option<Instant>,
    pub(super) finished: bool,
    pub(super) reset: Option<Signal>,
    pub(super) stop: Option<Signal>,
    pub(super) reader: Arc<Notify>,
    pub(super) writer: Arc<Notify>,
}

impl Pipe {
    /// An empty direction that holds `window` bytes between its writer and its reader.
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            segments: VecDeque::new(),
            in_use: 0,
            freed: 0,
            credits: VecDeque::new(),
            last: None,
            started: false,
            first: None,
            finished: false,
            reset: None,
            stop: None,
            reader: Arc::default(),
            writer: Arc::default(),
        }
    }

    /// Takes in the room that reached the writer by `now`, and says how much there is.
    pub(super) fn room(&mut self, now: Instant) -> usize {
        while let Some((Some(at), bytes)) = self.credits.front().copied()
            && at <= now
        {
            self.credits.pop_front();
            self.in_use = self.in_use.saturating_sub(bytes);
        }
        self.window.saturating_sub(self.in_use)
    }

    /// When room next reaches the writer.
    pub(super) fn next_credit(&self) -> Option<Instant> {
        self.credits.front().and_then(|(at, _)| *at)
    }

    /// Sends bytes, or the end; they arrive `at`, but not before what was sent earlier.
    pub(super) fn push(&mut self, at: Option<Instant>, data: Option<Bytes>) {
        let held_before = self.segments.back().is_some_and(|segment| segment.at.is_none());
        let at = if held_before { None } else { at.map(|at| self.last.map_or(at, |last| last.max(at))) };
        self.begin(at);
        self.last = at.or(self.last);
        self.in_use += data.as_ref().map_or(0, Bytes::len);
        self.segments.push_back(Segment { at, data });
    }

    /// The stream shows itself to the other side with this frame, if with none before.
    pub(super) fn begin(&mut self, at: Option<Instant>) {
        if !self.started {
            self.started = true;
            self.first = at;
        }
    }

    /// Sends the first `count` bytes of `chunks` as one frame, and takes them off.
    pub(super) fn push_chunks(&mut self, at: Option<Instant>, chunks: &mut [Bytes], count: usize) {
        let mut left = count;
        for chunk in chunks.iter_mut().filter(|chunk| !chunk.is_empty()) {
            let part = chunk.split_to(chunk.len().min(left));
            left -= part.len();
            if part.is_empty() {
                return;
            }
            self.push(at, Some(part));
        }
    }

    /// Copies what arrived by `now` to the end of `into`, at most `max` bytes.
    pub(super) fn take(&mut self, now: Instant, into: &mut BytesMut, max: usize) -> Found {
        let mut taken = 0;
        while let Some(segment) = self.segments.front_mut()
            && segment.at.is_some_and(|at| at <= now)
            && taken < max
        {
            let Some(data) = &mut segment.data else {
                return if taken == 0 { Found::End } else { self.took(taken) };
            };
            let part = data.split_to(data.len().min(max - taken));
            into.extend_from_slice(&part);
            taken += part.len();
            if data.is_empty() {
                self.segments.pop_front();
            }
        }
        self.took(taken)
    }

    fn took(&mut self, count: usize) -> Found {
        self.freed += count;
        if count > 0 { Found::Bytes(count) } else { Found::Nothing }
    }

    /// Whether the reader has seen the end, or a reset.
    pub(super) fn ended(&self, now: Instant) -> bool {
        let at_end =
            self.segments.front().is_some_and(|segment| segment.data.is_none() && segment.at <= Some(now));
        let end_here = at_end && self.segments.front().is_some_and(|segment| segment.at.is_some());
        end_here || self.reset.is_some_and(|reset| reset.arrived(now).is_some())
    }

    /// Room worth telling the writer about: an eighth of the window, as QUIC does.
    pub(super) fn worth_telling(&self) -> bool {
        self.freed >= self.window / 8
    }

    /// Tells the writer about the freed room; it hears `at`.
    pub(super) fn tell(&mut self, at: Option<Instant>) {
        let last = self.credits.back().map(|(at, _)| *at);
        let at = match last {
            Some(None) => None,
            Some(Some(last)) => at.map(|at| at.max(last)),
            None => at,
        };
        self.credits.push_back((at, std::mem::take(&mut self.freed)));
    }

    /// When the reader finds the next thing.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let reset = self.reset.and_then(|reset| reset.at);
        let data = self.segments.front().and_then(|segment| segment.at);
        [reset, data].into_iter().flatten().min()
    }

    /// When everything up to the end is with the reader's side; `None` while that is not known.
    pub(super) fn complete_at(&self) -> Option<Instant> {
        let held = self.segments.back().is_some_and(|segment| segment.at.is_none());
        if self.finished && !held { self.last } else { None }
    }

    /// Forgets what was not delivered by `at`: the connection ended then.
    pub(super) fn cut_off(&mut self, at: Instant) {
        self.segments.retain(|segment| segment.at.is_some_and(|arrival| arrival <= at));
    }

    /// The direction of the data was cut: what would arrive after `horizon` is held.
    pub(super) fn hold_data(&mut self, horizon: Instant) {
        let late = |at: &mut Option<Instant>| *at = at.filter(|at| *at <= horizon);
        self.segments.iter_mut().for_each(|segment| late(&mut segment.at));
        late(&mut self.first);
        self.reset.iter_mut().for_each(|reset| late(&mut reset.at));
        self.last = self.last.map(|last| last.min(horizon));
    }

    /// The direction against the data was cut: news for the writer is held.
    pub(super) fn hold_news(&mut self, horizon: Instant) {
        let late = |at: &mut Option<Instant>| *at = at.filter(|at| *at <= horizon);
        self.credits.iter_mut().for_each(|(at, _)| late(at));
        self.stop.iter_mut().for_each(|stop| late(&mut stop.at));
    }

    /// The direction of the data carries again: what was held arrives `at`.
    pub(super) fn release_data(&mut self, at: Instant) {
        let at = self.last.map_or(at, |last| last.max(at));
        let held = self.segments.iter_mut().filter(|segment| segment.at.is_none());
        if held.map(|segment| segment.at = Some(at)).count() > 0 {
            self.last = Some(at);
        }
        if self.started && self.first.is_none() {
            self.first = Some(at);
        }
        self.reset.iter_mut().for_each(|reset| reset.at = reset.at.or(Some(at)));
    }

    /// The direction against the data carries again.
    pub(super) fn release_news(&mut self, at: Instant) {
        self.credits.iter_mut().for_each(|(credit, _)| *credit = credit.or(Some(at)));
        self.stop.iter_mut().for_each(|stop| stop.at = stop.at.or(Some(at)));
    }

    /// Whether a cut holds anything that goes with the data.
    pub(super) fn holds_data(&self) -> bool {
        let segment = self.segments.iter().any(|segment| segment.at.is_none());
        let reset = self.reset.is_some_and(|reset| reset.at.is_none());
        segment || reset || (self.started && self.first.is_none())
    }

    /// Whether a cut holds any news for the writer.
    pub(super) fn holds_news(&self) -> bool {
        let credit = self.credits.iter().any(|(at, _)| at.is_none());
        credit || self.stop.is_some_and(|stop| stop.at.is_none())
    }

    /// Wakes whoever waits on this direction.
    pub(super) fn wake(&self) {
        self.reader.notify_waiters();
        self.writer.notify_waiters();
    }
}
