//! What happened on the fabric, hashed: the same seed gives the same trace.
//!
//! An event is (virtual time, from, to, class, connection, stream). Payload bytes and their lengths are left out on purpose: they
//! may hold what no seed decides, such as readings of the machine.

use std::{collections::VecDeque, fmt, time::Duration};

use crate::primitives::{PeerId, ids::hex};

/// So many of the last events are kept for reading; the hash covers all.
const KEPT: usize = 16_384;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// A dial reached the other side.
    Dial = 1,
    /// Both sides have the connection.
    Connected = 2,
    /// A frame of stream data was sent.
    Data = 3,
    /// The end of a stream was sent.
    Finish = 4,
    /// A stream was abandoned by its sender.
    Reset = 5,
    /// A stream was abandoned by its receiver.
    Stop = 6,
    /// A connection was closed by `from`.
    Close = 7,
    /// `from` heard nothing from `to` for the idle time-out.
    TimedOut = 8,
    /// The direction was cut.
    Cut = 9,
    /// The direction was healed.
    Heal = 10,
    /// `from` crashed.
    Crash = 11,
    /// `from` came up.
    Start = 12,
    /// A note of the layer above, such as an item that was delivered.
    Note = 13,
    /// A connection was ended at both ends, by the test.
    Severed = 14,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// Virtual time since the fabric was made.
    pub at: Duration,
    /// The kind.
    pub class: Class,
    /// Who did it.
    pub from: PeerId,
    /// To whom.
    pub to: PeerId,
    /// Which connection, counted from 1; 0 when none is meant.
    pub connection: u64,
    /// Which stream of it.
    pub stream: u64,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.short(), self.to.short());
        write!(f, "{:>12.6} {from} -> {to} {:?}", self.at.as_secs_f64(), self.class)?;
        write!(f, " connection {} stream {}", self.connection, self.stream)
    }
}

/// How much happened, and the hash of all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceHash {
    /// How many events there were.
    pub events: u64,
    /// The hash over all of them, in order.
    pub hash: [u8; 32],
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({} events, {}…)", self.events, hex(self.hash.get(..8).unwrap_or_default()))
    }
}

/// The log of one fabric.
#[derive(Debug, Default)]
pub(super) struct Trace {
    events: u64,
    hasher: blake3::Hasher,
    last: VecDeque<TraceEvent>,
}

impl Trace {
    pub(super) fn record(&mut self, event: TraceEvent) {
        self.events += 1;
        self.hasher.update(&event.at.as_nanos().to_le_bytes());
        self.hasher.update(&[event.class as u8]);
        self.hasher.update(event.from.as_bytes());
        self.hasher.update(event.to.as_bytes());
        self.hasher.update(&event.connection.to_le_bytes());
        self.hasher.update(&event.stream.to_le_bytes());
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    pub(super) fn hash(&self) -> TraceHash {
        TraceHash { events: self.events, hash: *self.hasher.finalize().as_bytes() }
    }

    pub(super) fn last(&self) -> Vec<TraceEvent> {
        self.last.iter().cloned().collect()
    }
}
