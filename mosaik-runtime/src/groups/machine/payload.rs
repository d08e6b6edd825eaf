//! What a log entry holds, and what comes of it. The bytes are a promise: logs in the field hold them, and golden vectors do.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, StoreId},
    },
    primitives::{
        BootId, Fingerprint, PeerId,
        codec::{self, DecodeError, EncodeError},
    },
};

/// What a log entry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// The first form.
    V1(Batch),
}

/// Items that one entry brings together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The group time that the leader proposes.
    pub now: Timestamp,
    /// What happens, in order.
    pub items: Vec<Item>,
}

/// One thing that happens to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// A node opens a session. Each of these opens one, also when it was sent twice.
    Open {
        /// The node.
        owner: PeerId,
        /// Its process.
        boot: BootId,
    },
    /// A command.
    Command {
        /// The session that it belongs to; its owner is the caller.
        session: SessionId,
        /// Its number in the session. A number is applied at most once.
        serial: u64,
        /// The results of all serials below this have arrived, and may be forgotten.
        acked_below: u64,
        /// The method.
        method: u64,
        /// The arguments, encoded.
        body: Bytes,
    },
    /// A node asks for a place in the group, with a store that holds nothing of it.
    Welcome {
        /// The node.
        peer: PeerId,
        /// Its store.
        store: StoreId,
    },
    /// A member is gone for good: if its node comes back, it comes under another generation.
    Goodbye {
        /// The member.
        member: MemberId,
    },
    /// This group stops, since another of the same name has gone farther.
    Fence(Fence),
    /// The state becomes one of the type with this schema. What was given before is of the type that it had until now.
    Migrate {
        /// The schema of the newer type.
        to: Fingerprint,
    },
    /// An operator made a new group of this log: what fenced the one before holds no more.
    Lift,
}

/// Why a group was stopped: another of the same name was born apart from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The other group.
    pub rival: ClusterId,
    /// How far it had committed when the two met.
    pub rival_committed: u64,
}

/// A session: the index of the entry that opened it, and the place in that entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId {
    /// The entry.
    pub index: u64,
    /// The place.
    pub slot: u32,
}

/// What came of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The session is open.
    Opened(SessionId),
    /// The command was applied; its reply.
    Replied(Bytes),
    /// The command had been applied before; the reply that it had then.
    Again(Bytes),
    /// The command panicked, now or when it was first applied. It changed nothing.
    Panicked(String),
    /// The session is gone, or has forgotten this serial: this item was not applied. An earlier copy of it may have been.
    Expired,
    /// The arguments do not decode. The command changed nothing.
    Unreadable(String),
    /// The node may join as this generation.
    Welcomed {
        /// The generation.
        generation: u64,
    },
    /// The group is stopped. The item changed nothing.
    Fenced,
    /// Done; there is nothing to say about it.
    Done,
    /// The session has as many bytes of results as it may: this item was not applied. It may be given again, with the same serial, once
    /// results were acknowledged.
    Full,
}

impl Payload {
    /// The bytes that go into the log.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let Self::V1(batch) = self;
        // Room for all at once: a buffer that grows is copied several times.
        let room = batch.items.iter().map(Item::room).sum::<usize>();
        let mut bytes = Vec::with_capacity(room + BATCH_ROOM);
        codec::encode_into(self, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// What an item without its arguments takes, about.
const ITEM_ROOM: usize = 48;
/// What is before the items, about.
const BATCH_ROOM: usize = 16;

impl Item {
    /// How many bytes it has, about.
    fn room(&self) -> usize {
        match self {
            Self::Command { body, .. } => body.len().saturating_add(ITEM_ROOM),
            _ => 2 * ITEM_ROOM,
        }
    }
}

impl Outcome {
    /// Reads the outcomes of an entry, one for each item. An entry that held no items has none, and no bytes.
    /// The replies share the bytes.
    pub fn decode_all(reply: &Bytes) -> Result<Vec<Self>, DecodeError> {
        if reply.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes: Vec<OutcomeIn<'_>> = whole(reply)?;
        Ok(outcomes.into_iter().map(|outcome| outcome.within(reply)).collect())
    }
}

/// [`Outcome`] as it is read: replies are not copied.
#[derive(Deserialize)]
enum OutcomeIn<'a> {
    Opened(SessionId),
    Replied(&'a [u8]),
    Again(&'a [u8]),
    Panicked(&'a str),
    Expired,
    Unreadable(&'a str),
    Welcomed { generation: u64 },
    Fenced,
    Done,
    Full,
}

impl OutcomeIn<'_> {
    /// The outcome, as a part of these bytes.
    fn within(self, bytes: &Bytes) -> Outcome {
        match self {
            Self::Opened(id) => Outcome::Opened(id),
            Self::Replied(reply) => Outcome::Replied(bytes.slice_ref(reply)),
            Self::Again(reply) => Outcome::Again(bytes.slice_ref(reply)),
            Self::Panicked(message) => Outcome::Panicked(message.to_owned()),
            Self::Expired => Outcome::Expired,
            Self::Unreadable(why) => Outcome::Unreadable(why.to_owned()),
            Self::Welcomed { generation } => Outcome::Welcomed { generation },
            Self::Fenced => Outcome::Fenced,
            Self::Done => Outcome::Done,
            Self::Full => Outcome::Full,
        }
    }
}

/// What takes up all of these bytes.
fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::Remainder(rest.len())),
        Err(error) => Err(DecodeError::Malformed(error.to_string())),
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.slot)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// [`Payload`] as it is applied: bodies are not copied.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) enum PayloadRef<'a> {
    #[serde(borrow)]
    V1(BatchRef<'a>),
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct BatchRef<'a> {
    pub(super) now: Timestamp,
    #[serde(borrow)]
    pub(super) items: Vec<ItemRef<'a>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) enum ItemRef<'a> {
    Open { owner: PeerId, boot: BootId },
    Command { session: SessionId, serial: u64, acked_below: u64, method: u64, body: &'a [u8] },
    Welcome { peer: PeerId, store: StoreId },
    Goodbye { member: MemberId },
    Fence(Fence),
    Migrate { to: Fingerprint },
    Lift,
}

/// [`Outcome`] as it is written: replies are not copied.
#[derive(Debug, Serialize)]
pub(super) enum OutcomeRef<'a> {
    Opened(SessionId),
    Replied(Raw<'a>),
    Again(Raw<'a>),
    Panicked(&'a str),
    Expired,
    Unreadable(&'a str),
    Welcomed { generation: u64 },
    Fenced,
    Done,
    Full,
}

/// Bytes that are written as bytes.
#[derive(Debug)]
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl BatchRef<'_> {
    /// The schema that the state has after the entry, if it says so.
    pub(super) fn migrates(&self) -> Option<Fingerprint> {
        self.items.iter().rev().find_map(|item| match item {
            ItemRef::Migrate { to } => Some(*to),
            _ => None,
        })
    }
}

impl<'a> PayloadRef<'a> {
    /// Reads a payload that takes up all of `bytes`.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        whole(bytes)
    }
}
