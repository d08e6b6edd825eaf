use super::toy::{Deed, Member, PEER, command, open};
use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, StoreId},
        machine::{Applying, Batch, Fence, Item, Outcome, Payload, Timestamp, fence_after, fence_in},
    },
    primitives::PeerId,
};

fn welcome(store: u64) -> Item {
    Item::Welcome { peer: PEER, store: StoreId(store) }
}

fn generation(outcome: &Outcome) -> u64 {
    let Outcome::Welcomed { generation } = outcome else { panic!("{outcome:?}") };
    *generation
}

#[test]
fn f3_a_store_has_one_generation_and_another_store_has_another() {
    let mut member = Member::new();
    let session = member.session(1);
    let first = generation(&member.one(welcome(1)));
    assert_eq!(first, 1, "the index of its entry");
    member.one(command(session, 0, 0, Deed::Do(1)));
    assert_eq!(generation(&member.one(welcome(1))), first, "it asked twice");
    let second = generation(&member.one(welcome(2)));
    assert!(second > first);
    assert_eq!(generation(&member.one(welcome(1))), first, "a late copy");
    // Two nodes in one entry are told apart by their ids, two stores of one node are not.
    let other = Item::Welcome { peer: PeerId::from_bytes([8; 32]), store: StoreId(1) };
    let three = member.apply(0, vec![welcome(3), other, welcome(4), welcome(3)]);
    assert_eq!(generation(&three[0]), generation(&three[1]));
    assert!(matches!(&three[2], Outcome::Unreadable(why) if why.contains("ask again")));
    assert_eq!(three[3], three[0]);
}

#[test]
fn f3_who_is_gone_for_good_comes_back_as_somebody_else() {
    let mut member = Member::new();
    let first = generation(&member.one(welcome(1)));
    let goodbye = |generation| Item::Goodbye { member: MemberId::new(PEER, generation) };
    assert_eq!(member.one(goodbye(first + 77)), Outcome::Done);
    assert_eq!(generation(&member.one(welcome(1))), first);
    assert_eq!(member.one(goodbye(first)), Outcome::Done);
    let second = generation(&member.one(welcome(1)));
    assert_ne!(second, first);
    assert_eq!(member.replica.system().welcomed, [(MemberId::new(PEER, second), StoreId(1))]);
    // A node that loses its store again and again does not fill the table.
    let all: Vec<u64> = (10..30).map(|store| generation(&member.one(welcome(store)))).collect();
    let kept: Vec<u64> =
        member.replica.system().welcomed.iter().map(|(member, _)| member.generation).collect();
    assert_eq!(kept, all[16..], "the last four");
}

#[test]
fn lc1_a_fenced_group_changes_nothing_and_still_says_what_it_did() {
    let mut member = Member::new();
    let session = member.session(1);
    member.one(command(session, 0, 0, Deed::Do(1)));
    let rival = Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 };
    let items = vec![Item::Fence(rival), command(session, 1, 0, Deed::Do(2)), open(2), welcome(1)];
    let after = member.apply(0, items);
    assert_eq!(after, [Outcome::Done, Outcome::Fenced, Outcome::Fenced, Outcome::Fenced]);
    assert!(
        matches!(member.one(command(session, 0, 0, Deed::Do(1))), Outcome::Again(_)),
        "it was applied before the fence, so `Fenced` would be a lie"
    );
    let other = Fence { rival_committed: 9, ..rival };
    assert_eq!(member.one(Item::Fence(other)), Outcome::Done);
    assert_eq!(member.replica.system().fenced, Some(rival), "the first one counts");
    assert_eq!(member.state().done, [1]);
}

/// What a forced group begins with. A snapshot in between changes nothing, and a later fence is another one.
#[test]
fn lc1_a_fence_is_lifted_and_may_come_again() {
    let mut member = Member::new();
    let session = member.session(1);
    let rival = Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 };
    member.one(Item::Fence(rival));
    let fenced = member.applier.encode().expect("encodes").bytes;
    assert_eq!(fence_in(&fenced), Some(rival));
    assert_eq!(member.one(command(session, 0, 0, Deed::Do(1))), Outcome::Fenced);
    member.applier.restore(Some(fenced)).expect("its own");
    assert_eq!(member.one(Item::Lift), Outcome::Done);
    assert_eq!(member.replica.system().fenced, None);
    assert!(matches!(member.one(command(session, 0, 0, Deed::Do(1))), Outcome::Replied(_)));
    let lifted = member.applier.encode().expect("encodes").bytes;
    assert_eq!(fence_in(&lifted), None);
    member.applier.restore(Some(lifted)).expect("its own");
    assert!(matches!(member.one(command(session, 1, 0, Deed::Do(2))), Outcome::Replied(_)));
    let other = Fence { rival_committed: 9, ..rival };
    member.one(Item::Fence(other));
    assert_eq!(member.replica.system().fenced, Some(other));
    assert_eq!(member.one(command(session, 2, 0, Deed::Do(3))), Outcome::Fenced);
}

#[test]
fn the_fence_of_a_log_is_known_without_its_machine() {
    let rival = Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 };
    let other = Fence { rival_committed: 9, ..rival };
    let after = |before, items| {
        let payload = Payload::V1(Batch { now: Timestamp::BIRTH, items }).encode().expect("encodes");
        fence_after(before, &payload)
    };
    assert_eq!(after(None, vec![welcome(1)]), None);
    assert_eq!(after(None, vec![Item::Fence(rival), Item::Fence(other)]), Some(rival));
    assert_eq!(after(Some(rival), vec![welcome(1)]), Some(rival));
    assert_eq!(after(Some(rival), vec![Item::Lift]), None);
    assert_eq!(after(Some(rival), vec![Item::Lift, Item::Fence(other)]), Some(other));
    assert_eq!(fence_after(Some(rival), b"\xff"), Some(rival), "what is unknown says nothing");
    assert_eq!(fence_in(b"short"), None);
}
