//! What an instance writes beside its log: the record of its birth, and as which member it takes part.
//!
//! The record is a promise to others and is kept where it lasts longest. The member's note goes with the log: who lost one lost
//! both.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, Record},
        store::{Store, StoreError},
    },
    primitives::{
        WireId,
        canary::{self, Canary},
        codec,
    },
};

const RECORD: &str = "birth";
const MEMBER: &str = "member";

/// As which member this node takes part. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum MemberNote {
    V1(Part),
}

/// See [`MemberNote`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The member.
    pub(super) member: MemberId,
    /// The birth of its group.
    pub(super) cluster: ClusterId,
    /// Whether it is of the first committee. Then an empty log means that nothing of it was begun.
    pub(super) first: bool,
}

/// The record of a birth, as it is kept. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum RecordNote {
    V1(Record),
}

/// The notes of one group.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    item: WireId,
    store: Store,
    promises: Store,
}

impl Notes {
    pub(super) fn new(item: WireId, store: Store, promises: Store) -> Self {
        Self { item, store, promises }
    }

    /// Under which name the record is kept: apart from the log, so that it stays when the log is forgotten.
    fn apart(&self) -> WireId {
        WireId::from_bytes(blake3::derive_key("mosaik 1 group notes", self.item.as_bytes()))
    }

    pub(super) fn record(&self) -> Result<Record, StoreError> {
        let note = read::<RecordNote>(&self.promises, self.apart(), RECORD)?;
        Ok(note.map(|RecordNote::V1(record)| record).unwrap_or_default())
    }

    pub(super) async fn set_record(&self, record: Record) -> Result<(), StoreError> {
        let note = encode(&RecordNote::V1(record))?;
        self.promises.set_note(self.apart(), RECORD, Some(note)).await
    }

    /// As which member the log was written, if there is one that goes on.
    pub(super) fn part(&self) -> Result<Option<Part>, StoreError> {
        if canary::made(Canary::WipedVoterKeepsId) {
            let note = read::<MemberNote>(&self.promises, self.apart(), MEMBER)?;
            return Ok(note.map(|MemberNote::V1(part)| part));
        }
        let Some(MemberNote::V1(part)) = read(&self.store, self.item, MEMBER)? else { return Ok(None) };
        let begun = self.store.reader(self.item).is_begun()?;
        Ok((begun || !part.first).then_some(part))
    }

    pub(super) async fn set_part(&self, part: Part) -> Result<(), StoreError> {
        let note = encode(&MemberNote::V1(part))?;
        if canary::made(Canary::WipedVoterKeepsId) {
            self.promises.set_note(self.apart(), MEMBER, Some(note.clone())).await?;
        }
        self.store.set_note(self.item, MEMBER, Some(note)).await
    }
}

fn encode<T: Serialize>(note: &T) -> Result<Bytes, StoreError> {
    let encoded = codec::encode(note).map_err(|error| StoreError::Misuse(error.to_string()))?;
    Ok(encoded.into())
}

fn read<T: DeserializeOwned>(store: &Store, item: WireId, name: &str) -> Result<Option<T>, StoreError> {
    let Some(bytes) = store.reader(item).note(name)? else { return Ok(None) };
    let damaged = |error| StoreError::Damaged { what: format!("the note `{name}` of a group: {error}") };
    codec::decode(&bytes).map(Some).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        groups::birth::{Genesis, Member, Promise, StoreId},
        primitives::{PeerId, ids::hex},
    };

    const ME: PeerId = PeerId::from_bytes([1; 32]);

    #[test]
    fn notes_have_golden_bytes() {
        let cluster = ClusterId::from_bytes([7; 32]);
        let part = Part { member: MemberId::new(ME, 300), cluster, first: true };
        let bytes = encode(&MemberNote::V1(part)).expect("encodes");
        assert_eq!(hex(&bytes), ["00", &"01".repeat(32), "ac02", &"07".repeat(32), "01"].concat());
        let me = Member { peer: ME, store: StoreId(5) };
        let genesis = Genesis::new(WireId::from_bytes([2; 32]), me, 1, vec![me]);
        let record = Record { promise: Promise::Sealed { genesis }, ..Record::default() };
        let bytes = encode(&RecordNote::V1(record)).expect("encodes");
        let (me, group) = (["01".repeat(32), "05".to_owned()].concat(), "02".repeat(32));
        assert_eq!(hex(&bytes), ["00", "02", &group, &me, "01", "01", &me, "00", "00"].concat());
    }

    #[tokio::test]
    async fn the_record_stays_when_the_log_is_forgotten() {
        let item = WireId::from_bytes([2; 32]);
        let store = Store::memory(ME, StoreId(1));
        let notes = Notes::new(item, store.clone(), store.clone());
        let record = Record { proposals: 3, ..Record::default() };
        notes.set_record(record.clone()).await.expect("kept");
        let cluster = ClusterId::from_bytes([7; 32]);
        let part = |first| Part { member: MemberId::new(ME, 1), cluster, first };
        notes.set_part(part(true)).await.expect("kept");
        assert_eq!(notes.part(), Ok(None), "nothing of it was begun");
        notes.set_part(part(false)).await.expect("kept");
        assert_eq!(notes.part(), Ok(Some(part(false))));
        store.forget(item).await.expect("forgotten");
        assert_eq!((notes.record(), notes.part()), (Ok(record), Ok(None)));
    }
}
