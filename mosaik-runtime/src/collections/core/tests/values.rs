//! `Cell` and `Once` beside `Option`.

use super::{Bench, Dice, OPERATIONS};
use crate::collections::core::{AddError, Cell, CellChange, CellOperation, Once, OnceChange, OnceOperation};

#[test]
fn c4_c5_a_cell_does_what_an_option_does() {
    let (mut bench, mut dice) = (Bench::<Cell<i8>>::new(), Dice(5));
    let (mut model, mut followed): (Option<i8>, Option<i8>) = (None, None);
    for _ in 0..OPERATIONS {
        let value = dice.below(4) as i8;
        let changes = match dice.below(10) {
            0..3 => {
                let (old, _, changes) = bench.go::<Option<i8>>(CellOperation::Write { value });
                assert_eq!(old, model.replace(value));
                changes
            }
            3..6 => {
                let old = (dice.below(2) == 0).then(|| dice.below(4) as i8);
                let new = (dice.below(3) > 0).then_some(value);
                let (held, _, changes) = bench.go::<bool>(CellOperation::CompareExchange { old, new });
                assert_eq!(held, old == model);
                model = if held { new } else { model };
                changes
            }
            6..8 => {
                let by = dice.below(300) as i128 - 150;
                let (sum, done, changes) = bench.go::<Result<i8, AddError>>(CellOperation::Increment { by });
                let exact = i8::try_from(i128::from(model.unwrap_or(0)) + by);
                assert_eq!((sum, done), (exact.map_err(|_| AddError::Overflow), sum.is_ok()));
                model = sum.ok().or(model);
                changes
            }
            8 => {
                let (holds, ..) = bench.go::<bool>(CellOperation::Expect { value: Some(value) });
                assert_eq!(holds, model == Some(value));
                Vec::new()
            }
            _ => {
                let (old, _, changes) = bench.go::<Option<i8>>(CellOperation::Clear);
                assert_eq!(old, model.take());
                changes
            }
        };
        for change in changes {
            let (new, before) = match change {
                CellChange::Written { value, old } => (Some(value), old),
                CellChange::Cleared { old } => (None, Some(old)),
            };
            assert_eq!(std::mem::replace(&mut followed, new), before);
        }
        assert_eq!((bench.state.get(), followed), (model.as_ref(), model));
        if dice.below(100) == 0 {
            bench.restore();
        }
    }
}

#[test]
fn c4_the_first_sets_and_the_others_learn_what() {
    for seed in 0..u64::from(OPERATIONS) / 10 {
        let (mut bench, mut dice) = (Bench::<Once<u8>>::new(), Dice(seed));
        let mut winner = None;
        for _ in 0..10 {
            let value = dice.below(4) as u8;
            if dice.below(3) == 0 {
                let asked = (dice.below(2) == 0).then_some(value);
                let (holds, ..) = bench.go::<bool>(OnceOperation::Expect { value: asked });
                assert_eq!(holds, asked == winner);
                continue;
            }
            let (won, done, changes) = bench.go::<Result<(), u8>>(OnceOperation::Set { value });
            assert_eq!((won, done), (winner.map_or(Ok(()), Err), winner.is_none()));
            assert_eq!(changes, if done { vec![OnceChange::Set(value)] } else { vec![] });
            winner = winner.or(Some(value));
            bench.restore();
        }
        assert_eq!((bench.state.get(), bench.state.is_set()), (winner.as_ref(), winner.is_some()));
    }
}
