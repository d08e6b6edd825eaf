//! What a node knows of the collections of a group: the newest state, for whoever reads, and every change, for whoever follows.
//!
//! The copy of the group on this node tells the [`Feed`] of each entry while it applies it. Reading takes no lock and waits for nobody.

mod changes;
mod filters;
mod line;
#[cfg(test)]
mod tests;

use std::{any::Any, fmt, sync::Arc};

use arc_swap::ArcSwap;

pub use changes::{Change, Changes};
pub(super) use line::Line;

use super::{
    core::Container,
    machine::{AnySlot, Bundle, Machine, Slot},
};
use crate::{
    groups::{AppliedBatch, Observer, Timestamp, Version},
    primitives::watch,
};

/// The state of all collections of a group after one entry of its log.
pub(super) struct Published {
    pub(super) version: Version,
    /// For each collection an `Arc` of its container.
    parts: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Published {
    fn of<B>(version: Version, machine: &Machine<B>) -> Arc<Self> {
        Arc::new(Self { version, parts: machine.slots().iter().map(|slot| slot.state()).collect() })
    }

    /// The container of a collection, if it is of this type.
    pub(super) fn part<T: Container>(&self, part: usize) -> Option<&T> {
        self.parts.get(part)?.downcast_ref()
    }

    /// The same as a value.
    pub(super) fn part_owned<T: Container>(&self, part: usize) -> Option<Arc<T>> {
        self.parts.get(part)?.clone().downcast().ok()
    }
}

/// When something expires next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// The group's time.
    pub(super) now: Timestamp,
    /// When the next entry expires.
    pub(super) next: Option<Timestamp>,
}

/// The collections of a group on this node.
pub(super) struct Feed {
    published: ArcSwap<Published>,
    lines: Vec<Arc<dyn AnyLine>>,
    due: watch::Sender<Due>,
}

/// Makes the line of a collection.
pub(in crate::collections) type MakeLine = fn() -> Arc<dyn AnyLine>;

impl Feed {
    /// Before the first entry.
    pub(super) fn new<B: Bundle>() -> Self {
        let lines = B::parts().iter().map(|part| part.line()).collect();
        let nothing = Due { now: Timestamp::BIRTH, next: None };
        Self {
            published: ArcSwap::new(Published::of(Version::default(), &Machine::<B>::default())),
            lines,
            due: watch::Sender::new(nothing),
        }
    }

    /// The newest state.
    pub(super) fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    /// The changes of a collection.
    pub(super) fn line<T: Container>(&self, part: usize) -> Option<Arc<Line<T>>> {
        self.lines.get(part)?.clone().as_any_arc().downcast().ok()
    }

    /// When something expires.
    pub(super) fn due(&self) -> watch::Receiver<Due> {
        self.due.subscribe()
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.lines.iter().for_each(|line| line.end());
    }

    fn is_due(&self, due: Due) {
        self.due.send_if_modified(|shown| {
            // The time alone is of interest only to who waits for something.
            let is_new = *shown != due && (due.next.is_some() || shown.next.is_some());
            *shown = due;
            is_new
        });
    }
}

impl<B: Bundle> Observer<Machine<B>> for Feed {
    fn applied(&self, batch: &AppliedBatch<'_, Machine<B>>) {
        let (version, machine) = (batch.version(), batch.state());
        let is_changed = !batch.is_empty() && machine.entry() == version.index;
        self.published.store(Published::of(version, machine));
        if is_changed {
            for (slot, line) in machine.slots().iter().zip(&self.lines) {
                line.applied(version, &**slot);
            }
        }
        self.is_due(Due { now: batch.now(), next: machine.next_expiry() });
    }

    fn reset(&self, version: Version, machine: &Machine<B>) {
        self.published.store(Published::of(version, machine));
        for (slot, line) in machine.slots().iter().zip(&self.lines) {
            line.reset(version, &**slot);
        }
        // The group's time is not known here. The next entry says it, and every new leader makes one.
        self.is_due(Due { now: Timestamp::BIRTH, next: machine.next_expiry() });
    }
}

/// A [`Line`] of any container.
pub(in crate::collections) trait AnyLine: Send + Sync {
    /// An entry was applied.
    fn applied(&self, version: Version, slot: &dyn AnySlot);
    /// The state is another one.
    fn reset(&self, version: Version, slot: &dyn AnySlot);
    /// Nothing comes any more.
    fn end(&self);
    /// The line itself.
    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Container> AnyLine for Line<T> {
    fn applied(&self, version: Version, slot: &dyn AnySlot) {
        if let Some(slot) = slot.as_any().downcast_ref::<Slot<T>>() {
            self.push(version, slot.value(), slot.changes());
        }
    }

    fn reset(&self, version: Version, slot: &dyn AnySlot) {
        if let Some(slot) = slot.as_any().downcast_ref::<Slot<T>>() {
            self.restart(version, slot.value());
        }
    }

    fn end(&self) {
        Self::end(self);
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("version", &self.published().version).finish_non_exhaustive()
    }
}
