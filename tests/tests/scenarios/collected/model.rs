//! What operations do to containers of std, and what they answer: the rules of collections, written a second time.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, RangeBounds},
};

use mosaik_runtime::{
    collections::{
        AddError, Inserted, Keep, Map, OutOfRange, PriorityQueue, RangeError, Set, Vec as Sequence,
        core::{
            CellOperation, Container, MapOperation, OnceOperation, QueueOperation, SetOperation, VecOperation,
        },
        machine::{Operation, Request, Told},
    },
    primitives::codec,
};
use serde::{Serialize, de::DeserializeOwned};

pub(super) type Numbers = Map<u8, u64>;
pub(super) type Row = Sequence<u64>;
pub(super) type Marks = Set<u16>;
pub(super) type Queue = PriorityQueue<u8, u8, u64>;

/// The names of the containers, in the order of their places in the group.
pub(super) const PARTS: [&str; 6] = ["numbers", "row", "marks", "cell", "once", "queue"];

/// The containers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model {
    pub(super) numbers: BTreeMap<u8, u64>,
    expiries: BTreeMap<u8, u64>,
    pub(super) row: Vec<u64>,
    pub(super) marks: BTreeSet<u16>,
    pub(super) cell: Option<u64>,
    pub(super) once: Option<u64>,
    pub(super) queue: BTreeMap<u8, (u8, u64)>,
    bound: Option<(u64, Keep)>,
}

/// What an operation answers, and whether it took place.
type Said = (Vec<u8>, bool);

fn says(answer: &impl Serialize, took_place: bool) -> Said {
    (codec::encode(answer).expect("answers encode"), took_place)
}

fn counts(count: usize) -> Said {
    says(&(count as u64), true)
}

fn read<T: DeserializeOwned>(operation: &Operation) -> T {
    codec::decode_deep(&operation.body).expect("a client wrote it")
}

fn add(value: u64, by: i128) -> Result<u64, AddError> {
    u64::try_from(i128::from(value) + by).map_err(|_| AddError::Overflow)
}

impl Model {
    /// What a request does at this group time.
    pub(super) fn request(&mut self, request: &Request, now: u64) -> Told {
        let due: Vec<u8> = self.expiries.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
        for key in due {
            self.expiries.remove(&key);
            self.numbers.remove(&key);
        }
        let Request::Operations(operations) = request else { return Told::Done(Vec::new()) };
        let (before, mut answers) = (self.clone(), Vec::new());
        for (step, operation) in operations.iter().enumerate() {
            let (answer, took_place) = self.operation(operation, now);
            if !took_place {
                *self = before;
                return Told::Aborted { step: step as u64, answer: answer.into() };
            }
            answers.push(answer.into());
        }
        Told::Done(answers)
    }

    fn operation(&mut self, operation: &Operation, now: u64) -> Said {
        match PARTS[operation.part as usize] {
            "numbers" => self.numbers(read::<<Numbers as Container>::Operation>(operation), now),
            "row" => self.row(read(operation)),
            "marks" => self.marks(read(operation)),
            "cell" => self.cell(read(operation)),
            "once" => self.once(read(operation)),
            _ => self.queue(read(operation)),
        }
    }

    fn lives(&mut self, key: u8, until: Option<u64>) {
        match until {
            Some(until) => _ = self.expiries.insert(key, until),
            None => _ = self.expiries.remove(&key),
        }
    }

    fn forget(&mut self, gone: impl Fn(&u8) -> bool) -> Said {
        let before = self.numbers.len();
        self.numbers.retain(|key, _| !gone(key));
        self.expiries.retain(|key, _| !gone(key));
        counts(before - self.numbers.len())
    }

    fn unless_there(&mut self, key: u8, value: u64, until: Option<u64>) -> Said {
        let there = self.numbers.get(&key).copied();
        if there.is_none() {
            self.numbers.insert(key, value);
            self.lives(key, until);
        }
        says(&there, there.is_none())
    }

    fn pop(&mut self, key: Option<u8>) -> Said {
        let popped = key.and_then(|key| {
            self.expiries.remove(&key);
            self.numbers.remove_entry(&key)
        });
        says(&popped, true)
    }

    fn numbers(&mut self, operation: MapOperation<u8, u64>, now: u64) -> Said {
        match operation {
            MapOperation::Insert { key, value, lives } => {
                self.lives(key, lives.map(|lives| now.saturating_add(lives)));
                says(&self.numbers.insert(key, value), true)
            }
            MapOperation::InsertIfAbsent { key, value } => self.unless_there(key, value, None),
            MapOperation::InsertIfAbsentFor { key, value, lives } => {
                self.unless_there(key, value, Some(now.saturating_add(lives)))
            }
            MapOperation::PopFirst => {
                let key = self.numbers.keys().next().copied();
                self.pop(key)
            }
            MapOperation::PopLast => {
                let key = self.numbers.keys().next_back().copied();
                self.pop(key)
            }
            MapOperation::CompareExchange { key, old, new } => {
                let holds = self.numbers.get(&key).copied() == old;
                match new.filter(|_| holds) {
                    Some(new) => _ = self.numbers.insert(key, new),
                    None if holds => _ = (self.numbers.remove(&key), self.expiries.remove(&key)),
                    None => {}
                }
                says(&holds, holds)
            }
            MapOperation::Increment { key, by } => {
                let sum = add(self.numbers.get(&key).copied().unwrap_or(0), by);
                if let Ok(sum) = sum {
                    self.numbers.insert(key, sum);
                }
                says(&sum, sum.is_ok())
            }
            MapOperation::Remove { key } => {
                self.expiries.remove(&key);
                says(&self.numbers.remove(&key), true)
            }
            MapOperation::Extend { entries } => {
                let before = self.numbers.len();
                for (key, value) in entries {
                    self.numbers.insert(key, value);
                    self.expiries.remove(&key);
                }
                counts(self.numbers.len() - before)
            }
            MapOperation::RemoveMany { keys } => self.forget(|key| keys.contains(key)),
            MapOperation::RemoveRange { from, to } => self.forget(|key| (from, to).contains(key)),
            MapOperation::RetainRange { from, to } => self.forget(|key| !(from, to).contains(key)),
            MapOperation::Expire { key, lives } => {
                let there = self.numbers.contains_key(&key);
                if there {
                    self.lives(key, lives.map(|lives| now.saturating_add(lives)));
                }
                says(&there, there)
            }
            MapOperation::Clear => self.forget(|_| true),
            MapOperation::Expect { key, value } => {
                let holds = self.numbers.get(&key).copied() == value;
                says(&holds, holds)
            }
        }
    }

    fn place(&self, at: u64, end: usize) -> Result<usize, OutOfRange> {
        let error = OutOfRange { at, length: self.row.len() as u64 };
        usize::try_from(at).ok().filter(|at| *at < end).ok_or(error)
    }

    fn drain(&mut self, from: Bound<u64>, to: Bound<u64>) -> Result<Vec<u64>, RangeError> {
        let length = self.row.len() as u64;
        let from = match from {
            Bound::Included(from) => from,
            Bound::Excluded(from) => from + 1,
            Bound::Unbounded => 0,
        };
        let to = match to {
            Bound::Included(to) => to + 1,
            Bound::Excluded(to) => to,
            Bound::Unbounded => length.max(from),
        };
        if to < from {
            return Err(RangeError::Inverted { from, to });
        }
        if to > length {
            let at = if to == from { from } else { to - 1 };
            return Err(RangeError::OutOfRange(OutOfRange { at, length }));
        }
        Ok(self.row.drain(from as usize..to as usize).collect())
    }

    fn row(&mut self, operation: VecOperation<u64>) -> Said {
        let len = self.row.len();
        match operation {
            VecOperation::Push { value } => {
                self.row.push(value);
                counts(len)
            }
            VecOperation::PushFront { value } => {
                self.row.insert(0, value);
                says(&(), true)
            }
            VecOperation::Pop => says(&self.row.pop(), true),
            VecOperation::PopFront => says(&(len > 0).then(|| self.row.remove(0)), true),
            VecOperation::Insert { at, value } => {
                let done = self.place(at, len + 1).map(|at| self.row.insert(at, value));
                says(&done, done.is_ok())
            }
            VecOperation::Set { at, value } => {
                let done = self.place(at, len).map(|at| std::mem::replace(&mut self.row[at], value));
                says(&done, done.is_ok())
            }
            VecOperation::CompareExchange { at, old, new } => {
                let done = self.place(at, len).map(|at| {
                    let holds = self.row[at] == old;
                    self.row[at] = if holds { new } else { self.row[at] };
                    holds
                });
                says(&done, done == Ok(true))
            }
            VecOperation::Remove { at } => {
                let done = self.place(at, len).map(|at| self.row.remove(at));
                says(&done, done.is_ok())
            }
            VecOperation::Swap { one, other } => {
                let places = self.place(one, len).and_then(|one| Ok((one, self.place(other, len)?)));
                let done = places.map(|(one, other)| self.row.swap(one, other));
                says(&done, done.is_ok())
            }
            VecOperation::Truncate { length } => {
                self.row.truncate(length as usize);
                counts(len - self.row.len())
            }
            VecOperation::Extend { values } => {
                self.row.extend(&values);
                counts(values.len())
            }
            VecOperation::Clear => {
                self.row.clear();
                counts(len)
            }
            VecOperation::Expect { at, value } => {
                let holds = self.place(at, len).is_ok_and(|at| self.row[at] == value);
                says(&holds, holds)
            }
            VecOperation::RemoveRange { from, to } => {
                let gone = self.drain(from, to);
                says(&gone, gone.is_ok())
            }
            VecOperation::ExpectLen { length } => says(&(len as u64 == length), len as u64 == length),
        }
    }

    fn marks(&mut self, operation: SetOperation<u16>) -> Said {
        let before = self.marks.len();
        match operation {
            SetOperation::Insert { item } => says(&self.marks.insert(item), true),
            SetOperation::Remove { item } => says(&self.marks.remove(&item), true),
            SetOperation::Extend { items } => {
                self.marks.extend(items);
                counts(self.marks.len() - before)
            }
            SetOperation::RemoveMany { items } => {
                self.marks.retain(|item| !items.contains(item));
                counts(before - self.marks.len())
            }
            SetOperation::RemoveRange { from, to } => {
                self.marks.retain(|item| !(from, to).contains(item));
                counts(before - self.marks.len())
            }
            SetOperation::RetainRange { from, to } => {
                self.marks.retain(|item| (from, to).contains(item));
                counts(before - self.marks.len())
            }
            SetOperation::PopFirst => says(&self.marks.pop_first(), true),
            SetOperation::PopLast => says(&self.marks.pop_last(), true),
            SetOperation::Clear => {
                self.marks.clear();
                counts(before)
            }
            SetOperation::Expect { item, present } => {
                let holds = self.marks.contains(&item) == present;
                says(&holds, holds)
            }
        }
    }

    fn cell(&mut self, operation: CellOperation<u64>) -> Said {
        match operation {
            CellOperation::Write { value } => says(&self.cell.replace(value), true),
            CellOperation::CompareExchange { old, new } => {
                let holds = self.cell == old;
                self.cell = if holds { new } else { self.cell };
                says(&holds, holds)
            }
            CellOperation::Increment { by } => {
                let sum = add(self.cell.unwrap_or(0), by);
                self.cell = sum.ok().or(self.cell);
                says(&sum, sum.is_ok())
            }
            CellOperation::Clear => says(&self.cell.take(), true),
            CellOperation::Expect { value } => says(&(self.cell == value), self.cell == value),
        }
    }

    fn once(&mut self, operation: OnceOperation<u64>) -> Said {
        match operation {
            OnceOperation::Set { value } => {
                let won: Result<(), u64> = self.once.map_or(Ok(()), Err);
                self.once = self.once.or(Some(value));
                says(&won, won.is_ok())
            }
            OnceOperation::Expect { value } => says(&(self.once == value), self.once == value),
        }
    }

    /// The entries as they come in the order of priorities.
    pub(super) fn ranks(&self) -> BTreeSet<(u8, u8)> {
        self.queue.iter().map(|(key, (priority, _))| (*priority, *key)).collect()
    }

    fn take(&mut self, key: u8) -> Option<(u8, u8, u64)> {
        self.queue.remove(&key).map(|(priority, value)| (priority, key, value))
    }

    fn evict(&mut self) -> Option<(u8, u8, u64)> {
        let (_, keep) = self.bound.filter(|(capacity, _)| self.queue.len() as u64 > *capacity)?;
        let ranks = self.ranks();
        let (priority, _) = if keep == Keep::Highest { *ranks.first()? } else { *ranks.last()? };
        let (_, key) = *ranks.range((priority, 0)..=(priority, u8::MAX)).next_back()?;
        self.take(key)
    }

    fn put(&mut self, priority: u8, key: u8, value: u64) -> Inserted<u8, u8, u64> {
        let old = self.queue.insert(key, (priority, value));
        Inserted { old, evicted: self.evict() }
    }

    fn queue(&mut self, operation: QueueOperation<u8, u8, u64>) -> Said {
        let before = self.queue.len();
        match operation {
            QueueOperation::Insert { priority, key, value } => says(&self.put(priority, key, value), true),
            QueueOperation::Extend { entries } => {
                let put = |(priority, key, value)| self.put(priority, key, value).evicted;
                counts(entries.into_iter().filter_map(put).count())
            }
            QueueOperation::UpdatePriority { key, priority } => {
                let old = self.queue.get_mut(&key).map(|entry| std::mem::replace(&mut entry.0, priority));
                says(&old, old.is_some())
            }
            QueueOperation::UpdateValue { key, value } => {
                let old = self.queue.get_mut(&key).map(|entry| std::mem::replace(&mut entry.1, value));
                says(&old, old.is_some())
            }
            QueueOperation::CompareExchange { key, old, new } => {
                let holds = self.queue.get(&key).copied() == old;
                match new.filter(|_| holds) {
                    Some((priority, value)) => _ = self.put(priority, key, value),
                    None if holds => _ = self.take(key),
                    None => {}
                }
                says(&holds, holds)
            }
            QueueOperation::PopMin => {
                let first = self.ranks().first().copied();
                says(&first.and_then(|(_, key)| self.take(key)), true)
            }
            QueueOperation::PopMax => {
                let last = self.ranks().last().copied();
                says(&last.and_then(|(_, key)| self.take(key)), true)
            }
            QueueOperation::Remove { key } => says(&self.queue.remove(&key), true),
            QueueOperation::RemoveMany { keys } => {
                self.queue.retain(|key, _| !keys.contains(key));
                counts(before - self.queue.len())
            }
            QueueOperation::RemoveRange { from, to } => {
                self.queue.retain(|_, (priority, _)| !(from, to).contains(priority));
                counts(before - self.queue.len())
            }
            QueueOperation::SetCapacity { capacity } => {
                self.bound = capacity;
                while self.evict().is_some() {}
                counts(before - self.queue.len())
            }
            QueueOperation::Clear => {
                self.queue.clear();
                counts(before)
            }
            QueueOperation::Expect { key, entry } => {
                let holds = self.queue.get(&key).copied() == entry;
                says(&holds, holds)
            }
        }
    }

    /// The bytes that each container must have, in the order of their places.
    pub(super) fn bytes(&self) -> [Vec<u8>; 6] {
        fn bytes(value: &impl Serialize) -> Vec<u8> {
            codec::encode(value).expect("it encodes")
        }
        [
            bytes(&(&self.numbers, &self.expiries)),
            bytes(&self.row),
            bytes(&self.marks),
            bytes(&self.cell),
            bytes(&self.once),
            bytes(&(&self.queue, &self.bound)),
        ]
    }
}
