//! What changes the collections of a group, and what it answers, as they travel.

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};

use crate::{
    groups::{
        Reply,
        machine::{COMMAND, MAX_REPLY},
    },
    primitives::{
        codec::{self, DecodeError, EncodeError},
        schema::{Schema, Seen, Shape},
    },
};

/// The longest operation, encoded. What one operation answers are two values at most, and they must fit into one reply.
pub const MAX_OPERATION: usize = 480 * 1024;
/// The longest answers of a transaction, all together. With what is around them they fit into one reply.
pub(super) const MAX_ANSWERS: usize = MAX_REPLY - 1024;
/// What a short operation takes.
const SHORT: usize = 24;

/// A command to a group of collections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// These operations, all or none. An operation that does not take place undoes those before it.
    Operations(Vec<Operation>),
    /// What has expired goes.
    Expire,
}

impl Request {
    /// The request as it travels.
    pub(in crate::collections) fn encoded(&self) -> Result<Bytes, EncodeError> {
        codec::encode(self).map(Bytes::from)
    }
}

/// One operation on one collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The collection: its place in the bundle.
    pub part: u64,
    /// The operation of its container, encoded.
    pub body: Bytes,
}

/// What came of a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The entry of the log that held the request.
    pub index: u64,
    /// What came of it.
    pub told: Told,
}

/// What came of the operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// All took place; what each of them answers.
    Done(Vec<Bytes>),
    /// One did not take place, so none did.
    Aborted {
        /// Which one.
        step: u64,
        /// What it answers.
        answer: Bytes,
    },
    /// One cannot be read, so none took place.
    Unreadable(String),
    /// The answers of all together are too long, so none took place.
    TooLong {
        /// The operation with which they became so.
        step: u64,
    },
    /// One puts a key in that does not equal itself, so none took place.
    NoOrder {
        /// Which one.
        step: u64,
    },
}

impl Answer {
    /// Reads one as it travels.
    pub(in crate::collections) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes)
    }
}

/// An [`Answer`], unless it could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered(pub Result<Answer, EncodeError>);

impl Reply for Answered {
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &self.0 {
            Ok(answer) => codec::encode_into(answer, into),
            Err(error) => Err(error.clone()),
        }
    }

    fn decode(_method: u64, bytes: &[u8]) -> Result<Self, DecodeError> {
        Answer::decode(bytes).map(|answer| Self(Ok(answer)))
    }
}

/// The place of [`Request::Operations`] and of [`Told::Done`].
const FIRST: u8 = 0;
/// How many operations there are, where there is one.
const ONE: u8 = 1;
/// What comes before the body of the only operation of a request, at most: two bytes, the part, the length.
const AHEAD: usize = 2 + 10 + 5;

/// The request to do one operation on a part, encoded, and how long the operation is.
pub(in crate::collections) fn encode_only<O: Serialize>(
    part: usize,
    operation: &O,
) -> Result<(Bytes, usize), EncodeError> {
    let mut bytes = Vec::with_capacity(AHEAD + SHORT);
    bytes.resize(AHEAD, 0);
    codec::encode_into(operation, &mut bytes)?;
    let length = bytes.len() - AHEAD;
    let mut ahead = [0; AHEAD];
    let ahead = postcard::to_slice(&(FIRST, ONE, part as u64, length as u64), &mut ahead);
    let ahead = ahead.map_err(|error| EncodeError::Refused(error.to_string()))?;
    let start = AHEAD.saturating_sub(ahead.len());
    if let Some(room) = bytes.get_mut(start..AHEAD) {
        room.copy_from_slice(ahead);
    }
    let mut bytes = Bytes::from(bytes);
    bytes.advance(start);
    Ok((bytes, length))
}

/// The operation of an encoded request that has one: its part and its body.
pub(super) fn only(method: u64, bytes: &[u8]) -> Option<(u64, &[u8])> {
    match postcard::take_from_bytes::<(u8, u8, u64, &[u8])>(bytes) {
        Ok(((FIRST, ONE, part, body), [])) if method == COMMAND => Some((part, body)),
        _ => None,
    }
}

/// Appends the [`Answer`] of a request whose only operation took place.
pub(super) fn answer_only(index: u64, answer: &[u8], into: &mut Vec<u8>) -> Result<(), EncodeError> {
    codec::encode_into(&(index, FIRST, ONE, answer.len() as u64), into)?;
    into.extend_from_slice(answer);
    Ok(())
}

/// The index and the answer of an encoded [`Answer`] to one operation that took place.
pub(in crate::collections) fn only_answer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match postcard::take_from_bytes::<(u64, u8, u8, &[u8])>(bytes) {
        Ok(((index, FIRST, ONE, answer), [])) => Some((index, answer)),
        _ => None,
    }
}

/// The shapes of operations follow from those of their containers, which are in the state's.
impl Schema for Request {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Opaque("mosaik.collections.request.v1".to_owned())
    }
}
