//! `Map` beside `BTreeMap`.

use std::{collections::BTreeMap, ops::Bound};

use super::{Bench, Dice, OPERATIONS};
use crate::{
    collections::core::{AddError, Container, Map, MapChange, MapOperation as Op},
    groups::Timestamp,
};

type Model = BTreeMap<u16, u8>;

#[derive(Default)]
struct World {
    entries: Model,
    /// When entries expire.
    expiries: BTreeMap<u16, u64>,
    /// What changes alone make.
    followed: Model,
    /// When entries expire, by changes alone.
    told: BTreeMap<u16, u64>,
}

impl World {
    fn follow(&mut self, changes: &[MapChange<u16, u8>]) {
        for change in changes {
            match change {
                MapChange::Inserted { key, value, old } => {
                    assert_eq!(self.followed.insert(*key, *value), *old);
                }
                MapChange::Removed { key, old, .. } => {
                    assert_eq!(self.followed.remove(key), Some(*old));
                    self.told.remove(key);
                }
                MapChange::Cleared => {
                    self.followed.clear();
                    self.told.clear();
                }
                MapChange::Expires { key, at } => {
                    let before = match at {
                        Some(at) => self.told.insert(*key, at.as_millis()),
                        None => self.told.remove(key),
                    };
                    assert!(before != at.map(Timestamp::as_millis) && self.followed.contains_key(key));
                }
            }
        }
        assert_eq!(self.told, self.expiries);
    }

    fn insert(&mut self, key: u16, value: u8) -> Option<u8> {
        self.expiries.remove(&key);
        self.entries.insert(key, value)
    }

    fn remove(&mut self, key: u16) -> Option<u8> {
        self.expiries.remove(&key);
        self.entries.remove(&key)
    }

    fn remove_all(&mut self, keys: impl IntoIterator<Item = u16>) -> u64 {
        keys.into_iter().filter_map(|key| self.remove(key)).count() as u64
    }

    fn keys_where(&self, is_such: impl Fn(u16) -> bool) -> Vec<u16> {
        self.entries.keys().copied().filter(|key| is_such(*key)).collect()
    }
}

type Changes = Vec<MapChange<u16, u8>>;

fn step(bench: &mut Bench<Map<u16, u8>>, world: &mut World, dice: &mut Dice) {
    let kind = dice.below(100);
    let changes = match kind {
        0..64 => put(bench, world, dice, kind),
        64..70 => pop(bench, world, kind < 67),
        _ => take(bench, world, dice, kind),
    };
    world.follow(&changes);
}

/// Operations that give one key a value.
fn put(bench: &mut Bench<Map<u16, u8>>, world: &mut World, dice: &mut Dice, kind: u64) -> Changes {
    let (key, value) = (dice.below(400) as u16, dice.below(8) as u8);
    match kind {
        0..30 => {
            let (old, done, changes) = bench.go::<Option<u8>>(Op::Insert { key, value, lives: None });
            assert_eq!((old, done), (world.insert(key, value), true));
            changes
        }
        30..38 => {
            let lives = dice.below(200);
            let (old, _, changes) = bench.go::<Option<u8>>(Op::Insert { key, value, lives: Some(lives) });
            assert_eq!(old, world.insert(key, value));
            world.expiries.insert(key, bench.now + lives);
            changes
        }
        38..46 => {
            let lives = (dice.below(3) == 0).then(|| dice.below(200));
            let operation = match lives {
                Some(lives) => Op::InsertIfAbsentFor { key, value, lives },
                None => Op::InsertIfAbsent { key, value },
            };
            let (there, done, changes) = bench.go::<Option<u8>>(operation);
            assert_eq!((there, done), (world.entries.get(&key).copied(), !world.entries.contains_key(&key)));
            if done {
                world.insert(key, value);
                lives.into_iter().for_each(|lives| _ = world.expiries.insert(key, bench.now + lives));
            }
            changes
        }
        46..56 => {
            let old = (dice.below(3) > 0).then(|| dice.below(8) as u8);
            let new = (dice.below(3) > 0).then_some(value);
            let (held, done, changes) = bench.go::<bool>(Op::CompareExchange { key, old, new });
            assert_eq!((held, done), (world.entries.get(&key).copied() == old, held));
            match new.filter(|_| held) {
                Some(new) => _ = world.entries.insert(key, new),
                None if held => _ = world.remove(key),
                None => {}
            }
            changes
        }
        _ => {
            let by = dice.below(600) as i128 - 300;
            let (sum, done, changes) = bench.go::<Result<u8, AddError>>(Op::Increment { key, by });
            let there = i128::from(world.entries.get(&key).copied().unwrap_or(0));
            assert_eq!((sum, done), (u8::try_from(there + by).map_err(|_| AddError::Overflow), sum.is_ok()));
            if let Ok(sum) = sum {
                world.entries.insert(key, sum);
            }
            changes
        }
    }
}

/// The ends.
fn pop(bench: &mut Bench<Map<u16, u8>>, world: &mut World, first: bool) -> Changes {
    let operation = if first { Op::PopFirst } else { Op::PopLast };
    let (popped, done, changes) = bench.go::<Option<(u16, u8)>>(operation);
    let end = if first { world.entries.pop_first() } else { world.entries.pop_last() };
    assert_eq!((popped, done), (end, true));
    end.into_iter().for_each(|(key, _)| _ = world.remove(key));
    changes
}

/// All others.
fn take(bench: &mut Bench<Map<u16, u8>>, world: &mut World, dice: &mut Dice, kind: u64) -> Changes {
    let (key, value) = (dice.below(400) as u16, dice.below(8) as u8);
    let (from, to) = (key.saturating_sub(3), key.saturating_add(dice.below(6) as u16));
    match kind {
        70..74 => {
            let (old, _, changes) = bench.go::<Option<u8>>(Op::Remove { key });
            assert_eq!(old, world.remove(key));
            changes
        }
        74..80 => {
            let entries: Vec<_> = (0..dice.below(5)).map(|_| (dice.below(400) as u16, value)).collect();
            let before = world.entries.len();
            let (new, _, changes) = bench.go::<u64>(Op::Extend { entries: entries.clone() });
            for (key, value) in entries {
                world.insert(key, value);
            }
            assert_eq!(new, (world.entries.len() - before) as u64);
            changes
        }
        80..84 => {
            let keys: Vec<_> = (0..dice.below(5)).map(|_| dice.below(400) as u16).collect();
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveMany { keys: keys.clone() });
            assert_eq!(gone, world.remove_all(keys));
            changes
        }
        84..90 => {
            let (from, to) = (Bound::Included(from), Bound::Excluded(to));
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveRange { from, to });
            let keys = world.keys_where(|key| std::ops::RangeBounds::contains(&(from, to), &key));
            assert_eq!(gone, world.remove_all(keys));
            changes
        }
        90 if dice.below(20) == 0 => {
            let (from, to) = (Bound::Excluded(from), Bound::Unbounded);
            let (gone, _, changes) = bench.go::<u64>(Op::RetainRange { from, to });
            let keys = world.keys_where(|key| !std::ops::RangeBounds::contains(&(from, to), &key));
            assert_eq!(gone, world.remove_all(keys));
            changes
        }
        91..96 => {
            let lives = (dice.below(3) > 0).then(|| dice.below(100));
            let (there, done, changes) = bench.go::<bool>(Op::Expire { key, lives });
            assert_eq!((there, done), (world.entries.contains_key(&key), there));
            world.expiries.remove(&key);
            if let Some(lives) = lives.filter(|_| there) {
                world.expiries.insert(key, bench.now + lives);
            }
            changes
        }
        96 if dice.below(50) == 0 => {
            let (count, _, changes) = bench.go::<u64>(Op::Clear);
            assert_eq!(count, world.entries.len() as u64);
            (world.entries, world.expiries) = Default::default();
            changes
        }
        _ => {
            let expected = world.entries.get(&key).copied();
            let asked = if dice.below(2) == 0 { expected } else { Some(value) };
            let (holds, done, changes) = bench.go::<bool>(Op::Expect { key, value: asked });
            assert_eq!((holds, done), (asked == expected, holds));
            changes
        }
    }
}

fn expire(bench: &mut Bench<Map<u16, u8>>, world: &mut World) {
    let mut expired = Vec::new();
    bench.state.expire(Timestamp::from_millis(bench.now), &mut |change| expired.push(change));
    let due: Vec<u16> =
        world.expiries.iter().filter(|(_, at)| **at <= bench.now).map(|(key, _)| *key).collect();
    assert_eq!(expired.len(), due.len());
    assert!(expired.iter().all(|change| matches!(change, MapChange::Removed { expired: true, .. })));
    world.remove_all(due);
    world.follow(&expired);
    assert_eq!(
        bench.state.next_expiry(),
        world.expiries.values().min().map(|at| Timestamp::from_millis(*at))
    );
}

#[test]
fn c4_c5_a_map_does_what_a_sorted_map_of_std_does() {
    let (mut bench, mut world, mut dice) = (Bench::<Map<u16, u8>>::new(), World::default(), Dice(1));
    for round in 0..OPERATIONS {
        bench.now += dice.below(3);
        expire(&mut bench, &mut world);
        step(&mut bench, &mut world, &mut dice);
        if dice.below(200) == 0 {
            bench.restore();
        }
        if round % 16 == 0 {
            let entries = |map: &Model| map.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>();
            let found: Vec<_> = bench.state.iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(found, entries(&world.entries));
            assert_eq!(found, entries(&world.followed), "the changes alone make the same map");
            assert!(bench.state.range(10..30).eq(world.entries.range(10..30)));
            assert!(bench.state.range(..=99).rev().eq(world.entries.range(..=99).rev()));
            assert_eq!(bench.state.first(), world.entries.first_key_value());
            assert_eq!(bench.state.last(), world.entries.last_key_value());
        }
    }
    assert!(world.expiries.len() > 3, "some entries expire");
}
