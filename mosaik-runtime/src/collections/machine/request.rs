//! What changes the collections of a group, and what it answers, as they travel.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    groups::{Reply, machine::MAX_REPLY},
    primitives::{
        codec::{self, DecodeError, EncodeError},
        schema::{Schema, Seen, Shape},
    },
};

/// The longest operation, encoded. What one operation answers are two values at most, and they must fit into one reply.
pub const MAX_OPERATION: usize = 480 * 1024;
/// The longest answers of a transaction, all together. With what is around them they fit into one reply.
pub(super) const MAX_ANSWERS: usize = MAX_REPLY - 1024;

/// A command to a group of collections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// These operations, all or none. An operation that does not take place undoes those before it.
    Operations(Vec<Operation>),
    /// What has expired goes.
    Expire,
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
        codec::decode(bytes).map(|answer| Self(Ok(answer)))
    }
}

/// The shapes of operations follow from those of their containers, which are in the state's.
impl Schema for Request {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Opaque("mosaik.collections.request.v1".to_owned())
    }
}
