//! What a program writes to have a replicated state machine.

use serde::{Serialize, de::DeserializeOwned};

use super::{Command, Reply, Timestamp};
use crate::primitives::{
    PeerId, Schema,
    codec::{self, DecodeError, EncodeError},
};

/// A state that all members of a group compute alike.
///
/// Each member applies the same commands in the same order to a copy of its own. The copies stay equal only if `apply` depends on
/// nothing but the state, the command and its [`Apply`]: no clock, no randomness, no file, no order of a `HashMap`.
///
/// The serde impls are the form of snapshots. Equal states must encode to equal bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no commands and no queries",
    label = "not a state machine",
    note = "put `#[methods]` on `impl {Self}`, or implement `StateMachine` by hand"
)]
pub trait StateMachine: Serialize + DeserializeOwned + Schema + Send + Sync + Sized + 'static {
    /// What changes the state. Commands travel, and are applied once each, in one order.
    type Command: Command;
    /// What a command answers.
    type Reply: Reply;
    /// What asks for something. Queries do not travel: they run on the member's own copy.
    type Query: Send + 'static;
    /// What a query answers.
    type Answer: Send + 'static;

    /// Changes the state. A panic here undoes this command and nothing else; whoever sent it gets the message.
    fn apply(&mut self, command: Self::Command, cx: &Apply) -> Self::Reply;

    /// Answers a query. Changes wait meanwhile, so be quick.
    fn query(&self, query: Self::Query) -> Self::Answer;

    /// [`apply`](Self::apply) of a command as it travels, which appends the reply as it travels. Whatever does this in another way does
    /// the same.
    #[doc(hidden)]
    fn apply_encoded(
        &mut self,
        method: u64,
        arguments: &[u8],
        cx: &Apply,
        reply: &mut Vec<u8>,
    ) -> Result<(), NotApplied> {
        apply_decoded(self, method, arguments, cx, reply)
    }

    /// How many bytes the state has in a snapshot.
    #[doc(hidden)]
    fn encoded_size(&self) -> Result<usize, EncodeError> {
        codec::encoded_size_deep(self)
    }
}

/// Decodes a command, applies it, and appends its reply.
pub(crate) fn apply_decoded<M: StateMachine>(
    machine: &mut M,
    method: u64,
    arguments: &[u8],
    cx: &Apply,
    reply: &mut Vec<u8>,
) -> Result<(), NotApplied> {
    let command = M::Command::decode(method, arguments).map_err(NotApplied::Unreadable)?;
    machine.apply(command, cx).encode(reply).map_err(NotApplied::Reply)
}

/// Why a command has no reply.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotApplied {
    /// Its arguments do not decode. The state is as it was.
    Unreadable(DecodeError),
    /// Its reply cannot be written. The state is not as it was.
    Reply(EncodeError),
}

/// What a command may know beside itself and the state: equal on all members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apply {
    now: Timestamp,
    index: u64,
    caller: PeerId,
}

impl Apply {
    pub(super) const fn new(now: Timestamp, index: u64, caller: PeerId) -> Self {
        Self { now, index, caller }
    }

    /// The context of a command that a test gives.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) const fn made(now: Timestamp, index: u64, caller: PeerId) -> Self {
        Self::new(now, index, caller)
    }

    /// Group time: milliseconds since the birth of the group, as its leaders counted them. It never goes back, and it stands still
    /// while nothing is applied. Use it for whatever shall expire.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The index of the log entry. Commands of one batch share it.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The node that sent the command.
    pub const fn caller(&self) -> PeerId {
        self.caller
    }
}
