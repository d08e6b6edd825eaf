//! Keys that check tokens. Each is bound to one algorithm.

use std::fmt;

use ed25519_dalek::VerifyingKey as Ed25519;
use hmac::{Hmac, KeyInit, Mac};
use k256::ecdsa::signature::Verifier;
use sha2::{Sha256, Sha384, Sha512};

use super::{Algorithm, KeyError};

/// A key that checks tokens: of one algorithm, and perhaps with a name (`kid`).
#[derive(Clone)]
pub struct Key {
    pub(super) kid: Option<String>,
    pub(super) material: Material,
}

/// What a key is made of. The variant is the algorithm.
#[derive(Clone)]
pub(super) enum Material {
    Hs256(Secret),
    Hs384(Secret),
    Hs512(Secret),
    Es256(p256::ecdsa::VerifyingKey),
    Es384(p384::ecdsa::VerifyingKey),
    Es512(p521::ecdsa::VerifyingKey),
    Es256K(k256::ecdsa::VerifyingKey),
    EdDsa(Ed25519),
}

/// The bytes of a secret.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// A secret for `algorithm`: long enough, and nothing that everybody may know.
    pub(super) fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let Some(least) = algorithm.least_secret() else { return Err(KeyError::NoSecret(algorithm)) };
        if looks_like_a_key(bytes) {
            return Err(KeyError::KeyAsSecret);
        }
        if bytes.len() < least {
            return Err(KeyError::ShortSecret { algorithm, size: bytes.len(), least });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes. Do not log them.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether the bytes are a key in one of its usual clothes: PEM, JWK, or the DER of a public key.
fn looks_like_a_key(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let der = bytes.len() < 1024 && (p256::pkcs8::SubjectPublicKeyInfoRef::try_from(bytes).is_ok());
    start.starts_with(b"-----BEGIN") || start.starts_with(b"{") || start.starts_with(b"ssh-") || der
}

macro_rules! mac {
    ($hash:ty, $secret:expr, $signed:expr) => {
        // HMAC takes keys of any length.
        Hmac::<$hash>::new_from_slice(&$secret.0).ok().map(|mut mac| {
            mac.update($signed);
            mac
        })
    };
}

macro_rules! ecdsa {
    ($curve:ident, $key:expr, $signed:expr, $signature:expr) => {
        $curve::ecdsa::Signature::from_slice($signature)
            .is_ok_and(|signature| $key.verify($signed, &signature).is_ok())
    };
}

impl Material {
    /// The algorithm that this material is for, and the only one.
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::Hs384(_) => Algorithm::Hs384,
            Self::Hs512(_) => Algorithm::Hs512,
            Self::Es256(_) => Algorithm::Es256,
            Self::Es384(_) => Algorithm::Es384,
            Self::Es512(_) => Algorithm::Es512,
            Self::Es256K(_) => Algorithm::Es256K,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// A secret for `algorithm`.
    pub(super) fn secret(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let secret = Secret::new(algorithm, bytes)?;
        match algorithm {
            Algorithm::Hs256 => Ok(Self::Hs256(secret)),
            Algorithm::Hs384 => Ok(Self::Hs384(secret)),
            Algorithm::Hs512 => Ok(Self::Hs512(secret)),
            other => Err(KeyError::NoSecret(other)),
        }
    }

    /// The code that authenticates `signed`; `None` where keys come in pairs.
    pub(super) fn code(&self, signed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hs256(secret) => {
                mac!(Sha256, secret, signed).map(|mac| mac.finalize().into_bytes().to_vec())
            }
            Self::Hs384(secret) => {
                mac!(Sha384, secret, signed).map(|mac| mac.finalize().into_bytes().to_vec())
            }
            Self::Hs512(secret) => {
                mac!(Sha512, secret, signed).map(|mac| mac.finalize().into_bytes().to_vec())
            }
            _ => None,
        }
    }

    /// Whether `signature` is this key's over `signed`.
    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hs256(key) => {
                mac!(Sha256, key, signed).is_some_and(|mac| mac.verify_slice(signature).is_ok())
            }
            Self::Hs384(key) => {
                mac!(Sha384, key, signed).is_some_and(|mac| mac.verify_slice(signature).is_ok())
            }
            Self::Hs512(key) => {
                mac!(Sha512, key, signed).is_some_and(|mac| mac.verify_slice(signature).is_ok())
            }
            Self::Es256(key) => ecdsa!(p256, key, signed, signature),
            Self::Es384(key) => ecdsa!(p384, key, signed, signature),
            Self::Es512(key) => ecdsa!(p521, key, signed, signature),
            Self::Es256K(key) => k256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                // Of the two signatures that fit, the one with the smaller half is the one that is made.
                signature.normalize_s() == signature && key.verify(signed, &signature).is_ok()
            }),
            Self::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok()),
        }
    }
}

impl Key {
    pub(super) const fn of(kid: Option<String>, material: Material) -> Self {
        Self { kid, material }
    }

    /// A shared secret, for HS256, HS384 or HS512. Whoever has it can make tokens, so each verifier could.
    pub fn secret(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::of(None, Material::secret(algorithm, bytes)?))
    }

    /// A public key in PEM (`-----BEGIN PUBLIC KEY-----`); its type says which algorithm it is for.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        super::pem::public(text).map(|material| Self::of(None, material))
    }

    /// A public key or a secret as JWK.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        super::jwk::one(text)
    }

    /// Gives the key a name. Tokens that name a `kid` are checked by the keys of that name.
    #[must_use]
    pub fn named(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The key's name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.material.algorithm()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, kid {:?})", self.algorithm(), self.kid)
    }
}
