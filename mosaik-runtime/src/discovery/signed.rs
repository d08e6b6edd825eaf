//! Statements that nodes sign, and their verification: the only way into the catalog.
//!
//! A [`Signed`] is relayed byte for byte. A [`Statement`] can only be had from [`Signed::verify`], so that what was not
//! verified cannot be stored. The network id is inside what is signed: a statement of one network is worthless in another.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::primitives::{
    NetworkId, PeerId, SecretKey, Signature, Version,
    canary::{self, Canary},
    codec::{self, DecodeError},
};

use super::entry::{Entry, EntryTooLarge, EntryV1, MAX_ENTRY, Peer, SharedPeer};

/// Separates the signatures of discovery from all others.
const DOMAIN: &str = "mosaik 1 discovery statement";

/// An incarnation above this is not believed: no node starts this often.
const MAX_INCARNATION: u64 = 1 << 40;
/// A counter above this is not believed: no node changes this often.
const MAX_COUNTER: u64 = 1 << 48;

/// The bytes of a statement and the signature of the node that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    bytes: Bytes,
    signature: Signature,
}

/// What is signed. Variants are only ever appended.
#[derive(Serialize, Deserialize)]
enum Body {
    EntryV1(EntryV1),
    DepartureV1 { network: NetworkId, peer: PeerId, version: Version },
    SuspicionV1 { network: NetworkId, suspect: PeerId, version: Version, reporter: PeerId },
}

/// A node says that it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The node.
    pub peer: PeerId,
    /// Above the version of its last entry.
    pub version: Version,
    /// The statement, to be relayed.
    pub signed: Signed,
}

/// A node says that another does not answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion {
    /// Who does not answer.
    pub suspect: PeerId,
    /// The version of its entry that the reporter holds.
    pub version: Version,
    /// Who says so.
    pub reporter: PeerId,
}

/// A statement whose signature, network and version were checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// What a node says of itself.
    Entry(SharedPeer),
    /// A node left.
    Departure(Departure),
    /// A node may have failed.
    Suspicion(Suspicion),
}

/// Why a statement is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// It is too large to be an entry.
    #[error("the statement has {0} bytes, the limit is {MAX_ENTRY}")]
    TooLarge(usize),
    /// It does not decode.
    #[error("the statement is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// It belongs to another network.
    #[error("the statement was made for another network")]
    OtherNetwork,
    /// The node it names did not sign it.
    #[error("the signature is not that of the node it names")]
    Forged,
    /// No node gets to such a version.
    #[error("the version is implausibly high")]
    ImplausibleVersion,
}

impl NotBelieved {
    /// Whether the one who brought it is at fault: nobody who checks what he relays hands this on. What does not decode may be
    /// of a later version.
    pub(crate) fn is_hostile(&self) -> bool {
        !matches!(self, Self::Malformed(_))
    }

    /// The word in the metrics.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Malformed(_) => "malformed",
            Self::OtherNetwork => "other_network",
            Self::Forged => "forged",
            Self::ImplausibleVersion => "implausible_version",
        }
    }
}

impl Signed {
    /// Signs an entry of this node.
    pub fn entry(key: &SecretKey, network: NetworkId, entry: &Entry) -> Result<Self, EntryTooLarge> {
        let body = EntryV1::new(network, key.peer_id(), entry).map(Body::EntryV1);
        let bytes =
            body.and_then(|body| codec::encode(&body)).map_err(|_| EntryTooLarge { size: usize::MAX })?;
        if bytes.len() > MAX_ENTRY {
            return Err(EntryTooLarge { size: bytes.len() });
        }
        Ok(Self::over(key, bytes))
    }

    /// Signs the departure of this node.
    pub fn departure(key: &SecretKey, network: NetworkId, version: Version) -> Self {
        Self::body(key, &Body::DepartureV1 { network, peer: key.peer_id(), version })
    }

    /// Signs a suspicion of this node's.
    pub fn suspicion(key: &SecretKey, network: NetworkId, suspect: PeerId, version: Version) -> Self {
        Self::body(key, &Body::SuspicionV1 { network, suspect, version, reporter: key.peer_id() })
    }

    fn body(key: &SecretKey, body: &Body) -> Self {
        // Fixed-size fields only: encoding them cannot fail, and an empty statement would be refused by everyone.
        Self::over(key, codec::encode(body).unwrap_or_default())
    }

    /// Signs whatever bytes a fuzzer found.
    #[cfg(feature = "sim")]
    pub(crate) fn fuzzed(key: &SecretKey, bytes: &[u8]) -> Self {
        Self::over(key, bytes.to_vec())
    }

    fn over(key: &SecretKey, bytes: Vec<u8>) -> Self {
        let signature = key.sign(DOMAIN, &bytes);
        Self { bytes: bytes.into(), signature }
    }

    /// The statement, if it belongs to `network` and the node it names signed it.
    pub fn verify(&self, network: &NetworkId) -> Result<Statement, NotBelieved> {
        let statement = self.read(network)?;
        let signed = self.signature.verifies(&statement.signer(), DOMAIN, &self.bytes);
        if !signed && !canary::made(Canary::EntryForAnother) {
            return Err(NotBelieved::Forged);
        }
        Ok(statement)
    }

    /// Everything of [`verify`](Self::verify) but the signature: for bytes that were verified before.
    pub(crate) fn read(&self, network: &NetworkId) -> Result<Statement, NotBelieved> {
        if self.bytes.len() > MAX_ENTRY {
            return Err(NotBelieved::TooLarge(self.bytes.len()));
        }
        let body: Body = codec::decode(&self.bytes)?;
        let (of, signer) = match &body {
            Body::EntryV1(entry) => (entry.network, entry.peer),
            Body::DepartureV1 { network, peer, .. } => (*network, *peer),
            Body::SuspicionV1 { network, reporter, .. } => (*network, *reporter),
        };
        if of != *network {
            return Err(NotBelieved::OtherNetwork);
        }
        let statement = self.statement(signer, body);
        let version = statement.version();
        if version.incarnation > MAX_INCARNATION || version.counter > MAX_COUNTER {
            return Err(NotBelieved::ImplausibleVersion);
        }
        Ok(statement)
    }

    /// Recognises these bytes under this signature.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 verified statement");
        hasher.update(self.signature.as_bytes()).update(&self.bytes);
        *hasher.finalize().as_bytes()
    }

    fn statement(&self, signer: PeerId, body: Body) -> Statement {
        match body {
            Body::EntryV1(entry) => {
                let (entry, signed) = (entry.into_entry(), self.clone());
                Statement::Entry(Arc::new(Peer::new(signer, entry, signed)))
            }
            Body::DepartureV1 { version, .. } => {
                Statement::Departure(Departure { peer: signer, version, signed: self.clone() })
            }
            Body::SuspicionV1 { suspect, version, .. } => {
                Statement::Suspicion(Suspicion { suspect, version, reporter: signer })
            }
        }
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Statement {
    /// The version of the node that the statement is about.
    pub fn version(&self) -> Version {
        match self {
            Self::Entry(peer) => peer.entry.version,
            Self::Departure(departure) => departure.version,
            Self::Suspicion(suspicion) => suspicion.version,
        }
    }

    /// The node that signed it.
    fn signer(&self) -> PeerId {
        match self {
            Self::Entry(peer) => peer.id,
            Self::Departure(departure) => departure.peer,
            Self::Suspicion(suspicion) => suspicion.reporter,
        }
    }

    /// The node that the statement is about.
    pub fn about(&self) -> PeerId {
        match self {
            Self::Entry(peer) => peer.id,
            Self::Departure(departure) => departure.peer,
            Self::Suspicion(suspicion) => suspicion.suspect,
        }
    }
}
