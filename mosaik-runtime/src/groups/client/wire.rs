//! The frames of a channel of commands. The encoding is a promise; golden vectors hold it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::core::{BATCH_ITEMS, FLIGHTS};
use crate::{
    groups::{
        machine::{Item, MAX_REPLY, Outcome},
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
    /// It was applied: the outcomes of its next items. The others follow, at last with [`Applied`](Self::Applied).
    Some(Vec<Outcome>),
}

/// About how many bytes of replies one frame carries. One reply alone has at most as many.
pub(super) const FRAME: usize = MAX_REPLY;

/// The frames that tell what became of a batch.
pub(super) fn told(id: u64, fate: Fate) -> impl Iterator<Item = Told> {
    let (outcomes, last) = match fate {
        Fate::Applied(outcomes) => (outcomes, None),
        other => (Vec::new(), Some(other)),
    };
    let mut outcomes = outcomes.into_iter().peekable();
    let mut last = Some(last);
    std::iter::from_fn(move || {
        let other = last.take()?;
        let fate = match other {
            Some(other) => other,
            None => {
                let (mut some, mut bytes) = (Vec::new(), 0);
                while let Some(outcome) =
                    outcomes.next_if(|outcome| bytes == 0 || bytes + size(outcome) <= FRAME)
                {
                    bytes += size(&outcome);
                    some.push(outcome);
                }
                if outcomes.peek().is_some() {
                    last = Some(None);
                    Fate::Some(some)
                } else {
                    Fate::Applied(some)
                }
            }
        };
        Some(Told::V1 { id, fate, extensions: Vec::new() })
    })
}

/// About how many bytes an outcome takes.
fn size(outcome: &Outcome) -> usize {
    let text = match outcome {
        Outcome::Replied(reply) | Outcome::Again(reply) => reply.len(),
        Outcome::Panicked(text) | Outcome::Unreadable(text) => text.len(),
        _ => 0,
    };
    16 + text
}

/// Outcomes that came in parts, until the last part is there.
#[derive(Debug, Default)]
pub(super) struct Parts(BTreeMap<u64, Vec<Outcome>>);

impl Parts {
    /// Takes a frame; gives what it completes. `None` also when a peer begins more batches than there can be.
    pub(super) fn take(&mut self, Told::V1 { id, fate, .. }: Told) -> Result<Option<(u64, Fate)>, TooMany> {
        match fate {
            Fate::Some(some) => {
                if self.0.len() >= FLIGHTS && !self.0.contains_key(&id) {
                    return Err(TooMany);
                }
                let parts = self.0.entry(id).or_default();
                if parts.len() + some.len() > BATCH_ITEMS {
                    return Err(TooMany);
                }
                parts.extend(some);
                Ok(None)
            }
            Fate::Applied(rest) => {
                let mut all = self.0.remove(&id).unwrap_or_default();
                all.extend(rest);
                Ok(Some((id, Fate::Applied(all))))
            }
            other => {
                self.0.remove(&id);
                Ok(Some((id, other)))
            }
        }
    }
}

/// The leader tells of more than was sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        groups::{machine::SessionId, wire::GroupsProtocol},
        primitives::{codec, ids::hex},
        transport::Protocol,
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
        golden(told(Fate::Some(vec![Outcome::Expired])), "0007040104 00".replace(' ', "").as_str());
    }

    #[test]
    fn large_replies_travel_in_frames_that_fit_and_come_together_again() {
        let reply = |size: usize| Outcome::Replied(Bytes::from(vec![7; size]));
        for sizes in
            [vec![], vec![3; 5], vec![MAX_REPLY; 7], vec![MAX_REPLY / 2, 9, MAX_REPLY, 0, MAX_REPLY - 1, 5]]
        {
            let outcomes: Vec<_> = sizes.iter().map(|size| reply(*size)).collect();
            let (mut parts, mut came) = (Parts::default(), Vec::new());
            for frame in told(3, Fate::Applied(outcomes.clone())) {
                let bytes = codec::encode(&frame).expect("encodes");
                assert!(bytes.len() < GroupsProtocol::MAX_FRAME / 2, "{} bytes", bytes.len());
                came.extend(parts.take(codec::decode(&bytes).expect("decodes")).expect("not too many"));
            }
            assert_eq!(came, [(3, Fate::Applied(outcomes))]);
        }
        let mut frames = told(3, Fate::Fenced);
        assert_eq!(Parts::default().take(frames.next().expect("one")), Ok(Some((3, Fate::Fenced))));
        assert!(frames.next().is_none());
    }

    #[test]
    fn h14_a_leader_that_tells_of_more_than_was_sent_is_cut() {
        let some = |id, count: usize| Told::V1 {
            id,
            fate: Fate::Some(vec![Outcome::Done; count]),
            extensions: vec![],
        };
        let mut parts = Parts::default();
        for id in 0..FLIGHTS as u64 {
            assert_eq!(parts.take(some(id, BATCH_ITEMS)), Ok(None));
        }
        assert_eq!(parts.take(some(99, 1)), Err(TooMany));
        assert_eq!(parts.take(some(0, 1)), Err(TooMany));
    }
}
