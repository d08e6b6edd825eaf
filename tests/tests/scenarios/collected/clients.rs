//! What clients do to the containers, through the handles that programs have.

use std::time::Duration;

use mosaik_runtime::{
    collections::{
        Applied, Cell, Keep, Once, TransactionError, Write,
        core::{
            CellOperation, Container, MapOperation, OnceOperation, QueueOperation, SetOperation, VecOperation,
        },
        machine::Operation,
    },
    groups::{CommandError, Version},
    node::Result,
    primitives::{NodeRng, codec},
};
use serde::Serialize;

use super::{
    journal::{Outcome, broken},
    model::{Marks, Numbers, Queue, Row},
};

/// The writers of one node.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) numbers: Write<Numbers>,
    pub(super) row: Write<Row>,
    pub(super) marks: Write<Marks>,
    pub(super) cell: Write<Cell<u64>>,
    pub(super) once: Write<Once<u64>>,
    pub(super) queue: Write<Queue>,
}

/// A request: what it is in the log, and what becomes of it.
pub(super) struct Call<'a> {
    pub(super) operations: Vec<Operation>,
    pub(super) given: futures::future::BoxFuture<'a, Result<(Outcome, Option<Version>)>>,
}

fn operation<T: Container>(part: u64, operation: &T::Operation) -> Operation {
    Operation { part, body: codec::encode(operation).expect("operations encode").into() }
}

fn bytes(answer: &impl Serialize) -> Vec<u8> {
    codec::encode(answer).expect("answers encode")
}

/// What did not take place.
fn aborted(version: Version, answer: &impl Serialize) -> (Outcome, Option<Version>) {
    (Outcome::Aborted(Some(version.index), bytes(answer)), Some(version))
}

/// What a change that has no error of its own came to.
fn settled<R: Serialize>(
    given: Result<Applied<R>, CommandError>,
    took_place: impl Fn(&R) -> bool,
) -> Result<(Outcome, Option<Version>)> {
    match given {
        Ok(done) if took_place(&done.result) => {
            let outcome = Outcome::Done(done.version.index, vec![bytes(&done.result)]);
            Ok((outcome, Some(done.version)))
        }
        Ok(done) => Ok(aborted(done.version, &done.result)),
        Err(error) => failed(&error),
    }
}

/// What a change that may fail came to.
fn tried<R: Serialize, E: Serialize + std::error::Error>(
    given: Result<Applied<R>, CommandError<E>>,
) -> Result<(Outcome, Option<Version>)> {
    match given {
        Ok(done) => {
            let outcome = Outcome::Done(done.version.index, vec![bytes(&Ok::<&R, E>(&done.result))]);
            Ok((outcome, Some(done.version)))
        }
        Err(CommandError::Failed(error)) => Ok((Outcome::Aborted(None, bytes(&Err::<R, E>(error))), None)),
        Err(error) => failed(&error),
    }
}

/// What an exchange came to that may fail, and that says whether it took place.
fn exchanged<E: Serialize + std::error::Error>(
    given: Result<Applied<bool>, CommandError<E>>,
) -> Result<(Outcome, Option<Version>)> {
    match given {
        Ok(Applied { version, result: false }) => Ok(aborted(version, &Ok::<bool, E>(false))),
        given => tried(given),
    }
}

fn failed<E: std::fmt::Debug>(error: &CommandError<E>) -> Result<(Outcome, Option<Version>)> {
    match error {
        CommandError::Rejected(_) => Ok((Outcome::Refused, None)),
        CommandError::Unknown(_) => Ok((Outcome::Open, None)),
        other => Err(broken("C4", format!("a change ended with {other:?}"))),
    }
}

/// One call: the operation in the log, the method of the handle, and whether its answer says that it took place.
macro_rules! call {
    ($part:literal, $container:ty, $operation:expr, $given:expr) => {
        call!($part, $container, $operation, $given, |_| true)
    };
    ($part:literal, $container:ty, $operation:expr, $given:expr, $took_place:expr) => {
        Call {
            operations: vec![operation::<$container>($part, &$operation)],
            given: Box::pin(async move { settled($given.await, $took_place) }),
        }
    };
}

/// The same for what may fail.
macro_rules! attempt {
    ($part:literal, $container:ty, $operation:expr, $given:expr) => {
        Call {
            operations: vec![operation::<$container>($part, &$operation)],
            given: Box::pin(async move { tried($given.await) }),
        }
    };
}

impl Shelf {
    /// Any operation; `new` is a number that nobody used before.
    pub(super) fn any<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        match rng.below(20) {
            0..7 => self.on_numbers(rng, new),
            7..10 => self.on_row(rng, new),
            10..12 => self.on_marks(rng),
            12 => self.on_cell(rng, new),
            13 if rng.below(20) == 0 => {
                call!(4, Once<u64>, OnceOperation::Set { value: new }, self.once.set(new), |won| won.is_ok())
            }
            13 => self.conditions(rng),
            14 => self.transaction(rng, new),
            _ => self.on_queue(rng, new),
        }
    }

    fn on_numbers<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        type Op = MapOperation<u8, u64>;
        let (map, key, by) = (&self.numbers, rng.below(40) as u8, rng.below(9) as i128 - 5);
        let (range, lives) = (key..=key.saturating_add(3), 200 + rng.below(3000) as u64);
        let (from, to) = (std::ops::Bound::Included(key), std::ops::Bound::Included(key.saturating_add(3)));
        match rng.below(18) {
            15 => call!(0, Numbers, Op::PopFirst, map.pop_first()),
            16 => call!(0, Numbers, Op::PopLast, map.pop_last()),
            17 => self.unless_there(key, new, lives),
            0..3 => call!(0, Numbers, Op::Insert { key, value: new, lives: None }, map.insert(key, new)),
            3 => {
                call!(
                    0,
                    Numbers,
                    Op::Insert { key, value: new, lives: Some(lives) },
                    map.insert_for(key, new, Duration::from_millis(lives))
                )
            }
            4 => {
                call!(
                    0,
                    Numbers,
                    Op::InsertIfAbsent { key, value: new },
                    map.insert_if_absent(key, new),
                    Option::is_none
                )
            }
            5 | 6 => {
                // What this node sees now: it may be what is there.
                let (old, new) = (map.get(&key), (by > -2).then_some(new));
                call!(
                    0,
                    Numbers,
                    Op::CompareExchange { key, old, new },
                    map.compare_exchange(&key, old.as_ref(), new.as_ref()),
                    |done| *done
                )
            }
            7 => attempt!(0, Numbers, Op::Increment { key, by }, map.increment(key, by)),
            8 => call!(0, Numbers, Op::Remove { key }, map.remove(key)),
            9 => {
                let entries: Vec<(u8, u64)> = (0..12).map(|n| (rng.below(40) as u8, new + n)).collect();
                call!(0, Numbers, Op::Extend { entries: entries.clone() }, map.extend(entries.clone()))
            }
            10 => call!(0, Numbers, Op::RemoveRange { from, to }, map.remove_range(range)),
            11 => {
                call!(
                    0,
                    Numbers,
                    Op::Expire { key, lives: Some(lives) },
                    map.expire(key, Some(Duration::from_millis(lives))),
                    |done| *done
                )
            }
            14 if by > 1 => {
                let from = std::ops::Bound::Included(4);
                call!(
                    0,
                    Numbers,
                    Op::RetainRange { from, to: std::ops::Bound::Unbounded },
                    map.retain_range(4..)
                )
            }
            12 => call!(0, Numbers, Op::Expire { key, lives: None }, map.expire(key, None), |done| *done),
            13 if key < 4 => call!(0, Numbers, Op::Clear, map.clear()),
            _ => call!(0, Numbers, Op::RemoveMany { keys: vec![key, 3] }, map.remove_many([key, 3])),
        }
    }

    /// Gives a key a value for some time if it has none.
    fn unless_there(&self, key: u8, value: u64, lives: u64) -> Call<'_> {
        call!(
            0,
            Numbers,
            MapOperation::InsertIfAbsentFor { key, value, lives },
            self.numbers.insert_if_absent_for(key, value, Duration::from_millis(lives)),
            Option::is_none
        )
    }

    fn on_row<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        type Op = VecOperation<u64>;
        let (row, at) = (&self.row, rng.below(60));
        let (one, other) = (at as u64, rng.below(60));
        match rng.below(15) {
            13 | 14 => {
                // Some end behind the last place, and some before they begin.
                let end = (at + 5).saturating_sub(2 * (other % 4));
                let (from, to) = (std::ops::Bound::Included(one), std::ops::Bound::Excluded(end as u64));
                attempt!(1, Row, Op::RemoveRange { from, to }, row.remove_range(at..end))
            }
            0 | 1 => call!(1, Row, Op::Push { value: new }, row.push(new)),
            2 => call!(1, Row, Op::Pop, row.pop()),
            3 => attempt!(1, Row, Op::Insert { at: one, value: new }, row.insert(at, new)),
            4 => attempt!(1, Row, Op::Set { at: one, value: new }, row.set(at, new)),
            5 => attempt!(1, Row, Op::Remove { at: one }, row.remove(at)),
            6 => attempt!(1, Row, Op::Swap { one, other: other as u64 }, row.swap(at, other)),
            7 if at < 6 => call!(1, Row, Op::Truncate { length: 20 }, row.truncate(20)),
            8 => call!(1, Row, Op::PushFront { value: new }, row.push_front(new)),
            9 => call!(1, Row, Op::PopFront, row.pop_front()),
            10 => {
                // What this node sees now: it may be what is there.
                let old = row.get(at).unwrap_or_default();
                Call {
                    operations: vec![operation::<Row>(1, &Op::CompareExchange { at: one, old, new })],
                    given: Box::pin(async move { exchanged(row.compare_exchange(at, old, new).await) }),
                }
            }
            11 if at < 3 => call!(1, Row, Op::Clear, row.clear()),
            _ => {
                let values: Vec<u64> = (new..new + 6).collect();
                call!(1, Row, Op::Extend { values: values.clone() }, row.extend(values.clone()))
            }
        }
    }

    fn on_marks<'a>(&'a self, rng: &mut NodeRng) -> Call<'a> {
        type Op = SetOperation<u16>;
        let (marks, item) = (&self.marks, rng.below(300) as u16);
        match rng.below(10) {
            8 => call!(2, Marks, Op::PopFirst, marks.pop_first()),
            9 => call!(2, Marks, Op::PopLast, marks.pop_last()),
            0 => call!(2, Marks, Op::Insert { item }, marks.insert(item)),
            1 => call!(2, Marks, Op::Remove { item }, marks.remove(item)),
            2 => {
                let (from, to) = (std::ops::Bound::Included(item), std::ops::Bound::Excluded(item + 30));
                call!(2, Marks, Op::RemoveRange { from, to }, marks.remove_range(item..item + 30))
            }
            3 => {
                let items: Vec<u16> = (0..6).map(|n| (item + n * 11) % 300).collect();
                call!(2, Marks, Op::RemoveMany { items: items.clone() }, marks.remove_many(items.clone()))
            }
            4 if item < 60 => {
                let (from, to) = (std::ops::Bound::Included(20), std::ops::Bound::Unbounded);
                call!(2, Marks, Op::RetainRange { from, to }, marks.retain_range(20..))
            }
            5 if item < 12 => call!(2, Marks, Op::Clear, marks.clear()),
            _ => {
                let items: Vec<u16> = (0..15).map(|n| (item + n * 7) % 300).collect();
                call!(2, Marks, Op::Extend { items: items.clone() }, marks.extend(items.clone()))
            }
        }
    }

    fn on_cell<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        type Op = CellOperation<u64>;
        match rng.below(4) {
            0 => call!(3, Cell<u64>, Op::Write { value: new }, self.cell.write(new)),
            1 => attempt!(3, Cell<u64>, Op::Increment { by: 3 }, self.cell.increment(3)),
            2 if new.is_multiple_of(3) => call!(3, Cell<u64>, Op::Clear, self.cell.clear()),
            _ => {
                let old = self.cell.get();
                call!(
                    3,
                    Cell<u64>,
                    Op::CompareExchange { old, new: Some(new) },
                    self.cell.compare_exchange(old.as_ref(), Some(&new)),
                    |done| *done
                )
            }
        }
    }

    fn on_queue<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        type Op = QueueOperation<u8, u8, u64>;
        let (queue, priority, key) = (&self.queue, rng.below(12) as u8, rng.below(60) as u8);
        match rng.below(14) {
            13 => {
                call!(5, Queue, Op::RemoveMany { keys: vec![key, 7] }, queue.remove_many([key, 7]))
            }
            0 | 1 => {
                call!(5, Queue, Op::Insert { priority, key, value: new }, queue.insert(priority, key, new))
            }
            2 | 3 => {
                let entries: Vec<_> =
                    (0..9).map(|n| (rng.below(12) as u8, rng.below(60) as u8, new + n)).collect();
                call!(5, Queue, Op::Extend { entries: entries.clone() }, queue.extend(entries.clone()))
            }
            4 => {
                call!(
                    5,
                    Queue,
                    Op::UpdatePriority { key, priority },
                    queue.update_priority(key, priority),
                    Option::is_some
                )
            }
            5 => call!(5, Queue, Op::PopMin, queue.pop_min()),
            6 => call!(5, Queue, Op::PopMax, queue.pop_max()),
            7 => call!(5, Queue, Op::Remove { key }, queue.remove(key)),
            8 => {
                let (from, to) =
                    (std::ops::Bound::Included(priority), std::ops::Bound::Excluded(priority + 2));
                call!(5, Queue, Op::RemoveRange { from, to }, queue.remove_range(priority..priority + 2))
            }
            9 => call!(
                5,
                Queue,
                Op::UpdateValue { key, value: new },
                queue.update_value(key, new),
                Option::is_some
            ),
            10 => {
                // What this node sees now: it may be what is there.
                let (old, new) = (queue.get(&key), (priority > 2).then_some((priority, new)));
                call!(
                    5,
                    Queue,
                    Op::CompareExchange { key, old, new },
                    queue.compare_exchange(&key, old, new),
                    |done| *done
                )
            }
            11 if key < 5 => call!(5, Queue, Op::Clear, queue.clear()),
            _ => {
                let capacity =
                    (key < 40).then_some((30, if key < 20 { Keep::Highest } else { Keep::Lowest }));
                call!(5, Queue, Op::SetCapacity { capacity }, queue.set_capacity(capacity))
            }
        }
    }

    /// Changes of three containers, if one of them is as it was seen.
    fn transaction<'a>(&'a self, rng: &mut NodeRng, new: u64) -> Call<'a> {
        let key = rng.below(40) as u8;
        let seen = self.numbers.get(&key);
        let item = rng.below(300) as u16;
        let operations = vec![
            operation::<Row>(1, &VecOperation::Push { value: new }),
            operation::<Marks>(2, &SetOperation::Insert { item }),
            operation::<Numbers>(0, &MapOperation::Expect { key, value: seen }),
            operation::<Numbers>(0, &MapOperation::Insert { key, value: new, lives: None }),
        ];
        let given = async move {
            let done = self.numbers.transaction(|tx| {
                let at = tx.on(&self.row).push(new);
                let is_new = tx.on(&self.marks).insert(item);
                let seen = tx.on(&self.numbers).expect(&key, seen.as_ref());
                (at, is_new, seen, tx.on(&self.numbers).insert(key, new))
            });
            match done.await {
                Ok(Applied { version, result: (at, is_new, seen, old) }) => {
                    let answers = vec![bytes(&at), bytes(&is_new), bytes(&seen), bytes(&old)];
                    Ok((Outcome::Done(version.index, answers), Some(version)))
                }
                Err(CommandError::Failed(TransactionError::Aborted { step: 2, version, .. })) => {
                    Ok(aborted(version, &false))
                }
                Err(error) => failed(&error),
            }
        };
        Call { operations, given: Box::pin(given) }
    }

    /// One change, if all containers but one are as they were seen.
    fn conditions<'a>(&'a self, rng: &mut NodeRng) -> Call<'a> {
        let (item, key) = (rng.below(300) as u16, rng.below(60) as u8);
        let (length, present) = (self.row.len(), self.marks.contains(&item));
        let (cell, once, entry) = (self.cell.get(), self.once.get(), self.queue.get(&key));
        let first = self.row.first();
        let mut operations = vec![
            operation::<Row>(1, &VecOperation::ExpectLen { length: length as u64 }),
            operation::<Marks>(2, &SetOperation::Expect { item, present }),
            operation::<Cell<u64>>(3, &CellOperation::Expect { value: cell }),
            operation::<Once<u64>>(4, &OnceOperation::Expect { value: once }),
            operation::<Queue>(5, &QueueOperation::Expect { key, entry }),
            operation::<Marks>(2, &SetOperation::Remove { item }),
        ];
        operations.extend(first.map(|value| operation::<Row>(1, &VecOperation::Expect { at: 0, value })));
        let given = async move {
            let done = self.row.transaction(|tx| {
                let mut held = vec![
                    tx.on(&self.row).expect_len(length),
                    tx.on(&self.marks).expect(item, present),
                    tx.on(&self.cell).expect(cell.as_ref()),
                    tx.on(&self.once).expect(once.as_ref()),
                    tx.on(&self.queue).expect(&key, entry),
                    tx.on(&self.marks).remove(item),
                ];
                held.extend(first.map(|value| tx.on(&self.row).expect(0, value)));
                held
            });
            match done.await {
                Ok(Applied { version, result }) => {
                    let answers = result.iter().map(bytes).collect();
                    Ok((Outcome::Done(version.index, answers), Some(version)))
                }
                Err(CommandError::Failed(TransactionError::Aborted { version, .. })) => {
                    Ok(aborted(version, &false))
                }
                Err(error) => failed(&error),
            }
        };
        Call { operations, given: Box::pin(given) }
    }
}
