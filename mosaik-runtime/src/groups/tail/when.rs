//! Conditions on a reader.

use std::{future::Future, pin::Pin};

use super::status::LearnerView;
use crate::{
    groups::{
        machine::Applied,
        version::{EraChanged, Version},
    },
    primitives::{Condition, watch},
};

/// What can be waited for on a reader.
#[derive(Debug, Clone)]
pub struct LearnerWhen {
    view: watch::Receiver<LearnerView>,
    applied: watch::Receiver<Applied>,
}

impl LearnerWhen {
    pub(super) fn new(view: watch::Receiver<LearnerView>, applied: watch::Receiver<Applied>) -> Self {
        Self { view, applied }
    }

    /// The copy was as far as the member that it is read from, and that one knows of a leader and of a majority.
    pub fn online(&self) -> Condition<LearnerView> {
        Condition::new(self.view.clone(), LearnerView::is_online)
    }

    /// Not that.
    pub fn offline(&self) -> Condition<LearnerView> {
        !self.online()
    }

    /// The copy has changed since this was made.
    pub fn updated(&self) -> Updated {
        Updated::new(self.applied.clone())
    }

    /// The copy holds this version. When the group is found to have been born again, that is an error.
    pub fn reaches(&self, version: Version) -> Reaches {
        Reaches::of_reader(self.applied.clone(), self.view.clone(), version)
    }
}

/// Resolves when the copy on this node has changed since this was made.
#[derive(Debug, Clone)]
pub struct Updated {
    before: Version,
    applied: watch::Receiver<Applied>,
}

impl Updated {
    pub(in crate::groups) fn new(applied: watch::Receiver<Applied>) -> Self {
        let before = applied.borrow().version();
        Self { before, applied }
    }

    /// Whether it has.
    pub fn holds(&self) -> bool {
        self.applied.borrow().version() != self.before
    }
}

impl std::future::IntoFuture for Updated {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let before = self.before;
            if self.applied.wait_for(|applied| applied.version() != before).await.is_err() {
                std::future::pending().await
            }
        })
    }
}

/// Resolves when the copy on this node holds a version, or cannot any more. Whoever waits has a deadline of its own: while the group
/// is not reached, nobody knows.
#[derive(Debug, Clone)]
pub struct Reaches {
    wanted: Version,
    applied: watch::Receiver<Applied>,
    /// Of a reader: its member may not have said yet that the group was born again.
    reader: Option<(u64, watch::Receiver<LearnerView>)>,
}

impl Reaches {
    pub(in crate::groups) fn new(applied: watch::Receiver<Applied>, wanted: Version) -> Self {
        Self { wanted, applied, reader: None }
    }

    fn of_reader(
        applied: watch::Receiver<Applied>,
        view: watch::Receiver<LearnerView>,
        wanted: Version,
    ) -> Self {
        let heard = view.borrow().heard;
        Self { wanted, applied, reader: Some((heard, view)) }
    }

    /// Whether the copy holds it now.
    pub fn holds(&self) -> bool {
        self.outcome() == Some(Ok(()))
    }

    fn outcome(&self) -> Option<Result<(), EraChanged>> {
        let applied = *self.applied.borrow();
        if applied.era == self.wanted.era {
            return applied.has(self.wanted.index).then_some(Ok(()));
        }
        // A member never changes its era. A reader may be about to.
        let sure = match &self.reader {
            Some((heard, view)) => view.borrow().heard > *heard,
            None => true,
        };
        let changed = EraChanged { wanted: self.wanted, now: applied.era };
        (applied.era.is_some() && sure).then_some(Err(changed))
    }
}

impl std::future::IntoFuture for Reaches {
    type Output = Result<(), EraChanged>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            loop {
                if let Some(outcome) = self.outcome() {
                    return outcome;
                }
                let heard = async {
                    match &mut self.reader {
                        Some((_, view)) => view.changed().await,
                        None => std::future::pending().await,
                    }
                };
                let ended = tokio::select! { biased;
                    changed = self.applied.changed() => changed.is_err(),
                    heard = heard => heard.is_err(),
                };
                if ended && self.outcome().is_none() {
                    std::future::pending::<()>().await;
                }
            }
        })
    }
}
