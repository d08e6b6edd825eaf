//! What the producer's side is told about its subscribers: events, a line in the log, and counters.

use std::{
    collections::BTreeSet,
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use futures::{
    Stream, StreamExt,
    stream::{BoxStream, unfold},
};
use tokio::sync::broadcast::{self, error::RecvError};

use super::core::cursor::{Cut, Parting};
use crate::primitives::PeerId;

/// Events that a slow reader may be behind; older ones are counted as missed.
const BACKLOG: usize = 256;
/// Nodes that were turned away and are remembered, so that each is told once and not with every attempt.
const TURNED_AWAY: usize = 1024;

/// Something happened to a subscription of a producer's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriberEvent {
    /// A node is subscribed; `resumed` when it had a subscription here before, in this life of the node.
    Joined {
        /// The subscriber.
        peer: PeerId,
        /// Whether it goes on where it was.
        resumed: bool,
    },
    /// The link is lost. The place is kept for the time of `resume`.
    Lost {
        /// The subscriber.
        peer: PeerId,
    },
    /// A subscription is over.
    Left {
        /// The subscriber.
        peer: PeerId,
        /// Why.
        why: SubscriberLeft,
    },
    /// A node was turned away because `max_consumers` is reached. It tries again; this is told once until it is subscribed.
    Full {
        /// The node.
        peer: PeerId,
        /// The limit.
        limit: usize,
    },
    /// The reader of these events was too slow for so many of them.
    Missed {
        /// How many.
        count: u64,
    },
}

/// Why a subscription is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriberLeft {
    /// The node does not want the stream any more.
    Unwanted,
    /// The node is no longer admitted.
    Refused,
    /// The stream has ended here, and the node has read all of it.
    Ended,
    /// It was cut: it lagged too far (`overflow = disconnect`).
    TooSlow,
    /// It was cut: it held up the producer for longer than `patience` (`overflow = block`).
    OutOfPatience,
    /// Its link was lost, and it did not come back within `resume`.
    LeaseOver,
}

impl From<Cut> for SubscriberLeft {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::TooSlow => Self::TooSlow,
            Cut::OutOfPatience => Self::OutOfPatience,
            Cut::LeaseOver => Self::LeaseOver,
        }
    }
}

/// As a label of a metric.
const fn label(cut: Cut) -> &'static str {
    match cut {
        Cut::TooSlow => "too_slow",
        Cut::OutOfPatience => "out_of_patience",
        Cut::LeaseOver => "lease_over",
    }
}

/// Tells of the subscribers of one stream.
pub(super) struct Audience {
    intent: String,
    events: broadcast::Sender<SubscriberEvent>,
    turned_away: Mutex<BTreeSet<PeerId>>,
}

impl Audience {
    pub(super) fn new(intent: String) -> Self {
        Self { intent, events: broadcast::channel(BACKLOG).0, turned_away: Mutex::default() }
    }

    pub(super) fn subscribe(&self) -> SubscriberEvents {
        let events = self.events.subscribe();
        let next = async |mut events: broadcast::Receiver<SubscriberEvent>| {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(count)) => SubscriberEvent::Missed { count },
                Err(RecvError::Closed) => return None,
            };
            Some((event, events))
        };
        SubscriberEvents(Box::pin(unfold(events, next)))
    }

    fn tell(&self, event: SubscriberEvent) {
        // Nobody listens: that is no error.
        let _ = self.events.send(event);
    }

    pub(super) fn joined(&self, peer: PeerId, resumed: bool) {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
        self.tell(SubscriberEvent::Joined { peer, resumed });
    }

    pub(super) fn full(&self, peer: PeerId, limit: usize) {
        metrics::counter!("mosaik_streams_full_total", "stream" => self.intent.clone()).increment(1);
        {
            let mut known = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= TURNED_AWAY {
                known.clear();
            }
            if !known.insert(peer) {
                return;
            }
        }
        tracing::info!(target: "mosaik::streams", stream = self.intent, peer = %peer.short(),
            "a subscriber is turned away: `max_consumers` = {limit} is reached");
        self.tell(SubscriberEvent::Full { peer, limit });
    }

    pub(super) fn parted(&self, peer: PeerId, parting: Parting) {
        self.tell(match parting {
            Parting::Left => SubscriberEvent::Left { peer, why: SubscriberLeft::Unwanted },
            Parting::Refused => SubscriberEvent::Left { peer, why: SubscriberLeft::Refused },
            Parting::Ended => SubscriberEvent::Left { peer, why: SubscriberLeft::Ended },
            Parting::Lost => SubscriberEvent::Lost { peer },
        });
    }

    pub(super) fn cut(&self, peer: PeerId, cut: Cut) {
        let labels = [("stream", self.intent.clone()), ("reason", label(cut).to_owned())];
        metrics::counter!("mosaik_streams_cut_total", &labels).increment(1);
        let why = match cut {
            Cut::TooSlow => "it lagged further than `buffer` allows",
            Cut::OutOfPatience => "it held up the producer for longer than `patience`",
            Cut::LeaseOver => "its link was lost, and it did not come back within `resume`",
        };
        tracing::info!(target: "mosaik::streams", stream = self.intent, peer = %peer.short(), "a subscription was ended: {why}");
        self.tell(SubscriberEvent::Left { peer, why: cut.into() });
    }
}

/// What happens to the subscriptions of a producer's node, as a [`Stream`]. Every reader gets all events from its beginning on; one
/// that is more than 256 behind is told how many it missed.
pub struct SubscriberEvents(BoxStream<'static, SubscriberEvent>);

impl Stream for SubscriberEvents {
    type Item = SubscriberEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SubscriberEvent>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for SubscriberEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriberEvents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_is_told_how_much_it_missed() {
        let audience = Audience::new("a.b".to_owned());
        let mut events = audience.subscribe();
        let peer = PeerId::from_bytes([1; 32]);
        for _ in 0..BACKLOG + 10 {
            audience.joined(peer, false);
        }
        assert_eq!(events.next().await, Some(SubscriberEvent::Missed { count: 10 }));
        assert_eq!(events.next().await, Some(SubscriberEvent::Joined { peer, resumed: false }));
    }

    #[tokio::test]
    async fn a_node_that_tries_again_is_turned_away_once() {
        let audience = Audience::new("a.b".to_owned());
        let mut events = audience.subscribe();
        let peer = PeerId::from_bytes([1; 32]);
        audience.full(peer, 1);
        audience.full(peer, 1);
        audience.joined(peer, false);
        audience.full(peer, 1);
        drop(audience);
        let told: Vec<_> = events.by_ref().collect().await;
        let full = SubscriberEvent::Full { peer, limit: 1 };
        assert_eq!(told, [full, SubscriberEvent::Joined { peer, resumed: false }, full]);
    }
}
