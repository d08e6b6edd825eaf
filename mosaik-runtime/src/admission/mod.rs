//! May this peer take this role on this item, and do we mean the same schema?
//!
//! One handshake and one answer for everything that talks: an [`Admitted`] link, or a [`Refusal`] that says why on both
//! sides. An admission is a lease: it is decided again whenever the peer's entry changes, and while its policy asks for a
//! round-trip time, at every sample. This is the only place that can make an [`Admitted`], and the one to audit.
//!
//! It is not authentication: that a peer is who it says is the transport's matter (TLS and the network secret).

mod core;
mod driver;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod link;
mod proofs;
mod refusal;
#[cfg(all(test, feature = "sim"))]
pub(crate) mod stand;
#[cfg(all(test, feature = "sim"))]
mod tests;
mod wire;

pub use core::{Ask, Gate, Item};
pub use driver::{Admission, AdmissionEvent, AnswerError, AskError, Side};
pub use link::{Admitted, Lease};
pub(crate) use proofs::Origin;
pub use proofs::{Answerer, Challenged, ProvideError, Provider, Tickets, TicketsError, TrustError, Wanted};
pub use refusal::Refusal;
