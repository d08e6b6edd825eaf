//! Opening a store on disk, and the parts that keep it going.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{
    commit::{Commit, Committer},
    core::mirror::Mirror,
    durable::{Disk, Folds, Loaded, Reader, Wanted, journal, load},
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
        let (store, committer, ended) =
            assemble(folder, wanted(owner, rng, journal::SIZE, Folds::Beside), reads, files)?;
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
            assemble(folder, wanted(owner, rng, SIMULATED, Folds::Inline), Lane::Inline, Lane::Inline)?;
        scope.spawn("store", async move {
            committer.run(|| flush + slow.slowness()).await;
            ended.cancel();
        });
        Ok(store)
    }
}

/// How long the journal is on a simulated disk, so that there are many turns of it.
#[cfg(any(test, feature = "sim"))]
const SIMULATED: usize = 64 << 10;

fn wanted(owner: PeerId, rng: &mut NodeRng, journal: usize, folds: Folds) -> Wanted {
    Wanted { owner, fresh: StoreId(rng.next_u64()), nonce: rng.next_u64(), journal, folds }
}

fn assemble(
    folder: Arc<dyn Folder>,
    wanted: Wanted,
    reads: Lane,
    files: Lane,
) -> Result<(Store, Committer, CancellationToken), OpenError> {
    let guarded = Guarded::new(folder, Arc::new(Health::default()));
    let Loaded { disk, identity, groups } = load(&guarded, &wanted)?;
    let (queue, ended) = (Arc::new(Queue::new()), CancellationToken::new());
    let reader = Mutex::new(Some(disk.database()));
    let parts = Parts { queue: queue.clone(), reader, reads, files, ended: ended.clone() };
    let health = guarded.health().clone();
    let disk = Box::new(Writer { disk, health, unfolded: VecDeque::new() });
    Ok((Store::assemble(identity, guarded, groups, parts), Committer { queue, disk }, ended))
}

/// Commits to a disk, and tells the groups what can be read from it.
struct Writer {
    disk: Disk,
    health: Arc<Health>,
    /// The last writes of the groups in each turn of the journal that is not in the database yet.
    unfolded: VecDeque<(u64, BTreeMap<WireId, Last>)>,
}

/// A write: in which log, which one, and where that ended after it.
struct Last {
    mirror: Arc<Mutex<Mirror>>,
    number: u64,
    end: u64,
}

impl Commit for Writer {
    fn commit(&mut self, batch: &[Request]) -> Result<(), StoreError> {
        // The database may panic on pages that went bad since it was opened.
        let writes = batch.iter().map(|request| (&request.group, &request.write));
        let result = catch_unwind(AssertUnwindSafe(|| self.disk.commit(writes)));
        let result =
            result.unwrap_or_else(|panic| Err(self.health.fail(StoreError::damaged(panic_text(&*panic)))));
        let result = result.map(|turn| self.written(turn, batch));
        if canary::made(Canary::FailureIgnored) { Ok(()) } else { result }
    }

    fn close(&mut self) {
        let closed = catch_unwind(AssertUnwindSafe(|| self.disk.close()));
        // What failed is noted, and what is acknowledged is in the journal.
        drop(closed);
    }
}

impl Writer {
    fn written(&mut self, turn: u64, batch: &[Request]) {
        if self.unfolded.back().is_none_or(|(last, _)| *last != turn) {
            self.unfolded.push_back((turn, BTreeMap::new()));
        }
        if let Some((_, groups)) = self.unfolded.back_mut() {
            for request in batch {
                let (mirror, number, end) = (request.mirror.clone(), request.number, request.end);
                groups.insert(request.group, Last { mirror, number, end });
            }
        }
        while let Some((_, groups)) = self.unfolded.pop_front_if(|(turn, _)| *turn < self.disk.folded()) {
            for last in groups.into_values() {
                let mut mirror = last.mirror.lock().unwrap_or_else(PoisonError::into_inner);
                mirror.folded(last.number, last.end);
            }
        }
    }
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
