//! What two catalogs compare before they exchange anything: one root hash, then 256 bucket hashes, then the versions
//! in the buckets that differ.
//!
//! Entries and departures count. Deaths do not: they are each node's own judgement, and two nodes that judge differently for a
//! while do not differ in what was said.

use serde::{Deserialize, Serialize};

use crate::primitives::{PeerId, Version};

use super::super::catalog::Catalog;

/// How many buckets there are.
pub(crate) const BUCKETS: usize = 256;

/// The hashes of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) root: [u8; 32],
    pub(crate) buckets: Vec<u128>,
}

/// What a node knows of one node, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) peer: PeerId,
    pub(crate) version: Version,
    /// Tells two entries of one version apart.
    pub(crate) mark: u64,
    pub(crate) standing: Standing,
}

/// How a node stands with the one that tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    Live,
    Departed,
    Dead,
}

/// The bucket of a node.
pub(crate) fn bucket_of(peer: &PeerId) -> u8 {
    peer.as_bytes()[0]
}

impl Digest {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let mut buckets = vec![0u128; BUCKETS];
        for peer in catalog.live.values() {
            buckets[usize::from(bucket_of(&peer.id))] ^= hash(peer.signed.bytes());
        }
        for (id, grave) in &catalog.graves {
            if let Some(departure) = &grave.departure {
                buckets[usize::from(bucket_of(id))] ^= hash(departure.bytes());
            }
        }
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 catalog root");
        for bucket in &buckets {
            hasher.update(&bucket.to_le_bytes());
        }
        Self { root: *hasher.finalize().as_bytes(), buckets }
    }

    /// The buckets in which two digests differ.
    pub(crate) fn differing(&self, theirs: &[u128]) -> Vec<u8> {
        let pairs = self.buckets.iter().zip(theirs);
        (0..=u8::MAX)
            .zip(pairs)
            .filter(|(_, (ours, theirs))| ours != theirs)
            .map(|(bucket, _)| bucket)
            .collect()
    }
}

/// All that is known of the nodes of one bucket.
pub(crate) fn summaries(catalog: &Catalog, bucket: u8) -> Vec<Summary> {
    let (first, last) = ([bucket; 1], bucket);
    let low = PeerId::from_bytes(std::array::from_fn(|at| first.get(at).copied().unwrap_or(0)));
    let high = PeerId::from_bytes(std::array::from_fn(|at| if at == 0 { last } else { u8::MAX }));
    let live = catalog.live.range(low..=high).map(|(id, peer)| Summary {
        peer: *id,
        version: peer.entry.version,
        mark: mark(peer.signed.bytes()),
        standing: Standing::Live,
    });
    let graves = catalog.graves.range(low..=high).map(|(id, grave)| Summary {
        peer: *id,
        version: grave.version,
        mark: grave.departure.as_ref().map_or(0, |departure| mark(departure.bytes())),
        standing: if grave.departure.is_some() { Standing::Departed } else { Standing::Dead },
    });
    live.chain(graves).collect()
}

fn hash(bytes: &[u8]) -> u128 {
    let hash = blake3::Hasher::new_derive_key("mosaik 1 catalog item").update(bytes).finalize();
    hash.as_bytes().iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}

fn mark(bytes: &[u8]) -> u64 {
    (hash(bytes) >> 64) as u64
}
