//! A network in memory, on tokio's virtual clock: the second backend of the transport.
//!
//! It carries authenticated connections with streams, as QUIC does, and it obeys a test: latency, jitter, loss, cuts one way or
//! both, crashes. The same seed and the same program give the same trace. Nothing in it runs by itself: arrival times are computed
//! when something is sent, and who waits for something sleeps until then.
//!
//! It is not a packet simulator. A frame is one write; loss is a delay, reordering is seen between streams only, keep-alives
//! are implied, and windows are per stream.

mod conn;
mod dial;
mod directory;
mod endpoint;
mod fabric;
mod link;
mod net;
mod pipe;
mod session;
mod stream;
mod trace;
mod wait;

#[cfg(test)]
mod tests;

pub use conn::Conn;
pub use endpoint::{DIAL_TIMEOUT, Endpoint, Incoming, Port};
pub use fabric::Traffic;
pub use link::LinkSettings;
pub use net::Net;
pub use stream::{RecvHalf, SendHalf};
pub use trace::{Class, TraceEvent, TraceHash};
