//! The copy of a collection on this node.

use std::{fmt, ops::Deref, sync::Arc};

use futures::future::BoxFuture;

use crate::{
    collections::{
        core::Container,
        feed::{Changes, Feed, Line, Published, Source},
        machine::{Part, Slot},
    },
    groups::{Observing, ReadError, Version},
};

/// What all handles of the collections of one group on this node share.
pub(in crate::collections) struct Copy {
    /// The name that users gave the group.
    pub(in crate::collections) intent: Arc<str>,
    pub(in crate::collections) parts: Vec<Part>,
    pub(in crate::collections) feed: Arc<Feed>,
    pub(in crate::collections) strong: Arc<dyn Strong>,
    /// Keeps the feed told.
    pub(in crate::collections) _observing: Observing,
}

/// The group of the copy, which waits until the copy holds all that was acknowledged to anybody.
pub(in crate::collections) trait Strong: Send + Sync {
    fn source(&self) -> &dyn Source;
    fn catch_up(&self) -> BoxFuture<'_, Result<(), ReadError>>;
}

/// The copy of a collection on this node. It may be behind; it never goes back.
///
/// Reading takes no network and no lock, but for the first read after 1 024 entries of the log that nobody has read: that one waits if the
/// copy is just applying an entry, until it has. What is read belongs to one version; [`snapshot`](Self::snapshot) keeps a version.
pub struct View<T: Container> {
    pub(super) copy: Arc<Copy>,
    pub(super) part: usize,
    line: Arc<Line<T>>,
}

/// A collection as it was at one version. It never changes, and it is cheap to clone.
pub struct Snapshot<T> {
    version: Version,
    state: Arc<T>,
}

impl Copy {
    /// The only collection of a group that holds one; with a name, the one of that name.
    pub(in crate::collections) fn view<T: Container>(self: &Arc<Self>, name: &str) -> Option<View<T>> {
        let part = self.parts.iter().position(|part| part.name() == name && part.holds::<T>())?;
        let line = self.feed.line(part)?;
        Some(View { copy: self.clone(), part, line })
    }

    /// The newest state of all collections.
    pub(in crate::collections) fn newest(&self) -> arc_swap::Guard<Arc<Published>> {
        self.feed.newest(self.strong.source())
    }
}

impl<T: Container> View<T> {
    /// The collection now, as a value that stays what it is. Takes constant time.
    pub fn snapshot(&self) -> Snapshot<T> {
        Snapshot::of(&self.copy.newest(), self.part)
    }

    /// This collection and another one of its group now, both at one version: nobody sees half a transaction. `None` if the other one is
    /// of another group, or if one was opened to write and the other to read.
    pub fn snapshot_with<U: Container>(&self, other: &View<U>) -> Option<(Snapshot<T>, Snapshot<U>)> {
        let published = Arc::ptr_eq(&self.copy, &other.copy).then(|| self.copy.newest())?;
        Some((Snapshot::of(&published, self.part), Snapshot::of(&published, other.part)))
    }

    /// Reads the collection without a copy. The closure is to be quick: while it runs, the version that it reads is kept.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        let published = self.copy.newest();
        match published.part::<T>(self.part) {
            Some(state) => read(state),
            // A part has the type under which it was opened.
            None => read(&T::default()),
        }
    }

    /// The collection as it is after every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn strong(&self) -> Result<Snapshot<T>, ReadError> {
        self.copy.strong.catch_up().await?;
        Ok(self.snapshot())
    }

    /// The version that the copy holds.
    pub fn version(&self) -> Version {
        self.copy.newest().version
    }

    /// The collection as it changes: as it is when that is first asked for, then every change, without a gap. See [`Changes::only`] for some of them. Changes
    /// that nobody takes are kept within a bound; who is farther behind gets the collection as a whole again.
    pub fn changes(&self) -> Changes<T> {
        let (copy, part) = (self.copy.clone(), self.part);
        let newest = move |see: &mut dyn FnMut(Version, &Arc<T>)| {
            copy.strong.source().look(&mut |version, slots| {
                let slot = slots.get(part).and_then(|slot| slot.as_any().downcast_ref::<Slot<T>>());
                // A part has the type under which it was opened.
                if let Some(slot) = slot {
                    // From the next entry on: nothing is applied while this looks.
                    slot.follow(true);
                    see(version, slot.value());
                }
            });
        };
        Changes::new(self.line.clone(), Box::new(newest))
    }

    /// The name of the collection, or of the group that holds it.
    pub fn intent(&self) -> &str {
        &self.copy.intent
    }

    pub(in crate::collections) fn copy(&self) -> &Arc<Copy> {
        &self.copy
    }

    pub(in crate::collections) fn part(&self) -> usize {
        self.part
    }

    pub(in crate::collections) fn name(&self) -> String {
        match self.copy.parts.get(self.part).map(Part::name) {
            Some("") | None => self.copy.intent.to_string(),
            Some(name) => name.to_owned(),
        }
    }
}

impl<T: Container> Snapshot<T> {
    /// One collection of all that were published together.
    pub(in crate::collections) fn of(published: &Published, part: usize) -> Self {
        // A part has the type under which it was opened.
        Self { version: published.version, state: published.part_owned(part).unwrap_or_default() }
    }
}

impl<T> Snapshot<T> {
    pub(in crate::collections) fn new(version: Version, state: Arc<T>) -> Self {
        Self { version, state }
    }

    /// Its version.
    pub const fn version(&self) -> Version {
        self.version
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state
    }
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, state: self.state.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl<T: Container> Clone for View<T> {
    fn clone(&self) -> Self {
        Self { copy: self.copy.clone(), part: self.part, line: self.line.clone() }
    }
}

impl<T: Container> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", T::KIND, self.name())
    }
}
