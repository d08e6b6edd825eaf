//! Tests of the store, and what they share.

#[cfg(feature = "durable")]
mod crashes;
#[cfg(feature = "durable")]
mod disk;
mod golden;
#[cfg(feature = "durable")]
mod journal;
mod model;
mod snapshots;

use std::path::{Path, PathBuf};

use super::record::*;
use crate::{
    groups::MemberId,
    primitives::{NodeRng, PeerId, WireId},
};

/// A directory that is removed with this.
pub(in crate::groups) struct Folder(PathBuf);

impl Folder {
    pub(in crate::groups) fn new(name: &str) -> Self {
        let unique = format!("mosaik-{name}-{}-{:x}", std::process::id(), NodeRng::from_system().next_u64());
        Self(std::env::temp_dir().join(unique))
    }

    pub(in crate::groups) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const OWNER: PeerId = PeerId::from_bytes([1; 32]);

fn group(number: u8) -> WireId {
    WireId::from_bytes([number; 32])
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term, index }
}

fn vote(term: u64, member: u64) -> Vote {
    Vote { term, member: MemberId::from(member), committed: false }
}

fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let payload = Payload::Command(vec![index as u8; bytes].into());
    Entry { id: id(term, index), payload }
}
