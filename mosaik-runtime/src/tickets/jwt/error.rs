//! What can be wrong with keys, and with tokens.

use std::{path::PathBuf, time::Duration};

use super::{Algorithm, MAX_TOKEN};
use crate::{primitives::Wall, tickets::Denial};

/// A key or a set of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret is shorter than the algorithm allows.
    #[error(
        "the secret has {size} bytes and {algorithm} asks for at least {least}: make one with `openssl rand {least}`"
    )]
    ShortSecret {
        /// The algorithm.
        algorithm: Algorithm,
        /// The secret's size, in bytes.
        size: usize,
        /// The least size, in bytes.
        least: usize,
    },
    /// The algorithm has no secrets.
    #[error("{0} has a public key, not a secret: read the key from PEM or JWK")]
    NoSecret(Algorithm),
    /// A public key was given as a secret, with which anybody could make tokens.
    #[error(
        "this is a key in PEM or JWK and not a secret: whoever knows the public key could make tokens; read it as what it is"
    )]
    KeyAsSecret,
    /// The text is neither PEM nor JWK, or broken.
    #[error("the key cannot be read: {0}")]
    Unreadable(String),
    /// A private key where a public one belongs.
    #[error(
        "this is a private key: whoever checks tokens needs the public one alone (`openssl pkey -in KEY -pubout`)"
    )]
    Private,
    /// A public key where a private one belongs.
    #[error("this is a public key: to make tokens takes the private one")]
    Public,
    /// A kind of key that is not supported.
    #[error(
        "{0} is not supported: use HS256, HS384, HS512, ES256, ES384, ES512, ES256K or EdDSA (`openssl genpkey -algorithm ed25519`)"
    )]
    Unsupported(String),
    /// The key says that it is for something else.
    #[error("the key says that it is not for signatures: its `{0}` says so")]
    NotForSignatures(&'static str),
    /// No key is left.
    #[error("there is no key that could be used: {0}")]
    NoKey(String),
    /// Two keys with one name.
    #[error("two keys have the `kid` {0:?} and one algorithm: give each its own")]
    Twice(String),
    /// Too many keys.
    #[error("there are over {0} keys: take out those that are over")]
    TooMany(usize),
    /// The file cannot be read.
    #[error("cannot read {path}: {why}: check the path, and that the file belongs to you", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file belongs to somebody else.
    #[error(
        "{path} belongs to user {owner}, who could add a key of theirs, and this process runs as {us}: run `chown {us} {path}`",
        path = .path.display()
    )]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// As whom this process runs.
        us: u32,
    },
    /// Others may read or change the file.
    #[error("{path} {what} (mode {mode:03o}): run `chmod {fix} {path}`", path = .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// What others may do.
        what: &'static str,
        /// Its permission bits.
        mode: u32,
        /// The argument of `chmod`.
        fix: &'static str,
    },
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Over the size.
    #[error("it has {size} bytes and the limit is {MAX_TOKEN}: put less into it")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Five parts.
    #[error("it is an encrypted token (JWE): mosaik reads signed ones (JWS)")]
    Encrypted,
    /// Not three parts, not base64url, not JSON.
    #[error("{0}")]
    Malformed(String),
    /// No algorithm that is known.
    #[error(
        "its algorithm is none that is accepted: use HS256, HS384, HS512, ES256, ES384, ES512, ES256K or EdDSA"
    )]
    Algorithm,
    /// It demands an extension.
    #[error("its header has `{0}`, which is not supported: leave it out")]
    Header(&'static str),
    /// No key of that name and algorithm.
    #[error("no key fits its `kid` and algorithm: add the key to the set, or sign with one that is in it")]
    UnknownKey,
    /// The signature is wrong.
    #[error("its signature does not fit any of the keys")]
    Signature,
    /// A claim that must be there is not.
    #[error("it has no `{0}`: add it where tokens are made")]
    Lacks(&'static str),
    /// Its end is behind us.
    #[error("it expired")]
    Expired {
        /// How long ago.
        ago: Duration,
    },
    /// Its beginning is ahead.
    #[error("it is not valid yet")]
    NotYet {
        /// In how long.
        after: Duration,
        /// From when on.
        from: Wall,
    },
    /// It was made longer ago than is allowed.
    #[error("it is older than {} s: get a new one", .most.as_secs())]
    TooOld {
        /// The most.
        most: Duration,
    },
    /// It is valid for longer than is allowed.
    #[error("it lives longer than {} s: make it for a shorter time", .most.as_secs())]
    TooLong {
        /// The most.
        most: Duration,
    },
    /// Another issuer.
    #[error("its `iss` is not {expected}")]
    Issuer {
        /// Who is trusted.
        expected: String,
    },
    /// Another network.
    #[error("its `aud` does not name {expected}")]
    Audience {
        /// What it should name.
        expected: String,
    },
    /// Another peer.
    #[error("its `sub` is not the peer that shows it")]
    Subject,
    /// A claim is not as required.
    #[error("its claim `{claim}` is not {expected}")]
    Claim {
        /// The claim.
        claim: String,
        /// What is required.
        expected: String,
    },
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
}

impl From<TokenError> for Denial {
    fn from(error: TokenError) -> Self {
        let why = || format!("the token: {error}");
        match &error {
            TokenError::TooLarge { .. }
            | TokenError::Encrypted
            | TokenError::Malformed(_)
            | TokenError::Header(_) => Self::Malformed { why: why() },
            TokenError::Algorithm
            | TokenError::UnknownKey
            | TokenError::Signature
            | TokenError::Issuer { .. } => Self::Untrusted { why: why() },
            TokenError::Expired { ago } => Self::Expired { ago: *ago },
            TokenError::NotYet { after, from } => Self::NotYet { after: *after, from: *from },
            TokenError::Audience { .. } => Self::OtherNetwork,
            TokenError::Subject => Self::OtherPeer,
            TokenError::Revoked => Self::Revoked,
            TokenError::Lacks(_)
            | TokenError::TooOld { .. }
            | TokenError::TooLong { .. }
            | TokenError::Claim { .. } => Self::Unmet { why: why() },
        }
    }
}
