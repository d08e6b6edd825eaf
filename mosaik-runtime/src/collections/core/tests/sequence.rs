//! `Vec` beside `VecDeque`.

use std::{collections::VecDeque, ops::Bound};

use super::{Bench, Dice, OPERATIONS};
use crate::collections::core::{OutOfRange, RangeError, Vec as Sequence, VecChange, VecOperation as Op};

type Changes = Vec<VecChange<u16>>;

fn follow(followed: &mut VecDeque<u16>, changes: &Changes) {
    for change in changes {
        match change {
            VecChange::Inserted { at, value } => followed.insert(*at, *value),
            VecChange::Replaced { at, value, old } => {
                assert_eq!(std::mem::replace(&mut followed[*at], *value), *old);
            }
            VecChange::Removed { at, old } => assert_eq!(followed.remove(*at), Some(*old)),
            VecChange::Swapped { one, other } => followed.swap(*one, *other),
            VecChange::Truncated { length } => followed.truncate(*length),
            VecChange::RangeRemoved { at, old } => {
                assert!(!old.is_empty() && followed.drain(*at..*at + old.len()).eq(old.iter().copied()));
            }
        }
    }
}

/// The ends.
fn ends(bench: &mut Bench<Sequence<u16>>, model: &mut VecDeque<u16>, value: u16, kind: u64) -> Changes {
    match kind {
        0..9 => {
            let (at, _, changes) = bench.go::<u64>(Op::Push { value });
            assert_eq!(at, model.len() as u64);
            model.push_back(value);
            changes
        }
        9..15 => {
            let ((), _, changes) = bench.go(Op::PushFront { value });
            model.push_front(value);
            changes
        }
        15..19 => {
            let (popped, _, changes) = bench.go::<Option<u16>>(Op::Pop);
            assert_eq!(popped, model.pop_back());
            changes
        }
        _ => {
            let (popped, _, changes) = bench.go::<Option<u16>>(Op::PopFront);
            assert_eq!(popped, model.pop_front());
            changes
        }
    }
}

/// Places, in range or not.
fn places(bench: &mut Bench<Sequence<u16>>, model: &mut VecDeque<u16>, dice: &mut Dice) -> Changes {
    let (length, value) = (model.len() as u64, dice.below(5) as u16);
    let (at, other) = (dice.below(length + 3), dice.below(length + 3));
    let out = |at| OutOfRange { at, length };
    let place = at as usize;
    match dice.below(10) {
        0..4 => {
            let (done, _, changes) = bench.go::<Result<(), OutOfRange>>(Op::Insert { at, value });
            assert_eq!(done, if at <= length { Ok(()) } else { Err(out(at)) });
            if done.is_ok() {
                model.insert(place, value);
            }
            changes
        }
        4 => {
            let (old, _, changes) = bench.go::<Result<u16, OutOfRange>>(Op::Set { at, value });
            assert_eq!(old, model.get(place).copied().ok_or(out(at)));
            model.get_mut(place).into_iter().for_each(|there| *there = value);
            changes
        }
        5 | 6 => {
            let (old, _, changes) = bench.go::<Result<u16, OutOfRange>>(Op::Remove { at });
            assert_eq!(old, model.remove(place).ok_or(out(at)));
            changes
        }
        7 => {
            let (done, took_place, changes) = bench.go::<Result<(), OutOfRange>>(Op::Swap { one: at, other });
            let wrong = [at, other].into_iter().find(|at| *at >= length);
            assert_eq!((done, took_place), (wrong.map_or(Ok(()), |at| Err(out(at))), wrong.is_none()));
            if wrong.is_none() {
                model.swap(place, other as usize);
            }
            changes
        }
        8 => {
            let old = dice.below(5) as u16;
            let (done, took_place, changes) =
                bench.go::<Result<bool, OutOfRange>>(Op::CompareExchange { at, old, new: value });
            let there = model.get_mut(place);
            assert_eq!(done, there.as_ref().map(|there| **there == old).ok_or(out(at)));
            assert_eq!(took_place, done == Ok(true));
            if let (Some(there), Ok(true)) = (there, done) {
                *there = value;
            }
            changes
        }
        _ => {
            let (holds, ..) = bench.go::<bool>(Op::Expect { at, value });
            assert_eq!(holds, model.get(place) == Some(&value));
            let (holds, _, changes) = bench.go::<bool>(Op::ExpectLen { length: at });
            assert_eq!(holds, at == length);
            changes
        }
    }
}

/// A range of places, in range or not, whatever its ends.
fn range(bench: &mut Bench<Sequence<u16>>, model: &mut VecDeque<u16>, dice: &mut Dice) -> Changes {
    let length = model.len() as u64;
    let (one, other) = (dice.below(length + 3), dice.below(9));
    let mut end = |at| match dice.below(5) {
        0 => (Bound::Unbounded, None),
        1 | 2 => (Bound::Included(at), Some(at)),
        _ => (Bound::Excluded(at), Some(at)),
    };
    let (from, first) = end(one);
    let (to, last) = end((one + other).saturating_sub(2));
    let from_place = first.map_or(0, |at| at + u64::from(from == Bound::Excluded(at)));
    let to_place = last.map(|at| at + u64::from(to == Bound::Included(at)));
    let to_place = to_place.unwrap_or(length.max(from_place));
    let expected = if to_place < from_place {
        Err(RangeError::Inverted { from: from_place, to: to_place })
    } else if to_place > length {
        let at = if to_place == from_place { from_place } else { to_place - 1 };
        Err(RangeError::OutOfRange(OutOfRange { at, length }))
    } else {
        Ok(model.drain(from_place as usize..to_place as usize).collect::<Vec<_>>())
    };
    let (gone, done, changes) = bench.go::<Result<Vec<u16>, RangeError>>(Op::RemoveRange { from, to });
    assert_eq!((&gone, done), (&expected, expected.is_ok()), "{from:?} {to:?} of {length}");
    assert_eq!(changes.len(), usize::from(gone.is_ok_and(|gone| !gone.is_empty())));
    changes
}

fn bulk(bench: &mut Bench<Sequence<u16>>, model: &mut VecDeque<u16>, dice: &mut Dice) -> Changes {
    let before = model.len();
    match dice.below(14) {
        12 | 13 => range(bench, model, dice),
        0 => {
            let length = dice.below(before as u64 + 20);
            let (gone, _, changes) = bench.go::<u64>(Op::Truncate { length });
            model.truncate(length as usize);
            assert_eq!(gone, (before - model.len()) as u64);
            changes
        }
        1 if dice.below(10) == 0 => {
            let (gone, _, changes) = bench.go::<u64>(Op::Clear);
            model.clear();
            assert_eq!(gone, before as u64);
            changes
        }
        _ => {
            let values: Vec<_> = (0..dice.below(60)).map(|n| n as u16).collect();
            let (count, _, changes) = bench.go::<u64>(Op::Extend { values: values.clone() });
            assert_eq!(count, values.len() as u64);
            model.extend(values);
            changes
        }
    }
}

#[test]
fn a_range_of_a_sequence_that_cannot_be_says_why_and_changes_nothing() {
    use Bound::{Excluded, Included, Unbounded};
    let mut bench = Bench::<Sequence<u16>>::new();
    bench.go::<u64>(Op::Extend { values: (0..5).collect() });
    let out = |at| Err(RangeError::OutOfRange(OutOfRange { at, length: 5 }));
    let inverted = |from, to| Err(RangeError::Inverted { from, to });
    for (from, to, expected) in [
        (Included(3), Included(5), out(5)),
        (Included(3), Excluded(9), out(8)),
        (Included(6), Unbounded, out(6)),
        (Included(6), Excluded(6), out(6)),
        (Unbounded, Included(u64::MAX), out(u64::MAX - 1)),
        (Excluded(u64::MAX), Unbounded, out(u64::MAX)),
        (Included(4), Excluded(3), inverted(4, 3)),
        (Excluded(4), Excluded(4), inverted(5, 4)),
        (Included(9), Excluded(1), inverted(9, 1)),
        (Included(5), Unbounded, Ok(vec![])),
        (Included(2), Excluded(2), Ok(vec![])),
        (Excluded(1), Included(3), Ok(vec![2, 3])),
        (Unbounded, Unbounded, Ok(vec![0, 1, 4])),
    ] {
        let (gone, done, _) = bench.go::<Result<Vec<u16>, RangeError>>(Op::RemoveRange { from, to });
        assert_eq!((&gone, done), (&expected, expected.is_ok()), "{from:?} {to:?}");
    }
    assert_eq!(
        RangeError::Inverted { from: 4, to: 3 }.to_string(),
        "the range ends at 3, before it begins at 4. Nothing was changed"
    );
}

#[test]
fn c4_c5_a_vec_does_what_a_sequence_of_std_does_and_never_panics() {
    let (mut bench, mut dice) = (Bench::<Sequence<u16>>::new(), Dice(3));
    let (mut model, mut followed, mut longest) = (VecDeque::new(), VecDeque::new(), 0);
    for round in 0..OPERATIONS {
        let changes = match dice.below(100) {
            kind @ 0..24 => ends(&mut bench, &mut model, round as u16, kind),
            24..95 => places(&mut bench, &mut model, &mut dice),
            _ => bulk(&mut bench, &mut model, &mut dice),
        };
        follow(&mut followed, &changes);
        longest = longest.max(model.len());
        if dice.below(200) == 0 {
            bench.restore();
        }
        if round % 16 == 0 {
            assert!(bench.state.iter().eq(&model) && model == followed);
            assert_eq!((bench.state.first(), bench.state.last()), (model.front(), model.back()));
            let wanted = dice.below(5) as u16;
            assert_eq!(bench.state.index_of(&wanted), model.iter().position(|value| *value == wanted));
        }
    }
    assert!(longest > 500, "long enough to be a tree: {longest}");
}
