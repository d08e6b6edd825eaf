//! Who takes batches from the queue and commits them: a thread in production, a task in a simulation.

use std::sync::Arc;

use super::{
    error::StoreError,
    queue::{Queue, Request},
};

/// What commits: the disk, behind a trait so that the queue needs none.
pub(super) trait Commit: Send {
    /// When this returns well, the batch is on disk.
    fn commit(&mut self, batch: &[Request]) -> Result<(), StoreError>;

    /// There is nothing more to commit.
    fn close(&mut self);
}

/// Commits batches until the queue is closed and empty.
pub(super) struct Committer {
    pub(super) queue: Arc<Queue>,
    pub(super) disk: Box<dyn Commit>,
}

impl Committer {
    /// Runs on a thread of its own.
    pub(super) fn run_blocking(mut self) {
        while let Some(batch) = self.queue.next_blocking() {
            self.commit(batch);
        }
        self.disk.close();
    }

    /// Runs in a task; each commit takes as much (virtual) time as `flush` says.
    #[cfg(any(test, feature = "sim"))]
    pub(super) async fn run(mut self, flush: impl Fn() -> std::time::Duration) {
        while let Some(batch) = self.queue.next().await {
            tokio::time::sleep(flush()).await;
            self.commit(batch);
        }
        self.disk.close();
    }

    fn commit(&mut self, batch: Vec<Request>) {
        let result = self.disk.commit(&batch);
        if result.is_ok() {
            metrics::counter!("mosaik_store_commits_total").increment(1);
            metrics::counter!("mosaik_store_writes_total").increment(batch.len() as u64);
        }
        for request in batch {
            if let Some(done) = request.done {
                done(result.clone());
            }
        }
    }
}
