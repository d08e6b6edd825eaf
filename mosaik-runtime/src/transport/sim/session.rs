//! One connection between two ports, as state: its two ends, its streams, and when an end finds out that the other is gone.
//!
//! Keep-alives are implied, not simulated: an end that could hear the other one is alive. What an end sees is computed from the
//! state of the two directions and of the other end whenever somebody looks, so that nothing has to tick.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::pipe::Pipe;
use crate::{primitives::PeerId, transport::backend::ConnLost};

/// What one end allows the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grants {
    /// It gives the connection up when it hears nothing for so long.
    pub(super) lost_after: Duration,
    /// Streams that the other side may have open at a time.
    pub(super) streams: usize,
    /// Bytes of one stream that may wait for its reader.
    pub(super) window: usize,
}

/// Which end: 0 dialled, 1 accepted.
pub(super) type Side = usize;

/// A stream of a connection: who opened it, and its number.
pub(super) type StreamKey = (Side, u64);

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) peer: PeerId,
    pub(super) port: u64,
    pub(super) limits: Grants,
    pub(super) lost: Option<(Instant, ConnLost)>,
    /// A close of the other end that is on its way: when, code, reason.
    pub(super) closing: Option<(Instant, u32, Bytes)>,
    pub(super) opened: u64,
    pub(super) open_now: usize,
    pub(super) accepted: u64,
    pub(super) handles: usize,
    pub(super) wake: Arc<Notify>,
}

impl End {
    pub(super) fn new(peer: PeerId, port: u64, limits: Grants) -> Self {
        Self {
            peer,
            port,
            limits,
            lost: None,
            closing: None,
            opened: 0,
            open_now: 0,
            accepted: 0,
            handles: 0,
            wake: Arc::default(),
        }
    }
}

/// One stream: a pipe per writer, and how many of its four halves are still held.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) pipes: [Pipe; 2],
    pub(super) halves: u8,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) alpn: Arc<[u8]>,
    pub(super) key: [u8; 32],
    pub(super) ends: [End; 2],
    pub(super) streams: BTreeMap<StreamKey, Stream>,
    /// When the acceptor has the dialler's last word of the handshake.
    pub(super) established: Option<Instant>,
    pub(super) wake: Arc<Notify>,
}

/// The end of a connection that an end finds out about.
pub(super) type Fate = (Instant, ConnLost);

impl Stream {
    /// Where this side waits to write, and to read.
    pub(super) fn notifies(&self, side: Side) -> (Arc<Notify>, Arc<Notify>) {
        (self.pipes[side].writer.clone(), self.pipes[1 - side].reader.clone())
    }
}

impl Session {
    /// Adds a stream; says where its opener waits to write, and to read.
    pub(super) fn open(&mut self, key: StreamKey, side: Side) -> (Arc<Notify>, Arc<Notify>) {
        let written_by = |writer: Side| Pipe::new(self.ends[1 - writer].limits.window);
        let stream = Stream { pipes: [written_by(0), written_by(1)], halves: 4 };
        let notifies = stream.notifies(side);
        self.streams.insert(key, stream);
        notifies
    }

    /// How long silence may last: the shorter of what the two ends allow.
    fn patience(&self) -> Duration {
        self.ends[0].limits.lost_after.min(self.ends[1].limits.lost_after)
    }

    /// What ends this end, and when, if nothing changes. `deaf` says since when each end cannot hear the other.
    pub(super) fn fate(&self, side: Side, deaf: [Option<Instant>; 2]) -> Option<Fate> {
        let end = &self.ends[side];
        if end.lost.is_some() {
            return end.lost.clone();
        }
        let (other, patience) = (&self.ends[1 - side], self.patience());
        let other_ends = other
            .lost
            .as_ref()
            .map(|lost| lost.0)
            .or_else(|| own_fate(other, deaf[1 - side], patience).map(|f| f.0));
        let silent = [deaf[side], other_ends].into_iter().flatten().min();
        let timed_out = silent.map(|since| (since + patience, ConnLost::TimedOut));
        [own_fate(end, deaf[side], patience), timed_out].into_iter().flatten().min_by_key(|fate| fate.0)
    }

    /// Marks the ends whose time has come; returns which.
    pub(super) fn settle(&mut self, deaf: [Option<Instant>; 2], now: Instant) -> [bool; 2] {
        let fates = [self.fate(0, deaf), self.fate(1, deaf)];
        let mut ended = [false; 2];
        for (side, fate) in fates.into_iter().enumerate() {
            if self.ends[side].lost.is_none()
                && let Some(fate) = fate
                && fate.0 <= now
            {
                self.lose(side, fate);
                ended[side] = true;
            }
        }
        ended
    }

    /// This end is gone: it hears nothing more, and everyone who waits on it looks again.
    pub(super) fn lose(&mut self, side: Side, fate: Fate) {
        for stream in self.streams.values_mut() {
            stream.pipes[1 - side].cut_off(fate.0);
        }
        self.ends[side].lost = Some(fate);
        self.wake_all();
    }

    /// Everyone who waits on this connection looks again.
    pub(super) fn wake_all(&self) {
        self.wake.notify_waiters();
        self.ends.iter().for_each(|end| end.wake.notify_waiters());
        self.streams.values().for_each(|stream| stream.pipes.iter().for_each(Pipe::wake));
    }

    /// The next stream that the other end opened, and when its first frame is here.
    pub(super) fn next_incoming(&self, side: Side) -> Option<(u64, Instant)> {
        let next = self.ends[side].accepted;
        let opener = 1 - side;
        let waiting = self.streams.range((opener, next)..=(opener, u64::MAX));
        let first = waiting.filter_map(|(_, stream)| stream.pipes[opener].first).min()?;
        Some((next, first))
    }

    /// A half of a stream is no longer held; forgets the stream with its last half.
    pub(super) fn release(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.halves = stream.halves.saturating_sub(1);
        if stream.halves == 0 {
            self.streams.remove(&key);
            let opener = &mut self.ends[key.0];
            opener.open_now = opener.open_now.saturating_sub(1);
            opener.wake.notify_waiters();
        }
    }
}

/// What ends an end by itself: a close that arrives, or deafness.
fn own_fate(end: &End, deaf: Option<Instant>, patience: Duration) -> Option<Fate> {
    let closed = end
        .closing
        .as_ref()
        .map(|(at, code, reason)| (*at, ConnLost::Closed { code: *code, reason: reason.clone() }));
    let timed_out = deaf.map(|since| (since + patience, ConnLost::TimedOut));
    [closed, timed_out].into_iter().flatten().min_by_key(|fate| fate.0)
}
