use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::toy::{open, payload};
use crate::{
    groups::{
        machine::{
            AppliedBatch, Applier, Apply, Applying, Beginning, COMMAND, Command, Earlier, Item,
            MachineSettings, Observer, Outcome, Replica, SessionId, SnapshotError, StateMachine, Trouble,
            schema,
        },
        store::record::LogId,
        version::Version,
    },
    primitives::{
        Fingerprint, Schema,
        schema::{Seen, Shape},
    },
};

/// A machine that counts in its own way, so that a command of one that another applies is seen.
macro_rules! tally {
    ($name:ident { $($field:ident),* }, $command:ty, $apply:expr) => {
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        struct $name { $($field: u64),* }

        impl Schema for $name {
            fn shape(seen: &mut Seen) -> Shape {
                seen.structure::<Self>(stringify!($name), None, &[$((stringify!($field), u64::shape)),*])
            }
        }

        impl StateMachine for $name {
            type Command = $command;
            type Reply = u64;
            type Query = ();
            type Answer = ();

            fn apply(&mut self, command: $command, _: &Apply) -> u64 {
                let apply: fn(&mut Self, $command) -> u64 = $apply;
                apply(self, command)
            }

            fn query(&self, (): ()) {}
        }
    };
}

tally!(One { sum }, u64, |one, add| {
    one.sum += add;
    assert!(add != 13, "not thirteen");
    one.sum
});
tally!(Two { sum, given }, u64, |two, add| {
    two.sum += 1000 * add;
    two.given += 1;
    two.sum
});
tally!(Three { given, sum, more }, (u64, u64), |three, (add, more)| {
    three.sum += add;
    three.more += more;
    three.sum
});
tally!(Rude { sum, rude }, u64, |_, _| 0);

impl From<One> for Two {
    fn from(one: One) -> Self {
        Self { sum: one.sum, given: 100 }
    }
}

impl From<Two> for Three {
    fn from(two: Two) -> Self {
        Self { given: two.given, sum: two.sum, more: 0 }
    }
}

impl From<One> for Rude {
    fn from(one: One) -> Self {
        panic!("{} is too much", one.sum)
    }
}

/// It is what it was.
#[derive(Default, Serialize, Deserialize)]
struct Same(One);

impl Schema for Same {
    fn shape(seen: &mut Seen) -> Shape {
        One::shape(seen)
    }
}

impl StateMachine for Same {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = ();

    fn apply(&mut self, add: u64, cx: &Apply) -> u64 {
        self.0.apply(add, cx)
    }

    fn query(&self, (): ()) {}
}

impl From<One> for Same {
    fn from(one: One) -> Self {
        Self(one)
    }
}

const SETTINGS: MachineSettings = MachineSettings {
    snapshot_bytes: 1 << 20,
    snapshot_entries: 3,
    sessions: 4,
    outstanding: 64,
    kept: 1 << 20,
    chunk: 64,
};
const SESSION: SessionId = SessionId { index: 0, slot: 0 };

fn begin<M: StateMachine>(beginning: impl Into<Beginning<M>>) -> (Applier<M>, Replica<M>) {
    Applier::new(beginning, SETTINGS).expect("it can be kept")
}

fn two() -> Beginning<Two> {
    Beginning::new(Two::default(), Some(Earlier::of(One::default())))
}

fn three() -> Beginning<Three> {
    let two = Earlier::after(Two::default(), Some(Earlier::of(One::default())));
    Beginning::new(Three::default(), Some(two))
}

fn schema_of<M: StateMachine>() -> Fingerprint {
    schema::<M>().0
}

fn give<C: Command>(serial: u64, command: &C) -> Item {
    let mut body = Vec::new();
    command.encode(&mut body).expect("encodes");
    Item::Command { session: SESSION, serial, acked_below: 0, method: COMMAND, body: body.into() }
}

/// A session, five commands of the first type, two of the second, two of the third, each in an entry.
fn log() -> Vec<Bytes> {
    let one = |serial| give(serial, &(serial + 1));
    let items = [
        open(1),
        one(0),
        one(1),
        one(2),
        one(3),
        one(4),
        Item::Migrate { to: schema_of::<Two>() },
        give(5, &6_u64),
        give(6, &7_u64),
        Item::Migrate { to: schema_of::<Two>() },
        Item::Migrate { to: schema_of::<Three>() },
        give(7, &(8_u64, 9_u64)),
        give(8, &(9_u64, 9_u64)),
    ];
    items.into_iter().map(|item| payload(0, vec![item])).collect()
}

fn at(index: usize) -> LogId {
    LogId { term: 1, index: index as u64 }
}

fn applied<M: StateMachine>(applier: &mut Applier<M>, log: &[Bytes], from: usize) -> Vec<(usize, Bytes)> {
    let mut snapshots = Vec::new();
    for (index, entry) in log.iter().enumerate().skip(from) {
        let step = applier.apply(at(index), entry, true).expect("it is applied");
        snapshots.extend(step.snapshot.map(|snapshot| (index, snapshot.bytes)));
    }
    snapshots
}

fn state<M: StateMachine + Clone>(replica: &Replica<M>) -> Option<M> {
    replica.read(|state, _| state.clone()).now_or_never().map(|state| state.expect("it lives"))
}

const END: Three = Three { given: 102, sum: 15 + 13_000 + 17, more: 18 };

#[test]
fn every_entry_is_applied_by_the_type_that_it_was_given_to() {
    let log = log();
    let (mut applier, replica) = begin::<Three>(three());
    let snapshots = applied(&mut applier, &log, 0);
    assert_eq!(state(&replica), Some(END));
    // From wherever a member goes on, it gets there: also from snapshots of the programs before.
    let (mut first, _) = begin(One::default());
    let mut before = applied(&mut first, &log[..6], 0);
    let (mut second, replica) = begin::<Two>(two());
    let both = applied(&mut second, &log[..10], 0);
    assert_eq!(state(&replica), Some(Two { sum: 15 + 13_000, given: 102 }));
    assert_eq!(
        before[..],
        both[..before.len()],
        "an older machine makes the snapshots that its own program made"
    );
    assert!(snapshots.len() > both.len() && both[..] == snapshots[..both.len()] && both.len() > before.len());
    before.extend(snapshots);
    for (index, snapshot) in before {
        let (mut applier, replica) = begin::<Three>(three());
        applier.restore(Some(snapshot.clone())).expect("it is known");
        applied(&mut applier, &log, index + 1);
        assert_eq!(state(&replica), Some(END), "from the snapshot at {index}");
    }
}

#[test]
fn nothing_is_read_before_the_state_is_of_the_newest_type() {
    let log = log();
    let (mut applier, replica) = begin::<Two>(two());
    assert_eq!(replica.reading().migrates(), Some(schema_of::<Two>()));
    applied(&mut applier, &log[..6], 0);
    assert_eq!((state(&replica), replica.digest()), (None, None));
    assert_eq!(replica.reading().migrates(), Some(schema_of::<Two>()));
    applied(&mut applier, &log[..7], 6);
    assert_eq!((state(&replica), replica.reading().migrates()), (Some(Two { sum: 15, given: 100 }), None));
    // A group that is born again begins with the oldest type again.
    applier.anew(crate::groups::version::Era::NONE).expect("it begins");
    assert!(state(&replica).is_none() && replica.reading().migrates().is_some());
}

/// Every state, and how many commands there were since the one before.
#[derive(Default)]
struct Told(Mutex<Vec<(Two, Option<usize>)>>);

impl Observer<Two> for Told {
    fn applied(&self, batch: &AppliedBatch<'_, Two>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.push((batch.state().clone(), Some(batch.commands().count())));
    }

    fn reset(&self, _: Version, state: &Two) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((state.clone(), None));
    }
}

#[test]
fn who_observes_begins_with_the_state_that_was_taken_over() {
    let log = log();
    let (mut applier, replica) = begin::<Two>(two());
    let told = Arc::new(Told::default());
    let _observing = replica.observe(told.clone());
    applied(&mut applier, &log[..8], 0);
    let told = told.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(told, [(Two { sum: 15, given: 100 }, None), (Two { sum: 6015, given: 101 }, Some(1))]);
}

#[test]
fn a_panic_of_an_older_command_is_undone_as_it_was_before() {
    let mut log = log();
    log.insert(6, payload(0, vec![give(20, &13_u64)]));
    let (mut applier, replica) = begin::<Two>(two());
    applied(&mut applier, &log[..6], 0);
    let torn = applier.apply(at(6), &log[6], true);
    let Err(Trouble::Panicked { slot: 0, message }) = torn else { panic!("{torn:?}") };
    applier.skip(6, 0, message);
    applier.restore(None).expect("the beginning");
    applied(&mut applier, &log[..6], 0);
    let step = applier.apply(at(6), &log[6], true).expect("it is passed over");
    let outcomes = Outcome::decode_all(&step.answer.into()).expect("decodes");
    assert!(matches!(&outcomes[..], [Outcome::Panicked(_)]), "{outcomes:?}");
    applied(&mut applier, &log[..8], 7);
    assert_eq!(state(&replica), Some(Two { sum: 15, given: 100 }));
}

#[test]
fn f21_an_older_program_stops_where_a_newer_one_took_over() {
    let log = log();
    let (mut first, replica) = begin(One::default());
    applied(&mut first, &log[..6], 0);
    let later = Trouble::Later { found: schema_of::<Two>(), own: schema_of::<One>() };
    assert_eq!(first.apply(at(6), &log[6], true), Err(later));
    assert_eq!(state(&replica), Some(One { sum: 15 }), "nothing changed");
    let (mut second, _) = begin::<Two>(two());
    let snapshots = applied(&mut second, &log[..9], 0);
    let (_, newest) = snapshots.last().expect("there are some");
    let other = SnapshotError::OtherSchema { found: schema_of::<Two>(), own: schema_of::<One>() };
    assert_eq!(first.restore(Some(newest.clone())), Err(other));
}

#[test]
fn a_state_that_cannot_be_taken_over_stops_the_member_and_says_why() {
    let log = log();
    let (mut applier, replica) =
        begin::<Rude>(Beginning::new(Rude::default(), Some(Earlier::of(One::default()))));
    applied(&mut applier, &log[..6], 0);
    let over = payload(0, vec![Item::Migrate { to: schema_of::<Rude>() }]);
    assert_eq!(applier.apply(at(6), &over, true), Err(Trouble::Migration("15 is too much".to_owned())));
    assert_eq!(state(&replica), None);
    assert_eq!(applier.pass(at(7)), Err(Trouble::Torn));
}

#[test]
fn types_of_one_shape_are_refused_at_the_start() {
    let same = Beginning::new(Same::default(), Some(Earlier::of(One::default())));
    let error = Applier::<Same>::new(same, SETTINGS).err().expect("refused");
    assert_eq!(error, SnapshotError::SameSchema);
    assert!(error.to_string().contains("schema = \"v2\""), "{error}");
}

#[test]
fn lc1_members_with_and_without_the_older_type_do_not_meet() {
    let (_, one) = begin(One::default());
    let (_, alone) = begin(Two::default());
    let (_, two) = begin::<Two>(two());
    let (_, three) = begin::<Three>(three());
    let own = |contract: (Fingerprint, Shape)| contract.0;
    assert_ne!(own(alone.contract()), own(two.contract()));
    assert_eq!(two.earlier(), [own(one.contract())], "as a program of the older type has it");
    assert_eq!(three.earlier(), [own(two.contract()), own(one.contract())]);
    assert!(one.earlier().is_empty() && alone.earlier().is_empty());
}
