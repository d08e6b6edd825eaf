//! What peers prove with tickets, and what this node shows of itself.
//!
//! A node's entry names its tickets by their content; who wants one asks the node for it, over a connection on which both sides
//! proved that they belong to the network. What comes is checked against the name, kept by peer and name, and shown to the validator that
//! a policy names.

mod answers;
mod basis;
#[cfg(all(test, feature = "sim"))]
mod challenged;
mod contents;
#[cfg(all(test, feature = "sim", feature = "jwt"))]
mod crowd;
mod exchange;
mod found;
mod fresh;
mod handle;
mod inquiry;
mod keeper;
#[cfg(all(test, feature = "sim"))]
mod provided;
#[cfg(all(test, feature = "sim"))]
mod rogue;
mod standing;
#[cfg(all(test, feature = "sim"))]
mod tests;

pub use answers::{Answerer, Challenged};
pub(super) use basis::Basis;
#[cfg(feature = "sim")]
pub(super) use exchange::{fuzzed, seeds};
pub(super) use found::Now;
pub use handle::{Tickets, TicketsError, TrustError};
pub(crate) use keeper::Origin;
pub use keeper::{ProvideError, Provider, Wanted};
pub(super) use standing::Standing;
