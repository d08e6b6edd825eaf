//! JSON Web Tokens as tickets: compact, signed, bound to a peer and a network.
//!
//! [`Jwt`] is a [`Validator`](super::Validator); what it requires is written as methods. Keys come from PEM, JWK and sets of JWK; each
//! key is bound to one algorithm, and the algorithm in a token is compared with it, never trusted. So `none` is no algorithm, and
//! no public key can be taken for a secret. Nothing that a token points at (`jku`, `jwk`, `x5u`) is followed. A [`Signer`] makes
//! tokens.
//!
//! It is not an identity provider, and reads no encrypted tokens (JWE) and no RSA.

mod algorithm;
mod claims;
mod error;
mod file;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod header;
mod inspect;
mod jwk;
mod key;
mod pem;
mod set;
mod signer;
#[cfg(test)]
mod tests;
mod twin;
mod validator;
mod write;

pub use algorithm::Algorithm;
pub use claims::{Claims, NumericDate};
pub use error::{KeyError, TokenError};
pub use file::KeyFile;
pub use inspect::{Inspected, inspect};
pub use key::Key;
pub use set::KeySet;
pub use signer::{IssueError, Signer};
pub use validator::Jwt;

/// The largest token, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
