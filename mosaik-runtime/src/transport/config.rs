//! What a transport is started with, and its limits.

use std::{net::SocketAddr, time::Duration};

use crate::primitives::{BootId, Clock, NetworkId, NetworkSecret, NodeRng, Reach, Scope, SecretKey};

/// Everything a transport needs to start.
#[derive(Debug)]
pub struct Config {
    /// The node's key; its public half is the node's id.
    pub key: SecretKey,
    /// The network that peers must belong to.
    pub network: NetworkId,
    /// The network's secrets: the first proves, all are accepted. Empty for an open network.
    pub secrets: Vec<NetworkSecret>,
    /// This process's life under its key.
    pub boot: BootId,
    /// How far the node looks for others.
    pub reach: Reach,
    /// The socket to bind; by default a free port of the addresses that `reach` allows.
    pub bind: Option<SocketAddr>,
    /// Bounds on time and number.
    pub limits: Limits,
    /// The node's clock.
    pub clock: Clock,
    /// The node's randomness.
    pub rng: NodeRng,
    /// Where the transport's tasks live.
    pub scope: Scope,
}

/// Bounds on time and number. The defaults suit a node of a few hundred peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a dial may take until the connection stands (5 s).
    pub dial: Duration,
    /// How long the handshake of a new connection, `Hello` included, may take (5 s).
    pub handshake: Duration,
    /// How long opening a stream may take (5 s): the peer grants streams.
    pub open: Duration,
    /// How long writing one frame may take (10 s): the peer grants bytes.
    pub write: Duration,
    /// A connection without links closes after this (60 s).
    pub idle: Duration,
    /// How long a superseded connection may finish its links (10 s).
    pub drain: Duration,
    /// How long an older process under the same key has to show that it lives (2 s).
    pub probe: Duration,
    /// How long a source may look for one peer (20 s).
    pub lookup: Duration,
    /// How long `shutdown` may take (1 s).
    pub shutdown: Duration,
    /// Incoming handshakes at a time (64); more are refused.
    pub half_open: usize,
    /// Connections in all (4 096); more incoming ones are refused.
    pub connections: usize,
    /// Connections of one peer for one protocol (4), superseded ones included; over it the oldest closes.
    pub connections_per_peer: usize,
    /// Streams that one peer may have open on one connection (1 024).
    pub links_per_connection: u32,
    /// A silent connection is lost after this (15 s) …
    pub lost_after: Duration,
    /// … and is kept alive by a packet this often (5 s).
    pub keep_alive: Duration,
    /// Unread bytes of one stream (1.25 MB).
    pub stream_window: u32,
    /// Unread bytes of one connection (8 streams' worth).
    pub connection_window: u32,
    /// Peers in the address book (16 384).
    pub book: usize,
    /// Addresses of one peer in the book (16).
    pub addresses_per_peer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            open: Duration::from_secs(5),
            write: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            probe: Duration::from_secs(2),
            lookup: Duration::from_secs(20),
            shutdown: Duration::from_secs(1),
            half_open: 64,
            connections: 4096,
            connections_per_peer: 4,
            links_per_connection: 1024,
            lost_after: Duration::from_secs(15),
            keep_alive: Duration::from_secs(5),
            stream_window: 1_250_000,
            connection_window: 10_000_000,
            book: 16_384,
            addresses_per_peer: 16,
        }
    }
}
