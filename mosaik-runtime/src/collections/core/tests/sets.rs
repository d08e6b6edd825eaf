//! `Set` beside `BTreeSet`.

use std::{collections::BTreeSet, ops::Bound};

use super::{Bench, Dice, OPERATIONS};
use crate::collections::core::{Set, SetChange, SetOperation as Op};

fn follow(followed: &mut BTreeSet<u16>, changes: &[SetChange<u16>]) {
    for change in changes {
        match change {
            SetChange::Inserted(item) => assert!(followed.insert(*item)),
            SetChange::Removed(item) => assert!(followed.remove(item)),
            SetChange::Cleared => followed.clear(),
        }
    }
}

fn step(bench: &mut Bench<Set<u16>>, model: &mut BTreeSet<u16>, dice: &mut Dice) -> Vec<SetChange<u16>> {
    let item = dice.below(300) as u16;
    let before = model.len();
    match dice.below(100) {
        0..40 => {
            let (new, _, changes) = bench.go::<bool>(Op::Insert { item });
            assert_eq!(new, model.insert(item));
            changes
        }
        40..43 => {
            let (popped, done, changes) = bench.go::<Option<u16>>(Op::PopFirst);
            assert_eq!((popped, done), (model.pop_first(), true));
            changes
        }
        43..46 => {
            let (popped, done, changes) = bench.go::<Option<u16>>(Op::PopLast);
            assert_eq!((popped, done), (model.pop_last(), true));
            changes
        }
        46..60 => {
            let (found, _, changes) = bench.go::<bool>(Op::Remove { item });
            assert_eq!(found, model.remove(&item));
            changes
        }
        60..75 => {
            let items: Vec<_> = (0..dice.below(6)).map(|_| dice.below(300) as u16).collect();
            let (new, _, changes) = bench.go::<u64>(Op::Extend { items: items.clone() });
            model.extend(items);
            assert_eq!(new, (model.len() - before) as u64);
            changes
        }
        75..80 => {
            let items: Vec<_> = (0..dice.below(6)).map(|_| dice.below(300) as u16).collect();
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveMany { items: items.clone() });
            model.retain(|item| !items.contains(item));
            assert_eq!(gone, (before - model.len()) as u64);
            changes
        }
        80..85 => {
            let (from, to) = (Bound::Included(item), Bound::Included(item.saturating_add(9)));
            let (gone, _, changes) = bench.go::<u64>(Op::RemoveRange { from, to });
            model.retain(|other| !(item..=item.saturating_add(9)).contains(other));
            assert_eq!(gone, (before - model.len()) as u64);
            changes
        }
        85 if dice.below(8) == 0 => {
            let (gone, _, changes) =
                bench.go::<u64>(Op::RetainRange { from: Bound::Unbounded, to: Bound::Excluded(item) });
            model.retain(|other| *other < item);
            assert_eq!(gone, (before - model.len()) as u64);
            changes
        }
        86 if dice.below(40) == 0 => {
            let (gone, _, changes) = bench.go::<u64>(Op::Clear);
            model.clear();
            assert_eq!(gone, before as u64);
            changes
        }
        _ => {
            let present = dice.below(2) == 0;
            let (holds, done, changes) = bench.go::<bool>(Op::Expect { item, present });
            assert_eq!((holds, done), (model.contains(&item) == present, holds));
            changes
        }
    }
}

#[test]
fn c4_c5_a_set_does_what_a_sorted_set_of_std_does() {
    let (mut bench, mut dice) = (Bench::<Set<u16>>::new(), Dice(2));
    let (mut model, mut followed) = (BTreeSet::new(), BTreeSet::new());
    let mut earlier = (bench.state.clone(), model.clone());
    for round in 0..OPERATIONS {
        let changes = step(&mut bench, &mut model, &mut dice);
        follow(&mut followed, &changes);
        if dice.below(200) == 0 {
            bench.restore();
        }
        if round % 16 == 0 {
            assert!(bench.state.iter().eq(&model) && model == followed);
            assert!(bench.state.range(50..90).rev().eq(model.range(50..90).rev()));
            let (set, other) = (&bench.state, &earlier);
            assert!(set.union(&other.0).iter().eq(model.union(&other.1)));
            assert!(set.intersection(&other.0).iter().eq(model.intersection(&other.1)));
            assert!(set.difference(&other.0).iter().eq(model.difference(&other.1)));
            assert!(set.symmetric_difference(&other.0).iter().eq(model.symmetric_difference(&other.1)));
            assert_eq!(set.is_subset(&other.0), model.is_subset(&other.1));
            assert_eq!(set.is_superset(&other.0), model.is_superset(&other.1));
            let less: Set<u16> = set.range(..150).copied().collect();
            assert!(set.is_superset(&less) && less.is_disjoint(&set.difference(&less)));
            assert_eq!(set.is_disjoint(&other.0), model.is_disjoint(&other.1));
        }
        if dice.below(100) == 0 {
            earlier = (bench.state.clone(), model.clone());
        }
    }
}
