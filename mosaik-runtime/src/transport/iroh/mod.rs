//! The real network: QUIC through iroh, and the sources of iroh's family: mDNS, relays, the DHT.
//!
//! It maps iroh's types onto the seam and sets our own limits. It decides nothing.

#[cfg(feature = "dht")]
mod dht;
mod endpoint;
#[cfg(feature = "mdns")]
mod mdns;
mod place;
mod relay;
mod seat;
mod streams;

pub use endpoint::{Conn, Endpoint, Incoming};
pub use streams::{RecvHalf, SendHalf};
