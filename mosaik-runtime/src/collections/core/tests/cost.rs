//! What operations cost, counted in comparisons and copies of keys, not in time.

use std::{cell::Cell, cmp::Ordering, ops::Bound};

use serde::{Deserialize, Serialize};

use super::{Bench, Dice};
use crate::{
    collections::core::{
        Container, Inserted, Keep, Map, MapOperation, PriorityQueue, QueueChange, QueueOperation, RangeError,
        Set, SetOperation, Vec as Sequence, VecOperation, ordered::Ordered,
    },
    primitives::{
        codec,
        schema::{Schema, Seen, Shape},
    },
};

thread_local! {
    static COST: Cell<u64> = const { Cell::new(0) };
}

/// A key that counts how often it is compared and copied.
#[derive(Debug, Serialize, Deserialize)]
struct Counted(u32);

fn count() {
    COST.set(COST.get() + 1);
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        count();
        Self(self.0)
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        count();
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        count();
        self.0.cmp(&other.0)
    }
}

impl Schema for Counted {
    fn shape(seen: &mut Seen) -> Shape {
        u32::shape(seen)
    }
}

/// What it costs.
fn cost<R>(what: impl FnOnce() -> R) -> (u64, R) {
    let before = COST.get();
    let result = what();
    (COST.get() - before, result)
}

type Queue = PriorityQueue<Counted, Counted, u8>;

fn queue(len: u32) -> Bench<Queue> {
    let mut bench = Bench::<Queue>::quick();
    let entries = (0..len).map(|n| (Counted(n / 2), Counted(n.reverse_bits() >> 8), 0)).collect();
    bench.go::<u64>(QueueOperation::Extend { entries });
    assert_eq!(bench.state.len() as u64, u64::from(len));
    bench
}

fn remove_range(bench: &mut Bench<Queue>, from: u32, to: u32) -> (u64, u64) {
    let (from, to) = (Bound::Included(Counted(from)), Bound::Excluded(Counted(to)));
    let (cost, (count, _, changes)) = cost(|| bench.go::<u64>(QueueOperation::RemoveRange { from, to }));
    assert!(
        count == 0 || matches!(&changes[..], [QueueChange::RangeRemoved(gone)] if gone.len() as u64 == count)
    );
    (cost, count)
}

#[test]
fn removing_a_range_of_a_queue_takes_logarithmic_time_however_much_it_removes() {
    let (small, large) = (1 << 10, 1 << 16);
    let mut costs = Vec::new();
    for len in [small, large] {
        for share in [1000, 10, 2] {
            let mut bench = queue(len);
            // Somebody else holds the state, as a reader does.
            let held = bench.state.clone();
            let (from, to) = (len / 8, len / 8 + (len / 2 / share).max(1));
            let (cost, count) = remove_range(&mut bench, from, to);
            assert_eq!(count, u64::from(2 * (to - from)));
            assert_eq!(bench.state.len() + count as usize, held.len());
            costs.push(cost);
        }
    }
    assert!(costs.iter().all(|cost| *cost < 500), "{costs:?} comparisons and copies");
}

#[test]
fn what_was_removed_with_a_range_is_gone_and_may_come_back() {
    let mut bench = queue(1 << 12);
    let keys: Vec<u32> = bench.state.range(Counted(100)..Counted(900)).map(|(_, key, _)| key.0).collect();
    assert_eq!(remove_range(&mut bench, 100, 900).1, 1600);
    for key in keys.iter().step_by(3) {
        let key = Counted(*key);
        assert!(bench.state.get(&key).is_none());
        let (gone, _, changes) =
            bench.go::<Option<(Counted, u8)>>(QueueOperation::Remove { key: key.clone() });
        assert_eq!((gone, changes.len()), (None, 0));
        let insert = QueueOperation::Insert { priority: Counted(500), key, value: 7 };
        let (done, ..) = bench.go::<Inserted<Counted, Counted, u8>>(insert);
        assert_eq!(done, Inserted { old: None, evicted: None });
    }
    assert_eq!(bench.state.range(Counted(100)..Counted(900)).count(), keys.len().div_ceil(3));
    bench.restore();
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(bench.state.get(&Counted(*key)).is_some(), at % 3 == 0);
    }
}

#[test]
fn each_operation_of_a_large_queue_takes_logarithmic_time() {
    let mut bench = queue(1 << 16);
    let (key, priority) = (Counted(5_000_000), Counted(9_000));
    let all = [
        cost(|| {
            _ = bench.go::<Inserted<Counted, Counted, u8>>(QueueOperation::Insert {
                key: key.clone(),
                priority,
                value: 1,
            })
        })
        .0,
        cost(|| {
            _ = bench.go::<Option<Counted>>(QueueOperation::UpdatePriority {
                key: key.clone(),
                priority: Counted(7),
            })
        })
        .0,
        cost(|| _ = bench.go::<Option<u8>>(QueueOperation::UpdateValue { key: key.clone(), value: 3 })).0,
        cost(|| _ = bench.go::<Option<(Counted, Counted, u8)>>(QueueOperation::PopMin)).0,
        cost(|| _ = bench.go::<Option<(Counted, Counted, u8)>>(QueueOperation::PopMax)).0,
        cost(|| _ = bench.go::<Option<(Counted, u8)>>(QueueOperation::Remove { key: key.clone() })).0,
        cost(|| {
            let capacity = Some((u64::from(1u32 << 16) - 3, Keep::Highest));
            assert!(bench.go::<u64>(QueueOperation::SetCapacity { capacity }).0 <= 2);
        })
        .0,
        cost(|| {
            _ = (bench.state.min().is_some(), bench.state.max().is_some(), bench.state.get(&key).is_some())
        })
        .0,
        cost(|| assert!(bench.state.range(Counted(50)..Counted(20_000)).len() > 30_000)).0,
        cost(|| _ = bench.state.clone()).0,
    ];
    assert!(all.iter().all(|cost| *cost < 700), "{all:?} comparisons and copies");
}

/// What the writing and the reading of a state cost, for each of its entries.
fn each<T: Container + PartialEq + std::fmt::Debug>(
    extend: impl Fn(u32) -> T::Operation,
    len: u32,
) -> (u64, u64) {
    let mut bench = Bench::<T>::quick();
    bench.go::<u64>(extend(len));
    let (write, bytes) = cost(|| codec::encode(&bench.state).expect("it encodes"));
    let (read, state) = cost(|| codec::decode::<T>(&bytes).expect("it decodes"));
    assert!(codec::encode(&state).expect("it encodes") == bytes);
    (write / u64::from(len), read / u64::from(len))
}

/// A reader that joins reads all, and so does a writer that makes a snapshot.
#[test]
fn a_state_is_written_and_read_with_one_comparison_an_entry_but_for_what_a_queue_sorts() {
    let map = |len| {
        each::<Map<Counted, u8>>(
            |len| MapOperation::Extend { entries: (0..len).map(|n| (Counted(n), 0)).collect() },
            len,
        )
    };
    let set = |len| {
        each::<Set<Counted>>(|len| SetOperation::Extend { items: (0..len).map(Counted).collect() }, len)
    };
    let sequence = |len| {
        each::<Sequence<Counted>>(|len| VecOperation::Extend { values: (0..len).map(Counted).collect() }, len)
    };
    let queue = |len| {
        each::<Queue>(
            |len| QueueOperation::Extend {
                entries: (0..len).map(|n| (Counted(n / 2), Counted(n.reverse_bits() >> 8), 0)).collect(),
            },
            len,
        )
    };
    for each in [map(1 << 10), map(1 << 16), set(1 << 10), set(1 << 16), sequence(1 << 10), sequence(1 << 16)]
    {
        assert!(each.0 <= 1 && each.1 <= 2, "{each:?} comparisons and copies for each");
    }
    // Its entries are sorted by key to be written, and by priority when they are read.
    let (small, large) = (queue(1 << 10), queue(1 << 16));
    assert!(large.0 <= small.0 * 16 / 10 + 2, "{large:?} for each, and {small:?} of few");
    assert!(large.1 <= small.1 * 16 / 10 + 2, "{large:?} for each, and {small:?} of few");
    assert!(large.1 < 30, "{large:?} for each");
}

#[test]
fn a_range_of_a_map_or_a_set_costs_what_it_removes_and_not_what_it_keeps() {
    let (len, edge) = (1 << 16, 20);
    let mut map = Bench::<Map<Counted, u8>>::quick();
    map.go::<u64>(MapOperation::Extend { entries: (0..len).map(|n| (Counted(n), 0)).collect() });
    let mut set = Bench::<Set<Counted>>::quick();
    set.go::<u64>(SetOperation::Extend { items: (0..len).map(Counted).collect() });
    let (from, to) = (|| Bound::Included(Counted(edge)), || Bound::Excluded(Counted(len - edge)));
    let retained = cost(|| map.go::<u64>(MapOperation::RetainRange { from: from(), to: to() }).0);
    let kept = cost(|| set.go::<u64>(SetOperation::RetainRange { from: from(), to: to() }).0);
    let (from, to) = (|| Bound::Included(Counted(900)), || Bound::Excluded(Counted(900 + 2 * edge)));
    let removed = cost(|| map.go::<u64>(MapOperation::RemoveRange { from: from(), to: to() }).0);
    let gone = cost(|| set.go::<u64>(SetOperation::RemoveRange { from: from(), to: to() }).0);
    for (cost, count) in [retained, kept, removed, gone] {
        assert_eq!(count, u64::from(2 * edge));
        // For each that is removed its way down, the pieces of the tree that others hold, and the change.
        assert!(cost < count * 300, "{cost} comparisons and copies for {count}");
    }
    let cost = cost(|| _ = map.state.clone()).0 + cost(|| _ = set.state.clone()).0;
    assert_eq!(cost, 0, "a snapshot copies nothing");
}

#[test]
fn a_range_of_a_sequence_costs_what_it_removes_and_not_what_it_keeps() {
    for len in [1 << 15, 1 << 18] {
        let mut bench = Bench::<Sequence<Counted>>::quick();
        bench.go::<u64>(VecOperation::Extend { values: (0..len).map(Counted).collect() });
        for (from, count) in [(0, 1), (0, 500), (len / 3, 1), (len / 3, 40), (len / 3, 1000)] {
            // Somebody else holds the state, as a reader does.
            let held = bench.state.clone();
            let (from, count) = (u64::from(from), count);
            let (start, end) = (Bound::Included(from), Bound::Excluded(from + count));
            let operation = VecOperation::RemoveRange { from: start, to: end };
            let (cost, (gone, ..)) = cost(|| bench.go::<Result<Vec<Counted>, RangeError>>(operation));
            assert_eq!(gone.map(|gone| gone.len() as u64), Ok(count));
            assert_eq!(bench.state.len() as u64 + count, held.len() as u64);
            // Each value once for the changes. In the middle the pieces at both sides of the cut are put together anew: 64 leaves of 64.
            let pieces = if from == 0 { 300 } else { 3 * 64 * 64 };
            assert!(cost < count + pieces, "{cost} copies for {count} from {from} on of {len}");
        }
    }
}

#[test]
fn the_ends_of_a_map_and_of_a_set_are_popped_in_logarithmic_time() {
    let len = 1 << 16;
    let mut map = Bench::<Map<Counted, u8>>::quick();
    map.go::<u64>(MapOperation::Extend { entries: (0..len).map(|n| (Counted(n), 0)).collect() });
    let mut set = Bench::<Set<Counted>>::quick();
    set.go::<u64>(SetOperation::Extend { items: (0..len).map(Counted).collect() });
    let costs = [
        cost(|| _ = map.go::<Option<(Counted, u8)>>(MapOperation::PopFirst)).0,
        cost(|| _ = map.go::<Option<(Counted, u8)>>(MapOperation::PopLast)).0,
        cost(|| _ = set.go::<Option<Counted>>(SetOperation::PopFirst)).0,
        cost(|| _ = set.go::<Option<Counted>>(SetOperation::PopLast)).0,
    ];
    assert!(costs.iter().all(|cost| *cost < 300), "{costs:?} comparisons and copies");
}

#[test]
fn a_sorted_sequence_stays_sorted_and_balanced_whatever_is_done_to_it() {
    let mut dice = Dice(77);
    let (mut ordered, mut model) = (Ordered::<u32>::default(), std::collections::BTreeSet::new());
    for round in 0..20_000 {
        let number = dice.below(6_000) as u32;
        match dice.below(1_000) {
            0..600 if !model.insert(number) => {}
            0..600 => ordered.insert(number, |other| other.cmp(&number)),
            600..990 => {
                assert_eq!(ordered.remove(|other| other.cmp(&number)).is_some(), model.remove(&number));
            }
            990..994 => assert_eq!(ordered.pop_first(), model.pop_first()),
            994 => ordered = Ordered::from_sorted(model.iter().copied().collect()),
            _ => {
                let to = number + dice.below(if round % 9 == 0 { 4_000 } else { 300 }) as u32;
                let mut middle = ordered.split_off(|other| *other < number);
                let behind = middle.split_off(|other| *other < to);
                middle.check();
                behind.check();
                assert!(middle.iter().eq(model.range(number..to)));
                if dice.below(2) == 0 {
                    ordered.append(middle);
                } else {
                    model.retain(|other| !(number..to).contains(other));
                }
                ordered.append(behind);
            }
        }
        if round % 50 == 0 {
            ordered.check();
            assert!(ordered.iter().eq(&model) && ordered.iter().rev().eq(model.iter().rev()));
            let (from, to) = (ordered.count(|other| *other < 1000), ordered.count(|other| *other < 4000));
            assert!(ordered.between(from, to).eq(model.range(1000..4000)));
            let both = ordered.between(from, to);
            assert!(both.rev().eq(model.range(1000..4000).rev()));
            assert_eq!(ordered.get(|other| other.cmp(&number)), model.get(&number));
            assert!(ordered.runs() <= 8 + ordered.len() / 4, "{} runs of {}", ordered.runs(), ordered.len());
        }
    }
}

#[test]
fn a_sequence_that_grows_at_its_end_has_full_runs() {
    let mut ordered = Ordered::<u32>::default();
    (0..3_200u32).for_each(|n| ordered.insert(n, |other| other.cmp(&n)));
    ordered.check();
    assert_eq!(ordered.runs(), 100);
}
