use std::collections::BTreeMap;

use proptest::prelude::*;

use super::toy::{Deed, Member, SMALL, command, count};
use crate::{
    groups::machine::{Applying, Item, MachineSettings, Outcome, SessionId},
    primitives::BootId,
};

#[test]
fn lc9_a_retried_command_is_applied_once_and_gets_its_first_result() {
    let mut member = Member::new();
    let session = member.session(1);
    let first = member.one(command(session, 0, 0, Deed::Do(5)));
    assert_eq!((first.clone(), count(&first)), (Outcome::Replied(vec![1].into()), 1));
    assert_eq!(count(&member.one(command(session, 1, 0, Deed::Do(6)))), 2);
    // Again, later, in one entry with others, and with other arguments.
    for deed in [Deed::Do(5), Deed::Do(9), Deed::Tear(5)] {
        let again = member.apply(0, vec![command(session, 0, 0, deed), command(session, 1, 0, deed)]);
        assert_eq!(again, [Outcome::Again(vec![1].into()), Outcome::Again(vec![2].into())]);
    }
    assert_eq!(member.state().done, [5, 6]);
    let other = member.session(1);
    assert_ne!(other, session);
    assert_eq!(count(&member.one(command(other, 0, 0, Deed::Do(7)))), 3, "another session counts anew");
}

#[test]
fn r8_what_is_forgotten_is_never_applied() {
    let mut member = Member::new();
    let session = member.session(1);
    for serial in 0..4 {
        member.one(command(session, serial, 0, Deed::Do(serial as u32)));
    }
    // Acknowledged: forgotten, applied or not.
    assert!(matches!(member.one(command(session, 5, 3, Deed::Do(5))), Outcome::Replied(_)));
    for serial in 0..3 {
        assert_eq!(member.one(command(session, serial, 0, Deed::Do(99))), Outcome::Expired);
    }
    assert!(matches!(member.one(command(session, 3, 0, Deed::Do(99))), Outcome::Again(_)));
    // Serial 4 is late; more than the limit after it, and it is too late.
    assert!(matches!(member.one(command(session, 4 + 7, 3, Deed::Do(11))), Outcome::Replied(_)));
    assert!(matches!(member.one(command(session, 4, 3, Deed::Do(4))), Outcome::Replied(_)));
    assert!(matches!(member.one(command(session, 5 + 8, 3, Deed::Do(13))), Outcome::Replied(_)));
    assert_eq!(member.one(command(session, 5, 3, Deed::Do(99))), Outcome::Expired);
    // The greatest serial of all.
    assert!(matches!(member.one(command(session, u64::MAX, u64::MAX, Deed::Do(14))), Outcome::Replied(_)));
    assert!(matches!(member.one(command(session, u64::MAX, u64::MAX, Deed::Do(99))), Outcome::Again(_)));
    assert_eq!(member.one(command(session, 6, 3, Deed::Do(99))), Outcome::Expired);
    let unknown = SessionId { index: 999, slot: 0 };
    assert_eq!(member.one(command(unknown, 0, 0, Deed::Do(99))), Outcome::Expired);
    assert_eq!(member.state().done, [0, 1, 2, 3, 5, 11, 4, 13, 14]);
}

#[test]
fn r8_the_session_used_least_recently_makes_room() {
    let mut member = Member::new();
    let [a, b, c] = [1, 2, 3].map(|owner| member.session(owner));
    member.one(command(a, 0, 0, Deed::Do(1)));
    let d = member.session(4);
    assert_eq!(member.one(command(b, 0, 0, Deed::Do(99))), Outcome::Expired, "it was the oldest");
    // A retry is a use too; in one entry the order of the sessions' ids decides.
    member.apply(0, vec![command(c, 0, 0, Deed::Do(2)), command(a, 0, 0, Deed::Do(99))]);
    member.one(command(d, 0, 0, Deed::Do(3)));
    let e = member.session(5);
    assert_eq!(member.one(command(a, 0, 0, Deed::Do(99))), Outcome::Expired);
    for (session, serial) in [(c, 1), (d, 1), (e, 0)] {
        assert!(matches!(member.one(command(session, serial, 0, Deed::Do(4))), Outcome::Replied(_)));
    }
    assert_eq!(member.state().done, [1, 2, 3, 4, 4, 4]);
    assert_eq!(member.replica.system().sessions, SMALL.sessions);
    assert_eq!((member.replica.owner(a), member.replica.owner(e)), (None, Some(peer(5))));
}

#[test]
fn a_new_process_of_a_node_ends_the_sessions_of_the_one_before() {
    let mut member = Member::new();
    let of = |owner: u8, boot: u128| Item::Open { owner: peer(owner), boot: BootId(boot) };
    let opened = |member: &mut Member, item| match member.one(item) {
        Outcome::Opened(session) => session,
        other => panic!("{other:?}"),
    };
    let old = opened(&mut member, of(1, 10));
    let other = opened(&mut member, of(2, 10));
    for serial in 0..6 {
        member.one(command(old, serial, 0, Deed::Do(serial as u32)));
    }
    let large = member.applier.encode().expect("encodes").bytes.len();
    let new = opened(&mut member, of(1, 11));
    assert_eq!(member.replica.system().sessions, 2);
    assert!(member.applier.encode().expect("encodes").bytes.len() < large, "its results are gone with it");
    assert_eq!(member.one(command(old, 6, 0, Deed::Do(99))), Outcome::Expired, "a late copy is not applied");
    assert!(matches!(member.one(command(other, 0, 0, Deed::Do(6))), Outcome::Replied(_)));
    assert!(matches!(member.one(command(new, 0, 0, Deed::Do(7))), Outcome::Replied(_)));
    // A second session of one process leaves the first alone: commands of it may be in doubt.
    let again = opened(&mut member, of(1, 11));
    assert!(matches!(member.one(command(new, 0, 0, Deed::Do(99))), Outcome::Again(_)));
    assert!(matches!(member.one(command(again, 0, 0, Deed::Do(8))), Outcome::Replied(_)));
    assert_eq!(member.state().done, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    // The order of use has lost it too: the limit counts what is there.
    for (owner, boot) in [(3, 1), (3, 2), (3, 3)] {
        opened(&mut member, of(owner, boot));
    }
    assert_eq!(member.replica.system().sessions, SMALL.sessions);
}

#[test]
fn lc9_a_session_with_too_many_bytes_of_results_takes_only_its_oldest_command() {
    let mut member = Member::with(MachineSettings { kept: 3, ..SMALL });
    let session = member.session(1);
    let one = |member: &mut Member, serial, acked| member.one(command(session, serial, acked, Deed::Do(9)));
    for serial in 1..4 {
        assert!(matches!(one(&mut member, serial, 0), Outcome::Replied(_)));
    }
    // What a snapshot restores counts the same.
    let snapshot = member.applier.encode().expect("encodes").bytes;
    member.applier.restore(Some(snapshot)).expect("restores");
    for _ in 0..2 {
        assert_eq!(one(&mut member, 4, 0), Outcome::Full);
    }
    assert!(matches!(one(&mut member, 2, 0), Outcome::Again(_)), "what was applied is answered");
    assert_eq!(member.state().done.len(), 3, "what was not applied changed nothing");
    assert!(matches!(one(&mut member, 0, 0), Outcome::Replied(_)), "all wait for the oldest");
    assert!(matches!(one(&mut member, 0, 0), Outcome::Again(_)));
    assert_eq!(one(&mut member, 4, 1), Outcome::Full);
    assert!(matches!(one(&mut member, 4, 2), Outcome::Replied(_)), "the same number, when there is room");
    assert!(matches!(one(&mut member, 4, 2), Outcome::Again(_)));
    // In one entry the room ends in the middle, and all behind that is left out.
    let many = (5..9).map(|serial| command(session, serial, 4, Deed::Do(9))).collect();
    let outcomes = member.apply(0, many);
    let applied = outcomes.iter().take_while(|outcome| matches!(outcome, Outcome::Replied(_))).count();
    assert_eq!((applied, &outcomes[2..]), (2, &[Outcome::Full, Outcome::Full][..]));
    assert_eq!(member.state().done.len(), 7);
}

fn peer(number: u8) -> crate::primitives::PeerId {
    crate::primitives::PeerId::from_bytes([number; 32])
}

/// What arrives: a client's session, and one of its last serials.
fn arrivals() -> impl Strategy<Value = Vec<Vec<(usize, u64, bool)>>> {
    let one = (0..3usize, 0..24u64, prop::bool::weighted(0.1));
    prop::collection::vec(prop::collection::vec(one, 1..6), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// In whatever order and however often commands arrive, and whatever panics: each is applied at most once, all copies that get
    /// an answer get the same one, and what was never applied was never answered.
    #[test]
    fn lc9_r8_each_command_is_applied_once_in_whatever_order_it_is_retried(arrivals in arrivals()) {
        let mut member = Member::with(MachineSettings { outstanding: 16, ..SMALL });
        let sessions = [1, 2, 3].map(|owner| member.session(owner));
        let number = |client: usize, serial: u64| client as u32 * 1000 + serial as u32;
        let mut answers: BTreeMap<(usize, u64), Vec<Outcome>> = BTreeMap::new();
        for entry in &arrivals {
            let items = entry.iter().map(|(client, serial, tears)| {
                let number = number(*client, *serial);
                let deed = if *tears { Deed::Tear(number) } else { Deed::Do(number) };
                command(sessions[*client], *serial, 0, deed)
            });
            let outcomes = member.apply(0, items.collect());
            for ((client, serial, _), outcome) in entry.iter().zip(outcomes) {
                answers.entry((*client, *serial)).or_default().push(outcome);
            }
        }
        let done = member.state().done;
        for ((client, serial), answers) in answers {
            let times = done.iter().filter(|done| **done == number(client, serial)).count();
            let replies: Vec<_> = answers
                .iter()
                .filter_map(|outcome| match outcome {
                    Outcome::Replied(bytes) | Outcome::Again(bytes) => Some(bytes),
                    _ => None,
                })
                .collect();
            let first = answers.iter().filter(|outcome| matches!(outcome, Outcome::Replied(_))).count();
            prop_assert_eq!(times, usize::from(!replies.is_empty()), "{} {}: {:?}", client, serial, answers);
            prop_assert_eq!(first, times);
            prop_assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
            let panicked = answers.iter().any(|outcome| matches!(outcome, Outcome::Panicked(_)));
            prop_assert!(!panicked || times == 0, "it panicked once, so it was never applied");
        }
    }
}
