//! What those are told who look on: how many commands ran and which, and the era.

use std::sync::{Arc, Mutex, PoisonError};

use super::toy::{Deed, Member, Toy, command};
use crate::groups::{
    machine::{AppliedBatch, Applying, Observer},
    version::{Era, Version},
};

/// How many commands an entry is said to have, and how many are there.
struct Told {
    wants_commands: bool,
    told: Mutex<Vec<(usize, usize)>>,
}

impl Told {
    fn new(wants_commands: bool) -> Arc<Self> {
        Arc::new(Self { wants_commands, told: Mutex::default() })
    }

    fn take(&self) -> Vec<(usize, usize)> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer<Toy> for Told {
    fn applied(&self, batch: &AppliedBatch<'_, Toy>) {
        let told = (batch.len(), batch.commands().count());
        assert_eq!(batch.is_empty(), told.0 == 0);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    fn reset(&self, _: Version, _: &Toy) {}

    fn wants_commands(&self) -> bool {
        self.wants_commands
    }
}

#[test]
fn commands_are_listed_where_somebody_wants_them_and_counted_for_everybody() {
    let mut member = Member::new();
    let session = member.session(1);
    let give = |member: &mut Member, serials: [u64; 2]| {
        let items = serials.map(|serial| command(session, serial, 0, Deed::Do(3)));
        member.apply(0, items.to_vec());
    };
    let (without, with) = (Told::new(false), Told::new(true));
    let _first = member.replica.observe(without.clone());
    give(&mut member, [0, 1]);
    assert_eq!(without.take(), [(2, 0)], "nobody wants them");
    let second = member.replica.observe(with.clone());
    // The first of them was applied before.
    give(&mut member, [1, 2]);
    assert_eq!((without.take(), with.take()), (vec![(1, 1)], vec![(1, 1)]));
    drop(second);
    give(&mut member, [3, 4]);
    give(&mut member, [5, 6]);
    assert_eq!(without.take().last(), Some(&(2, 0)), "nobody wants them any more");
}

#[test]
fn the_era_is_that_of_what_is_applied() {
    let mut member = Member::new();
    let eras = |member: &Member| (member.replica.era(), member.replica.applied().borrow().era);
    assert_eq!(eras(&member), (Era::NONE, Era::NONE));
    let (first, second) = (Era::from_bits(7), Era::from_bits(8));
    member.applier.begin(first);
    member.session(1);
    assert_eq!(eras(&member), (first, first));
    member.applier.anew(second).expect("the first state");
    assert_eq!(eras(&member), (second, second));
}
