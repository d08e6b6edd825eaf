//! Pulling a snapshot: the leader names its chunks, and a follower gets those that it lacks from several members at once.
//!
//! A chunk is taken only when it is what its hash says; who gives another one is not asked again. What has arrived stays in the store, so
//! that a transfer that breaks off goes on where it was. Chunks are asked for in parts of 32 KiB, two at a time from each member: they never
//! fill a connection.

mod driver;
mod plan;
mod serve;

pub(in crate::groups) use plan::Plan;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::timeout;

#[cfg(feature = "sim")]
pub(super) use serve::part;
pub use serve::serve;

use super::{
    bond::Bonds,
    store::{
        Snapshots,
        record::{Manifest, Vote},
    },
    wire::{Response, Why},
};
use crate::primitives::{PeerId, Scope, watch};

pub use super::machine::MAX_CHUNK;
/// How much is asked for at a time on one channel.
const PART: u32 = 32 * 1024;
/// Channels to each member that is pulled from.
const LANES: usize = 2;
/// How long an answer to a leader waits for the end of a pull.
const TURN: Duration = Duration::from_secs(1);

/// Installs a snapshot once its chunks are in the store.
pub trait Install: Send + Sync + 'static {
    /// Does it.
    fn install(&self, manifest: Manifest) -> BoxFuture<'_, Result<Vote, Why>>;
}

/// How far a pull is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of chunks that are here.
    pub here: u64,
    /// Bytes in all.
    pub of: u64,
    /// The last entry that is in the snapshot.
    pub upto: u64,
    /// How it ended.
    pub ended: Option<Result<Vote, Why>>,
}

/// The pulls of one group on this node: at most one at a time.
#[derive(Default)]
pub struct Pulls(Mutex<Option<Pull>>);

struct Pull {
    what: (Vote, Manifest),
    progress: watch::Receiver<Progress>,
    scope: Scope,
}

impl Pulls {
    /// Pulls and installs a snapshot, or says how far that is. The same leader's same snapshot is pulled once, however often it asks;
    /// another one takes its place.
    pub async fn pull(
        &self,
        bonds: &Bonds,
        snapshots: &Snapshots,
        from: PeerId,
        what: (Vote, Manifest),
        install: Arc<dyn Install>,
    ) -> Result<Response, Why> {
        let mut progress = self.join_or_begin(bonds, snapshots, from, what, install);
        let ended = timeout(TURN, progress.wait_for(|progress| progress.ended.is_some())).await;
        let gone = matches!(ended, Ok(Err(_)));
        drop(ended);
        let Progress { here, of, ended, .. } = progress.borrow().clone();
        match ended {
            Some(Ok(vote)) => Ok(Response::Installed { vote }),
            Some(Err(why)) => Err(why),
            None if gone => Err(Why::Stopping),
            None => Ok(Response::Pulling { here, of }),
        }
    }

    /// How far the present or last pull is. One that was given up has none.
    pub fn progress(&self) -> Option<Progress> {
        let pull = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let progress =
            pull.as_ref().map(|pull| (pull.progress.borrow().clone(), pull.progress.has_changed().is_ok()));
        progress
            .filter(|(progress, goes_on)| *goes_on || progress.ended.is_some())
            .map(|(progress, _)| progress)
    }

    fn join_or_begin(
        &self,
        bonds: &Bonds,
        snapshots: &Snapshots,
        from: PeerId,
        what: (Vote, Manifest),
        install: Arc<dyn Install>,
    ) -> watch::Receiver<Progress> {
        let mut pull = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pull) = pull.as_ref().filter(|pull| pull.what == what) {
            let failed = matches!(pull.progress.borrow().ended, Some(Err(_)));
            if !failed && pull.progress.has_changed().is_ok() {
                return pull.progress.clone();
            }
        }
        if let Some(before) = pull.take() {
            before.scope.kill();
        }
        let upto = what.1.last.map_or(0, |last| last.index);
        let (said, progress) = watch::channel(Progress { of: what.1.bytes, upto, ..Progress::default() });
        let scope = bonds.scope().child();
        let task = driver::run(bonds.clone(), snapshots.clone(), from, what.1.clone(), install, said);
        scope.spawn("groups pull", task);
        *pull = Some(Pull { what, progress: progress.clone(), scope });
        progress
    }
}
