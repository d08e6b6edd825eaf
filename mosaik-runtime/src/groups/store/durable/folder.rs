//! Who folds: a thread beside the one that writes the journal; in a simulation the writer itself, a little later.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
};

use redb::Database;

use super::fold::{Opening, Turn, fold};
use crate::{
    groups::store::{error::StoreError, health::Health},
    primitives::scope::panic_text,
};

/// Where a fold runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups::store) enum Folds {
    /// On a thread of its own.
    Beside,
    /// With a later commit, the same one in each run.
    #[cfg(any(test, feature = "sim"))]
    Inline,
}

/// Folds one turn at a time.
pub(super) struct Folder {
    db: Arc<Database>,
    health: Arc<Health>,
    folds: Folds,
    under_way: Option<UnderWay>,
    done: u64,
}

enum UnderWay {
    Thread(JoinHandle<Result<(), StoreError>>),
    #[cfg(any(test, feature = "sim"))]
    Later(Turn),
}

impl Folder {
    pub(super) fn new(db: Arc<Database>, health: Arc<Health>, folds: Folds) -> Self {
        Self { db, health, folds, under_way: None, done: 0 }
    }

    /// How many turns are in the database.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Begins to fold a turn, once the one before it is in the database.
    pub(super) fn begin(&mut self, turn: Turn) -> Result<(), StoreError> {
        self.finish()?;
        match self.folds {
            Folds::Beside => {
                let (db, health, turn) = (self.db.clone(), self.health.clone(), Arc::new(turn));
                let job = {
                    let turn = turn.clone();
                    move || run(&db, &health, &turn, None)
                };
                match std::thread::Builder::new().name("mosaik-fold".to_owned()).spawn(job) {
                    Ok(thread) => self.under_way = Some(UnderWay::Thread(thread)),
                    // No thread to be had: the writes wait meanwhile.
                    Err(_) => self.now(&turn, None)?,
                }
            }
            #[cfg(any(test, feature = "sim"))]
            Folds::Inline => self.under_way = Some(UnderWay::Later(turn)),
        }
        Ok(())
    }

    /// Folds a turn at once.
    pub(super) fn now(&mut self, turn: &Turn, opening: Option<&Opening>) -> Result<(), StoreError> {
        self.finish()?;
        run(&self.db, &self.health, turn, opening)?;
        self.done += 1;
        Ok(())
    }

    /// Looks whether the fold that was begun has ended.
    pub(super) fn look(&mut self) -> Result<(), StoreError> {
        match &self.under_way {
            Some(UnderWay::Thread(thread)) if thread.is_finished() => self.finish(),
            _ => Ok(()),
        }
    }

    /// Whether a fold waits for somebody who does it.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn waits(&self) -> bool {
        matches!(self.under_way, Some(UnderWay::Later(_)))
    }

    /// Returns when what was begun is in the database.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        match self.under_way.take() {
            None => return Ok(()),
            Some(UnderWay::Thread(thread)) => {
                let ended = thread.join();
                ended.unwrap_or_else(|panic| Err(StoreError::damaged(panic_text(&*panic))))?;
            }
            #[cfg(any(test, feature = "sim"))]
            Some(UnderWay::Later(turn)) => run(&self.db, &self.health, &turn, None)?,
        }
        self.done += 1;
        metrics::counter!("mosaik_store_folds_total").increment(1);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The thread has the database, which may be opened again after this. What waits is in the journal.
        if let Some(UnderWay::Thread(thread)) = self.under_way.take() {
            let _ = thread.join();
        }
    }
}

/// Folds, and whatever goes wrong is the end of the store.
fn run(db: &Database, health: &Health, turn: &Turn, opening: Option<&Opening>) -> Result<(), StoreError> {
    health.check()?;
    // The database may panic on pages that went bad since it was opened.
    let folded = catch_unwind(AssertUnwindSafe(|| fold(db, turn, opening)));
    let folded = folded.unwrap_or_else(|panic| Err(StoreError::damaged(panic_text(&*panic))));
    folded.map_err(|error| health.fail(error))
}
