//! What a node says of itself, and the limit on how much it may say.
//!
//! An [`Entry`] is what others decide on: where the node is, its tags, its roles. It is not a place for large
//! things: those travel by reference. The limit is checked where an entry is built, so that the caller who adds the
//! one tag too many hears of it, and not a peer that drops the entry.

use std::{collections::BTreeSet, fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    primitives::{BootId, Fingerprint, NetworkId, PeerId, PeerRole, Tag, Version, WireId, codec},
    tickets::{Reference, unpack},
    transport::Address,
};

use super::signed::Signed;

pub use crate::primitives::RoleEntry;

/// The largest entry, in encoded bytes.
pub const MAX_ENTRY: usize = 16 * 1024;

/// The extension of an entry that names its node's tickets.
pub const TICKETS: u16 = 1;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Orders the entries of one node.
    pub version: Version,
    /// The process that signed it.
    pub boot: BootId,
    /// Where the node can be dialled.
    pub addresses: Vec<Address>,
    /// Labels that the node claims. Shared with what policies see of it, as its roles are.
    pub tags: Arc<BTreeSet<Tag>>,
    /// What it does on the network.
    pub roles: Arc<BTreeSet<RoleEntry>>,
    /// The protocols it speaks, with their majors.
    pub protocols: Vec<(String, u16)>,
    /// What later versions of mosaik say; kept and relayed unread.
    pub extensions: Vec<(u16, Bytes)>,
}

impl Entry {
    /// What the entry says under this code.
    pub fn extension(&self, code: u16) -> Option<&Bytes> {
        self.extensions.iter().find(|(its, _)| *its == code).map(|(_, bytes)| bytes)
    }
}

/// The entry would be larger than others accept. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the node's entry would have {size} bytes and the limit is {MAX_ENTRY}: give the node fewer or shorter tags, or split its roles over several nodes"
)]
pub struct EntryTooLarge {
    /// The size it would have, in encoded bytes.
    pub size: usize,
}

/// An entry as it is signed. Roles and addresses that a reader does not know are skipped by it, and relayed.
#[derive(Serialize, Deserialize)]
pub(crate) struct EntryV1 {
    pub(crate) network: NetworkId,
    pub(crate) peer: PeerId,
    version: Version,
    boot: BootId,
    addresses: Vec<Bytes>,
    tags: Vec<Tag>,
    roles: Vec<(u16, WireId, Fingerprint)>,
    protocols: Vec<(String, u16)>,
    extensions: Vec<(u16, Bytes)>,
}

impl EntryV1 {
    pub(crate) fn new(network: NetworkId, peer: PeerId, entry: &Entry) -> Result<Self, codec::EncodeError> {
        let addresses = entry.addresses.iter().map(|address| codec::encode(address).map(Bytes::from));
        Ok(Self {
            network,
            peer,
            version: entry.version,
            boot: entry.boot,
            addresses: addresses.collect::<Result<_, _>>()?,
            tags: entry.tags.iter().cloned().collect(),
            roles: entry.roles.iter().map(|role| (code_of(role.role), role.item, role.schema)).collect(),
            protocols: entry.protocols.clone(),
            extensions: entry.extensions.clone(),
        })
    }

    pub(crate) fn into_entry(self) -> Entry {
        let roles = self.roles.into_iter();
        Entry {
            version: self.version,
            boot: self.boot,
            addresses: self.addresses.iter().filter_map(|bytes| codec::decode(bytes).ok()).collect(),
            tags: Arc::new(self.tags.into_iter().collect()),
            roles: Arc::new(
                roles
                    .filter_map(|(code, item, schema)| Some(RoleEntry { role: role_of(code)?, item, schema }))
                    .collect(),
            ),
            protocols: self.protocols,
            extensions: self.extensions,
        }
    }
}

/// The wire's code of a role. Codes are never reused.
const fn code_of(role: PeerRole) -> u16 {
    match role {
        PeerRole::Produces => 0,
        PeerRole::Consumes => 1,
        PeerRole::Member => 2,
        PeerRole::Reads => 3,
    }
}

const fn role_of(code: u16) -> Option<PeerRole> {
    match code {
        0 => Some(PeerRole::Produces),
        1 => Some(PeerRole::Consumes),
        2 => Some(PeerRole::Member),
        3 => Some(PeerRole::Reads),
        _ => None,
    }
}

/// A node of the catalog: its entry, and the signed bytes as they are relayed.
#[derive(Clone, PartialEq)]
pub struct Peer {
    /// The node.
    pub id: PeerId,
    /// What it says of itself.
    pub entry: Entry,
    /// The entry as its node signed it.
    pub signed: Signed,
    /// The tickets that the entry names.
    tickets: Arc<[Reference]>,
}

impl Peer {
    /// A node that says this of itself.
    pub(crate) fn new(id: PeerId, entry: Entry, signed: Signed) -> Self {
        let tickets = entry.extension(TICKETS).map(|bytes| unpack(bytes)).unwrap_or_default();
        Self { id, entry, signed, tickets: tickets.into() }
    }

    /// The tickets that its entry names: read once, for every look at them.
    pub(crate) fn tickets(&self) -> &Arc<[Reference]> {
        &self.tickets
    }

    /// Whether the node says that it has `role` on `item`.
    pub fn has_role(&self, role: PeerRole, item: &WireId) -> bool {
        self.entry.roles.iter().any(|entry| entry.role == role && entry.item == *item)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("id", &self.id).field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// A node of the catalog, shared.
pub type SharedPeer = Arc<Peer>;
