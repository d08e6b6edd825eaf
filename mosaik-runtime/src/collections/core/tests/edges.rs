//! What is easy to get wrong: ranges that end before they begin, sums at the ends of their types, values without equality, keys in
//! the wrong order.

use std::ops::Bound;

use super::Bench;
use crate::{
    collections::core::{
        AddError, Cell, CellOperation, Container, Map, MapOperation, Set, SetOperation, Step,
    },
    groups::Timestamp,
    primitives::{codec, schema},
};

#[test]
fn lc10_a_range_that_ends_before_it_begins_is_empty_and_no_panic() {
    let mut map = Bench::<Map<u8, u8>>::new();
    map.go::<u64>(MapOperation::Extend { entries: (0..9).map(|n| (n, n)).collect() });
    let (mut set, all) = (Bench::<Set<u8>>::new(), (0..9).collect());
    set.go::<u64>(SetOperation::Extend { items: all });
    for (from, to) in [
        (Bound::Included(5), Bound::Included(4)),
        (Bound::Excluded(5), Bound::Excluded(5)),
        (Bound::Excluded(5), Bound::Included(5)),
        (Bound::Included(9), Bound::Excluded(0)),
    ] {
        assert_eq!(map.state.range::<u8>((from, to)).count(), 0);
        assert_eq!(set.state.range::<u8>((from, to)).count(), 0);
        assert_eq!(map.go::<u64>(MapOperation::RemoveRange { from, to }).0, 0);
        assert_eq!(set.go::<u64>(SetOperation::RemoveRange { from, to }).0, 0);
    }
    let (from, to) = (Bound::Excluded(5), Bound::Excluded(5));
    assert_eq!(
        map.go::<u64>(MapOperation::RetainRange { from, to }).0,
        9,
        "nothing is in it, so nothing stays"
    );
}

fn sum<T: crate::collections::core::Number + PartialEq + std::fmt::Debug>(
    start: T,
    by: i128,
) -> Result<T, AddError> {
    let mut cell = Bench::<Cell<T>>::new();
    cell.go::<Option<T>>(CellOperation::Write { value: start });
    cell.go(CellOperation::Increment { by }).0
}

#[test]
fn sums_at_the_ends_of_their_types_are_exact_or_refused() {
    assert_eq!(sum(u64::MAX - 1, 1), Ok(u64::MAX));
    assert_eq!(sum(u64::MAX, 1), Err(AddError::Overflow));
    assert_eq!(sum(0u8, -1), Err(AddError::Overflow));
    assert_eq!(sum(u128::MAX - 1, 1), Ok(u128::MAX));
    assert_eq!(sum(u128::MAX, 1), Err(AddError::Overflow));
    assert_eq!(sum(i128::MAX as u128, 1), Ok(i128::MAX as u128 + 1));
    assert_eq!(sum(i128::MAX as u128 + 1, -1), Ok(i128::MAX as u128));
    assert_eq!(sum(i128::MIN, -1), Err(AddError::Overflow));
    assert_eq!(sum(i128::MAX, 1), Err(AddError::Overflow));
    assert_eq!(sum(-1i8, -127), Ok(-128));
    let mut text = Bench::<Cell<String>>::new();
    let refused = text.go::<Result<String, AddError>>(CellOperation::Increment { by: 1 });
    assert_eq!((refused.0, refused.1), (Err(AddError::NotANumber), false));
}

#[test]
fn a_number_that_is_no_number_equals_itself() {
    let mut cell = Bench::<Cell<f64>>::new();
    cell.go::<Option<f64>>(CellOperation::Write { value: f64::NAN });
    assert!(cell.go::<bool>(CellOperation::CompareExchange { old: Some(f64::NAN), new: Some(1.0) }).0);
    assert!(!cell.go::<bool>(CellOperation::CompareExchange { old: Some(f64::NAN), new: None }).0);
}

#[test]
fn c3_bytes_in_another_order_are_refused() {
    let unsorted =
        codec::encode(&(vec![(2u8, 0u8), (1, 0)], Vec::<(u8, Timestamp)>::new())).expect("encodes");
    assert!(codec::decode_deep::<Map<u8, u8>>(&unsorted).is_err());
    let twice = codec::encode(&[1u8, 1].as_slice()).expect("encodes");
    assert!(codec::decode_deep::<Set<u8>>(&twice).is_err());
    let nobody = codec::encode(&(Vec::<(u8, u8)>::new(), vec![(1u8, Timestamp::BIRTH)])).expect("encodes");
    assert!(codec::decode_deep::<Map<u8, u8>>(&nobody).is_err(), "what is not there cannot expire");
    let endless = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(codec::decode_deep::<Set<u64>>(&endless).is_err(), "a length that nothing follows");
}

#[test]
fn an_entry_that_lives_for_ever_does_not_wrap() {
    let (mut changes, mut answer) = (Vec::new(), Vec::new());
    let mut map = Map::<u8, u8>::default();
    let mut step = Step::new(Timestamp::from_millis(5), &mut changes, &mut answer);
    map.apply(MapOperation::Insert { key: 1, value: 1, lives: Some(u64::MAX) }, &mut step);
    assert_eq!(map.expires(&1), Some(Timestamp::from_millis(u64::MAX)));
}

#[test]
fn what_gives_a_key_another_value_ends_its_time_to_live_or_keeps_it() {
    type Op = MapOperation<u8, u8>;
    let until = |millis: u64| Some(Timestamp::from_millis(millis));
    for (operation, took_place, expires) in [
        (Op::Insert { key: 1, value: 9, lives: None }, true, None),
        (Op::Insert { key: 1, value: 9, lives: Some(7) }, true, until(57)),
        (Op::Extend { entries: vec![(1, 9)] }, true, None),
        (Op::Increment { key: 1, by: 3 }, true, until(30)),
        (Op::Increment { key: 1, by: 300 }, false, until(30)),
        (Op::CompareExchange { key: 1, old: Some(5), new: Some(6) }, true, until(30)),
        (Op::CompareExchange { key: 1, old: Some(4), new: Some(6) }, false, until(30)),
        (Op::CompareExchange { key: 1, old: Some(5), new: None }, true, None),
        (Op::InsertIfAbsent { key: 1, value: 9 }, false, until(30)),
        (Op::InsertIfAbsentFor { key: 1, value: 9, lives: 7 }, false, until(30)),
        (Op::Expire { key: 1, lives: None }, true, None),
        (Op::Expire { key: 1, lives: Some(1) }, true, until(51)),
        (Op::Expect { key: 1, value: Some(5) }, true, until(30)),
        (Op::PopFirst, true, None),
        (Op::Remove { key: 1 }, true, None),
    ] {
        let (mut changes, mut answer) = (Vec::new(), Vec::new());
        let mut map = Map::<u8, u8>::default();
        let insert = Op::Insert { key: 1, value: 5, lives: Some(30) };
        map.apply(insert, &mut Step::new(Timestamp::BIRTH, &mut changes, &mut answer));
        assert_eq!(map.expires(&1), until(30));
        let what = format!("{operation:?}");
        let mut step = Step::new(Timestamp::from_millis(50), &mut changes, &mut answer);
        assert_eq!((map.apply(operation, &mut step), map.expires(&1)), (took_place, expires), "{what}");
        // A key that comes back after it has gone lives for good.
        if !map.contains_key(&1) {
            let again = Op::InsertIfAbsent { key: 1, value: 5 };
            map.apply(again, &mut Step::new(Timestamp::BIRTH, &mut changes, &mut answer));
            assert_eq!((map.expires(&1), map.next_expiry()), (None, None), "{what}");
        }
    }
    let (mut changes, mut answer, mut map) = (Vec::new(), Vec::new(), Map::<u8, u8>::default());
    let mut step = Step::new(Timestamp::from_millis(50), &mut changes, &mut answer);
    map.apply(Op::InsertIfAbsentFor { key: 1, value: 9, lives: 7 }, &mut step);
    assert_eq!((map.expires(&1), map.next_expiry()), (until(57), until(57)));
}

#[test]
fn containers_of_other_types_have_other_shapes() {
    let shapes = [
        schema::of::<Map<String, u64>>(),
        schema::of::<Map<String, u32>>(),
        schema::of::<Set<String>>(),
        schema::of::<crate::collections::core::Vec<String>>(),
        schema::of::<Cell<String>>(),
        schema::of::<crate::collections::core::Once<String>>(),
        schema::of::<crate::collections::core::PriorityQueue<u8, String, u64>>(),
    ];
    let fingerprints: std::collections::BTreeSet<_> = shapes.iter().map(schema::Shape::fingerprint).collect();
    assert_eq!(fingerprints.len(), shapes.len());
}
