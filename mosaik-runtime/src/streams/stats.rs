//! What handles say about their subscriptions.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

pub use super::core::ring::Memory;
use crate::primitives::PeerId;

/// One subscription: what its present link carries, or what the last one did while it is down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SubscriptionStats {
    /// Items: of a producer those handed to the transport, of a consumer those received.
    pub items: u64,
    /// Their encoded bytes.
    pub bytes: u64,
    /// Items told as lost. Of a consumer also those that it could not read, and those that one consumer of the node lost because
    /// it is slower than the others, once for each such consumer.
    pub lost: u64,
    /// Of a producer: items accepted that have not reached the subscriber's node. Of a consumer: items received that its
    /// slowest consumer has not taken.
    pub lag: u64,
    /// Of a producer: the bytes that wait here for the subscriber or are on their way to it, and the most that these can be. Of a
    /// consumer: the buffer that is read into. What QUIC holds of a stream comes on top: 1.25 MB at most.
    pub memory: Option<Memory>,
    /// For how long the link is up; `None` while it is down.
    pub uptime: Option<Duration>,
}

/// The subscriptions of a handle, by peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamStats {
    /// Of a producer: items accepted so far in this life of the node.
    pub produced: u64,
    /// Of a producer: the memory of the items that the stream holds on this node, whole segments of it, and the most that this can
    /// be. Subscriptions share it. Of a consumer: the bytes of the items that wait for this node's consumers or are kept for their
    /// replay, and the most that these can be.
    pub memory: Option<Memory>,
    /// The subscriptions.
    pub subscriptions: BTreeMap<PeerId, SubscriptionStats>,
}

impl StreamStats {
    /// The largest lag of all subscriptions.
    pub fn lag(&self) -> u64 {
        self.subscriptions.values().map(|subscription| subscription.lag).max().unwrap_or_default()
    }

    /// All items of all subscriptions.
    pub fn items(&self) -> u64 {
        self.subscriptions.values().map(|subscription| subscription.items).sum()
    }

    /// All bytes of all subscriptions.
    pub fn bytes(&self) -> u64 {
        self.subscriptions.values().map(|subscription| subscription.bytes).sum()
    }
}
