//! The real network: QUIC through iroh, without relays.
//!
//! It maps iroh's types onto the seam and sets our own limits. It decides nothing.

mod endpoint;
mod streams;

pub use endpoint::{Conn, Endpoint, Incoming};
pub use streams::{RecvHalf, SendHalf};
