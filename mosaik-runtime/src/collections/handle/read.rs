//! The handle of a node that only reads.

use std::{fmt, ops::Deref};

use futures::future::BoxFuture;

use super::{View, view::Strong};
use crate::{
    collections::{
        core::Container,
        feed::Source,
        machine::{Bundle, Machine},
    },
    groups::{Learner, LearnerView, LearnerWhen, ReadError},
};

/// Reads a collection on a node that is no member of its group: the node keeps a copy, and cannot write. Cheap to clone; all handles of
/// a collection on one node share one copy.
pub struct Read<T: Container> {
    view: View<T>,
    reader: std::sync::Arc<dyn Reading>,
}

/// The reader of a group of collections, whatever the collections are.
pub(in crate::collections) trait Reading: Send + Sync {
    fn when(&self) -> LearnerWhen;
    fn status(&self) -> LearnerView;
}

impl<B: Bundle> Reading for Learner<Machine<B>> {
    fn when(&self) -> LearnerWhen {
        Learner::when(self)
    }

    fn status(&self) -> LearnerView {
        Learner::status(self)
    }
}

impl<B: Bundle> Strong for Learner<Machine<B>> {
    fn source(&self) -> &dyn Source {
        self.replica()
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async { Learner::catch_up(self).await.map(|_| ()) })
    }
}

impl<T: Container> Read<T> {
    pub(in crate::collections) fn new(view: View<T>, reader: std::sync::Arc<dyn Reading>) -> Self {
        Self { view, reader }
    }

    /// What can be waited for: that the collection is online, that it has changed, that it has reached a version.
    pub fn when(&self) -> LearnerWhen {
        self.reader.when()
    }

    /// The reader as it is now: whom it reads from, how far it is, what it has received.
    pub fn status(&self) -> LearnerView {
        self.reader.status()
    }
}

impl<T: Container> Deref for Read<T> {
    type Target = View<T>;

    fn deref(&self) -> &View<T> {
        &self.view
    }
}

impl<T: Container> Clone for Read<T> {
    fn clone(&self) -> Self {
        Self { view: self.view.clone(), reader: self.reader.clone() }
    }
}

impl<T: Container> fmt::Debug for Read<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Read({:?})", self.view)
    }
}
