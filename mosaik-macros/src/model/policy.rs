//! A policy as `require(..)` writes it.

use syn::{Expr, Path};

use super::Spanned;

/// Who may take a role.
pub(crate) enum Policy {
    /// `tag("matcher")`
    Tag(Spanned<String>),
    /// `rtt_below("20ms")`, in milliseconds
    RttBelow(u64),
    /// `peer(|p| ..)`
    Peer(Box<Expr>),
    /// A path: the name of a proof.
    Proof(Path),
    /// `a & b`
    Both(Box<Policy>, Box<Policy>),
    /// `a | b`
    Either(Box<Policy>, Box<Policy>),
    /// `!a`
    Not(Box<Policy>),
}
