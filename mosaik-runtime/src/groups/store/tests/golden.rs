use std::collections::BTreeSet;

use super::*;
use crate::{
    groups::store::{
        core::row::{Row, Write},
        seal::{self, Place},
    },
    primitives::ids::hex,
};

const PLACE: Place<'static> = Place { table: "golden", key: &[7] };

fn members() -> Membership {
    let member = |number| MemberId::from(number);
    let voters = BTreeSet::from([member(1), member(2)]);
    Membership { configs: vec![voters], members: BTreeSet::from([member(1), member(2), member(3)]) }
}

fn sealed<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: T,
) -> String {
    let bytes = seal::seal(PLACE, &value).expect("encodes");
    assert_eq!(seal::open::<T>(PLACE, &bytes), Ok(value));
    assert!(
        seal::open::<T>(Place { key: &[8], ..PLACE }, &bytes).is_err(),
        "a record opens only where it belongs"
    );
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(seal::open::<T>(PLACE, &bytes).is_err(), "bit {bit}");
    }
    hex(&bytes)
}

/// One write of each kind.
fn batch() -> Vec<(WireId, Write)> {
    let value = bytes::Bytes::from_static(b"given");
    let writes = [
        Write::Vote(vote(2, 1)),
        Write::Append([entry(2, 9, 3), Entry { id: id(2, 10), payload: Payload::Blank }].into()),
        Write::Committed(id(2, 9)),
        Write::Truncate(Some(id(2, 9))),
        Write::Truncate(None),
        Write::Purge(id(2, 9)),
        Write::Note("promise".to_owned(), Some(value)),
        Write::Note("promise".to_owned(), None),
        Write::Forget,
    ];
    writes.map(|write| (WireId::from_bytes([3; 32]), write)).into()
}

/// These bytes are a promise: stores in the field hold them.
#[test]
fn f17_records_have_golden_bytes_and_no_bit_of_them_turns_unseen() {
    let row = Row {
        vote: Some(vote(2, 1)),
        committed: Some(id(1, 4)),
        purged: Some(id(1, 2)),
        last: Some(id(2, 9)),
        first: 3,
    };
    let chunks = vec![ChunkHash::of(b"part")];
    let membership = Payload::Membership(members());
    let manifest = Manifest {
        last: Some(id(2, 9)),
        membership_at: Some(id(1, 1)),
        membership: members(),
        bytes: 4,
        chunks,
    };
    let found = [
        sealed(id(3, 500)),
        sealed(Vote { term: 3, member: MemberId::from(2), committed: true }),
        sealed(entry(3, 500, 4)),
        sealed(Entry { id: id(3, 1), payload: Payload::Blank }),
        sealed(Entry { id: id(3, 2), payload: membership }),
        sealed(Identity { format: FORMAT, owner: OWNER, store: StoreId(9) }),
        sealed(row),
        sealed(manifest),
    ];
    assert_eq!(found.join("\n"), GOLDEN.join("\n"));
}

/// And these of the journal: what it has may be the only copy.
#[cfg(feature = "durable")]
#[test]
fn f17_the_journal_has_golden_bytes() {
    use crate::groups::store::durable::journal::{Head, Life};
    let found = [
        sealed(Life { opened: 300, nonce: 7 }),
        sealed(Head { sequence: 301, length: 500 }),
        sealed(batch()),
    ];
    assert_eq!(found.join("\n"), JOURNAL.join("\n"));
}

#[cfg(feature = "durable")]
const JOURNAL: [&str; 3] = [
    "00ac0207c5d25f4b5393ac8d",
    "00ad02f403d5a9f862f9d7dafc",
    "000903030303030303030303030303030303030303030303030303030303030303030002000000000000000000000000\
     000000000000000000000000000000000000000101000303030303030303030303030303030303030303030303030303\
     030303030303010202090103090909020a00030303030303030303030303030303030303030303030303030303030303\
     030302020903030303030303030303030303030303030303030303030303030303030303030301020903030303030303\
     030303030303030303030303030303030303030303030303030300030303030303030303030303030303030303030303\
     030303030303030303030304020903030303030303030303030303030303030303030303030303030303030303030507\
     70726f6d6973650105676976656e03030303030303030303030303030303030303030303030303030303030303030507\
     70726f6d69736500030303030303030303030303030303030303030303030303030303030303030306458bdb533f6523\
     fa",
];

const GOLDEN: [&str; 8] = [
    "0003f403ce8ad17573bf825f",
    "00030000000000000000000000000000000000000000000000000000000000000002020148ac7466fe749ed1",
    "0003f4030104f4f4f4f43c4cdabceee8b464",
    "00030100325ed03d185d47b3",
    "000302020102000000000000000000000000000000000000000000000000000000000000000101000000000000000000\
     000000000000000000000000000000000000000000000202030000000000000000000000000000000000000000000000\
     000000000000000001010000000000000000000000000000000000000000000000000000000000000002020000000000\
     00000000000000000000000000000000000000000000000000000303971bf0f4ca0c4c03",
    "0002010101010101010101010101010101010101010101010101010101010101010109e690227236ece58a",
    "000102000000000000000000000000000000000000000000000000000000000000000101000101040101020102090335\
     85f3c63344673a",
    "000102090101010102000000000000000000000000000000000000000000000000000000000000000101000000000000\
     000000000000000000000000000000000000000000000000000202030000000000000000000000000000000000000000\
     000000000000000000000001010000000000000000000000000000000000000000000000000000000000000002020000\
     0000000000000000000000000000000000000000000000000000000000030304011dcf4a7ecb156103e0f496b20dcb54\
     fa656fdafd60e490707caf1267ad97c3392cc943158c96aeba",
];
