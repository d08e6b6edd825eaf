//! Several operations, all or none.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    core::Container,
    handle::{Copy, Write, encode},
    machine::Operation,
};
use crate::{
    groups::{CommandError, Rejected, Version},
    primitives::codec::{self, DecodeError},
};

/// The list of the operations of a transaction. Nothing is sent before it is complete.
pub struct Transaction {
    copy: Arc<Copy>,
    operations: Vec<Operation>,
    /// What each is, for people.
    names: Vec<String>,
    wrong: Option<CommandError<TransactionError>>,
}

/// The operations on one collection in a transaction.
pub struct Steps<'t, T> {
    transaction: &'t mut Transaction,
    part: usize,
    name: String,
    container: PhantomData<fn() -> T>,
}

/// What an operation of a transaction will answer.
pub struct Pending<R> {
    step: usize,
    read: fn(&[u8]) -> Result<R, DecodeError>,
}

/// A transaction did not take place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// A conditional operation did not take place, so nothing did.
    #[error(
        "`{what}`, operation {step} of the transaction, did not take place, so none did: read the collections again from version {version} on, and decide anew"
    )]
    Aborted {
        /// Its place in the list, from 0.
        step: usize,
        /// What it is.
        what: String,
        /// The version that was found otherwise than expected.
        version: Version,
    },
    /// What all operations answer does not fit into one reply.
    #[error(
        "what the operations up to `{what}`, operation {step} of the transaction, answer is more than fits into one reply, so none took place: put fewer operations that answer large values into one transaction"
    )]
    AnswersTooLong {
        /// The operation with which it became too much, from 0.
        step: usize,
        /// What it is.
        what: String,
    },
    /// A collection belongs to another group.
    #[error(
        "{collection} is not of the group {group}, so that a transaction cannot change both: declare both with `group = ..`"
    )]
    OtherGroup {
        /// The collection.
        collection: String,
        /// The group of the transaction.
        group: String,
    },
}

/// What a transaction's closure may return: nothing, what an operation returned, or a tuple or a vector of such.
pub trait Answers {
    /// What comes of it.
    type Value;

    /// Reads it from the answers of all operations.
    ///
    /// # Errors
    ///
    /// When an answer is of another type.
    fn read(self, answers: &[Bytes]) -> Result<Self::Value, DecodeError>;
}

impl Transaction {
    pub(super) fn new(copy: Arc<Copy>) -> Self {
        Self { copy, operations: Vec::new(), names: Vec::new(), wrong: None }
    }

    /// The operations on this collection, which must be of the transaction's group.
    pub fn on<T: Container>(&mut self, writer: &Write<T>) -> Steps<'_, T> {
        let name = writer.name();
        if !Arc::ptr_eq(writer.copy(), &self.copy) && self.wrong.is_none() {
            let group = self.copy.intent.to_string();
            let error = TransactionError::OtherGroup { collection: name.clone(), group };
            self.wrong = Some(CommandError::Failed(error));
        }
        Steps { part: writer.part(), name, transaction: self, container: PhantomData }
    }

    /// The operations, and what each is.
    pub(super) fn finish(self) -> Result<(Vec<Operation>, Vec<String>), CommandError<TransactionError>> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok((self.operations, self.names)),
        }
    }
}

impl<T: Container> Steps<'_, T> {
    pub(super) fn list<R>(
        &mut self,
        method: &str,
        operation: &T::Operation,
        read: fn(&[u8]) -> Result<R, DecodeError>,
    ) -> Pending<R> {
        let step = self.transaction.operations.len();
        match encode(self.part, operation) {
            Ok(operation) => {
                self.transaction.operations.push(operation);
                self.transaction.names.push(format!("{method} of {}", self.name));
            }
            Err(rejected) => {
                self.transaction.wrong.get_or_insert(Rejected::into(rejected));
            }
        }
        Pending { step, read }
    }
}

/// Reads the answer of an operation that may fail, where it did not: a failure ends the transaction.
pub(super) fn read_ok<R: DeserializeOwned, E: DeserializeOwned + fmt::Display>(
    bytes: &[u8],
) -> Result<R, DecodeError> {
    let answer: Result<R, E> = codec::decode_deep(bytes)?;
    answer.map_err(|error| DecodeError::Malformed(error.to_string()))
}

impl<R> Answers for Pending<R> {
    type Value = R;

    fn read(self, answers: &[Bytes]) -> Result<R, DecodeError> {
        let answer = answers.get(self.step).map(|answer| &answer[..]);
        (self.read)(answer.unwrap_or_default())
    }
}

impl Answers for () {
    type Value = ();

    fn read(self, _: &[Bytes]) -> Result<(), DecodeError> {
        Ok(())
    }
}

impl<A: Answers> Answers for Vec<A> {
    type Value = Vec<A::Value>;

    fn read(self, answers: &[Bytes]) -> Result<Self::Value, DecodeError> {
        self.into_iter().map(|one| one.read(answers)).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        #[allow(non_snake_case, reason = "type parameters name their values")]
        impl<$($name: Answers),+> Answers for ($($name,)+) {
            type Value = ($($name::Value,)+);

            fn read(self, answers: &[Bytes]) -> Result<Self::Value, DecodeError> {
                let ($($name,)+) = self;
                Ok(($($name.read(answers)?,)+))
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G) (A, B, C, D, E, F, G, H) }

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}

impl<T> fmt::Debug for Steps<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steps({})", self.name)
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({})", self.step)
    }
}
