//! One subscription as the ring sees it: where it stands, and whether it is still there.

use tokio::time::Instant;

use super::{
    chunks::{Chunks, Position},
    limits::{AHEAD, IN_FLIGHT},
};

/// Wakes the task that writes to a subscriber.
pub trait Bell {
    /// There is something to take.
    fn ring(&self);
    /// The subscription is over, whatever its writer is doing.
    fn cut(&self);
}

/// Why a subscription was ended by the producer's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It was too slow (`overflow = disconnect`).
    TooSlow,
    /// It held up the producer longer than `patience` (`overflow = block`).
    OutOfPatience,
    /// Its link was lost, and it did not come back within `resume`.
    LeaseOver,
}

/// How a link ended, as its writer saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// The peer does not want the stream any more.
    Left,
    /// The peer is no longer admitted.
    Refused,
    /// The peer has read everything, and that the stream has ended here.
    Ended,
    /// The link broke, or nobody knows how far the peer has read.
    Lost,
}

/// Whether somebody is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// A link is up.
    Attached,
    /// The link was lost; the subscription waits for its return.
    Leased {
        /// Since when.
        since: Instant,
    },
    /// It was ended; its writer has not noticed yet.
    Cut(Cut),
    /// It was ended, and what it lost was not told yet. It holds nothing.
    Owed {
        /// Since when it is without a link.
        since: Instant,
    },
}

/// What a writer waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing: it is at work.
    #[default]
    No,
    /// The next item.
    ForItems,
    /// The peer's next acknowledgement: too much is in flight.
    ForRoom,
}

/// What `drop_newest` keeps: shared runs that the ring may have forgotten.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) chunks: Chunks,
    pub(super) end: Position,
}

impl Window {
    /// The position of item `seq`; `None` when it is not in the window.
    pub(super) fn find(&self, seq: u64) -> Option<Position> {
        if seq == self.end.seq { Some(self.end) } else { self.chunks.find(seq) }
    }

    /// The bytes in it.
    pub(super) fn held(&self) -> u64 {
        self.end.byte - self.chunks.first().map_or(self.end.byte, |first| first.byte)
    }
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Cursor<B> {
    /// Which link serves it; an older link's last words change nothing.
    pub(super) attachment: u64,
    pub(super) presence: Presence,
    /// Since when that link is up.
    pub(super) since: Instant,
    /// The next item to hand to the writer.
    pub(super) next: Position,
    /// Items below it count as handed over: the writer will take them in its next turn.
    pub(super) ahead: Position,
    /// The next number that the peer expects; below `next.seq` there is a gap to tell.
    pub(super) told: u64,
    pub(super) window: Option<Window>,
    /// All items below it have reached the peer's node.
    pub(super) received: u64,
    /// All items below it have been taken by the consumers there.
    pub(super) consumed: u64,
    /// All items below it were handed to the transport.
    pub(super) written: u64,
    /// Raw bytes given to this link, and how many of them the peer has read.
    pub(super) sent_bytes: u64,
    pub(super) read_bytes: u64,
    /// Since when it has held up a producer.
    pub(super) holds_since: Option<Instant>,
    /// Whether its writer waits for the bell, and for what.
    pub(super) waits: Waits,
    pub(super) bell: B,
    pub(super) stats: CursorStats,
}

/// What a subscription has carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CursorStats {
    /// Items handed to the transport.
    pub items: u64,
    /// Their bytes, frame heads included.
    pub bytes: u64,
    /// Items that it was told are lost.
    pub lost: u64,
}

impl<B: Bell> Cursor<B> {
    /// Whether it reads from the ring itself.
    pub(super) fn follows(&self) -> bool {
        self.window.is_none() && !self.is_cut()
    }

    pub(super) fn is_cut(&self) -> bool {
        matches!(self.presence, Presence::Cut(_) | Presence::Owed { .. })
    }

    pub(super) fn is_attached(&self) -> bool {
        self.presence == Presence::Attached
    }

    /// Wakes its writer if it waits.
    pub(super) fn wake(&mut self) {
        if std::mem::take(&mut self.waits) != Waits::No {
            self.bell.ring();
        }
    }

    /// From where its lag counts against the buffer.
    pub(super) fn lags_from(&self) -> Position {
        self.next.max(self.ahead)
    }

    /// Whether everything before `end` may count as handed over: its writer has room for that and only has to get its turn.
    pub(super) fn may_be_ahead(&self, end: Position) -> bool {
        let waiting = end.byte.saturating_sub(self.next.byte);
        self.is_attached()
            && self.window.is_none()
            && waiting <= AHEAD as u64
            && self.in_flight() + waiting <= IN_FLIGHT as u64
    }

    /// Raw bytes that the peer has not read yet.
    pub(super) fn in_flight(&self) -> u64 {
        self.sent_bytes.saturating_sub(self.read_bytes)
    }
}
