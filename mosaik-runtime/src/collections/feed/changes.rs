//! A collection as it changes: the state first, then every change.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Stream, future::BoxFuture};

use super::line::{Line, Next};
use crate::{
    collections::{core::Container, handle::Snapshot},
    groups::Version,
};

/// Shows the state as it is now, with its version, while nothing is applied. It does not while the state is being made anew.
pub(in crate::collections) type Newest<T> = Box<dyn Fn(&mut dyn FnMut(Version, &Arc<T>)) + Send + Sync>;

/// Whether a change is wanted.
type Filter<T> = Box<dyn Fn(&<T as Container>::Change) -> bool + Send + Sync>;

/// What happened to a collection.
#[derive(Debug, Clone)]
pub enum Change<T: Container> {
    /// The collection is this: at the beginning, and whenever the changes since the last one are not at hand, because the reader of
    /// the changes was too slow, this node got a snapshot, or the group was born again.
    Snapshot(Snapshot<T>),
    /// One change. Changes of one transaction have one version.
    Changed {
        /// The version that it is part of.
        version: Version,
        /// What changed.
        change: T::Change,
    },
}

/// A collection as it changes on this node: a [`Change::Snapshot`] first, then every change, without a gap. It ends when the node stops.
pub struct Changes<T: Container> {
    line: Arc<Line<T>>,
    newest: Newest<T>,
    follower: u64,
    /// What was taken from the line and not given out.
    taken: VecDeque<Change<T>>,
    filter: Option<Filter<T>>,
    /// As a stream: the wait for the next one.
    waiting: Option<BoxFuture<'static, ()>>,
}

impl<T: Container> Changes<T> {
    pub(in crate::collections) fn new(line: Arc<Line<T>>, newest: Newest<T>) -> Self {
        let follower = line.follow();
        Self { line, newest, follower, taken: VecDeque::new(), filter: None, waiting: None }
    }

    /// Only changes that are such. Snapshots come as they are, whole.
    #[must_use]
    pub fn only(mut self, is_such: impl Fn(&T::Change) -> bool + Send + Sync + 'static) -> Self {
        let before = self.filter.take();
        self.filter = Some(Box::new(move |change| {
            before.as_ref().is_none_or(|before| before(change)) && is_such(change)
        }));
        self
    }

    /// The next one; `None` once the node stops. Cancel-safe.
    pub async fn next(&mut self) -> Option<Change<T>> {
        loop {
            let line = self.line.clone();
            let more = line.more();
            tokio::pin!(more);
            more.as_mut().enable();
            match self.take() {
                Some(next) => return next,
                None => more.await,
            }
        }
    }

    /// The state as a whole, from which the changes go on. It is not there while it is being made anew; the next entry tells when it is.
    fn state(&self) -> Option<Snapshot<T>> {
        let mut found = None;
        (self.newest)(&mut |version, state| {
            self.line.begin(self.follower);
            found = Some(Snapshot::new(version, state.clone()));
        });
        found
    }

    /// The next one, if it is there: `Some(None)` is the end.
    fn take(&mut self) -> Option<Option<Change<T>>> {
        loop {
            if let Some(change) = self.taken.pop_front() {
                return Some(Some(change));
            }
            match self.line.next(self.follower) {
                Next::State => return self.state().map(|state| Some(Change::Snapshot(state))),
                Next::Changes(batch) => {
                    let wanted = batch
                        .changes
                        .iter()
                        .filter(|change| self.filter.as_ref().is_none_or(|is_such| is_such(change)));
                    let version = batch.version;
                    self.taken
                        .extend(wanted.map(|change| Change::Changed { version, change: change.clone() }));
                }
                Next::Nothing => return None,
                Next::End => return Some(None),
            }
        }
    }
}

impl<T: Container> Stream for Changes<T> {
    type Item = Change<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change<T>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                if waiting.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.waiting = None;
            }
            // What is waited for is waited for before the look.
            let line = self.line.clone();
            let mut waiting: BoxFuture<'static, ()> = Box::pin(async move { line.more().await });
            let is_ready = waiting.as_mut().poll(cx).is_ready();
            if let Some(next) = self.take() {
                return Poll::Ready(next);
            }
            if !is_ready {
                self.waiting = Some(waiting);
                return Poll::Pending;
            }
        }
    }
}

impl<T: Container> Drop for Changes<T> {
    fn drop(&mut self) {
        self.line.leave(self.follower);
    }
}

impl<T: Container> Unpin for Changes<T> {}

impl<T: Container> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("taken", &self.taken.len()).finish_non_exhaustive()
    }
}
