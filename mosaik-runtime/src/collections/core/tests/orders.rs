//! Keys whose `Ord` is not what it should be: it differs from `PartialOrd` and `PartialEq`, contradicts itself, changes with time.

use std::cmp::Ordering;

use super::*;
use crate::{
    collections::core::{
        Keep, Key, Map, MapChange, MapOperation, PriorityQueue, QueueOperation, Set, SetOperation,
        value::equals_itself,
    },
    primitives::schema::{Schema, Seen, Shape},
};

/// An order of its own, equal by the first number only: what is derived says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
struct Backwards(u64, u64);

impl Eq for Backwards {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "this is the mistake")]
impl Ord for Backwards {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

/// A float whose order is that of its numbers; what is no number is less than everything, and than itself.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
struct Price(f64);

impl Eq for Price {}

impl PartialOrd for Price {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Price {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Less)
    }
}

thread_local! {
    /// What a [`Fickle`] says of any two.
    static MOOD: std::cell::Cell<Option<Ordering>> = const { std::cell::Cell::new(None) };
}

/// A number, until its mood changes.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Fickle(u64);

impl Eq for Fickle {}

impl PartialEq for Fickle {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl PartialOrd for Fickle {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fickle {
    fn cmp(&self, other: &Self) -> Ordering {
        MOOD.get().unwrap_or_else(|| self.0.cmp(&other.0))
    }
}

macro_rules! shapes {
    ($($key:ident)*) => {$(
        impl Schema for $key {
            fn shape(_: &mut Seen) -> Shape {
                Shape::Opaque(stringify!($key).to_owned())
            }
        }
    )*};
}

shapes! { Backwards Price Fickle }

const MOODS: [Ordering; 3] = [Ordering::Less, Ordering::Equal, Ordering::Greater];

fn insert<K>(key: K, lives: Option<u64>) -> MapOperation<K, u64> {
    MapOperation::Insert { key, value: 0, lives }
}

/// `Ord` alone says what the order is, and which keys are equal: what others say would be found out when a snapshot is read.
#[test]
fn a_key_whose_other_comparisons_differ_from_its_ord_is_kept_and_read_back() {
    let keys = || (0..300).map(|n| Backwards(n * 7 % 150, n));
    let (mut map, mut extended) = (Bench::<Map<Backwards, u64>>::new(), Bench::<Map<Backwards, u64>>::new());
    let (mut set, mut queue) =
        (Bench::<Set<Backwards>>::new(), Bench::<PriorityQueue<u8, Backwards, u8>>::new());
    for key in keys() {
        let _: (Option<u64>, _, _) = map.go(insert(key, None));
        let _: (bool, _, _) = set.go(SetOperation::Insert { item: key });
        let operation = QueueOperation::Insert { priority: (key.0 % 5) as u8, key, value: 0 };
        let _: (crate::collections::core::Inserted<u8, Backwards, u8>, _, _) = queue.go(operation);
    }
    let entries = keys().map(|key| (key, 0)).collect();
    assert_eq!(extended.go::<u64>(MapOperation::Extend { entries }).0, 150);
    assert_eq!((map.state.len(), set.state.len(), queue.state.len()), (150, 150, 150));
    assert!(map.state.keys().map(|key| key.0).eq((0..150).rev()));
    assert_eq!(map.state.range(Backwards(9, 0)..=Backwards(5, 0)).count(), 5);
    let count: (u64, _, _) = map.go(MapOperation::RemoveRange {
        from: std::ops::Bound::Included(Backwards(9, 0)),
        to: std::ops::Bound::Excluded(Backwards(5, 0)),
    });
    assert_eq!(count.0, 4);
    map.restore();
    extended.restore();
    set.restore();
    queue.restore();
}

#[test]
fn an_operation_that_puts_in_what_does_not_equal_itself_has_no_order() {
    let (fine, nan) = (Price(1.0), Price(f64::NAN));
    assert!(equals_itself(&fine) && !equals_itself(&nan));
    type Prices = Map<Price, u64>;
    for (key, has_order) in [(fine, true), (nan, false)] {
        for operation in [
            insert(key, None),
            MapOperation::InsertIfAbsent { key, value: 0 },
            MapOperation::InsertIfAbsentFor { key, value: 0, lives: 1 },
            MapOperation::CompareExchange { key, old: None, new: Some(0) },
            MapOperation::Increment { key, by: 1 },
            MapOperation::Extend { entries: vec![(fine, 0), (key, 0)] },
        ] {
            assert_eq!(Prices::has_order(&operation), has_order, "{operation:?}");
        }
        for operation in [SetOperation::Insert { item: key }, SetOperation::Extend { items: vec![fine, key] }]
        {
            assert_eq!(Set::has_order(&operation), has_order, "{operation:?}");
        }
        for (priority, key) in [(key, fine), (fine, key)] {
            for operation in [
                QueueOperation::Insert { priority, key, value: 0 },
                QueueOperation::Extend { entries: vec![(priority, key, 0)] },
                QueueOperation::UpdatePriority { key, priority },
                QueueOperation::CompareExchange { key, old: None, new: Some((priority, 0)) },
            ] {
                assert_eq!(PriorityQueue::has_order(&operation), has_order, "{operation:?}");
            }
        }
        assert!(Prices::has_order(&MapOperation::Remove { key }), "nothing is found, nothing is put in");
    }
}

/// Whatever an order says: each operation ends, and so does what expires.
#[test]
fn an_order_that_changes_ends_no_operation_in_a_loop() {
    fn all<K: Key>(of: impl Fn(u64) -> K, turn: impl Fn(u64)) {
        let (mut map, mut set) = (Map::<K, u64>::default(), Set::<K>::default());
        let mut queue = PriorityQueue::<K, K, u64>::default();
        let (mut changes, mut bytes, mut more, mut most) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for n in 0..2_000 {
            turn(n);
            let now = Timestamp::from_millis(n);
            map.expire(now, &mut |_| {});
            assert!(
                map.next_expiry().is_none_or(|at| at > now),
                "what is due is gone, or the leader never rests"
            );
            let key = || of(n * 13 % 400);
            let operation = match n % 4 {
                0 | 1 => insert(key(), Some(n % 50)),
                2 => MapOperation::Remove { key: key() },
                _ => MapOperation::Expire { key: key(), lives: Some(20) },
            };
            bytes.clear();
            map.apply(operation, &mut Step::new(now, &mut changes, &mut bytes));
            let operation = match n % 3 {
                0 | 1 => SetOperation::Insert { item: key() },
                _ => SetOperation::Remove { item: key() },
            };
            set.apply(operation, &mut Step::new(now, &mut more, &mut bytes));
            let operation = match n % 5 {
                0 | 1 => QueueOperation::Insert { priority: key(), key: of(n * 7 % 300), value: 0 },
                2 => QueueOperation::PopMin,
                3 => QueueOperation::Remove { key: of(n * 11 % 300) },
                _ => QueueOperation::SetCapacity { capacity: Some((n % 90, Keep::Highest)) },
            };
            queue.apply(operation, &mut Step::new(now, &mut most, &mut bytes));
        }
    }
    // It changes now and then, or says the same of any two.
    for seed in 0..20 {
        let dice = std::cell::RefCell::new(Dice(seed));
        all(Fickle, |_| {
            let mut dice = dice.borrow_mut();
            MOOD.set((dice.below(10) < seed).then(|| MOODS[dice.below(3) as usize]));
        });
    }
    MOOD.set(None);
}

/// Nobody writes a snapshot that nobody would read: the log, which everybody can apply, is kept.
#[test]
fn a_state_that_is_no_more_in_its_order_is_not_written() {
    let mut map = Bench::<Map<Fickle, u64>>::new();
    let mut set = Bench::<Set<Fickle>>::new();
    let mut queue = Bench::<PriorityQueue<u8, Fickle, u8>>::new();
    for n in 0..100 {
        let _: (Option<u64>, _, _) = map.go(insert(Fickle(n), None));
        let _: (bool, _, _) = set.go(SetOperation::Insert { item: Fickle(n) });
        queue.go::<u64>(QueueOperation::Extend { entries: vec![(0, Fickle(n), 0)] });
    }
    for mood in [Ordering::Equal, Ordering::Greater] {
        MOOD.set(Some(mood));
        let all = [codec::encode(&map.state), codec::encode(&set.state), codec::encode(&queue.state)];
        MOOD.set(None);
        for written in all {
            written.expect_err("is not in its order");
        }
    }
    map.restore();
    set.restore();
    queue.restore();
}

#[test]
fn who_follows_learns_when_an_entry_expires() {
    let mut map = Bench::<Map<u8, u64>>::new();
    let mut go = |now, operation| {
        map.now = now;
        match &operation {
            MapOperation::Expire { .. } => map.go::<bool>(operation).2,
            MapOperation::Increment { .. } => {
                map.go::<Result<u64, crate::collections::AddError>>(operation).2
            }
            _ => map.go::<Option<u64>>(operation).2,
        }
    };
    let inserted = |old| MapChange::Inserted { key: 1, value: 0, old };
    let at = |at: u64| MapChange::Expires { key: 1, at: Some(Timestamp::from_millis(at)) };
    let never = || MapChange::Expires { key: 1, at: None };
    assert_eq!(go(0, insert(1, None)), [inserted(None)], "it never does, and never did");
    assert_eq!(go(0, insert(1, Some(5))), [inserted(Some(0)), at(5)]);
    assert_eq!(go(3, insert(1, Some(2))), [inserted(Some(0))], "as before");
    assert_eq!(go(3, insert(1, Some(5))), [inserted(Some(0)), at(8)]);
    assert_eq!(
        go(3, MapOperation::Increment { key: 1, by: 0 }),
        [inserted(Some(0))],
        "it keeps the time it has"
    );
    assert_eq!(go(4, MapOperation::Expire { key: 1, lives: Some(4) }), [], "as before");
    assert_eq!(go(4, MapOperation::Expire { key: 1, lives: Some(9) }), [at(13)]);
    assert_eq!(go(4, MapOperation::Expire { key: 2, lives: Some(9) }), [], "it is not there");
    assert_eq!(go(4, insert(1, None)), [inserted(Some(0)), never()]);
    assert_eq!(go(4, MapOperation::Expire { key: 1, lives: None }), []);
    assert_eq!(go(4, MapOperation::Expire { key: 1, lives: Some(1) }), [at(5)]);
    assert_eq!(go(4, MapOperation::Remove { key: 1 }).len(), 1, "what is gone has no time");
    assert_eq!(go(4, insert(1, Some(1))), [inserted(None), at(5)]);
}
