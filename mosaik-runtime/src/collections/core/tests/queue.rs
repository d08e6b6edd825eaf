//! `PriorityQueue` beside a sorted set and a sorted map of std.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::{Bench, Dice, OPERATIONS};
use crate::collections::core::{Inserted, Keep, PriorityQueue, QueueChange, QueueOperation as Op};

type Queue = PriorityQueue<u8, u16, u32>;
type Changes = Vec<QueueChange<u8, u16, u32>>;

#[derive(Default)]
struct Model {
    entries: BTreeMap<u16, (u8, u32)>,
    bound: Option<(u64, Keep)>,
    followed: BTreeMap<u16, (u8, u32)>,
}

impl Model {
    fn order(&self) -> BTreeSet<(u8, u16)> {
        self.entries.iter().map(|(key, (priority, _))| (*priority, *key)).collect()
    }

    fn take(&mut self, key: u16) -> Option<(u8, u16, u32)> {
        self.entries.remove(&key).map(|(priority, value)| (priority, key, value))
    }

    fn evict(&mut self) -> Option<(u8, u16, u32)> {
        let (_, keep) = self.bound.filter(|(capacity, _)| self.entries.len() as u64 > *capacity)?;
        let order = self.order();
        let (priority, _) = if keep == Keep::Highest { order.first()? } else { order.last()? };
        let (_, key) = order.range((*priority, 0)..=(*priority, u16::MAX)).next_back()?;
        self.take(*key)
    }

    fn insert(&mut self, priority: u8, key: u16, value: u32) -> Inserted<u8, u16, u32> {
        let old = self.entries.insert(key, (priority, value));
        Inserted { old, evicted: self.evict() }
    }

    fn follow(&mut self, changes: &Changes) {
        for change in changes {
            match change {
                QueueChange::Inserted { priority, key, value, old } => {
                    assert_eq!(self.followed.insert(*key, (*priority, *value)), *old);
                }
                QueueChange::Removed { priority, key, value, .. } => {
                    assert_eq!(self.followed.remove(key), Some((*priority, *value)));
                }
                QueueChange::RangeRemoved(removed) => {
                    for (priority, key, value) in removed.iter() {
                        assert_eq!(self.followed.remove(key), Some((*priority, *value)));
                    }
                }
                QueueChange::Cleared => self.followed.clear(),
                QueueChange::Bounded(_) => {}
            }
        }
    }
}

fn keyed(bench: &mut Bench<Queue>, model: &mut Model, dice: &mut Dice) -> Changes {
    let (priority, key, value) = (dice.below(20) as u8, dice.below(250) as u16, dice.below(4) as u32);
    match dice.below(10) {
        0..4 => {
            let (done, _, changes) = bench.go::<Inserted<u8, u16, u32>>(Op::Insert { priority, key, value });
            assert_eq!(done, model.insert(priority, key, value));
            changes
        }
        4 => {
            let (old, done, changes) = bench.go::<Option<u8>>(Op::UpdatePriority { key, priority });
            let there = model.entries.get_mut(&key);
            assert_eq!((old, done), (there.as_ref().map(|entry| entry.0), there.is_some()));
            there.into_iter().for_each(|entry| entry.0 = priority);
            changes
        }
        5 => {
            let (old, done, changes) = bench.go::<Option<u32>>(Op::UpdateValue { key, value });
            let there = model.entries.get_mut(&key);
            assert_eq!((old, done), (there.as_ref().map(|entry| entry.1), there.is_some()));
            there.into_iter().for_each(|entry| entry.1 = value);
            changes
        }
        6 | 7 => {
            let there = model.entries.get(&key).copied();
            let old = if dice.below(2) == 0 { there } else { Some((priority, value)) };
            let new = (dice.below(2) == 0).then_some((priority, value));
            let (held, _, changes) = bench.go::<bool>(Op::CompareExchange { key, old, new });
            assert_eq!(held, old == there);
            match new.filter(|_| held) {
                Some((priority, value)) => _ = model.insert(priority, key, value),
                None if held => _ = model.take(key),
                None => {}
            }
            changes
        }
        8 => {
            let (gone, _, changes) = bench.go::<Option<(u8, u32)>>(Op::Remove { key });
            assert_eq!(gone, model.take(key).map(|(priority, _, value)| (priority, value)));
            changes
        }
        _ => {
            let entry = Some((priority, value));
            let (holds, _, changes) = bench.go::<bool>(Op::Expect { key, entry });
            assert_eq!(holds, model.entries.get(&key).copied() == entry);
            changes
        }
    }
}

fn ends(bench: &mut Bench<Queue>, model: &mut Model, dice: &mut Dice) -> Changes {
    let order = model.order();
    let lowest = dice.below(2) == 0;
    let (operation, end) = if lowest { (Op::PopMin, order.first()) } else { (Op::PopMax, order.last()) };
    let (popped, _, changes) = bench.go::<Option<(u8, u16, u32)>>(operation);
    assert_eq!(popped, end.and_then(|(_, key)| model.take(*key)));
    changes
}

fn bulk(bench: &mut Bench<Queue>, model: &mut Model, dice: &mut Dice) -> Changes {
    let before = model.entries.len();
    match dice.below(30) {
        0..16 => {
            let mut entry = || (dice.below(20) as u8, dice.below(250) as u16, dice.below(4) as u32);
            let entries: Vec<_> = (0..8).map(|_| entry()).collect();
            let (evicted, _, changes) = bench.go::<u64>(Op::Extend { entries: entries.clone() });
            let insert = |(priority, key, value)| model.insert(priority, key, value).evicted;
            assert_eq!(evicted, entries.into_iter().filter_map(insert).count() as u64);
            changes
        }
        16..18 => {
            let keys: Vec<_> = (0..6).map(|_| dice.below(250) as u16).collect();
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveMany { keys: keys.clone() });
            assert_eq!(gone, keys.into_iter().filter_map(|key| model.take(key)).count() as u64);
            changes
        }
        18..24 => {
            let from = dice.below(20) as u8;
            let (from, to) = (Bound::Excluded(from), Bound::Included(from.saturating_add(2)));
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveRange { from, to });
            model.entries.retain(|_, (priority, _)| !std::ops::RangeBounds::contains(&(from, to), priority));
            assert_eq!(gone, (before - model.entries.len()) as u64);
            changes
        }
        24..29 => {
            let keep = if dice.below(2) == 0 { Keep::Highest } else { Keep::Lowest };
            let capacity = (dice.below(4) > 0).then(|| (dice.below(150), keep));
            let (evicted, _, changes) = bench.go::<u64>(Op::SetCapacity { capacity });
            model.bound = capacity;
            while model.evict().is_some() {}
            assert_eq!(evicted, (before - model.entries.len()) as u64);
            changes
        }
        _ => {
            let (gone, _, changes) = bench.go::<u64>(Op::Clear);
            model.entries.clear();
            assert_eq!(gone, before as u64);
            changes
        }
    }
}

#[test]
fn c4_c5_a_queue_keeps_the_order_of_priorities_and_its_capacity() {
    let (mut bench, mut model, mut dice) = (Bench::<Queue>::new(), Model::default(), Dice(4));
    for round in 0..OPERATIONS {
        let changes = match dice.below(100) {
            0..85 => keyed(&mut bench, &mut model, &mut dice),
            85..93 => ends(&mut bench, &mut model, &mut dice),
            _ => bulk(&mut bench, &mut model, &mut dice),
        };
        model.follow(&changes);
        if dice.below(200) == 0 {
            bench.restore();
        }
        if round % 16 == 0 {
            assert_eq!(model.entries, model.followed);
            let found: Vec<_> = bench.state.iter().map(|(priority, key, _)| (*priority, *key)).collect();
            let order: Vec<_> = model.order().into_iter().collect();
            assert_eq!(found, order);
            let back: Vec<_> = bench.state.iter().rev().map(|(_, key, value)| (*key, *value)).collect();
            assert!(back.iter().all(|(key, value)| model.entries[key].1 == *value));
            let within: Vec<_> =
                bench.state.range(3..=7).map(|(priority, key, _)| (*priority, *key)).collect();
            let expected: Vec<_> =
                order.iter().copied().filter(|(priority, _)| (3..=7).contains(priority)).collect();
            assert_eq!(within, expected);
            assert_eq!(bench.state.max().map(|(_, key, _)| *key), order.last().map(|(_, key)| *key));
        }
    }
}
