//! Snapshots as files: a manifest that names chunks, and the chunks under their hashes.
//!
//! ```text
//! snapshots/<group>/manifest          the snapshot: which entry, which membership, which chunks
//! snapshots/<group>/chunks/<hash>     a part of the state; equal parts of two snapshots are one file
//! ```
//!
//! A snapshot becomes the group's when its manifest is put in place, after its chunks are on disk; until then the one before it
//! stands. Chunks are checked against their names whenever they are read, so those of an interrupted transfer can be kept and used.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{
    core::mirror::Mirror,
    error::StoreError,
    files::Guarded,
    handle::Shared,
    record::{ChunkHash, Manifest},
    seal::{self, Place},
};
use crate::primitives::WireId;

/// The snapshot of one group.
#[derive(Clone)]
pub struct Snapshots {
    shared: Arc<Shared>,
    group: WireId,
    mirror: Arc<Mutex<Mirror>>,
}

impl Snapshots {
    pub(super) fn new(shared: Arc<Shared>, group: WireId) -> Self {
        let mirror = shared.mirror(group);
        Self { shared, group, mirror }
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Guarded, &WireId, &Mutex<Mirror>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (files, group, mirror) = (self.shared.files.clone(), self.group, self.mirror.clone());
        self.shared.on_files(move || job(&files, &group, &mirror)).await
    }

    /// The group's snapshot.
    pub async fn current(&self) -> Result<Option<Manifest>, StoreError> {
        self.run(|files, group, _| current(files, group)).await
    }

    /// Keeps a chunk for a snapshot that is being made or received. It is on disk once that snapshot is sealed.
    pub async fn put(&self, chunk: Bytes) -> Result<ChunkHash, StoreError> {
        self.keep(chunk, |mirror| &mut mirror.fresh).await
    }

    /// Keeps a chunk that came from another member. It is spared until another snapshot is [received](Self::receive) that does not have it.
    pub async fn put_pulled(&self, chunk: Bytes) -> Result<ChunkHash, StoreError> {
        self.keep(chunk, |mirror| &mut mirror.pulled).await
    }

    async fn keep(
        &self,
        chunk: Bytes,
        spared: fn(&mut Mirror) -> &mut BTreeSet<ChunkHash>,
    ) -> Result<ChunkHash, StoreError> {
        self.run(move |files, group, mirror| {
            let hash = ChunkHash::of(&chunk);
            if read(files, group, hash)?.is_none() {
                files.create(&chunk_name(group, hash), &chunk)?;
            }
            spared(&mut mirror.lock().unwrap_or_else(PoisonError::into_inner)).insert(hash);
            Ok(hash)
        })
        .await
    }

    /// A snapshot of these chunks is received from now on. Those of another one that was not received to its end go with the next
    /// snapshot that is sealed.
    pub fn receive(&self, chunks: &[ChunkHash]) {
        let expected: BTreeSet<&ChunkHash> = chunks.iter().collect();
        let mut mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        mirror.pulled.retain(|hash| expected.contains(hash));
    }

    /// A chunk, if it is here and is what its name says.
    pub async fn chunk(&self, hash: ChunkHash) -> Result<Option<Bytes>, StoreError> {
        self.run(move |files, group, _| Ok(read(files, group, hash)?.map(Bytes::from))).await
    }

    /// Makes this the group's snapshot. When it returns, it is on disk, and chunks that nothing names any more are gone.
    pub async fn seal(&self, manifest: Manifest) -> Result<(), StoreError> {
        self.run(move |files, group, mirror| {
            for hash in &manifest.chunks {
                if read(files, group, *hash)?.is_none() {
                    return Err(StoreError::Misuse(format!("chunk {hash} of the snapshot is missing")));
                }
                files.sync(&chunk_name(group, *hash))?;
            }
            let name = manifest_name(group);
            let sealed = seal::seal(place(group), &manifest);
            files.replace(&name, &sealed.map_err(|error| StoreError::Misuse(error.to_string()))?)?;
            let named: BTreeSet<String> = manifest.chunks.iter().map(ChunkHash::to_string).collect();
            let spared: BTreeSet<String> = {
                let mut mirror = mirror.lock().unwrap_or_else(PoisonError::into_inner);
                mirror.fresh.retain(|hash| !manifest.chunks.contains(hash));
                mirror.pulled.retain(|hash| !manifest.chunks.contains(hash));
                mirror.fresh.union(&mirror.pulled).map(ChunkHash::to_string).collect()
            };
            for chunk in files.list(&folder(group))? {
                if !named.contains(&chunk) && !spared.contains(&chunk) {
                    files.remove(&format!("{}/{chunk}", folder(group)))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Removes the snapshot.
    pub(super) async fn remove(&self) -> Result<(), StoreError> {
        self.run(|files, group, _| {
            files.remove(&manifest_name(group))?;
            files
                .list(&folder(group))?
                .iter()
                .try_for_each(|chunk| files.remove(&format!("{}/{chunk}", folder(group))))
        })
        .await
    }
}

fn current(files: &Guarded, group: &WireId) -> Result<Option<Manifest>, StoreError> {
    let Some(bytes) = files.read(&manifest_name(group))? else { return Ok(None) };
    seal::open(place(group), &bytes).map(Some).map_err(StoreError::damaged)
}

fn read(files: &Guarded, group: &WireId, hash: ChunkHash) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(files.read(&chunk_name(group, hash))?.filter(|bytes| ChunkHash::of(bytes) == hash))
}

fn place(group: &WireId) -> Place<'_> {
    Place { table: "snapshot", key: group.as_bytes() }
}

fn manifest_name(group: &WireId) -> String {
    format!("snapshots/{group}/manifest")
}

fn folder(group: &WireId) -> String {
    format!("snapshots/{group}/chunks")
}

fn chunk_name(group: &WireId, hash: ChunkHash) -> String {
    format!("{}/{hash}", folder(group))
}
