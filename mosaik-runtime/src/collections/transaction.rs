//! Several operations, all or none.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    core::Container,
    handle::{self, Write, encode},
    machine::Operation,
};
use crate::{
    groups::{CommandError, Rejected, Version},
    primitives::codec::{self, DecodeError},
};

/// The list of the operations of a transaction. Nothing is sent before it is complete.
pub struct Transaction {
    copy: Arc<handle::Copy>,
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

/// What an operation of a transaction will answer: an `R`, or an `F` if it does not take place. It may be kept, to ask the error of a
/// transaction for it with [`TransactionError::answer_of`].
pub struct Pending<R, F = R> {
    step: usize,
    read: fn(&[u8]) -> Result<R, DecodeError>,
    read_refused: fn(&[u8]) -> Result<F, DecodeError>,
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
        /// What it answered, as it travels; [`answer_of`](TransactionError::answer_of) reads it.
        answer: Bytes,
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

impl TransactionError {
    /// What an operation answered that did not take place, if it is this one: the value that was there, of an `insert_if_absent` or a `set`
    /// of a `Once`; the error, of an operation that has one. The operation must be of the transaction that failed.
    pub fn answer_of<R, F>(&self, operation: &Pending<R, F>) -> Option<F> {
        match self {
            Self::Aborted { step, answer, .. } if *step == operation.step => {
                (operation.read_refused)(answer).ok()
            }
            _ => None,
        }
    }
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
    pub(super) fn new(copy: Arc<handle::Copy>) -> Self {
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
    /// Lists an operation: how its answer is read where it took place, and where it did not.
    pub(super) fn list<R, F>(
        &mut self,
        method: &str,
        operation: &T::Operation,
        read: fn(&[u8]) -> Result<R, DecodeError>,
        read_refused: fn(&[u8]) -> Result<F, DecodeError>,
    ) -> Pending<R, F> {
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
        Pending { step, read, read_refused }
    }
}

/// Reads the answer of an operation that may fail, where it did not: a failure ends the transaction.
pub(super) fn read_ok<R: DeserializeOwned, E: DeserializeOwned + fmt::Display>(
    bytes: &[u8],
) -> Result<R, DecodeError> {
    let answer: Result<R, E> = codec::decode_deep(bytes)?;
    answer.map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Reads the answer of an operation that may fail, where it did.
pub(super) fn read_error<R: DeserializeOwned, E: DeserializeOwned>(bytes: &[u8]) -> Result<E, DecodeError> {
    match codec::decode_deep::<Result<R, E>>(bytes)? {
        Ok(_) => Err(DecodeError::Malformed("it took place".to_owned())),
        Err(error) => Ok(error),
    }
}

impl<R, F> Answers for Pending<R, F> {
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

impl<R, F> Clone for Pending<R, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, F> Copy for Pending<R, F> {}

impl<R, F> fmt::Debug for Pending<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({})", self.step)
    }
}
