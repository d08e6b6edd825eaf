//! Makes tokens: for an issuer, for tests, for the command line.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use serde::Serialize;

use super::{Algorithm, Claims, Key, KeyError, MAX_TOKEN, key::Material};

/// A key that makes tokens.
#[derive(Clone)]
pub struct Signer {
    kid: Option<String>,
    pub(super) private: Private,
}

/// What it is made of. The variant is the algorithm.
#[derive(Clone)]
pub(super) enum Private {
    Secret(Material),
    Es256(p256::ecdsa::SigningKey),
    Es384(p384::ecdsa::SigningKey),
    Es512(p521::ecdsa::SigningKey),
    Es256K(k256::ecdsa::SigningKey),
    EdDsa(ed25519_dalek::SigningKey),
}

/// A token cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// Nobody would read it.
    #[error("the token would have {size} bytes and the limit is {MAX_TOKEN}: put fewer claims into it")]
    TooLarge {
        /// The size that it would have, in bytes.
        size: usize,
    },
    /// The key cannot sign.
    #[error("the key cannot sign: make a new one")]
    Key,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl Signer {
    pub(super) const fn of(private: Private) -> Self {
        Self { kid: None, private }
    }

    pub(super) fn maybe_named(mut self, kid: Option<String>) -> Self {
        self.kid = kid;
        self
    }

    /// A shared secret, for HS256, HS384 or HS512.
    pub fn secret(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::of(Private::Secret(Material::secret(algorithm, bytes)?)))
    }

    /// A private key in PEM (PKCS #8, not encrypted).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        super::pem::private(text)
    }

    /// A private key or a secret as JWK.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        super::jwk::private(text)
    }

    /// Gives the key a name, which its tokens carry as `kid`.
    #[must_use]
    pub fn named(self, kid: impl Into<String>) -> Self {
        self.maybe_named(Some(kid.into()))
    }

    /// The algorithm that the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        match &self.private {
            Private::Secret(material) => material.algorithm(),
            Private::Es256(_) => Algorithm::Es256,
            Private::Es384(_) => Algorithm::Es384,
            Private::Es512(_) => Algorithm::Es512,
            Private::Es256K(_) => Algorithm::Es256K,
            Private::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// The key that checks what this one makes.
    pub fn key(&self) -> Key {
        let material = match &self.private {
            Private::Secret(material) => material.clone(),
            Private::Es256(key) => Material::Es256(*key.verifying_key()),
            Private::Es384(key) => Material::Es384(*key.verifying_key()),
            Private::Es512(key) => Material::Es512(*key.verifying_key()),
            Private::Es256K(key) => Material::Es256K(*key.verifying_key()),
            Private::EdDsa(key) => Material::EdDsa(key.verifying_key()),
        };
        Key::of(self.kid.clone(), material)
    }

    /// Makes a token. It is as much a secret as a password is.
    pub fn issue(&self, claims: &Claims) -> Result<String, IssueError> {
        let header = Header { alg: self.algorithm().name(), typ: "JWT", kid: self.kid.as_deref() };
        let header = serde_json::to_vec(&header).map_err(|_| IssueError::Key)?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(claims.write()));
        let signature = self.sign(token.as_bytes()).ok_or(IssueError::Key)?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        if token.len() > MAX_TOKEN {
            return Err(IssueError::TooLarge { size: token.len() });
        }
        Ok(token)
    }

    pub(super) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        match &self.private {
            Private::Secret(material) => material.code(signed),
            Private::Es256(key) => {
                let made: p256::ecdsa::Signature = key.try_sign(signed).ok()?;
                Some(made.to_bytes().to_vec())
            }
            Private::Es384(key) => {
                let made: p384::ecdsa::Signature = key.try_sign(signed).ok()?;
                Some(made.to_bytes().to_vec())
            }
            Private::Es512(key) => {
                let made: p521::ecdsa::Signature = key.try_sign(signed).ok()?;
                Some(made.to_bytes().to_vec())
            }
            Private::Es256K(key) => {
                let made: k256::ecdsa::Signature = key.try_sign(signed).ok()?;
                Some(made.normalize_s().to_bytes().to_vec())
            }
            Private::EdDsa(key) => Some(key.sign(signed).to_bytes().to_vec()),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, kid {:?})", self.algorithm(), self.kid)
    }
}
