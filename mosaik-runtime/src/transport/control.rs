//! What two nodes say about their connection, on the stream of the `Hello`: is your process alive, and let us end this
//! connection without losing a link.
//!
//! Ending takes both sides: each says how many links it opened in all (`Draining`), and that it has accepted and
//! finished with all of them (`Drained`). Only then is the connection closed, so no link falls between.

use serde::{Deserialize, Serialize};

/// The largest control message, encoded.
pub(super) const MAX_CONTROL: usize = 64;

/// A control message. The order is the wire's: variants are only ever appended, with a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Control {
    /// Answer with the same number.
    Ping(u64),
    /// The answer.
    Pong(u64),
    /// The sender opens no more links; it has opened so many.
    Draining {
        /// Links that the sender opened on this connection in all.
        opened: u64,
        /// The code that the connection will be closed with.
        code: u32,
    },
    /// The sender has accepted all links that were announced, and none is open on its side.
    Drained,
}

/// Where the end of a connection stands, seen from one side. Pure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ending {
    begun: bool,
    said_draining: bool,
    said_drained: bool,
    announced: Option<u64>,
    peer_drained: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Say `Draining` with the number of links that this side opened.
    SayDraining,
    /// Say `Drained`.
    SayDrained,
    /// Close the connection.
    Close,
}

impl Ending {
    /// This side wants to end the connection.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    /// Whether either side wants to.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// The peer said `Draining`.
    pub(super) fn announced(&mut self, opened: u64) {
        self.begun = true;
        self.announced = Some(opened);
    }

    /// The peer said `Drained`.
    pub(super) fn peer_drained(&mut self) {
        self.peer_drained = true;
    }

    /// The next step, given how many links this side has accepted and how many are open on it.
    pub(super) fn next(&mut self, accepted: u64, open: usize) -> Option<Step> {
        if self.begun && !self.said_draining {
            self.said_draining = true;
            return Some(Step::SayDraining);
        }
        let all_here = self.announced.is_some_and(|announced| accepted >= announced);
        if self.said_draining && all_here && open == 0 && !self.said_drained {
            self.said_drained = true;
            return Some(Step::SayDrained);
        }
        (self.said_drained && self.peer_drained).then_some(Step::Close)
    }
}

#[cfg(test)]
mod tests {
    use crate::primitives::codec;

    use super::*;

    #[test]
    fn golden_bytes() {
        let bytes = |control| codec::encode(&control).expect("encodes");
        assert_eq!(bytes(Control::Ping(300)), [0, 0xac, 2]);
        assert_eq!(bytes(Control::Pong(1)), [1, 1]);
        assert_eq!(bytes(Control::Draining { opened: 2, code: 11 }), [2, 2, 11]);
        assert_eq!(bytes(Control::Drained), [3]);
    }

    #[test]
    fn a_link_that_the_peer_opened_before_it_heard_holds_the_connection() {
        let mut ending = Ending::default();
        assert_eq!(ending.next(0, 0), None);
        ending.begin();
        assert_eq!(ending.next(0, 0), Some(Step::SayDraining));
        ending.announced(1);
        assert_eq!(ending.next(0, 0), None, "one link is on its way");
        assert_eq!(ending.next(1, 1), None, "it is here and open");
        assert_eq!(ending.next(1, 0), Some(Step::SayDrained));
        assert_eq!(ending.next(1, 0), None, "the peer may still be reading");
        ending.peer_drained();
        assert_eq!(ending.next(1, 0), Some(Step::Close));
    }

    #[test]
    fn the_peer_may_begin() {
        let mut ending = Ending::default();
        ending.announced(0);
        ending.peer_drained();
        assert_eq!(ending.next(0, 0), Some(Step::SayDraining));
        assert_eq!(ending.next(0, 0), Some(Step::SayDrained));
        assert_eq!(ending.next(0, 0), Some(Step::Close));
    }
}
