//! The seam between the transport and what carries its bytes: QUIC through iroh, or the simulated fabric.
//!
//! An enum, not a generic: everything above is compiled once and runs on either. A backend authenticates the peer,
//! multiplexes streams, bounds windows and detects silence. It knows neither networks nor protocols.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;

use crate::primitives::{NodeRng, PeerId, Reach, Scope, SecretKey, watch};

use super::{
    address::Address,
    config::Limits,
    error::BindError,
    mark::Marks,
    sources::{Herald, Sources},
};

#[cfg(feature = "iroh")]
use super::iroh;
#[cfg(feature = "sim")]
use super::sim;

#[cfg(not(any(feature = "iroh", feature = "sim")))]
compile_error!("mosaik-runtime needs a network: turn on feature `iroh`, `sim` or both");

/// Which network to start on.
#[derive(Debug)]
pub enum Backend {
    /// The real one.
    #[cfg(feature = "iroh")]
    Iroh,
    /// A place on a simulated one.
    #[cfg(feature = "sim")]
    Sim(sim::Port),
}

/// What an endpoint is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The node's key.
    pub key: SecretKey,
    /// How far it looks.
    pub reach: Reach,
    /// The socket asked for.
    pub bind: Option<SocketAddr>,
    /// Where it looks beyond its machine.
    pub looking: Option<Looking>,
    /// Windows, stream counts and silence.
    pub limits: Limits,
    /// Where the backend's own tasks live.
    pub scope: Scope,
}

/// How an endpoint looks for peers beyond its machine.
#[derive(Debug, Clone)]
pub struct Looking {
    /// Where.
    pub sources: Sources,
    /// How members of the network are known among others.
    pub marks: Marks,
    /// Where sources tell their news.
    pub herald: Herald,
    /// The randomness of back-offs.
    pub rng: NodeRng,
}

/// A dial failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectFailure {
    /// Nobody answers, or not with that identity.
    Unreachable(String),
    /// The peer answers and does not speak the protocol.
    UnknownProtocol,
    /// The peer closed the connection while it was made.
    Closed(u32),
    /// This endpoint is closed.
    Locally,
}

/// Why a connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnLost {
    /// The peer closed it.
    Closed {
        /// Its code.
        code: u32,
        /// Its words.
        reason: Bytes,
    },
    /// This side closed it.
    Locally,
    /// It was silent for too long.
    TimedOut,
    /// The peer does not know it (any more), or broke the backend's rules.
    Reset,
}

/// Why nothing more can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteLost {
    /// The peer stopped reading, with this code.
    Stopped(u32),
    /// The connection is gone.
    Lost(ConnLost),
    /// This side finished or reset the stream.
    Finished,
}

/// Why nothing more can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadLost {
    /// The peer reset the stream, with this code.
    Reset(u32),
    /// The connection is gone.
    Lost(ConnLost),
    /// This side stopped reading.
    Finished,
}

macro_rules! seam {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            #[cfg_attr(
                all(feature = "iroh", feature = "sim"),
                allow(clippy::large_enum_variant, reason = "one backend is in use at a time")
            )]
            pub enum $name {
                /// Over QUIC.
                #[cfg(feature = "iroh")]
                Iroh(iroh::$name),
                /// Over the simulated fabric.
                #[cfg(feature = "sim")]
                Sim(sim::$name),
            }
        )*
    };
}

seam! {
    /// One node's place on a network.
    Endpoint;
    /// A connection that somebody begins; not yet authenticated.
    Incoming;
    /// An authenticated connection of two endpoints for one protocol.
    Conn;
    /// The half of a stream that this side writes.
    SendHalf;
    /// The half of a stream that this side reads.
    RecvHalf;
}

macro_rules! on {
    ($kind:ident, $this:expr, $inner:ident => $do:expr) => {
        match $this {
            #[cfg(feature = "iroh")]
            $kind::Iroh($inner) => $do,
            #[cfg(feature = "sim")]
            $kind::Sim($inner) => $do,
        }
    };
}

macro_rules! streams {
    ($result:expr, $kind:ident) => {
        $result.map(|(send, recv)| (SendHalf::$kind(send), RecvHalf::$kind(recv)))
    };
}

impl Clone for Conn {
    fn clone(&self) -> Self {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(conn) => Self::Iroh(conn.clone()),
            #[cfg(feature = "sim")]
            Self::Sim(conn) => Self::Sim(conn.clone()),
        }
    }
}

impl Endpoint {
    /// Opens an endpoint. Waits for nothing outside the machine.
    pub async fn open(backend: Backend, options: Options) -> Result<Self, BindError> {
        match backend {
            #[cfg(feature = "iroh")]
            Backend::Iroh => iroh::Endpoint::open(options).await.map(Self::Iroh),
            #[cfg(feature = "sim")]
            Backend::Sim(port) => sim::Endpoint::open(port, options).await.map(Self::Sim),
        }
    }

    /// Dials `peer` at `addresses` for one protocol. Bounded by the caller.
    pub async fn connect(&self, peer: PeerId, at: &[Address], alpn: &[u8]) -> Result<Conn, ConnectFailure> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(endpoint) => endpoint.connect(peer, at, alpn).await.map(Conn::Iroh),
            #[cfg(feature = "sim")]
            Self::Sim(endpoint) => endpoint.connect(peer, at, alpn).await.map(Conn::Sim),
        }
    }

    /// The next incoming connection; `None` once the endpoint is closed. Cancel-safe.
    pub async fn accept(&self) -> Option<Incoming> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(endpoint) => endpoint.accept().await.map(Incoming::Iroh),
            #[cfg(feature = "sim")]
            Self::Sim(endpoint) => endpoint.accept().await.map(Incoming::Sim),
        }
    }

    /// The endpoint's own addresses, as they change.
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        on!(Endpoint, self, endpoint => endpoint.addresses())
    }

    /// Whether there is a source that knows where a peer is by its id alone.
    pub fn can_look_up(&self) -> bool {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(endpoint) => endpoint.can_look_up(),
            #[cfg(feature = "sim")]
            Self::Sim(_) => false,
        }
    }

    /// Asks the sources where a peer is. Bounded by the caller.
    pub async fn look_up(&self, peer: PeerId) -> Vec<Address> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(endpoint) => endpoint.look_up(peer).await,
            #[cfg(feature = "sim")]
            Self::Sim(_) => {
                let _ = peer;
                Vec::new()
            }
        }
    }

    /// Replaces the protocols that incoming connections may ask for.
    pub fn set_alpns(&self, alpns: Vec<Vec<u8>>) {
        on!(Endpoint, self, endpoint => endpoint.set_alpns(alpns));
    }

    /// Closes all connections with `code` and `reason`, and the endpoint. Bounded by the caller.
    pub async fn close(&self, code: u32, reason: &[u8]) {
        on!(Endpoint, self, endpoint => endpoint.close(code, reason).await);
    }
}

impl Incoming {
    /// Finishes the backend's own handshake: the connection and the protocol that it is for.
    pub async fn finish(self) -> Result<(Conn, Vec<u8>), String> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(incoming) => incoming.finish().await.map(|(conn, alpn)| (Conn::Iroh(conn), alpn)),
            #[cfg(feature = "sim")]
            Self::Sim(incoming) => incoming.finish().await.map(|(conn, alpn)| (Conn::Sim(conn), alpn)),
        }
    }

    /// Turns it away at the least cost.
    pub fn refuse(self) {
        on!(Incoming, self, incoming => incoming.refuse());
    }
}

impl Conn {
    /// The peer, authenticated.
    pub fn remote(&self) -> PeerId {
        on!(Conn, self, conn => conn.remote())
    }

    /// The protocol.
    pub fn alpn(&self) -> &[u8] {
        on!(Conn, self, conn => conn.alpn())
    }

    /// Opens a stream; waits until the peer grants one.
    pub async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(conn) => streams!(conn.open_bi().await, Iroh),
            #[cfg(feature = "sim")]
            Self::Sim(conn) => streams!(conn.open_bi().await, Sim),
        }
    }

    /// The next stream that the peer opened, after its first byte, end or reset. Cancel-safe.
    pub async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(conn) => streams!(conn.accept_bi().await, Iroh),
            #[cfg(feature = "sim")]
            Self::Sim(conn) => streams!(conn.accept_bi().await, Sim),
        }
    }

    /// Closes it; the peer sees `code` and `reason`.
    pub fn close(&self, code: u32, reason: &[u8]) {
        on!(Conn, self, conn => conn.close(code, reason));
    }

    /// Waits until it is gone. Cancel-safe.
    pub async fn closed(&self) -> ConnLost {
        on!(Conn, self, conn => conn.closed().await)
    }

    /// 32 bytes that only the two ends of this connection can derive: equal on both, different in each connection.
    pub fn export(&self, label: &[u8], context: &[u8]) -> Option<[u8; 32]> {
        on!(Conn, self, conn => conn.export(label, context))
    }

    /// The peer is proven: from here on the limits count, and not the little that strangers get.
    pub fn trust(&self, limits: &Limits) {
        on!(Conn, self, conn => conn.trust(limits));
    }

    /// The ways that packets go: this side's address (where the system tells it) and the other's, or `None` for a way over a
    /// relay. Empty where ways have no addresses.
    pub fn ways(&self) -> Vec<Option<(Option<IpAddr>, SocketAddr)>> {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh(conn) => conn.ways(),
            #[cfg(feature = "sim")]
            Self::Sim(_) => Vec::new(),
        }
    }

    /// The present estimate of the round-trip time.
    pub fn rtt(&self) -> Option<std::time::Duration> {
        on!(Conn, self, conn => conn.rtt())
    }
}

impl SendHalf {
    /// Writes all chunks, shared and not copied; they are consumed as they are written. Not cancel-safe.
    pub async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), WriteLost> {
        on!(SendHalf, self, half => half.write_chunks(chunks).await)
    }

    /// Writes all bytes. Not cancel-safe.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), WriteLost> {
        on!(SendHalf, self, half => half.write_all(bytes).await)
    }

    /// Ends the stream: what was written is still delivered.
    pub fn finish(&mut self) {
        on!(SendHalf, self, half => half.finish());
    }

    /// Breaks the stream off: what was written may be lost.
    pub fn reset(&mut self, code: u32) {
        on!(SendHalf, self, half => half.reset(code));
    }

    /// Waits until the peer stops reading (its code), or until it has all bytes of a finished stream (`None`).
    /// The future borrows nothing.
    pub fn stopped(&self) -> BoxFuture<'static, Result<Option<u32>, ConnLost>> {
        on!(SendHalf, self, half => half.stopped())
    }

    /// Streams of higher priority send first; 0 by default.
    pub fn set_priority(&self, priority: i32) {
        on!(SendHalf, self, half => half.set_priority(priority));
    }
}

impl RecvHalf {
    /// Reads at most `max` bytes to the end of `into`; 0 once the peer finished. Cancel-safe.
    pub async fn read(&mut self, into: &mut BytesMut, max: usize) -> Result<usize, ReadLost> {
        on!(RecvHalf, self, half => half.read(into, max).await)
    }

    /// Tells the peer that nothing more is read.
    pub fn stop(&mut self, code: u32) {
        on!(RecvHalf, self, half => half.stop(code));
    }
}
