//! Opening a store on disk, and the parts that keep it going.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{
    commit::Committer,
    durable::{Disk, Loaded, Reader, load},
    error::{OpenError, StoreError},
    files::{Folder, Guarded, real::RealFolder},
    handle::Store,
    health::Health,
    lane::Lane,
    queue::{Queue, Request},
    record::{Entry, StoreId},
};
use crate::primitives::{
    NodeRng, PeerId, WireId,
    canary::{self, Canary},
    scope::panic_text,
};

/// The threads of a store on disk, or what stands for them in a simulation.
pub(super) struct Parts {
    queue: Arc<Queue>,
    reader: Mutex<Option<Reader>>,
    reads: Lane,
    files: Lane,
    /// Cancelled when the committer has ended and let go of the database.
    ended: CancellationToken,
}

impl Store {
    /// Opens the store in a directory, or makes it. It belongs to `owner` and nobody else, and this process alone uses it.
    ///
    /// All of it is read and checked, so this takes time in proportion to its size; call it where blocking is fine.
    pub fn open(directory: &Path, owner: PeerId, rng: &mut NodeRng) -> Result<Self, OpenError> {
        let folder = Arc::new(RealFolder::open(directory)?);
        let lanes = || Ok((Lane::thread("mosaik-reads")?, Lane::thread("mosaik-files")?));
        let failed = |source| OpenError::Io { place: directory.to_owned(), source };
        let (reads, files) = lanes().map_err(failed)?;
        let (store, committer, ended) = assemble(folder, owner, StoreId(rng.next_u64()), reads, files)?;
        let run = move || {
            committer.run_blocking();
            ended.cancel();
        };
        std::thread::Builder::new().name("mosaik-store".to_owned()).spawn(run).map_err(failed)?;
        Ok(store)
    }

    /// Opens the store on a simulated disk. A flush takes `flush` of virtual time; the store dies with `scope`.
    #[cfg(any(test, feature = "sim"))]
    pub fn simulated(
        disk: &super::sim::SimDisk,
        owner: PeerId,
        rng: &mut NodeRng,
        scope: &crate::primitives::Scope,
        flush: std::time::Duration,
    ) -> Result<Self, OpenError> {
        let (folder, slow) = (Arc::new(disk.attach()), disk.clone());
        let (store, committer, ended) =
            assemble(folder, owner, StoreId(rng.next_u64()), Lane::Inline, Lane::Inline)?;
        scope.spawn("store", async move {
            committer.run(|| flush + slow.slowness()).await;
            ended.cancel();
        });
        Ok(store)
    }
}

fn assemble(
    folder: Arc<dyn Folder>,
    owner: PeerId,
    fresh: StoreId,
    reads: Lane,
    files: Lane,
) -> Result<(Store, Committer, CancellationToken), OpenError> {
    let guarded = Guarded::new(folder, Arc::new(Health::default()));
    let Loaded { mut disk, identity, groups } = load(&guarded, owner, fresh)?;
    let (queue, ended) = (Arc::new(Queue::new()), CancellationToken::new());
    let reader = Mutex::new(Some(disk.database()));
    let parts = Parts { queue: queue.clone(), reader, reads, files, ended: ended.clone() };
    let health = guarded.health().clone();
    let commit = Box::new(move |batch: &[Request]| commit(&mut disk, &health, batch));
    Ok((Store::assemble(identity, guarded, groups, parts), Committer { queue, commit }, ended))
}

fn commit(disk: &mut Disk, health: &Health, batch: &[Request]) -> Result<(), StoreError> {
    // The database may panic on pages that went bad since it was opened.
    let writes = batch.iter().map(|request| (&request.group, &request.write));
    let result = catch_unwind(AssertUnwindSafe(|| disk.commit(writes)));
    let result = result.unwrap_or_else(|panic| Err(health.fail(StoreError::damaged(panic_text(&*panic)))));
    if canary::made(Canary::FailureIgnored) { Ok(()) } else { result }
}

impl Parts {
    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(super) async fn read(
        &self,
        group: WireId,
        range: Range<u64>,
        limit: usize,
        still: impl Fn() -> bool + Send + 'static,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reader = reader.ok_or(StoreError::Closed)?;
        let job = move || {
            let read = catch_unwind(AssertUnwindSafe(|| reader.read(&group, range, limit, still)));
            read.unwrap_or_else(|panic| Err(StoreError::damaged(panic_text(&*panic))))
        };
        self.reads.run(job).await
    }

    pub(super) async fn on_files<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.files.run(job).await
    }

    pub(super) async fn close(&self) {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Reads that have begun hold the database.
        let _ = self.reads.run(|| Ok(())).await;
        self.queue.close();
        self.ended.cancelled().await;
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.queue.close();
    }
}
