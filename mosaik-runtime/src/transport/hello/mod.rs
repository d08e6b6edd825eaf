//! The `Hello`: the first frame of a connection in each direction, and what it proves.
//!
//! The dialler speaks first; the acceptor is silent until it has verified. Where the network has a secret, its id does
//! not travel: each side proves the secret with a keyed hash over this connection's exporter, so that a proof is worth
//! nothing anywhere else. The layout is stable; golden vectors hold it.

pub(super) mod exchange;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::primitives::{BootId, NetworkId, NetworkSecret, PeerId, Version};

use super::event::Refused;

/// The wire revisions that this version speaks, newest first.
pub(super) const REVISIONS: &[u16] = &[1];

/// The largest `Hello`, encoded. It is read before the peer is trusted.
pub(super) const MAX_HELLO: usize = 4096;

/// The label under which TLS exports the bytes that proofs are bound to.
pub(super) const EXPORTER_LABEL: &[u8] = b"EXPORTER-mosaik-1-hello";

/// What each side says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hello {
    /// The first layout.
    V1(HelloV1),
}

/// The first layout of a `Hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HelloV1 {
    /// The wire revisions that the sender speaks, newest first.
    pub(super) revisions: Vec<u16>,
    /// That it belongs to the network.
    pub(super) network: NetworkProof,
    /// The sender's process.
    pub(super) boot: BootId,
    /// The newest version of the receiver's entry that the sender holds.
    pub(super) holds_of_you: Option<Version>,
    /// For later versions; unknown ones are ignored.
    pub(super) extensions: Vec<(u16, Bytes)>,
}

/// How a side shows that it belongs to the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NetworkProof {
    /// An open network: its id.
    Open(NetworkId),
    /// A closed one: a keyed hash that only members can make, for this connection and side only.
    Secret([u8; 32]),
}

/// The side of a connection that proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Began the connection.
    Dialler,
    /// Accepted it.
    Acceptor,
}

/// What a proof is bound to.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// 32 bytes that only the two ends of this connection have.
    pub(super) exporter: [u8; 32],
    /// Who began the connection.
    pub(super) dialler: PeerId,
    /// Who accepted it.
    pub(super) acceptor: PeerId,
    /// The protocol.
    pub(super) alpn: Vec<u8>,
}

/// What a node must know to prove that it belongs, and to see whether others do.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    /// The network.
    pub(super) network: NetworkId,
    /// Its secrets; none for an open network.
    pub(super) secrets: Vec<NetworkSecret>,
}

impl Membership {
    /// The proof of the first secret, or of `with` when it is one that the other side is known to have.
    pub(super) fn prove(&self, role: Role, binding: &Binding, with: Option<usize>) -> NetworkProof {
        match self.secrets.get(with.unwrap_or(0)) {
            Some(secret) => NetworkProof::Secret(*self.mac(secret, role, binding).as_bytes()),
            None => NetworkProof::Open(self.network),
        }
    }

    /// Whether the other side, in `role`, belongs: which secret it proved, or why not.
    pub(super) fn verify(
        &self,
        role: Role,
        binding: &Binding,
        proof: &NetworkProof,
    ) -> Result<Option<usize>, Refused> {
        match proof {
            NetworkProof::Open(_) if !self.secrets.is_empty() => Err(Refused::NoSecret),
            NetworkProof::Open(network) if *network == self.network => Ok(None),
            NetworkProof::Open(_) => Err(Refused::OtherNetwork),
            NetworkProof::Secret(_) if self.secrets.is_empty() => Err(Refused::UnexpectedSecret),
            NetworkProof::Secret(proof) => {
                let fits = |secret| self.mac(secret, role, binding) == *proof;
                self.secrets.iter().position(fits).map(Some).ok_or(Refused::OtherSecret)
            }
        }
    }

    /// The hash is compared in constant time.
    fn mac(&self, secret: &NetworkSecret, role: Role, binding: &Binding) -> blake3::Hash {
        let role = match role {
            Role::Dialler => 0,
            Role::Acceptor => 1,
        };
        let mut hasher = blake3::Hasher::new_keyed(secret.key());
        hasher.update(b"mosaik 1 hello");
        hasher.update(&binding.exporter);
        hasher.update(&[role]);
        hasher.update(binding.dialler.as_bytes());
        hasher.update(binding.acceptor.as_bytes());
        hasher.update(&(binding.alpn.len() as u64).to_le_bytes());
        hasher.update(&binding.alpn);
        hasher.update(self.network.as_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use crate::primitives::{codec, ids::hex};

    use super::*;

    fn binding() -> Binding {
        Binding {
            exporter: [1; 32],
            dialler: PeerId::from_bytes([2; 32]),
            acceptor: PeerId::from_bytes([3; 32]),
            alpn: b"/mosaik/streams/1".to_vec(),
        }
    }

    fn members(name: &str, secrets: &[u8]) -> Membership {
        let secret = |n: &u8| NetworkSecret::new(&[*n; 32]).expect("32 bytes");
        Membership { network: NetworkId::derive(name), secrets: secrets.iter().map(secret).collect() }
    }

    fn hello(network: NetworkProof) -> String {
        let holds_of_you = Some(Version { incarnation: 2, counter: 300 });
        let boot = BootId(0x0102_0304);
        hex(&codec::encode(&Hello::V1(HelloV1 {
            revisions: REVISIONS.to_vec(),
            network,
            boot,
            holds_of_you,
            extensions: vec![(7, Bytes::from_static(b"x"))],
        }))
        .expect("encodes"))
    }

    #[test]
    fn golden_bytes() {
        let open = members("fleet", &[]).prove(Role::Dialler, &binding(), None);
        assert_eq!(
            hello(open),
            "00010100e6bc18fd1dc304e3edc219c853234f47286d06466390905287866f46554bc35a848688080102ac0201070178"
        );
        let closed = members("fleet", &[9]);
        let dialler = closed.prove(Role::Dialler, &binding(), None);
        assert_eq!(
            hello(dialler),
            "00010101df7d3e3640b6830073421c4a198976be6be9722a1795d56a0c948feed456f208848688080102ac0201070178"
        );
        let acceptor = closed.prove(Role::Acceptor, &binding(), None);
        assert_eq!(
            hello(acceptor),
            "000101015a39bda4f76572f9b4229388fb8939bc09440e02d053d443a19abfbc2098bfc8848688080102ac0201070178"
        );
    }

    #[test]
    fn ld5_a_proof_holds_for_its_secret_network_side_and_connection_only() {
        let us = members("fleet", &[9]);
        let proof = us.prove(Role::Dialler, &binding(), None);
        assert_eq!(us.verify(Role::Dialler, &binding(), &proof), Ok(Some(0)));
        assert_eq!(us.verify(Role::Acceptor, &binding(), &proof), Err(Refused::OtherSecret), "reflected");
        let elsewhere = Binding { exporter: [4; 32], ..binding() };
        assert_eq!(us.verify(Role::Dialler, &elsewhere, &proof), Err(Refused::OtherSecret), "replayed");
        let other_peer = Binding { dialler: PeerId::from_bytes([5; 32]), ..binding() };
        assert_eq!(us.verify(Role::Dialler, &other_peer, &proof), Err(Refused::OtherSecret));
        let other_alpn = Binding { alpn: b"/mosaik/gossip/1".to_vec(), ..binding() };
        assert_eq!(us.verify(Role::Dialler, &other_alpn, &proof), Err(Refused::OtherSecret));
        let renamed = members("fleet2", &[9]).verify(Role::Dialler, &binding(), &proof);
        assert_eq!(renamed, Err(Refused::OtherSecret));
    }

    #[test]
    fn ld15_the_refusing_side_knows_which() {
        let seen = |by: &Membership, of: &Membership| {
            by.verify(Role::Dialler, &binding(), &of.prove(Role::Dialler, &binding(), None))
        };
        let (open, closed) = (members("fleet", &[]), members("fleet", &[9]));
        assert_eq!(seen(&open, &open), Ok(None));
        assert_eq!(seen(&open, &members("other", &[])), Err(Refused::OtherNetwork));
        assert_eq!(seen(&closed, &open), Err(Refused::NoSecret));
        assert_eq!(seen(&open, &closed), Err(Refused::UnexpectedSecret));
        assert_eq!(seen(&closed, &members("fleet", &[8])), Err(Refused::OtherSecret));
    }

    #[test]
    fn during_a_rotation_two_secrets_are_accepted_and_the_answer_uses_the_common_one() {
        let (before, after) = (members("fleet", &[1, 2]), members("fleet", &[2]));
        let proof = after.prove(Role::Dialler, &binding(), None);
        let with = before.verify(Role::Dialler, &binding(), &proof).expect("the new one is accepted");
        let answer = before.prove(Role::Acceptor, &binding(), with);
        assert_eq!(after.verify(Role::Acceptor, &binding(), &answer), Ok(Some(0)));
    }
}
