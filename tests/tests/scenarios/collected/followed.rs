//! What a node follows: each container, made of its changes alone after the first state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use futures::FutureExt;
use mosaik_runtime::{
    collections::{
        Cell, CellChange, Change, Changes, Container, MapChange, Once, OnceChange, QueueChange, SetChange,
        VecChange, View,
    },
    node::Result,
};

use super::{
    journal::broken,
    model::{Marks, Model, Numbers, Queue, Row},
};

/// What came of the changes of each container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    numbers: BTreeMap<u8, u64>,
    row: Vec<u64>,
    marks: BTreeSet<u16>,
    cell: Option<u64>,
    once: Option<u64>,
    queue: BTreeMap<u8, (u8, u64)>,
}

impl Contents {
    /// What the log makes.
    pub(super) fn of(model: &Model) -> Self {
        let Model { numbers, row, marks, cell, once, queue, .. } = model.clone();
        Self { numbers, row, marks, cell, once, queue }
    }
}

/// A container of std that changes as another one does.
trait Follows<T: Container> {
    fn begin(state: &T) -> Self;
    /// Says whether the change fits to those before it.
    fn change(&mut self, change: &T::Change) -> bool;
}

impl Follows<Numbers> for BTreeMap<u8, u64> {
    fn begin(state: &Numbers) -> Self {
        state.iter().map(|(key, value)| (*key, *value)).collect()
    }

    fn change(&mut self, change: &MapChange<u8, u64>) -> bool {
        match change {
            MapChange::Inserted { key, value, old } => self.insert(*key, *value) == *old,
            MapChange::Removed { key, old, .. } => self.remove(key) == Some(*old),
            MapChange::Expires { key, .. } => self.contains_key(key),
            MapChange::Cleared => {
                self.clear();
                true
            }
        }
    }
}

impl Follows<Row> for Vec<u64> {
    fn begin(state: &Row) -> Self {
        state.iter().copied().collect()
    }

    fn change(&mut self, change: &VecChange<u64>) -> bool {
        let length = self.len();
        match *change {
            VecChange::RangeRemoved { at, ref old } if at + old.len() <= length => {
                return self.drain(at..at + old.len()).eq(old.iter().copied());
            }
            VecChange::Inserted { at, value } if at <= length => self.insert(at, value),
            VecChange::Replaced { at, value, old } if at < length => {
                return std::mem::replace(&mut self[at], value) == old;
            }
            VecChange::Removed { at, old } if at < length => return self.remove(at) == old,
            VecChange::Swapped { one, other } if one.max(other) < length => self.swap(one, other),
            VecChange::Truncated { length: left } if left <= length => self.truncate(left),
            _ => return false,
        }
        true
    }
}

impl Follows<Marks> for BTreeSet<u16> {
    fn begin(state: &Marks) -> Self {
        state.iter().copied().collect()
    }

    fn change(&mut self, change: &SetChange<u16>) -> bool {
        match change {
            SetChange::Inserted(mark) => self.insert(*mark),
            SetChange::Removed(mark) => self.remove(mark),
            SetChange::Cleared => {
                self.clear();
                true
            }
        }
    }
}

impl Follows<Cell<u64>> for Option<u64> {
    fn begin(state: &Cell<u64>) -> Self {
        state.get().copied()
    }

    fn change(&mut self, change: &CellChange<u64>) -> bool {
        match change {
            CellChange::Written { value, old } => self.replace(*value) == *old,
            CellChange::Cleared { old } => self.take() == Some(*old),
        }
    }
}

impl Follows<Once<u64>> for Option<u64> {
    fn begin(state: &Once<u64>) -> Self {
        state.get().copied()
    }

    fn change(&mut self, OnceChange::Set(value): &OnceChange<u64>) -> bool {
        self.replace(*value).is_none()
    }
}

impl Follows<Queue> for BTreeMap<u8, (u8, u64)> {
    fn begin(state: &Queue) -> Self {
        state.iter().map(|(rank, key, value)| (*key, (*rank, *value))).collect()
    }

    fn change(&mut self, change: &QueueChange<u8, u8, u64>) -> bool {
        match change {
            QueueChange::Inserted { priority, key, value, old } => {
                self.insert(*key, (*priority, *value)) == *old
            }
            QueueChange::Removed { priority, key, value, .. } => {
                self.remove(key) == Some((*priority, *value))
            }
            QueueChange::RangeRemoved(removed) => {
                removed.iter().all(|(rank, key, value)| self.remove(key) == Some((*rank, *value)))
            }
            QueueChange::Cleared => {
                self.clear();
                true
            }
            QueueChange::Bounded(_) => true,
        }
    }
}

/// All containers of a node, as they change.
pub(super) struct Followed {
    numbers: Changes<Numbers>,
    row: Changes<Row>,
    marks: Changes<Marks>,
    cell: Changes<Cell<u64>>,
    once: Changes<Once<u64>>,
    queue: Changes<Queue>,
    pub(super) contents: Contents,
}

impl Followed {
    pub(super) fn of(
        (numbers, row, marks): (&View<Numbers>, &View<Row>, &View<Marks>),
        (cell, once, queue): (&View<Cell<u64>>, &View<Once<u64>>, &View<Queue>),
    ) -> Self {
        Self {
            numbers: numbers.changes(),
            row: row.changes(),
            marks: marks.changes(),
            cell: cell.changes(),
            once: once.changes(),
            queue: queue.changes(),
            contents: Contents::default(),
        }
    }

    /// Takes what has changed on this node.
    pub(super) fn take_all(&mut self, node: usize) -> Result<()> {
        let Contents { numbers, row, marks, cell, once, queue } = &mut self.contents;
        take(node, &mut self.numbers, numbers)?;
        take(node, &mut self.row, row)?;
        take(node, &mut self.marks, marks)?;
        take(node, &mut self.cell, cell)?;
        take(node, &mut self.once, once)?;
        take(node, &mut self.queue, queue)
    }
}

fn take<T>(node: usize, changes: &mut Changes<T>, follows: &mut impl Follows<T>) -> Result<()>
where
    T: Container + Debug,
    T::Change: Debug,
{
    while let Some(Some(change)) = changes.next().now_or_never() {
        let fits = match &change {
            Change::Snapshot(state) => {
                *follows = Follows::<T>::begin(state);
                true
            }
            Change::Changed { change, .. } => follows.change(change),
        };
        if !fits {
            return Err(broken("C5", format!("node {node} missed a change before {change:?}")));
        }
    }
    Ok(())
}
