//! The key of a group, and the proof that a node holds it.
//!
//! The key is only ever proved: it is in no id, so that a wrong one is a refusal with a reason and not two nodes that never meet.
//! A proof is a keyed hash over the key material of the TLS session, the group, both nodes and the side, so that it is worth nothing in
//! another connection, for another group or in the other direction.

use std::fmt;

use crate::{
    groups::wire::{KeyProof, KeyRefusal},
    primitives::{PeerId, WireId, ids::bytes_from_hex},
};

/// The label under which TLS exports the bytes that proofs are bound to; the context is the group's id.
pub(super) const EXPORTER_LABEL: &[u8] = b"EXPORTER-mosaik-1-group-key";

/// What the members of a closed group know and others do not: at least 16 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey([u8; 32]);

/// This cannot be the key of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupKeyError {
    /// It can be guessed.
    #[error(
        "a group's key needs at least 16 random bytes, this one has {0}: the command `keygen` prints one"
    )]
    TooShort(usize),
    /// A phrase that people think of can be guessed by whoever has seen one proof of it, without asking anybody.
    #[error(
        "a group's key is written as hex digits, at least 32 of them, and this is other text: the command `keygen` prints one"
    )]
    NotHex,
}

/// Fewer bytes can be guessed.
const LEAST: usize = 16;

impl GroupKey {
    /// Takes at least 16 random bytes; the key that proofs use is derived from all of them (BLAKE3's `derive_key`). Not for phrases:
    /// whoever has seen one proof can try as many as they like.
    ///
    /// # Errors
    ///
    /// When there are fewer.
    pub fn new(bytes: &[u8]) -> Result<Self, GroupKeyError> {
        if bytes.len() < LEAST {
            return Err(GroupKeyError::TooShort(bytes.len()));
        }
        Ok(Self(blake3::derive_key("mosaik 1 group key", bytes)))
    }

    /// Reads the contents of a file or of a variable: hex digits, with white space around them if you like.
    ///
    /// # Errors
    ///
    /// When it is other text, or fewer than 16 bytes.
    pub fn from_text(text: &[u8]) -> Result<Self, GroupKeyError> {
        let bytes = bytes_from_hex(text.trim_ascii()).ok_or(GroupKeyError::NotHex)?;
        Self::new(&bytes)
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(…)")
    }
}

/// The side of a bond that proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Began the bond.
    Dialler,
    /// Accepted it.
    Acceptor,
}

/// What a proof is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    /// 32 bytes that only the two ends of the connection have.
    pub(super) exporter: [u8; 32],
    /// The group.
    pub(super) group: WireId,
    /// Who began the bond.
    pub(super) dialler: PeerId,
    /// Who accepted it.
    pub(super) acceptor: PeerId,
}

/// The proof that this side, in `role`, holds `key`.
pub(super) fn prove(key: Option<&GroupKey>, role: Role, binding: &Binding) -> KeyProof {
    key.map_or(KeyProof::NoKey, |key| KeyProof::Key(*mac(key, role, binding).as_bytes()))
}

/// Whether the other side, in `role`, holds `key`; the refusal is worded for this side.
pub(super) fn verify(
    key: Option<&GroupKey>,
    role: Role,
    binding: &Binding,
    proof: &KeyProof,
) -> Result<(), KeyRefusal> {
    match (key, proof) {
        (None, KeyProof::NoKey) => Ok(()),
        (None, KeyProof::Key(_)) => Err(KeyRefusal::KeyNeeded),
        (Some(_), KeyProof::NoKey) => Err(KeyRefusal::NoKeyThere),
        // The hash is compared in constant time.
        (Some(key), KeyProof::Key(proof)) if mac(key, role, binding) == *proof => Ok(()),
        (Some(_), KeyProof::Key(_)) => Err(KeyRefusal::OtherKey),
    }
}

fn mac(key: &GroupKey, role: Role, binding: &Binding) -> blake3::Hash {
    let role = match role {
        Role::Dialler => 0,
        Role::Acceptor => 1,
    };
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    hasher.update(b"mosaik 1 group key proof");
    hasher.update(&binding.exporter);
    hasher.update(&[role]);
    hasher.update(binding.group.as_bytes());
    hasher.update(binding.dialler.as_bytes());
    hasher.update(binding.acceptor.as_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::ids::hex;

    fn binding() -> Binding {
        Binding {
            exporter: [1; 32],
            group: WireId::from_bytes([7; 32]),
            dialler: PeerId::from_bytes([2; 32]),
            acceptor: PeerId::from_bytes([3; 32]),
        }
    }

    fn key(n: u8) -> GroupKey {
        GroupKey::new(&[n; 16]).expect("16 bytes")
    }

    #[test]
    fn a_short_key_is_refused_and_hex_is_recognised() {
        assert_eq!(GroupKey::new(&[7; 15]), Err(GroupKeyError::TooShort(15)));
        assert_eq!(
            GroupKey::from_text(format!(" {}\n", "ab".repeat(16)).as_bytes()),
            GroupKey::new(&[0xab; 16])
        );
        assert_eq!(
            GroupKey::from_text(&[b'a'; 16]),
            Err(GroupKeyError::TooShort(8)),
            "16 hex digits are 8 bytes"
        );
        for guessable in [&b"correct horse battery staple"[..], b"abc", b""] {
            assert_eq!(GroupKey::from_text(guessable), Err(GroupKeyError::NotHex));
        }
        assert_eq!(format!("{:?}", key(7)), "GroupKey(…)");
    }

    #[test]
    fn a_proof_has_golden_bytes() {
        let KeyProof::Key(proof) = prove(Some(&key(9)), Role::Dialler, &binding()) else { panic!("a key") };
        assert_eq!(hex(&proof), "a7a9d24f6225bfd0534e88f22c1c2c0748442702714046a9c180634da377e07a");
    }

    #[test]
    fn h7_a_proof_holds_for_its_key_group_side_and_connection_only() {
        let (key, other) = (key(9), key(8));
        let proof = prove(Some(&key), Role::Dialler, &binding());
        assert_eq!(verify(Some(&key), Role::Dialler, &binding(), &proof), Ok(()));
        let refused = Err(KeyRefusal::OtherKey);
        assert_eq!(verify(Some(&other), Role::Dialler, &binding(), &proof), refused);
        assert_eq!(verify(Some(&key), Role::Acceptor, &binding(), &proof), refused, "reflected");
        let elsewhere = Binding { exporter: [4; 32], ..binding() };
        assert_eq!(verify(Some(&key), Role::Dialler, &elsewhere, &proof), refused, "replayed");
        let other_group = Binding { group: WireId::from_bytes([8; 32]), ..binding() };
        assert_eq!(verify(Some(&key), Role::Dialler, &other_group, &proof), refused);
        let other_peer = Binding { dialler: PeerId::from_bytes([5; 32]), ..binding() };
        assert_eq!(verify(Some(&key), Role::Dialler, &other_peer, &proof), refused);
    }

    #[test]
    fn h7_with_and_without_a_key_is_told_apart() {
        let (with, without) = (key(9), prove(None, Role::Dialler, &binding()));
        let proof = prove(Some(&with), Role::Dialler, &binding());
        assert_eq!(verify(None, Role::Dialler, &binding(), &without), Ok(()));
        assert_eq!(verify(None, Role::Dialler, &binding(), &proof), Err(KeyRefusal::KeyNeeded));
        assert_eq!(verify(Some(&with), Role::Dialler, &binding(), &without), Err(KeyRefusal::NoKeyThere));
        assert_eq!(KeyRefusal::KeyNeeded.turned(), KeyRefusal::NoKeyThere);
    }
}
