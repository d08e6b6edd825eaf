//! Golden bytes: the form of each container and of each operation is a promise.

use std::ops::Bound;

use serde::Serialize;

use super::Bench;
use crate::{
    collections::core::{
        Cell, CellOperation, Container, Keep, Map, MapOperation, Once, PriorityQueue, QueueOperation, Set,
        SetOperation, Vec as Sequence, VecOperation,
    },
    primitives::{codec, ids::hex},
};

fn bytes(value: &impl Serialize) -> String {
    hex(&codec::encode(value).expect("encodes"))
}

fn after<C: Container + PartialEq + std::fmt::Debug>(
    operations: impl IntoIterator<Item = C::Operation>,
) -> String {
    let (mut state, mut changes, mut answer) = (C::default(), Vec::new(), Vec::new());
    for operation in operations {
        let now = crate::groups::Timestamp::from_millis(1000);
        state.apply(operation, &mut super::Step::new(now, &mut changes, &mut answer));
    }
    bytes(&state)
}

#[test]
fn c3_equal_contents_have_equal_bytes_in_whatever_order_they_came() {
    let mut forth = Bench::<Map<u16, u16>>::new();
    let mut back = Bench::<Map<u16, u16>>::new();
    for key in 0..500 {
        forth.go::<Option<u16>>(MapOperation::Insert { key, value: key, lives: None });
        let (key, lives) = (499 - key, Some(7));
        back.go::<Option<u16>>(MapOperation::Insert { key, value: 9, lives });
        back.go::<Option<u16>>(MapOperation::Insert { key, value: key, lives: None });
    }
    back.go::<Option<u16>>(MapOperation::Insert { key: 1000, value: 0, lives: None });
    back.go::<Option<u16>>(MapOperation::Remove { key: 1000 });
    assert_eq!(bytes(&forth.state), bytes(&back.state));
}

#[test]
fn c3_golden_bytes_of_contents() {
    let map = after::<Map<String, u64>>([
        MapOperation::Insert { key: "b".into(), value: 300, lives: None },
        MapOperation::Insert { key: "a".into(), value: 1, lives: Some(50) },
    ]);
    assert_eq!(map, "020161010162ac02010161_9a08".replace('_', ""));
    let set = after::<Set<u16>>([SetOperation::Extend { items: vec![3, 1, 2] }]);
    assert_eq!(set, "03010203");
    let sequence = after::<Sequence<u16>>([VecOperation::Extend { values: vec![3, 1, 2] }]);
    assert_eq!(sequence, "03030102");
    assert_eq!(after::<Cell<u8>>([CellOperation::Write { value: 7 }]), "0107");
    assert_eq!(after::<Once<u8>>([]), "00");
    let queue = after::<PriorityQueue<u8, u8, u8>>([
        QueueOperation::SetCapacity { capacity: Some((2, Keep::Lowest)) },
        QueueOperation::Extend { entries: vec![(9, 1, 10), (8, 2, 20), (7, 3, 30)] },
    ]);
    assert_eq!(queue, "020208140307_1e_010201".replace('_', ""));
}

/// A number that a seed does not decide.
fn mixed(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b9) ^ (n >> 3)
}

/// Large contents, whose entries came forth or back.
fn large(back: bool) -> [String; 4] {
    let order = || {
        let forth = 0..5_000_u32;
        let numbers: std::vec::Vec<u32> = if back { forth.rev().collect() } else { forth.collect() };
        numbers.into_iter()
    };
    let insert = |n: u32| MapOperation::Insert {
        key: format!("key {}", mixed(n)),
        value: i64::from(n) - 2_500,
        lives: n.is_multiple_of(7).then_some(u64::from(n)),
    };
    let map = after::<Map<String, i64>>(order().map(insert));
    let set = after::<Set<u32>>(order().map(|n| SetOperation::Insert { item: mixed(n) }));
    let sequence = after::<Sequence<u32>>((0..5_000).map(|n| match back {
        true => VecOperation::PushFront { value: mixed(4_999 - n) },
        false => VecOperation::Push { value: mixed(n) },
    }));
    type Operation = QueueOperation<u16, u32, u8>;
    let insert = |n: u32| Operation::Insert { priority: (mixed(n) >> 20) as u16, key: n, value: n as u8 };
    let range = Operation::RemoveRange { from: Bound::Included(100), to: Bound::Excluded(900) };
    let queue = after::<PriorityQueue<u16, u32, u8>>(order().map(insert).chain([range]));
    [map, set, sequence, queue]
}

#[test]
fn c3_golden_hashes_of_large_contents_in_whatever_order_they_came() {
    let (forth, back) = (large(false), large(true));
    let hash = |bytes: &String| blake3::hash(bytes.as_bytes()).to_hex()[..16].to_owned();
    assert_eq!(forth.each_ref().map(hash), back.each_ref().map(hash));
    assert_eq!(
        forth.each_ref().map(hash),
        ["643f4fd849a8ee9b", "b6b06b70fde7cb47", "cbc6a54cd8f8f21e", "65c319ec54d8ed5c"]
    );
}
