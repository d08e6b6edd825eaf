//! What a reader and the member that it reads from say to each other, once admission has let the reader in. Bytes are a promise:
//! variants are only ever appended.

use serde::{Deserialize, Serialize};

use crate::{
    groups::{
        birth::ClusterId,
        store::record::{Entry, LogId, Manifest},
        wire::{ChunkAnswer, ChunkAsk, Extensions, KeyProof, KeyRefusal, Why},
    },
    primitives::PeerId,
};

/// The answer to a reader's proof of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// The reader holds the key; so does this side.
    V1 {
        /// The member's own proof.
        proof: KeyProof,
        /// Room for what will come.
        extensions: Extensions,
    },
    /// The reader does not hold the key.
    Refused(KeyRefusal),
}

/// What a reader says. There is nothing in it that changes a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Send what is committed from here on.
    From {
        /// Counts up with each such question; what the member sends for it carries the number.
        round: u64,
        /// The birth that is meant.
        cluster: ClusterId,
        /// The last entry that the reader has.
        after: Option<LogId>,
        /// Room for what will come.
        extensions: Extensions,
    },
    /// So many bytes of entries have been applied, of all that were sent for this round.
    Taken {
        /// The round.
        round: u64,
        /// Bytes of frames.
        bytes: u64,
    },
    /// A part of a chunk of a snapshot.
    Chunk(ChunkAsk),
    /// How far must a reader have applied to have seen all that is committed now? One at a time.
    ReadIndex {
        /// The answer carries it.
        id: u64,
    },
}

/// What a member says to a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// Where the member stands: at first, at each change, and once a second.
    Stand(Stand),
    /// Committed entries.
    Entries {
        /// What they answer.
        round: u64,
        /// The entry before the first.
        before: Option<LogId>,
        /// The entries.
        entries: Vec<Entry>,
        /// Commands in them that panicked: the entry, and the place in it.
        panicked: Vec<(u64, u32)>,
    },
    /// The log does not go back so far: get this snapshot, and ask again from its end.
    Snapshot {
        /// What it answers.
        round: u64,
        /// The snapshot.
        manifest: Manifest,
    },
    /// A part of a chunk, in the order of the questions.
    Chunk(ChunkAnswer),
    /// A reader that has applied this index has seen all that was committed when it asked.
    ReadIndex {
        /// The question's number.
        id: u64,
        /// The index.
        answer: Result<u64, Why>,
    },
    /// The member does not have what the reader says that it has. The link ends.
    Refused(Why),
}

/// Where a member stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The birth that it belongs to, once it belongs to one.
    pub cluster: Option<ClusterId>,
    /// Who leads, as far as it knows.
    pub leader: Option<PeerId>,
    /// Whether it knows of a leader and of a majority.
    pub online: bool,
    /// Whether its group has fenced itself.
    pub fenced: bool,
    /// The last entry that it has applied.
    pub applied: u64,
    /// Room for what will come.
    pub extensions: Extensions,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        groups::store::record::{ChunkHash, Payload},
        primitives::{codec, ids::hex},
    };

    fn golden<T: Serialize>(frame: &T, bytes: &str) {
        assert_eq!(hex(&codec::encode(frame).expect("encodes")), bytes);
    }

    #[test]
    fn frames_have_golden_bytes() {
        let cluster = ClusterId::from_bytes([7; 32]);
        let (seven, nine) = ("07".repeat(32), "09".repeat(32));
        let last = LogId { term: 2, index: 300 };
        let extensions = vec![(1, Bytes::from_static(b"x"))];
        golden(&Shown::V1 { proof: KeyProof::NoKey, extensions: extensions.clone() }, "000001010178");
        golden(&Shown::Refused(KeyRefusal::OtherKey), "0102");
        let from = Ask::From { round: 3, cluster, after: Some(last), extensions };
        golden(&from, &["0003", &seven, "0102ac0201010178"].concat());
        golden(&Ask::Taken { round: 3, bytes: 300 }, "0103ac02");
        let hash = ChunkHash([9; 32]);
        golden(
            &Ask::Chunk(ChunkAsk::V1 { hash, offset: 1, length: 300 }),
            &["0200", &nine, "01ac02"].concat(),
        );
        golden(&Ask::ReadIndex { id: 300 }, "03ac02");
        let stand = Stand {
            cluster: Some(cluster),
            leader: Some(PeerId::from_bytes([9; 32])),
            online: true,
            fenced: false,
            applied: 300,
            extensions: Vec::new(),
        };
        golden(&Tell::Stand(stand), &["0001", &seven, "01", &nine, "0100ac0200"].concat());
        let entry = Entry { id: last, payload: Payload::Command(Bytes::from_static(b"abc")) };
        let before = Some(LogId { term: 2, index: 299 });
        let entries = Tell::Entries { round: 3, before, entries: vec![entry], panicked: vec![(300, 1)] };
        golden(&entries, "01030102ab020102ac02010361626301ac0201");
        let manifest = Manifest { last: Some(last), bytes: 5, chunks: vec![hash], ..Manifest::default() };
        golden(&Tell::Snapshot { round: 3, manifest }, &["02030102ac020000000501", &nine].concat());
        golden(&Tell::Chunk(ChunkAnswer::Missing), "0301");
        golden(&Tell::ReadIndex { id: 300, answer: Ok(5) }, "04ac020005");
        golden(&Tell::Refused(Why::OtherCluster), "0504");
    }
}
