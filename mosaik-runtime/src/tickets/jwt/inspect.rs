//! What a token says, without a word on whether it is true.

use super::{Algorithm, Claims, TokenError, header::split};

/// What a token says of itself. Nothing of it was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The algorithm that its header names.
    pub algorithm: Algorithm,
    /// The key that its header names.
    pub kid: Option<String>,
    /// What it claims.
    pub claims: Claims,
}

/// Reads a token without verifying anything. For people; [`Jwt`](super::Jwt) decides.
///
/// # Errors
///
/// When it is no token that could be verified at all.
pub fn inspect(token: &[u8]) -> Result<Inspected, TokenError> {
    let parts = split(token)?;
    Ok(Inspected { algorithm: parts.algorithm, kid: parts.kid, claims: Claims::read(&parts.claims)? })
}
