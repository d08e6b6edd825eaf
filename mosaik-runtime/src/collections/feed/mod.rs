//! What a node knows of the collections of a group: the newest state, for whoever reads, and every change, for whoever follows.
//!
//! The copy of the group on this node tells the [`Feed`] of each entry while it applies it. A state that is published is shared, and the next
//! entry copies all that it changes in it. So the feed publishes each entry only while somebody reads: for [`EAGER`] entries after each
//! read, which takes no lock then. Whoever reads after more of them takes the newest state from the copy; if that is just applying an
//! entry, this read waits until it has, and the copy publishes that entry. While the copy makes a snapshot nobody waits. What is read is never
//! older than what the copy said to have applied before.

mod changes;
mod filters;
mod line;
mod reaper;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    fmt, hint,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use arc_swap::ArcSwap;

pub use changes::{Change, Changes};
pub(super) use line::Line;

use super::{
    core::Container,
    machine::{AnySlot, Bundle, Machine, Slot},
};
use crate::{
    groups::{AppliedBatch, Observer, Timestamp, Version, machine::Replica},
    primitives::watch,
};

/// So many entries after a read are published at once, for the next one.
const EAGER: u32 = 1024;

/// So many entries at most are not published. Until then what was published last is kept, beside what has changed since.
const LAZY: u32 = 4096;

/// What was published so many entries ago has little that is not in the newest state.
const NEAR: u64 = 16;

/// So often a reader looks whether an entry is applied before it sleeps until then: more than most entries take, less than to be woken does.
const LOOKS: u32 = 2048;

/// Sees a version, and the collections of it.
pub(super) type See<'a> = &'a mut (dyn FnMut(Version, &[Box<dyn AnySlot>]) + 'a);

/// Where the newest state is: the copy of the group.
pub(super) trait Source: Send + Sync {
    /// Shows it, unless it is being made anew after a panic. While the copy applies an entry, that is waited for.
    fn look(&self, see: See<'_>);
    /// The same without a wait: `false` if the copy is just applying an entry.
    fn look_at_once(&self, see: See<'_>) -> bool;
}

impl<B: Bundle> Source for Replica<Machine<B>> {
    fn look(&self, see: See<'_>) {
        // Who looks in vain sees nothing.
        _ = self.try_read(|machine, applied| see(applied.version(), machine.slots()));
    }

    fn look_at_once(&self, see: See<'_>) -> bool {
        self.read_at_once(|machine, applied| see(applied.version(), machine.slots()))
    }
}

/// The state of all collections of a group after one entry of its log.
pub(super) struct Published {
    pub(super) version: Version,
    /// For each collection an `Arc` of its container.
    parts: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Published {
    fn of(version: Version, slots: &[Box<dyn AnySlot>]) -> Arc<Self> {
        Arc::new(Self { version, parts: slots.iter().map(|slot| slot.state()).collect() })
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
    /// Entries were applied since.
    is_behind: AtomicBool,
    /// So many more are published at once.
    eager: AtomicU32,
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
            published: ArcSwap::new(Published::of(Version::default(), Machine::<B>::default().slots())),
            is_behind: AtomicBool::new(false),
            eager: AtomicU32::new(0),
            lines,
            due: watch::Sender::new(nothing),
        }
    }

    /// The newest state. While it is being made anew after a panic, the newest that is there.
    pub(super) fn newest(&self, source: &dyn Source) -> arc_swap::Guard<Arc<Published>> {
        if self.eager.load(Ordering::Relaxed) != EAGER {
            self.eager.store(EAGER, Ordering::Relaxed);
        }
        if self.is_behind.load(Ordering::Acquire) {
            self.catch_up(source);
        }
        self.published.load()
    }

    /// Publishes the newest state, unless the copy does.
    #[cold]
    fn catch_up(&self, source: &dyn Source) {
        // The copy applies nothing while it is looked at, so that nothing newer is published in between.
        let mut see = |version, slots: &[_]| self.publish(version, slots);
        for _ in 0..LOOKS {
            if source.look_at_once(&mut see) || !self.is_behind.load(Ordering::Acquire) {
                return;
            }
            hint::spin_loop();
        }
        source.look(&mut see);
    }

    fn publish(&self, version: Version, slots: &[Box<dyn AnySlot>]) {
        let old = self.published.swap(Published::of(version, slots));
        self.is_behind.store(false, Ordering::Release);
        if old.version.era != version.era || version.index.abs_diff(old.version.index) > NEAR {
            reaper::drop_elsewhere(old);
        }
    }

    /// An entry was applied. It is published if somebody may want to read it.
    fn advance(&self, version: Version, slots: &[Box<dyn AnySlot>]) {
        let eager = self.eager.load(Ordering::Relaxed);
        if eager > 0 {
            self.eager.store(eager - 1, Ordering::Relaxed);
        }
        let shown = self.published.load().version;
        let is_far = shown.era != version.era || version.index.saturating_sub(shown.index) >= LAZY.into();
        if eager > 0 || is_far {
            self.publish(version, slots);
        } else {
            self.is_behind.store(true, Ordering::Release);
        }
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
        self.advance(version, machine.slots());
        for (slot, line) in machine.slots().iter().zip(&self.lines) {
            if is_changed {
                line.applied(version, &**slot);
            } else {
                line.passed();
            }
        }
        self.is_due(Due { now: batch.now(), next: machine.next_expiry() });
    }

    fn wants_commands(&self) -> bool {
        false
    }

    fn reset(&self, version: Version, machine: &Machine<B>) {
        self.publish(version, machine.slots());
        self.lines.iter().for_each(|line| line.reset());
        // The group's time is not known here. The next entry says it, and every new leader makes one.
        self.is_due(Due { now: Timestamp::BIRTH, next: machine.next_expiry() });
    }
}

/// A [`Line`] of any container.
pub(in crate::collections) trait AnyLine: Send + Sync {
    /// An entry was applied.
    fn applied(&self, version: Version, slot: &dyn AnySlot);
    /// An entry was applied that changed nothing.
    fn passed(&self);
    /// The state is another one.
    fn reset(&self);
    /// Nothing comes any more.
    fn end(&self);
    /// The line itself.
    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Container> AnyLine for Line<T> {
    fn applied(&self, version: Version, slot: &dyn AnySlot) {
        if let Some(slot) = slot.as_any().downcast_ref::<Slot<T>>() {
            slot.follow(self.push(version, slot.changes()));
        }
    }

    fn passed(&self) {
        Self::passed(self);
    }

    fn reset(&self) {
        self.restart();
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
        f.debug_struct("Feed").field("version", &self.published.load().version).finish_non_exhaustive()
    }
}
