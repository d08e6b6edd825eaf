//! A node's key, its signatures, and the secret of a network.
//!
//! Debug output never shows a secret.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::ids::{PeerId, bytes_from_hex, from_hex, hex};

/// The Ed25519 key of a node; its public half is the node's [`PeerId`].
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A key from its 32 secret bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&bytes))
    }

    /// The 32 secret bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Reads 64 hex digits, surrounding white space allowed.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text.trim()).map(Self::from_bytes)
    }

    /// The key as 64 hex digits, as key files hold it.
    pub fn to_hex(&self) -> String {
        hex(&self.0.to_bytes())
    }

    /// The id that others know this node by.
    pub fn peer_id(&self) -> PeerId {
        PeerId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` under a domain; a signature of one domain is worthless in another.
    pub fn sign(&self, domain: &'static str, message: &[u8]) -> Signature {
        Signature(self.0.sign(&separated(domain, message)).to_bytes().to_vec())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.peer_id().short())
    }
}

/// An Ed25519 signature (64 bytes) over a domain and a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(#[serde(with = "bytes_64")] Vec<u8>);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", hex(self.0.get(..4).unwrap_or_default()))
    }
}

impl Signature {
    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `peer` signed `message` under `domain`. Weak keys and malleable signatures are refused.
    pub fn verifies(&self, peer: &PeerId, domain: &'static str, message: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(peer.as_bytes()) else { return false };
        let Ok(signature) = ed25519_dalek::Signature::from_slice(&self.0) else { return false };
        key.verify_strict(&separated(domain, message), &signature).is_ok()
    }
}

fn separated(domain: &'static str, message: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(domain).update(message).finalize().as_bytes()
}

mod bytes_64 {
    use serde::{Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let bytes: bytes::Bytes = serde::Deserialize::deserialize(from)?;
        match bytes.len() {
            64 => Ok(bytes.to_vec()),
            n => Err(D::Error::custom(format!("a signature has 64 bytes, not {n}"))),
        }
    }
}

/// What the members of a closed network know and strangers do not: at least 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct NetworkSecret([u8; 32]);

/// A network secret must have at least 32 bytes, as hex or raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network secret needs at least 32 random bytes, this one has {0}: the command `keygen` makes one")]
pub struct SecretTooShort(pub usize);

impl NetworkSecret {
    /// Takes at least 32 bytes; the key that proofs use is derived from all of them.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretTooShort> {
        if bytes.len() < 32 {
            return Err(SecretTooShort(bytes.len()));
        }
        Ok(Self(blake3::derive_key("mosaik 1 network secret", bytes)))
    }

    /// Reads the contents of a secret file: hex digits (white space around them allowed), else raw bytes.
    pub fn from_file_contents(contents: &[u8]) -> Result<Self, SecretTooShort> {
        let text = std::str::from_utf8(contents).unwrap_or_default().trim();
        bytes_from_hex(text.as_bytes())
            .map_or_else(|| Self::new(contents.trim_ascii()), |bytes| Self::new(&bytes))
    }

    /// The keyed-BLAKE3 key of this secret.
    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for NetworkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_domain_message_and_peer_only() {
        let (one, two) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
        let signature = one.sign("a", b"hello");
        assert!(signature.verifies(&one.peer_id(), "a", b"hello"));
        assert!(!signature.verifies(&one.peer_id(), "b", b"hello"));
        assert!(!signature.verifies(&one.peer_id(), "a", b"hello!"));
        assert!(!signature.verifies(&two.peer_id(), "a", b"hello"));
    }

    #[test]
    fn short_secrets_are_refused_and_hex_is_recognised() {
        assert_eq!(NetworkSecret::new(&[7; 31]), Err(SecretTooShort(31)));
        let hex_form = NetworkSecret::from_file_contents(format!("{}\n", "ab".repeat(32)).as_bytes());
        assert_eq!(hex_form, NetworkSecret::new(&[0xab; 32]));
        assert_eq!(NetworkSecret::from_file_contents(&[b'a'; 32]), Err(SecretTooShort(16)));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let key = SecretKey::from_bytes([9; 32]);
        assert!(!format!("{key:?}").contains(&key.to_hex()[..8]));
        let secret = NetworkSecret::new(&[7; 32]).expect("32 bytes");
        assert_eq!(format!("{secret:?}"), "NetworkSecret(…)");
    }
}
