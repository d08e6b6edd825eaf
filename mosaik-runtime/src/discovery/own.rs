//! What this node says of itself, as its handles change it: tags, roles, addresses.
//!
//! The size of the entry is checked here, under the lock, before a change is made; whoever asks for too much gets the error. The
//! driver is woken and signs what it finds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    primitives::{BootId, NetworkId, PeerId, Tag, Version, codec},
    transport::Address,
};

use super::entry::{Entry, EntryTooLarge, EntryV1, MAX_ENTRY, RoleEntry};

/// Room for the longest version and for addresses that come later.
const SPARE: usize = 256;

#[derive(Debug)]
pub(crate) struct OwnEntry {
    me: PeerId,
    network: NetworkId,
    boot: BootId,
    draft: Mutex<Draft>,
    pub(crate) changed: Notify,
}

#[derive(Debug, Clone, Default)]
struct Draft {
    addresses: Vec<Address>,
    tags: BTreeSet<Tag>,
    roles: BTreeMap<RoleEntry, usize>,
    protocols: Vec<(String, u16)>,
    extensions: BTreeMap<u16, Bytes>,
}

impl OwnEntry {
    pub(crate) fn new(
        (me, network, boot): (PeerId, NetworkId, BootId),
        tags: BTreeSet<Tag>,
        protocols: Vec<(String, u16)>,
    ) -> Result<Self, EntryTooLarge> {
        let own = Self { me, network, boot, draft: Mutex::default(), changed: Notify::new() };
        own.change(|draft| (draft.tags, draft.protocols) = (tags, protocols))?;
        Ok(own)
    }

    /// The entry as it should be signed next; its version is not set.
    pub(crate) fn entry(&self) -> Entry {
        self.lock().entry(self.boot)
    }

    /// Where the node is. What does not fit is left out: the transport decides its addresses, not a caller.
    pub(crate) fn set_addresses(&self, mut addresses: Vec<Address>) {
        while self.change(|draft| draft.addresses.clone_from(&addresses)).is_err()
            && addresses.pop().is_some()
        {}
    }

    pub(crate) fn insert_tag(&self, tag: Tag) -> Result<bool, EntryTooLarge> {
        self.change(|draft| draft.tags.insert(tag))
    }

    pub(crate) fn remove_tag(&self, tag: &Tag) -> bool {
        self.shrink(|draft| draft.tags.remove(tag))
    }

    pub(crate) fn tags(&self) -> BTreeSet<Tag> {
        self.lock().tags.clone()
    }

    /// Says something under this code; nothing when it is empty.
    pub(crate) fn set_extension(&self, code: u16, bytes: Bytes) -> Result<(), EntryTooLarge> {
        self.change(|draft| {
            if bytes.is_empty() {
                draft.extensions.remove(&code)
            } else {
                draft.extensions.insert(code, bytes)
            };
        })
    }

    /// Adds a role; each addition needs a removal.
    pub(crate) fn add_role(&self, role: RoleEntry) -> Result<(), EntryTooLarge> {
        self.change(|draft| *draft.roles.entry(role).or_default() += 1)
    }

    pub(crate) fn remove_role(&self, role: &RoleEntry) {
        self.shrink(|draft| match draft.roles.get_mut(role) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                draft.roles.remove(role);
            }
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut Draft) -> R) -> Result<R, EntryTooLarge> {
        let mut draft = self.lock();
        let mut changed = draft.clone();
        let result = change(&mut changed);
        let size = self.size(&changed);
        if size > MAX_ENTRY {
            return Err(EntryTooLarge { size });
        }
        *draft = changed;
        drop(draft);
        self.changed.notify_one();
        Ok(result)
    }

    fn shrink<R>(&self, change: impl FnOnce(&mut Draft) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_one();
        result
    }

    fn size(&self, draft: &Draft) -> usize {
        let mut entry = draft.entry(self.boot);
        entry.version = Version { incarnation: u64::MAX, counter: u64::MAX };
        let encoded = EntryV1::new(self.network, self.me, &entry).and_then(|entry| codec::encode(&entry));
        encoded.map_or(usize::MAX, |bytes| bytes.len().saturating_add(SPARE))
    }

    fn lock(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft {
    fn entry(&self, boot: BootId) -> Entry {
        Entry {
            version: Version::default(),
            boot,
            addresses: self.addresses.clone(),
            tags: Arc::new(self.tags.clone()),
            roles: Arc::new(self.roles.keys().copied().collect()),
            protocols: self.protocols.clone(),
            extensions: self.extensions.iter().map(|(code, bytes)| (*code, bytes.clone())).collect(),
        }
    }
}

/// A role that this node has while this lives.
#[derive(Debug)]
pub struct Advert {
    own: Arc<OwnEntry>,
    role: RoleEntry,
}

impl Advert {
    pub(crate) fn new(own: Arc<OwnEntry>, role: RoleEntry) -> Result<Self, EntryTooLarge> {
        own.add_role(role)?;
        Ok(Self { own, role })
    }

    /// What is advertised.
    pub fn role(&self) -> &RoleEntry {
        &self.role
    }
}

impl Drop for Advert {
    fn drop(&mut self) {
        self.own.remove_role(&self.role);
    }
}

/// The tags of this node; they can change while it runs.
#[derive(Debug, Clone)]
pub struct Tags {
    pub(crate) own: Arc<OwnEntry>,
}

impl Tags {
    /// Adds a tag. Returns whether it is new.
    ///
    /// # Errors
    ///
    /// When the entry would be larger than 16 KiB; the tags are then as before.
    pub fn insert(&self, tag: Tag) -> Result<bool, EntryTooLarge> {
        self.own.insert_tag(tag)
    }

    /// Takes a tag away. Returns whether it was there.
    pub fn remove(&self, tag: &Tag) -> bool {
        self.own.remove_tag(tag)
    }

    /// All tags.
    pub fn list(&self) -> BTreeSet<Tag> {
        self.own.tags()
    }
}
