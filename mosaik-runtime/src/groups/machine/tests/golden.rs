use std::collections::BTreeMap;

use bytes::Bytes;

use super::toy::{Deed, Member, PEER, Toy, command, open};
use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, StoreId},
        machine::{
            Applying, Batch, COMMAND, Fence, Item, Method, Outcome, Payload, SessionId, Timestamp,
            earlier::Origin,
            payload::{BatchRef, ItemRef, OutcomeRef, PayloadRef, Raw},
            snapshot,
        },
    },
    primitives::{BootId, Fingerprint, codec, ids::hex},
};

const SESSION: SessionId = SessionId { index: 300, slot: 2 };

fn items() -> Vec<Item> {
    vec![
        Item::Open { owner: PEER, boot: BootId(500) },
        Item::Command {
            session: SESSION,
            serial: 5,
            acked_below: 4,
            method: COMMAND,
            body: vec![1, 2].into(),
        },
        Item::Welcome { peer: PEER, store: StoreId(9) },
        Item::Goodbye { member: MemberId::new(PEER, 300) },
        Item::Fence(Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 }),
        Item::Migrate { to: Fingerprint([4; 16]) },
        Item::Lift,
    ]
}

fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Opened(SESSION),
        Outcome::Replied(vec![1, 2].into()),
        Outcome::Again(vec![].into()),
        Outcome::Panicked("ouch".into()),
        Outcome::Expired,
        Outcome::Unreadable("what".into()),
        Outcome::Welcomed { generation: 300 },
        Outcome::Fenced,
        Outcome::Done,
        Outcome::Full,
    ]
}

#[test]
fn methods_have_golden_ids() {
    assert_eq!(Method::id_of("command"), COMMAND);
    assert_eq!(format!("{:016x}", Method::id_of("deposit")), METHOD);
}

/// These bytes are a promise: logs in the field hold them.
#[test]
fn f21_log_entries_have_golden_bytes() {
    let payload = Payload::V1(Batch { now: Timestamp::from_millis(1000), items: items() });
    let bytes = payload.encode().expect("encodes");
    assert_eq!(codec::decode::<Payload>(&bytes), Ok(payload));
    let PayloadRef::V1(BatchRef { now, items: read }) = PayloadRef::decode(&bytes).expect("decodes");
    assert_eq!(now, Timestamp::from_millis(1000));
    let again: Vec<Item> = read
        .iter()
        .map(|item| match *item {
            ItemRef::Open { owner, boot } => Item::Open { owner, boot },
            ItemRef::Command { session, serial, acked_below, method, body } => {
                Item::Command { session, serial, acked_below, method, body: body.to_vec().into() }
            }
            ItemRef::Welcome { peer, store } => Item::Welcome { peer, store },
            ItemRef::Goodbye { member } => Item::Goodbye { member },
            ItemRef::Fence(fence) => Item::Fence(fence),
            ItemRef::Migrate { to } => Item::Migrate { to },
            ItemRef::Lift => Item::Lift,
        })
        .collect();
    assert_eq!(again, items(), "both forms read the same bytes");
    assert!(PayloadRef::decode(&[&bytes[..], &[0]].concat()).is_err(), "a remainder");
    assert!(PayloadRef::decode(&bytes[..bytes.len() - 1]).is_err(), "cut off");
    assert_eq!(hex(&bytes), PAYLOAD);
}

/// These bytes are a promise: members of two versions tell each other.
#[test]
fn f21_outcomes_have_golden_bytes() {
    let bytes = codec::encode(&outcomes()).expect("encodes");
    let parts = [
        OutcomeRef::Opened(SESSION),
        OutcomeRef::Replied(Raw(&[1, 2])),
        OutcomeRef::Again(Raw(&[])),
        OutcomeRef::Panicked("ouch"),
        OutcomeRef::Expired,
        OutcomeRef::Unreadable("what"),
        OutcomeRef::Welcomed { generation: 300 },
        OutcomeRef::Fenced,
        OutcomeRef::Done,
        OutcomeRef::Full,
    ];
    let mut written = vec![parts.len() as u8];
    parts.iter().for_each(|part| codec::encode_into(part, &mut written).expect("encodes"));
    assert_eq!(written, bytes, "both forms write the same bytes");
    assert_eq!(Outcome::decode_all(&Bytes::from(bytes.clone())), Ok(outcomes()));
    assert_eq!(Outcome::decode_all(&Bytes::new()), Ok(vec![]));
    assert_eq!(hex(&bytes), OUTCOMES);
}

/// These bytes are a promise: stores in the field hold them, and members compare their hashes.
#[test]
fn f21_snapshots_have_golden_bytes() {
    let mut member = Member::new();
    member.entry(vec![].into());
    let session = member.session(1);
    let deeds = vec![
        command(session, 0, 0, Deed::Do(70)),
        command(session, 1, 0, Deed::Tear(71)),
        Item::Welcome { peer: PEER, store: StoreId(9) },
        Item::Fence(Fence { rival: ClusterId::from_bytes([3; 32]), rival_committed: 7 }),
        open(2),
    ];
    member.apply(1000, deeds);
    let snapshot = member.applier.encode().expect("encodes").bytes;
    let origin = Origin::new(Toy::default().into()).expect("it can be kept");
    let (stage, _) = snapshot::open::<Toy>(&origin, &snapshot).expect("opens");
    let toy = stage.now().expect("it is of this type").clone();
    let callers = BTreeMap::from([(crate::primitives::PeerId::from_bytes([1; 32]), 1)]);
    assert_eq!(toy, Toy { done: vec![70], callers, last: Timestamp::from_millis(1000), at: 2 });
    assert_eq!(hex(&snapshot), SNAPSHOT);
}

const METHOD: &str = "0033c7bb7410b315";
const PAYLOAD: &str = "00e80707000707070707070707070707070707070707070707070707070707070707070707f40301ac02020504e788c88cb0b5aeb3\
                       ab0102010202070707070707070707070707070707070707070707070707070707070707070709030707070707070707\
                       070707070707070707070707070707070707070707070707ac0204030303030303030303030303030303030303030303\
                       030303030303030303030307050404040404040404040404040404040406";
const OUTCOMES: &str = "0a00ac020201020102020003046f7563680405047768617406ac02070809";
const SNAPSHOT: &str = "01000000a0b57f895bad3e9e83c25355ac261d1927000000000000000146010101010101010101010101010101010101\
     01010101010101010101010101010101e80702010102e807010100010101010101010101010101010101010101010101\
     010101010101010101010101020002010001010101010707070707070707070707070707070707070707070707070707\
     0707070707070902010303030303030303030303030303030303030303030303030303030303030303070101020103b3\
     0100";
