use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};

use futures::{FutureExt as _, future::Future};

use super::toy::{Deed, Member, command, payload};
use crate::groups::{
    machine::{Applying, Outcome, Trouble},
    store::record::LogId,
};

fn panicked(outcome: &Outcome) -> &str {
    let Outcome::Panicked(message) = outcome else { panic!("{outcome:?}") };
    message
}

#[test]
fn lc10_a_panic_in_apply_undoes_that_command_and_nothing_else() {
    let mut member = Member::new();
    let session = member.session(1);
    member.one(command(session, 0, 0, Deed::Do(1)));
    let items = vec![
        command(session, 1, 0, Deed::Do(2)),
        command(session, 2, 0, Deed::Tear(3)),
        command(session, 3, 0, Deed::Do(4)),
        command(session, 4, 0, Deed::Tear(5)),
        command(session, 5, 0, Deed::Do(6)),
    ];
    let outcomes = member.apply(0, items);
    assert_eq!(outcomes[0], Outcome::Replied(vec![2].into()));
    assert_eq!(panicked(&outcomes[1]), "cannot do 3");
    assert_eq!(outcomes[2], Outcome::Replied(vec![3].into()), "as if the one before had not been");
    assert_eq!(panicked(&outcomes[3]), "cannot do 5");
    assert_eq!(outcomes[4], Outcome::Replied(vec![4].into()));
    assert_eq!(member.state().done, [1, 2, 4, 6]);
    assert_eq!(member.anew, 2);
    // Retried, it is not tried again.
    let again = member.one(command(session, 2, 0, Deed::Do(3)));
    assert!(panicked(&again).contains("first applied"), "{again:?}");
    assert_eq!((member.state().done.len(), member.anew, member.replica.system().panics), (4, 2, 2));
    // Nothing is poisoned.
    assert_eq!(member.one(command(session, 6, 0, Deed::Do(7))), Outcome::Replied(vec![5].into()));
}

#[test]
fn lc10_a_reply_that_does_not_encode_is_undone_like_a_panic() {
    let mut member = Member::new();
    let session = member.session(1);
    let outcome = member.one(command(session, 0, 0, Deed::Mute(1)));
    assert!(panicked(&outcome).contains("reply cannot be sent"), "{outcome:?}");
    assert!(member.state().done.is_empty());
}

#[test]
fn lc10_arguments_that_do_not_decode_are_an_outcome() {
    let mut member = Member::new();
    let session = member.session(1);
    let mut items = Vec::new();
    for (method, body) in [(crate::groups::machine::COMMAND, vec![9]), (1, vec![0, 1]), (1, vec![])] {
        let (serial, body) = (items.len() as u64, body.into());
        items.push(crate::groups::machine::Item::Command { session, serial, acked_below: 0, method, body });
    }
    let outcomes = member.apply(0, items);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unreadable(_))), "{outcomes:?}");
    let Outcome::Unreadable(why) = &outcomes[1] else { return };
    assert!(why.contains("no method 0000000000000001"), "{why}");
    assert!(member.state().done.is_empty());
}

#[test]
fn an_entry_of_a_newer_version_stops_the_member_before_it_changes_anything() {
    let mut member = Member::new();
    let session = member.session(1);
    let before = member.replica.digest();
    let mut bytes = payload(0, vec![command(session, 0, 0, Deed::Do(1))]).to_vec();
    bytes[0] = 1;
    let error = member.applier.apply(LogId { term: 1, index: 1 }, &bytes, true).expect_err("unknown");
    assert!(matches!(&error, Trouble::Unknown(_)) && error.to_string().contains("newer version"), "{error}");
    assert_eq!(member.replica.digest(), before);
}

/// While the state is made anew, readers wait: they see neither what the panic left nor what was before what they have seen.
#[test]
fn lc10_r7_nobody_reads_a_torn_or_an_older_state() {
    let mut member = Member::new();
    let session = member.session(1);
    for serial in 0..3 {
        member.one(command(session, serial, 0, Deed::Do(serial as u32)));
    }
    let replica = member.replica.clone();
    let seen = AtomicUsize::new(0);
    let mut reading = Box::pin(replica.read(|toy, applied| {
        seen.store(toy.done.len(), Ordering::Relaxed);
        applied.index()
    }));
    let mut poll = || reading.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let entry = payload(0, vec![command(session, 3, 0, Deed::Do(3)), command(session, 4, 0, Deed::Tear(4))]);
    let at = LogId { term: 1, index: 4 };
    let Err(Trouble::Panicked { slot, message }) = member.applier.apply(at, &entry, true) else {
        panic!("it panics")
    };
    assert_eq!(poll(), Poll::Pending, "torn");
    assert_eq!(replica.digest(), None);
    assert_eq!(member.applier.apply(at, &entry, true), Err(Trouble::Torn));
    assert_eq!(member.applier.pass(at), Err(Trouble::Torn));
    member.applier.skip(4, slot, message);
    member.applier.restore(None).expect("the beginning");
    let read_now = || replica.read(|toy, _| toy.done.len()).now_or_never();
    assert_eq!((poll(), read_now()), (Poll::Pending, None), "older");
    for (index, entry) in (0..).zip(member.log.clone()) {
        assert_eq!((poll(), read_now()), (Poll::Pending, None), "older");
        member.applier.apply(LogId { term: 1, index }, &entry, false).expect("applies");
    }
    assert_eq!((seen.load(Ordering::Relaxed), read_now()), (0, Some(Ok(3))), "as it was");
    member.applier.apply(at, &entry, true).expect("applies");
    assert_eq!(poll(), Poll::Ready(Ok(Some(4))));
    assert_eq!(seen.load(Ordering::Relaxed), 4);
}

#[test]
fn panics_before_the_place_to_go_back_to_need_not_be_known() {
    let mut member = Member::new();
    let session = member.session(1);
    for serial in 0..3 {
        member.one(command(session, serial, 0, Deed::Tear(serial as u32)));
    }
    member.applier.forget_skips(2);
    member.applier.restore(None).expect("the beginning");
    let at = |index: usize| LogId { term: 1, index: index as u64 };
    member.applier.apply(at(0), &member.log[0].clone(), false).expect("it opens a session");
    let forgotten = member.applier.apply(at(1), &member.log[1].clone(), false);
    assert!(matches!(forgotten, Err(Trouble::Panicked { slot: 0, .. })), "{forgotten:?}");
    // What comes after that place is known as before.
    member.applier.restore(None).expect("the beginning");
    member.applier.apply(at(0), &member.log[0].clone(), false).expect("it opens a session");
    (1..3).for_each(|index| drop(member.applier.pass(at(index)).expect("passes")));
    let known = member.applier.apply(at(3), &member.log[3].clone(), true).expect("it does not run");
    let outcomes = Outcome::decode_all(&known.answer.into()).expect("decodes");
    assert_eq!(panicked(&outcomes[0]), "cannot do 2");
}
