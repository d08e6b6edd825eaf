use bytes::Bytes;
use proptest::prelude::*;

use super::toy::{Deed, Member, PEER, command, open, payload};
use crate::{
    groups::{
        birth::StoreId,
        machine::{Applying, Item, MachineSettings, SessionId, SnapshotError, Trouble, tests::toy::SMALL},
        store::record::LogId,
    },
    primitives::codec,
};

/// An entry: an empty one is not for the machine.
fn entry(index: u64) -> impl Strategy<Value = Bytes> {
    let session = move |back: u64| SessionId { index: index.saturating_sub(back), slot: 0 };
    let item = prop_oneof![
        2 => (1..6u8).prop_map(open),
        8 => (1..20u64, 0..6u64, 0..3u64, any::<u8>()).prop_map(move |(back, serial, acked, number)| {
            command(session(back), serial, acked, Deed::Do(u32::from(number)))
        }),
        1 => (1..20u64, 0..6u64, any::<u8>()).prop_map(move |(back, serial, number)| {
            command(session(back), serial, 0, Deed::Tear(u32::from(number)))
        }),
        1 => (0..4u64).prop_map(|store| Item::Welcome { peer: PEER, store: StoreId(store) }),
    ];
    prop_oneof![
        1 => Just(Bytes::new()),
        9 => (0..100u64, prop::collection::vec(item, 0..6)).prop_map(|(now, mut items)| {
            // Sessions are found by the first place of an entry.
            items.sort_by_key(|item| !matches!(item, Item::Open { .. }));
            payload(now, items)
        }),
    ]
}

fn log() -> impl Strategy<Value = Vec<Bytes>> {
    (1..48u64).prop_flat_map(|length| (0..length).map(entry).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Cut at every entry: a snapshot and the rest of the log are the whole log, down to the bytes of later snapshots.
    #[test]
    fn r5_r8_a_snapshot_and_the_rest_of_the_log_are_the_whole_log(log in log()) {
        let mut whole = Member::new();
        let mut cuts = Vec::new();
        for entry in &log {
            cuts.push(whole.applier.encode().expect("encodes"));
            whole.entry(entry.clone());
        }
        let end = whole.replica.digest();
        prop_assert!(end.is_some());
        for (at, cut) in cuts.iter().enumerate().skip(1) {
            let mut other = Member::new();
            other.log = log[..at].to_vec();
            other.applier.restore(Some(cut.bytes.clone())).expect("restores");
            for (index, entry) in log.iter().enumerate().skip(at) {
                other.log.push(entry.clone());
                other.resume(index, cut);
            }
            prop_assert_eq!(other.replica.digest(), end, "cut at {}", at);
            for (index, snapshot) in &other.snapshots {
                prop_assert_eq!(Some(snapshot), whole.snapshots.get(index));
            }
            let later = whole.snapshots.range(at as u64..).count();
            prop_assert_eq!(other.snapshots.len(), later, "the same snapshots are due");
        }
    }

    /// A reader that keeps no snapshots is as if it made them, where they are due.
    #[test]
    fn r5_a_reader_has_the_hashes_of_members_and_keeps_no_snapshots(log in log()) {
        let (mut member, mut reader) = (Member::new(), Member::new());
        reader.applier = reader.applier.for_reader();
        for entry in &log {
            member.entry(entry.clone());
            reader.entry(entry.clone());
            prop_assert_eq!(member.replica.digest(), reader.replica.digest());
        }
        prop_assert!(reader.snapshots.is_empty());
        prop_assert!(log.len() < 40 || !member.snapshots.is_empty());
    }

    /// Members that were given the same log differ in nothing, one way or another.
    #[test]
    fn r5_equal_logs_make_equal_hashes_and_unequal_ones_do_not(log in log(), extra in 1..9u32) {
        let (mut a, mut b) = (Member::new(), Member::new());
        for entry in &log {
            a.entry(entry.clone());
            b.entry(entry.clone());
            prop_assert_eq!(a.replica.digest(), b.replica.digest());
        }
        let session = a.session(9);
        b.session(9);
        a.one(command(session, 0, 0, Deed::Do(extra)));
        b.one(command(session, 0, 0, Deed::Do(extra + 1)));
        prop_assert_ne!(a.replica.digest(), b.replica.digest());
    }
}

impl Member {
    /// Applies an entry of the log, from a snapshot instead of from the beginning when something panics.
    fn resume(&mut self, index: usize, start: &crate::groups::machine::Encoded) {
        let id = |index: usize| LogId { term: 1 + index as u64 / 5, index: index as u64 };
        let first = start.last.map_or(0, |last| last.index as usize + 1);
        let step = |member: &mut Self, index: usize| match member.log[index].clone() {
            empty if empty.is_empty() => member.applier.pass(id(index)),
            payload => member.applier.apply(id(index), &payload, false),
        };
        loop {
            match step(self, index) {
                Ok(done) => {
                    self.snapshots.extend(done.snapshot.map(|snapshot| (index as u64, snapshot.bytes)));
                    return;
                }
                Err(Trouble::Panicked { slot, message }) => {
                    self.applier.skip(index as u64, slot, message);
                    self.applier.restore(Some(start.bytes.clone())).expect("restores");
                    (first..index).for_each(|before| drop(step(self, before).expect("as before")));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn f17_a_snapshot_that_is_not_one_changes_nothing() {
    let mut member = Member::new();
    let session = member.session(1);
    member.one(command(session, 0, 0, Deed::Do(1)));
    let (good, before) = (member.applier.encode().expect("encodes").bytes, member.replica.digest());
    let mut spoiled =
        vec![good[..good.len() - 1].to_vec(), good[..20].to_vec(), vec![], [&good[..], &[0]].concat()];
    for byte in 0..28 {
        let mut bytes = good.to_vec();
        bytes[byte] ^= 0x40;
        spoiled.push(bytes);
    }
    for bytes in spoiled {
        member.applier.restore(Some(bytes.into())).expect_err("refused");
        assert_eq!(member.replica.digest(), before);
    }
    let mut newer = good.to_vec();
    newer[0] = 2;
    assert_eq!(member.applier.restore(Some(newer.into())), Err(SnapshotError::Newer { found: 2 }));
    let mut foreign = good.to_vec();
    foreign[4] ^= 1;
    let error = member.applier.restore(Some(foreign.into())).expect_err("refused");
    assert!(
        matches!(error, SnapshotError::OtherSchema { .. }) && error.to_string().contains("another shape")
    );
    member.applier.restore(Some(good)).expect("restores");
    assert_eq!(member.replica.digest(), before);
}

#[test]
fn snapshots_are_due_by_entries_and_by_bytes_and_rarely_where_the_state_is_large() {
    let mut member = Member::new();
    (0..40).for_each(|_| drop(member.entry(Bytes::new())));
    assert_eq!(member.snapshots.keys().copied().collect::<Vec<_>>(), [8, 17, 26, 35], "every nine entries");

    let mut member = Member::with(MachineSettings { snapshot_entries: u64::MAX, ..SMALL });
    let session = member.session(1);
    let (mut since, mut last, mut sizes) = (member.log[0].len(), 0, Vec::new());
    for round in 0..400 {
        let deeds = (0..8).map(|n| command(session, round * 8 + n, round * 8, Deed::Do(200)));
        let before = since;
        member.apply(0, deeds.collect());
        since += member.log.last().expect("just added").len();
        if let Some(snapshot) = member.snapshots.remove(&(member.log.len() as u64 - 1)) {
            let due = (2 * last).max(300);
            assert!(since >= due && before < due, "{before}, {since} after {last}");
            let state = codec::encode(&member.state()).expect("encodes");
            assert_eq!(snapshot[28..28 + state.len()], state);
            (since, last) = (0, state.len());
            sizes.push(last);
        }
    }
    assert!(sizes.len() > 10 && sizes.last() > Some(&3000), "{sizes:?}");
}
