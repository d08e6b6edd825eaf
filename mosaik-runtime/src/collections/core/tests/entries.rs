//! The tree of a map beside that of std.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound::{Excluded, Included, Unbounded},
};

use super::Dice;
use crate::collections::core::entries::{Entries, Sorted};

type Tree<K> = Entries<K, u64>;
type Model<K> = BTreeMap<K, u64>;

/// Takes from both ends in a random order until nothing is left on either side.
fn both_ways<T: PartialEq + fmt::Debug>(
    dice: &mut Dice,
    mut one: impl DoubleEndedIterator<Item = T>,
    mut other: impl DoubleEndedIterator<Item = T>,
) {
    loop {
        let is_front = dice.below(2) == 0;
        let found = if is_front { one.next() } else { one.next_back() };
        assert_eq!(found, if is_front { other.next() } else { other.next_back() });
        if found.is_none() {
            assert_eq!((one.next(), one.next_back()), (None, None));
            return;
        }
    }
}

fn same<K: Ord + Clone + fmt::Debug>(dice: &mut Dice, tree: &Tree<K>, model: &Model<K>) {
    tree.check();
    assert_eq!((tree.len(), tree.is_empty()), (model.len(), model.is_empty()));
    assert_eq!((tree.first(), tree.last()), (model.first_key_value(), model.last_key_value()));
    assert_eq!(tree.iter().len(), model.len());
    both_ways(dice, tree.iter(), model.iter());
    both_ways(dice, tree.clone().into_iter(), model.clone().into_iter());
}

fn same_ranges<K: Ord + fmt::Debug>(dice: &mut Dice, tree: &Tree<K>, model: &Model<K>, ends: (&K, &K)) {
    let (from, to) = ends;
    for range in [
        (Included(from), Included(to)),
        (Excluded(from), Included(to)),
        (Included(from), Excluded(to)),
        (Excluded(from), Unbounded),
        (Unbounded, Excluded(to)),
    ] {
        both_ways(dice, tree.range::<K>(&range), model.range::<K, _>(range));
    }
}

/// Grows and shrinks a tree, and keeps what it was.
fn grow_and_shrink<K: Ord + Clone + fmt::Debug>(dice: &mut Dice, keys: u64, key: impl Fn(u64) -> K) {
    let (mut tree, mut model, mut kept) = (Tree::<K>::default(), Model::<K>::new(), Vec::new());
    for phase in 0..4 {
        let puts = if phase % 2 == 0 { 9 } else { 1 };
        for n in 0..2 * keys {
            let at = key(dice.below(keys));
            if dice.below(10) < puts {
                assert_eq!(tree.insert(at.clone(), n), model.insert(at, n));
            } else {
                assert_eq!(tree.remove(&at), model.remove(&at));
            }
            assert_eq!(tree.len(), model.len());
            if n % (keys / 4 + 1) == 0 {
                same(dice, &tree, &model);
                let (one, other) = (dice.below(keys), dice.below(keys));
                if one != other {
                    same_ranges(dice, &tree, &model, (&key(one.min(other)), &key(one.max(other))));
                }
                kept.push((tree.clone(), model.clone()));
            }
        }
    }
    // Whoever kept one sees what there was.
    for (tree, model) in &kept {
        same(dice, tree, model);
    }
    for at in (0..keys).map(key) {
        assert_eq!(tree.remove(&at), model.remove(&at));
    }
    same(dice, &tree, &model);
}

#[test]
fn a_tree_of_small_keys_is_that_of_std() {
    for keys in [1, 33, 200, 4000] {
        grow_and_shrink(&mut Dice(keys), keys, |n| n * 3);
    }
}

#[test]
fn a_tree_of_long_keys_is_that_of_std() {
    for keys in [1, 33, 200, 4000] {
        grow_and_shrink(&mut Dice(keys), keys, |n| format!("{n:06}"));
    }
}

#[test]
fn a_tree_of_what_comes_sorted_is_full_and_goes_on_as_any_other() {
    let mut dice = Dice(5);
    let lens = (0..100).chain([341, 1023, 1024, 1025, 1034, 1056, 10_935, 10_936]).chain(32_760..32_810);
    for len in lens {
        let mut sorted = Sorted::default();
        assert!((0..len).all(|n| sorted.push(n * 3, n)));
        let mut tree: Tree<u64> = sorted.finish();
        let mut model: Model<u64> = (0..len).map(|n| (n * 3, n)).collect();
        same(&mut dice, &tree, &model);
        assert_eq!(tree.leaves().count() as u64, len.div_ceil(32).max(1), "no leaf more than there must be");
        let (held, was) = (tree.clone(), model.clone());
        for n in 0..len.min(300) {
            let at = dice.below(len * 3 + 2);
            if dice.below(2) == 0 {
                assert_eq!(tree.insert(at, n), model.insert(at, n));
            } else {
                assert_eq!(tree.remove(&at), model.remove(&at));
            }
        }
        same(&mut dice, &tree, &model);
        same(&mut dice, &held, &was);
    }
}

#[test]
fn what_does_not_come_behind_all_others_is_not_put_in() {
    let mut sorted = Sorted::default();
    for n in 0..100 {
        assert!(sorted.push(n * 2, n));
        assert!(!sorted.push(n * 2, n) && !sorted.push(n * 2 - n % 2, n), "{n}");
    }
    let tree: Tree<u64> = sorted.finish();
    tree.check();
    assert_eq!(tree.len(), 100);
}

#[test]
fn a_tree_is_deep_and_even_from_either_end() {
    for is_up in [true, false] {
        let mut tree = Tree::<u64>::default();
        let order: Vec<u64> = if is_up { (0..40_000).collect() } else { (0..40_000).rev().collect() };
        for n in &order {
            assert_eq!(tree.insert(*n, n + 1), None);
        }
        tree.check();
        assert!(tree.leaves().count() < 40_000 / 21, "leaves are two thirds full, and not half");
        assert!(tree.iter().map(|(key, value)| (*key, *value)).eq((0..40_000).map(|n| (n, n + 1))));
        for n in order.iter().take(39_990) {
            assert_eq!(tree.remove(n), Some(n + 1));
        }
        tree.check();
        assert_eq!(tree.len(), 10);
    }
}
