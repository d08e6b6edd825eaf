//! What the code that `#[methods]` generates calls: one function for each thing that a typed handle does.
//!
//! Functions and not methods, because a method here would hide a command of the same name. Not for people.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::{CommandError, ReadError},
    handle::{Declared, Group, Weak},
    machine::{self, Earlier, Reply, StateMachine},
};
use crate::primitives::{
    codec::{self, DecodeError, EncodeError},
    schema::{Seen, Shape},
};

/// What came of writing arguments or a reply.
pub type Encoded = Result<(), EncodeError>;
/// What came of reading them.
pub type Decoded<T> = Result<T, DecodeError>;

/// A command, whose method returns a value.
pub async fn call<M: StateMachine, R: Reply>(
    group: &Group<M>,
    command: M::Command,
) -> Result<R, CommandError> {
    group.give(command).await
}

/// A command, whose method returns a `Result`.
pub async fn attempt<M: StateMachine, T, E>(
    group: &Group<M>,
    command: M::Command,
) -> Result<T, CommandError<E>>
where
    Result<T, E>: Reply,
{
    CommandError::fold(group.give(command).await)
}

/// A linearizable query.
pub async fn ask<M: StateMachine, A>(
    group: &Group<M>,
    ask: impl FnOnce(&M) -> A + Send,
) -> Result<A, ReadError> {
    group.ask(ask).await
}

/// A query of the copy on this node.
pub async fn peek<M: StateMachine, A>(
    weak: &Weak<M>,
    ask: impl FnOnce(&M) -> A + Send,
) -> Result<A, ReadError> {
    weak.ask(ask).await
}

/// Writes the arguments of a command.
pub fn encode<T: Serialize>(arguments: &T, into: &mut Vec<u8>) -> Encoded {
    codec::encode_deep_into(arguments, into)
}

/// Reads the arguments of a command, which take up all of `bytes`.
pub fn decode<T: DeserializeOwned, C>(bytes: &[u8], command: impl FnOnce(T) -> C) -> Decoded<C> {
    codec::decode_deep(bytes).map(command)
}

/// The answer to a method that this machine does not have.
pub fn no_such_method<T>(method: u64) -> Decoded<T> {
    Err(DecodeError::Malformed(format!("this machine has no method {method:016x}")))
}

/// The shape of a declared state machine: of its state and of the arguments of its methods.
pub fn machine_shape<M: Declared>(_: &mut Seen) -> Shape {
    machine::schema::<M>().1
}

/// The type that `from` names.
pub fn earlier<M: StateMachine + From<O>, O: Declared>() -> Option<Earlier<M>> {
    Some(Earlier::after(O::default(), O::earlier()))
}

/// The two sides of a `Result`, for methods that return an alias of one.
pub trait Fallible {
    /// What it is when it went well.
    type Ok;
    /// What it is otherwise.
    type Error;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Error = E;
}
