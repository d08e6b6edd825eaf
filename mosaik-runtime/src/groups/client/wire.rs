//! The frames of a channel of commands. The encoding is a promise; golden vectors hold it.

use serde::{Deserialize, Serialize};

use crate::{
    groups::{
        machine::{Item, Outcome},
        wire::Extensions,
    },
    primitives::PeerId,
};

/// From a node to the leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Put these into the log as one entry.
    V1 {
        /// The batch; counts up on a channel.
        id: u64,
        /// What it holds.
        items: Vec<Item>,
        /// Room for what will come.
        extensions: Extensions,
    },
}

/// From the leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told {
    /// What became of a batch.
    V1 {
        /// The batch.
        id: u64,
        /// What became of it.
        fate: Fate,
        /// Room for what will come.
        extensions: Extensions,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// It was applied: one outcome for each item.
    Applied(Vec<Outcome>),
    /// It is surely not in the log, since this node does not lead.
    NotLeader {
        /// Who does, as far as this node knows.
        leader: Option<PeerId>,
    },
    /// It is surely not in the log, since the group has fenced itself.
    Fenced,
    /// Whether it is in the log cannot be said here any more.
    Unknown,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        groups::machine::SessionId,
        primitives::{codec, ids::hex},
    };

    fn golden<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        value: T,
        bytes: &str,
    ) {
        let encoded = codec::encode(&value).expect("encodes");
        assert_eq!(hex(&encoded), bytes, "{value:?}");
        assert_eq!(codec::decode::<T>(&encoded), Ok(value));
    }

    #[test]
    fn frames_have_golden_bytes() {
        let command = Item::Command {
            session: SessionId { index: 9, slot: 1 },
            serial: 300,
            acked_below: 299,
            method: 0,
            body: Bytes::from_static(b"ab"),
        };
        golden(Ask::V1 { id: 7, items: vec![command], extensions: vec![] }, "000701010901ac02ab020002616200");
        let told = |fate| Told::V1 { id: 7, fate, extensions: vec![] };
        let applied = Fate::Applied(vec![Outcome::Replied(Bytes::from_static(b"ok")), Outcome::Expired]);
        golden(told(applied), "000700020102 6f6b0400".replace(' ', "").as_str());
        golden(told(Fate::NotLeader { leader: None }), "0007010000");
        golden(told(Fate::Fenced), "00070200");
        golden(told(Fate::Unknown), "00070300");
    }
}
