//! Links between nodes: one endpoint, pooled connections, typed framed streams.
//!
//! A connection carries one protocol between two nodes and begins with a `Hello` that proves the network. Links are
//! streams in it. The transport knows peers by their keys and protocols by their names; who may do what is decided
//! on the floors above. It runs over QUIC (feature `iroh`) or a simulated fabric (feature `sim`), see [`backend`].

pub mod address;
pub mod backend;
pub mod book;
pub mod code;
pub mod config;
mod control;
pub mod error;
pub mod event;
mod frame;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod guard;
mod handle;
mod hello;
#[cfg(feature = "iroh")]
pub mod iroh;
mod link;
mod listen;
pub mod mark;
mod pool;
pub mod protocol;
mod session;
#[cfg(feature = "sim")]
pub mod sim;
pub mod sources;
#[cfg(test)]
mod tests;

pub use address::{Address, PeerAddr, Place};
pub use backend::Backend;
pub use book::AddressBook;
pub use code::Code;
pub use config::{Config, Limits};
pub use error::{BindError, LinkError};
pub use event::{Ended, Event, Refused, SessionId, Side};
pub use guard::Guard;
pub use handle::{Known, Transport, Usage};
pub use link::{Link, LinkReceiver, LinkSender};
pub use listen::Listener;
pub use protocol::{Protocol, ProtocolId};
pub use sources::{DhtNode, News, RelayUrl, Servers, Source, Sources};
