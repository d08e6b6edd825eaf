//! Tickets: what a peer shows to prove more than its identity, and who decides whether it does.
//!
//! A [`Ticket`] is a class and some bytes. A [`Validator`] decides on (ticket, peer, network, now), and says until when it is valid
//! or why it is not. A [`Checker`] asks validators behind a deadline, a cap and a panic wall, keeps what they say, and looks at
//! [`Revocations`]. The feature
//! `jwt` brings a validator of JSON Web Tokens, `tdx` one of Intel TDX quotes.
//!
//! This is not the place that lets anybody in: that is `admission`. Nor does it fetch tickets: they come with a peer's entry by
//! reference.

mod cache;
mod challenge;
mod checker;
mod declared;
mod denial;
mod expiry;
mod held;
#[cfg(feature = "jwt")]
pub mod jwt;
mod revocations;
#[cfg(feature = "tdx")]
pub mod tdx;
mod ticket;
mod trusted;
mod validator;
mod watched;

pub(crate) use cache::stale;
pub use challenge::{Nonce, Unanswered};
pub use checker::{Checker, CheckerLimits};
pub use declared::{JwtProof, Proof, ProofDescriptor, ProofError, ProofKind, TdxPlatform, TdxProof, own};
pub use denial::Denial;
pub use expiry::{Expiry, Jump, Jumps, Steady};
pub use held::{Held, MAX_HELD, Reference, TooManyTickets, pack, unpack};
pub use revocations::{RevocationError, RevocationFile, Revocations};
pub use ticket::{Class, MAX_TICKET, Ticket, TicketError, TicketId};
pub(crate) use trusted::aside;
pub use trusted::{Panicked, Trusted};
pub use validator::{Shown, Valid, Validation, Validator, Verdict, validator};

use std::{fs::File, io, path::Path};

/// Opens a file without waiting for anybody.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    watched::open(path).map(|(file, _)| file)
}
