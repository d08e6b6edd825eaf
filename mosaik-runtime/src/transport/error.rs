//! What can go wrong, and what to do about it.

use std::{io, net::SocketAddr, time::Duration};

use crate::primitives::{PeerId, Reach, codec::EncodeError};

use super::{
    backend::{ConnLost, ReadLost, WriteLost},
    code::Code,
    protocol::ProtocolId,
    sources::Source,
};

/// The transport could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program holds the port.
    #[error("port {} of {} is in use: choose another with `--bind`, or leave it out for a free one", address.port(), address.ip())]
    PortInUse {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The machine does not have this address, or does not let this user bind it.
    #[error("cannot bind {address}: {source}")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The address is not on this machine's loopback, and the reach is `host`.
    #[error("{address} is not a loopback address: add `--reach lan` to leave this machine")]
    OutOfReach {
        /// What was asked for.
        address: SocketAddr,
    },
    /// A server was given that cannot be one.
    #[error("`{server}` cannot be used as a {kind}: {why}")]
    Server {
        /// What it was given for.
        kind: Source,
        /// As given.
        server: String,
        /// Why not.
        why: String,
    },
    /// The place on the simulated network is taken.
    #[error("the simulated port {port} already has a live endpoint")]
    SimPortTaken {
        /// The port.
        port: u32,
    },
    /// The backend failed otherwise.
    #[error("the network backend could not start: {0}")]
    Backend(String),
}

/// A link could not be made, or ended otherwise than by its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// A node does not dial itself.
    #[error("a node does not open links to itself")]
    Myself,
    /// No address of the peer is known.
    #[error("no address of {} is known: wait for its entry, or give one with `--bootstrap`", peer.short())]
    NoAddress {
        /// Who was asked for.
        peer: PeerId,
    },
    /// All known addresses are farther than this node looks.
    #[error("all addresses of {} are out of reach `{reach}`: add a wider `--reach`", peer.short())]
    OutOfReach {
        /// Who was asked for.
        peer: PeerId,
        /// This node's reach.
        reach: Reach,
    },
    /// The peer does not answer at its addresses.
    #[error("{} cannot be reached: {why}", peer.short())]
    Unreachable {
        /// Who was asked for.
        peer: PeerId,
        /// The backend's reason.
        why: String,
    },
    /// The other side has another network name or another secret.
    #[error(
        "{}: the other side has another network name or another secret: compare `--network` and \
         `--network-secret-file` on both", peer.short()
    )]
    NotYourNetwork {
        /// Who refused, or was refused.
        peer: PeerId,
    },
    /// The peer does not speak this protocol, or not now.
    #[error("{} does not accept {protocol}", peer.short())]
    UnknownProtocol {
        /// Who was asked.
        peer: PeerId,
        /// What was asked for.
        protocol: ProtocolId,
    },
    /// A step took too long.
    #[error("{step} took longer than {within:?}")]
    Deadline {
        /// What was waited for.
        step: &'static str,
        /// For how long.
        within: Duration,
    },
    /// The connection was closed by the peer.
    #[error("the connection was closed by the peer: {0}")]
    Closed(Code),
    /// The connection was closed by this side.
    #[error("the connection was closed by this node: {0}")]
    ClosedHere(Code),
    /// The peer reset the stream.
    #[error("the stream was reset by the peer: {0}")]
    Reset(Code),
    /// The peer stopped reading the stream.
    #[error("the peer stopped reading: {0}")]
    Stopped(Code),
    /// The connection fell silent: the peer or the network between is gone.
    #[error("the connection was lost")]
    Lost,
    /// The stream ended in the middle of a frame.
    #[error("the stream ended in the middle of a frame")]
    Truncated,
    /// A frame is over the protocol's limit.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// Its length.
        length: u64,
        /// The limit.
        limit: usize,
    },
    /// A frame does not decode.
    #[error("a malformed frame: {0}")]
    Malformed(String),
    /// The message could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The link is already finished or closed on this side.
    #[error("the link is closed on this side")]
    Finished,
    /// This node is shutting down.
    #[error("this node is shutting down")]
    Stopping,
}

impl LinkError {
    /// Whether another attempt can succeed at once, because the connection was only superseded or idle.
    pub fn is_superseded(&self) -> bool {
        matches!(
            self,
            Self::Closed(Code::Superseded | Code::Idle) | Self::ClosedHere(Code::Superseded | Code::Idle)
        )
    }
}

impl From<ConnLost> for LinkError {
    fn from(lost: ConnLost) -> Self {
        match lost {
            ConnLost::Closed { code, .. } => Self::Closed(Code::from_number(code)),
            ConnLost::Locally => Self::ClosedHere(Code::Done),
            ConnLost::TimedOut | ConnLost::Reset => Self::Lost,
        }
    }
}

impl From<WriteLost> for LinkError {
    fn from(lost: WriteLost) -> Self {
        match lost {
            WriteLost::Stopped(code) => Self::Stopped(Code::from_number(code)),
            WriteLost::Lost(lost) => lost.into(),
            WriteLost::Finished => Self::Finished,
        }
    }
}

impl From<ReadLost> for LinkError {
    fn from(lost: ReadLost) -> Self {
        match lost {
            ReadLost::Reset(code) => Self::Reset(Code::from_number(code)),
            ReadLost::Lost(lost) => lost.into(),
            ReadLost::Finished => Self::Finished,
        }
    }
}
