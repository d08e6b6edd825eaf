//! Golden bytes of what travels: every operation of every container, and every kind of answer. Both are a promise.

use std::ops::Bound;

use serde::Serialize;

use crate::{
    collections::core::{
        Cell, CellOperation, Container, Keep, Map, MapOperation, Once, OnceOperation, PriorityQueue,
        QueueOperation, Set, SetOperation, Step, Vec as Sequence, VecOperation,
    },
    groups::Timestamp,
    primitives::{codec, ids::hex},
};

/// Each with its bytes.
fn are<O: Serialize + std::fmt::Debug>(pairs: &[(O, &str)]) {
    for (operation, expected) in pairs {
        assert_eq!(hex(&codec::encode(operation).expect("encodes")), *expected, "{operation:?}");
    }
}

/// Operations on one container, each with the bytes of its answer and whether it took place.
fn answer<C: Container>(operations: impl IntoIterator<Item = (C::Operation, &'static str, bool)>) {
    let mut state = C::default();
    for (at, (operation, expected, takes_place)) in operations.into_iter().enumerate() {
        let (mut changes, mut answer) = (Vec::new(), Vec::new());
        let took_place =
            state.apply(operation, &mut Step::new(Timestamp::from_millis(9), &mut changes, &mut answer));
        assert_eq!((&*hex(&answer), took_place), (expected, takes_place), "operation {at} of a {}", C::KIND);
    }
}

const FROM: Bound<u8> = Bound::Included(1);
const TO: Bound<u8> = Bound::Excluded(2);

#[test]
fn c3_golden_bytes_of_the_operations_of_a_map() {
    type Op = MapOperation<u8, u8>;
    are(&[
        (Op::Insert { key: 1, value: 2, lives: Some(3) }, "0001020103"),
        (Op::InsertIfAbsent { key: 1, value: 2 }, "010102"),
        (Op::CompareExchange { key: 1, old: None, new: Some(2) }, "0201000102"),
        (Op::Increment { key: 1, by: -2 }, "030103"),
        (Op::Remove { key: 1 }, "0401"),
        (Op::Extend { entries: vec![(1, 2)] }, "05010102"),
        (Op::RemoveMany { keys: vec![1] }, "060101"),
        (Op::RemoveRange { from: FROM, to: Bound::Unbounded }, "07010100"),
        (Op::RetainRange { from: FROM, to: TO }, "0801010202"),
        (Op::Expire { key: 1, lives: None }, "090100"),
        (Op::Clear, "0a"),
        (Op::Expect { key: 1, value: None }, "0b0100"),
        (Op::InsertIfAbsentFor { key: 1, value: 2, lives: 300 }, "0c0102ac02"),
        (Op::PopFirst, "0d"),
        (Op::PopLast, "0e"),
    ]);
}

#[test]
fn c3_golden_bytes_of_the_operations_of_sequences_and_sets() {
    type Op = VecOperation<u8>;
    are(&[
        (Op::Push { value: 1 }, "0001"),
        (Op::PushFront { value: 1 }, "0101"),
        (Op::Pop, "02"),
        (Op::PopFront, "03"),
        (Op::Insert { at: 1, value: 2 }, "040102"),
        (Op::Set { at: 1, value: 2 }, "050102"),
        (Op::CompareExchange { at: 1, old: 2, new: 3 }, "06010203"),
        (Op::Remove { at: 1 }, "0701"),
        (Op::Swap { one: 1, other: 2 }, "080102"),
        (Op::Truncate { length: 300 }, "09ac02"),
        (Op::Extend { values: vec![1, 2] }, "0a020102"),
        (Op::Clear, "0b"),
        (Op::Expect { at: 1, value: 2 }, "0c0102"),
        (Op::ExpectLen { length: 1 }, "0d01"),
        (Op::RemoveRange { from: Bound::Included(1), to: Bound::Excluded(300) }, "0e010102ac02"),
        (Op::RemoveRange { from: Bound::Excluded(1), to: Bound::Unbounded }, "0e020100"),
    ]);
    type Items = SetOperation<u8>;
    are(&[
        (Items::Insert { item: 1 }, "0001"),
        (Items::Remove { item: 1 }, "0101"),
        (Items::Extend { items: vec![1] }, "020101"),
        (Items::RemoveMany { items: vec![1] }, "030101"),
        (Items::RemoveRange { from: Bound::Unbounded, to: TO }, "04000202"),
        (Items::RetainRange { from: FROM, to: TO }, "0501010202"),
        (Items::Clear, "06"),
        (Items::Expect { item: 1, present: true }, "070101"),
        (Items::PopFirst, "08"),
        (Items::PopLast, "09"),
    ]);
}

#[test]
fn c3_golden_bytes_of_the_operations_of_cells_and_queues() {
    are(&[
        (CellOperation::<u8>::Write { value: 1 }, "0001"),
        (CellOperation::CompareExchange { old: None, new: Some(2) }, "01000102"),
        (CellOperation::Increment { by: -2 }, "0203"),
        (CellOperation::Clear, "03"),
        (CellOperation::Expect { value: Some(1) }, "040101"),
    ]);
    are(&[
        (OnceOperation::<u8>::Set { value: 1 }, "0001"),
        (OnceOperation::Expect { value: Some(1) }, "010101"),
    ]);
    type Op = QueueOperation<u8, u8, u8>;
    are(&[
        (Op::Insert { priority: 1, key: 2, value: 3 }, "00010203"),
        (Op::Extend { entries: vec![(1, 2, 3)] }, "0101010203"),
        (Op::UpdatePriority { key: 1, priority: 2 }, "020102"),
        (Op::UpdateValue { key: 1, value: 2 }, "030102"),
        (Op::CompareExchange { key: 1, old: None, new: Some((2, 3)) }, "040100010203"),
        (Op::PopMin, "05"),
        (Op::PopMax, "06"),
        (Op::Remove { key: 1 }, "0701"),
        (Op::RemoveRange { from: FROM, to: TO }, "0801010202"),
        (Op::SetCapacity { capacity: Some((2, Keep::Highest)) }, "09010200"),
        (Op::SetCapacity { capacity: Some((2, Keep::Lowest)) }, "09010201"),
        (Op::Clear, "0a"),
        (Op::Expect { key: 1, entry: Some((2, 3)) }, "0b01010203"),
        (Op::RemoveMany { keys: vec![1, 2] }, "0c020102"),
    ]);
}

#[test]
fn c3_golden_bytes_of_the_answers_of_a_map() {
    type Op = MapOperation<u8, u8>;
    answer::<Map<u8, u8>>([
        (Op::Insert { key: 1, value: 2, lives: None }, "00", true),
        (Op::Insert { key: 1, value: 3, lives: None }, "0102", true),
        (Op::InsertIfAbsent { key: 1, value: 9 }, "0103", false),
        (Op::InsertIfAbsent { key: 2, value: 9 }, "00", true),
        (Op::CompareExchange { key: 1, old: Some(3), new: Some(4) }, "01", true),
        (Op::CompareExchange { key: 1, old: Some(3), new: None }, "00", false),
        (Op::Increment { key: 1, by: -2 }, "0002", true),
        (Op::Increment { key: 1, by: 300 }, "0100", false),
        (Op::Extend { entries: vec![(1, 1), (3, 1), (4, 1), (5, 1)] }, "03", true),
        (Op::Remove { key: 9 }, "00", true),
        (Op::Remove { key: 1 }, "0101", true),
        (Op::RemoveMany { keys: vec![2, 9] }, "01", true),
        (Op::RemoveRange { from: Bound::Excluded(3), to: Bound::Included(4) }, "01", true),
        (Op::RetainRange { from: Bound::Included(4), to: Bound::Unbounded }, "01", true),
        (Op::Expire { key: 5, lives: Some(1000) }, "01", true),
        (Op::Expire { key: 9, lives: None }, "00", false),
        (Op::Expect { key: 5, value: Some(1) }, "01", true),
        (Op::Expect { key: 5, value: None }, "00", false),
        (Op::InsertIfAbsentFor { key: 6, value: 2, lives: 9 }, "00", true),
        (Op::InsertIfAbsentFor { key: 6, value: 3, lives: 9 }, "0102", false),
        (Op::PopFirst, "010501", true),
        (Op::PopLast, "010602", true),
        (Op::PopFirst, "00", true),
        (Op::PopLast, "00", true),
        (Op::Insert { key: 1, value: 2, lives: None }, "00", true),
        (Op::Clear, "01", true),
    ]);
    answer::<Map<u8, String>>([(MapOperation::Increment { key: 1, by: 1 }, "0101", false)]);
}

#[test]
fn c3_golden_bytes_of_the_answers_of_sequences_and_sets() {
    type Op = VecOperation<u8>;
    answer::<Sequence<u8>>([
        (Op::Push { value: 1 }, "00", true),
        (Op::Push { value: 2 }, "01", true),
        (Op::PushFront { value: 3 }, "", true),
        (Op::Pop, "0102", true),
        (Op::PopFront, "0103", true),
        (Op::Insert { at: 1, value: 5 }, "00", true),
        (Op::Insert { at: 300, value: 5 }, "01ac0202", false),
        (Op::Set { at: 0, value: 6 }, "0001", true),
        (Op::Set { at: 9, value: 6 }, "010902", false),
        (Op::CompareExchange { at: 0, old: 6, new: 7 }, "0001", true),
        (Op::CompareExchange { at: 0, old: 6, new: 8 }, "0000", false),
        (Op::CompareExchange { at: 9, old: 6, new: 8 }, "010902", false),
        (Op::Swap { one: 0, other: 1 }, "00", true),
        (Op::Swap { one: 0, other: 9 }, "010902", false),
        (Op::Remove { at: 0 }, "0005", true),
        (Op::Remove { at: 9 }, "010901", false),
        (Op::Extend { values: vec![1, 2, 3] }, "03", true),
        (Op::Truncate { length: 3 }, "01", true),
        (Op::Expect { at: 0, value: 7 }, "01", true),
        (Op::Expect { at: 9, value: 7 }, "00", false),
        (Op::ExpectLen { length: 3 }, "01", true),
        (Op::ExpectLen { length: 4 }, "00", false),
        (Op::RemoveRange { from: Bound::Included(1), to: Bound::Excluded(1) }, "0000", true),
        (Op::RemoveRange { from: Bound::Included(1), to: Bound::Unbounded }, "00020102", true),
        (Op::RemoveRange { from: Bound::Included(1), to: Bound::Included(300) }, "0100ac0201", false),
        (Op::RemoveRange { from: Bound::Included(2), to: Bound::Excluded(1) }, "01010201", false),
        (Op::Extend { values: vec![1, 2] }, "02", true),
        (Op::Clear, "03", true),
        (Op::Pop, "00", true),
        (Op::PopFront, "00", true),
    ]);
    type Items = SetOperation<u8>;
    answer::<Set<u8>>([
        (Items::Insert { item: 1 }, "01", true),
        (Items::Insert { item: 1 }, "00", true),
        (Items::Extend { items: vec![1, 2, 3, 4, 5] }, "04", true),
        (Items::Remove { item: 5 }, "01", true),
        (Items::Remove { item: 5 }, "00", true),
        (Items::RemoveMany { items: vec![4, 9] }, "01", true),
        (Items::RemoveRange { from: FROM, to: TO }, "01", true),
        (Items::RetainRange { from: Bound::Unbounded, to: Bound::Included(2) }, "01", true),
        (Items::Expect { item: 2, present: true }, "01", true),
        (Items::Expect { item: 2, present: false }, "00", false),
        (Items::Extend { items: vec![1, 3] }, "02", true),
        (Items::PopFirst, "0101", true),
        (Items::PopLast, "0103", true),
        (Items::Clear, "01", true),
        (Items::PopFirst, "00", true),
        (Items::PopLast, "00", true),
    ]);
}

#[test]
fn c3_golden_bytes_of_the_answers_of_cells_and_queues() {
    type Write = CellOperation<u8>;
    answer::<Cell<u8>>([
        (Write::Write { value: 1 }, "00", true),
        (Write::Write { value: 2 }, "0101", true),
        (Write::CompareExchange { old: Some(2), new: Some(3) }, "01", true),
        (Write::CompareExchange { old: None, new: None }, "00", false),
        (Write::Increment { by: 4 }, "0007", true),
        (Write::Increment { by: -8 }, "0100", false),
        (Write::Expect { value: Some(7) }, "01", true),
        (Write::Expect { value: None }, "00", false),
        (Write::Clear, "0107", true),
    ]);
    answer::<Once<u8>>([
        (OnceOperation::Set { value: 1 }, "00", true),
        (OnceOperation::Set { value: 2 }, "0101", false),
        (OnceOperation::Expect { value: Some(1) }, "01", true),
        (OnceOperation::Expect { value: None }, "00", false),
    ]);
    type Op = QueueOperation<u8, u8, u8>;
    answer::<PriorityQueue<u8, u8, u8>>([
        (Op::Insert { priority: 5, key: 1, value: 10 }, "0000", true),
        (Op::Insert { priority: 6, key: 1, value: 11 }, "01050a00", true),
        (Op::Extend { entries: vec![(7, 2, 12), (8, 3, 13)] }, "00", true),
        (Op::SetCapacity { capacity: Some((2, Keep::Highest)) }, "01", true),
        (Op::Insert { priority: 9, key: 4, value: 14 }, "000107020c", true),
        (Op::UpdatePriority { key: 4, priority: 1 }, "0109", true),
        (Op::UpdatePriority { key: 9, priority: 1 }, "00", false),
        (Op::UpdateValue { key: 4, value: 2 }, "010e", true),
        (Op::UpdateValue { key: 9, value: 2 }, "00", false),
        (Op::CompareExchange { key: 4, old: Some((1, 2)), new: Some((1, 3)) }, "01", true),
        (Op::CompareExchange { key: 4, old: None, new: None }, "00", false),
        (Op::Expect { key: 4, entry: Some((1, 3)) }, "01", true),
        (Op::Expect { key: 4, entry: None }, "00", false),
        (Op::PopMin, "01010403", true),
        (Op::PopMax, "0108030d", true),
        (Op::PopMin, "00", true),
        (Op::Extend { entries: vec![(1, 1, 1), (2, 2, 2), (3, 3, 3)] }, "01", true),
        (Op::RemoveRange { from: Bound::Included(3), to: Bound::Unbounded }, "01", true),
        (Op::Remove { key: 2 }, "010202", true),
        (Op::Remove { key: 2 }, "00", true),
        (Op::Extend { entries: vec![(1, 1, 1), (2, 2, 2)] }, "00", true),
        (Op::RemoveMany { keys: vec![1, 9] }, "01", true),
        (Op::RemoveMany { keys: vec![1, 2] }, "01", true),
        (Op::Clear, "00", true),
    ]);
}
