//! The handle of a reader: ask, wait, watch.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::timeout_at;

use super::{reader::Reader, status::LearnerView, when::LearnerWhen};
use crate::{
    groups::{
        changes::Changes,
        error::ReadError,
        handle::{DEADLINE, LONGEST, Local, Weak, failure},
        machine::{Observer, Observing, Replica, StateMachine},
        version::Version,
    },
    primitives::{Stopped, watch},
};

/// A copy of a group's state on a node that is no member of the group. Cheap to clone; all readers of a group on one node share one
/// copy.
///
/// It follows what the group commits, and never goes back. It does not vote and cannot write. The group does not wait for it.
pub struct Learner<M> {
    opened: Arc<Opened<M>>,
    deadline: Duration,
}

struct Opened<M> {
    reader: Reader,
    local: Local<M>,
}

impl<M> Learner<M> {
    pub(in crate::groups) fn new(reader: Reader, replica: Replica<M>) -> Self {
        let failed = failure(reader.view(), |view| view.failed.clone());
        let local = Local::new(replica, Arc::new(failed));
        Self { opened: Arc::new(Opened { reader, local }), deadline: DEADLINE }
    }

    /// The same reader, whose strong queries may take this long; 10 s by default.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { opened: self.opened.clone(), deadline: deadline.min(LONGEST) }
    }

    /// The copy on this node: no network, and perhaps not the newest.
    pub fn weak(&self) -> Weak<M> {
        Weak::of(self.opened.local.clone())
    }

    /// What can be waited for.
    pub fn when(&self) -> LearnerWhen {
        LearnerWhen::new(self.opened.reader.view(), self.opened.local.replica().applied())
    }

    /// The reader as it is now: whom it reads from, how far it is, what it has received.
    pub fn status(&self) -> LearnerView {
        self.opened.reader.view().borrow().clone()
    }

    /// The status as it changes.
    pub fn watch_status(&self) -> watch::Receiver<LearnerView> {
        self.opened.reader.view()
    }

    /// The version that the copy on this node holds.
    pub fn version(&self) -> Version {
        self.opened.local.replica().applied().borrow().version()
    }
}

impl<M: StateMachine> Learner<M> {
    /// Asks the state, as it is after every command that was acknowledged to anybody before this call. It is answered from the copy on
    /// this node, once the leader has said how far that must be and it is so far.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn query(&self, query: M::Query) -> Result<M::Answer, ReadError> {
        self.ask(|state| state.query(query)).await
    }

    /// Asks the state whatever the closure does, as [`query`](Self::query) does.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn ask<A>(&self, ask: impl FnOnce(&M) -> A) -> Result<A, ReadError> {
        let (clock, within) = (self.opened.reader.clock(), self.deadline);
        let begin = clock.now();
        self.catch_up().await?;
        let left = within.saturating_sub(clock.now() - begin);
        self.opened.local.answer(ask, (left, within)).await.map(|(_, answer)| answer)
    }

    /// Waits until the copy holds everything that was acknowledged to anybody before this call, and says which version it must have.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn catch_up(&self) -> Result<Version, ReadError> {
        let reader = &self.opened.reader;
        let (within, deadline) = (self.deadline, reader.clock().now() + self.deadline);
        loop {
            let asked = timeout_at(deadline, reader.read_version()).await;
            let version = match asked {
                Ok(Some(version)) => version,
                Ok(None) => return Err(self.ended()),
                Err(_) => return Err(ReadError::NoQuorum { within }),
            };
            let mut applied = self.opened.local.replica().applied();
            let there = applied.wait_for(|applied| applied.era != version.era || applied.has(version.index));
            match timeout_at(deadline, there).await {
                // The group was born again meanwhile: what was committed then is of no use.
                Ok(Ok(applied)) if applied.era != version.era => {}
                Ok(Ok(_)) => return Ok(version),
                Ok(Err(_)) => return Err(self.ended()),
                Err(_) => return Err(ReadError::Behind { within }),
            }
        }
    }

    fn ended(&self) -> ReadError {
        match &self.status().failed {
            Some(why) => ReadError::Failed { why: why.to_string() },
            None => ReadError::Stopped(Stopped),
        }
    }

    /// The copy on this node.
    pub(crate) fn replica(&self) -> &Replica<M> {
        self.opened.local.replica()
    }

    /// Tells `observer` of everything that the copy on this node applies from now on, after its state now.
    pub fn observe(&self, observer: Arc<dyn Observer<M>>) -> Observing {
        self.opened.local.replica().observe(observer)
    }
}

impl<M: StateMachine + Clone> Learner<M> {
    /// The state now, and every change of it from then on, without a gap.
    pub fn changes(&self) -> Changes<M> {
        Changes::new(self.opened.local.replica())
    }
}

impl<M> Clone for Learner<M> {
    fn clone(&self) -> Self {
        self.with_deadline(self.deadline)
    }
}

impl<M> fmt::Debug for Learner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Learner({})", self.opened.reader.name())
    }
}
