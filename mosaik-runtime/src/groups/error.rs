//! How commands and queries fail, and what to do about it.
//!
//! There are three kinds of failure, and a caller must tell them apart: the command failed as the method says
//! ([`CommandError::Failed`]), it was surely not applied ([`Rejected`]), or nobody can say ([`Unknown`]).

use std::{convert::Infallible, time::Duration};

use crate::primitives::Stopped;

/// A command did not return a value. `E` is what the method itself fails with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<E = Infallible> {
    /// The command was applied, and the method returned this error.
    #[error(transparent)]
    Failed(E),
    /// The method panicked. The state is as if the command had not been given, on all members.
    #[error(
        "the method panicked, and the state of the group is as it was before: {message}. Mend the method; sending the command again would panic again"
    )]
    Panicked {
        /// What the panic says.
        message: String,
    },
    /// The command was not applied, and never will be.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The command may have been applied, or may be applied later.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

/// The command was not applied and never will be: it can be given again without a second thought.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No leader took it in time.
    #[error(
        "the group had no leader within {within:?}, so the command was not applied: wait for `when().online()`, and see `status()` for the voters that are missing"
    )]
    NoQuorum {
        /// How long it was tried.
        within: Duration,
    },
    /// So many commands of this node have no answer yet that there was no room for this one in time.
    #[error(
        "{limit} commands of this node had no answer within {within:?}, so this one was not sent: give fewer at a time, and see `status()` if none is answered"
    )]
    Busy {
        /// How long it waited for room.
        within: Duration,
        /// How many commands of a node may be without an answer.
        limit: usize,
    },
    /// The encoded arguments are too large.
    #[error("the command's arguments take {bytes} bytes and {limit} are allowed: split the command")]
    TooLarge {
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The arguments cannot be encoded.
    #[error("the command's arguments cannot be encoded: {why}")]
    NotEncodable {
        /// What their type said.
        why: String,
    },
    /// The members cannot read the command.
    #[error(
        "the members of the group do not know this command: {why}. Run one version of the state machine on all members"
    )]
    Unreadable {
        /// What they said.
        why: String,
    },
    /// A key does not equal itself.
    #[error(
        "a key does not equal itself, so it was not put into the collection, where nobody would find it again: correct the `Ord` of its type, \
         which contradicts itself"
    )]
    NoOrder,
    /// The group has fenced itself.
    #[error(
        "the group has fenced itself, because another group of its name exists: see `status().conflict`, decide which one stays, and remove the other's data"
    )]
    Fenced,
    /// The member here has stopped for good: its disk failed, or what it held makes no sense.
    #[error("the member of the group on this node has stopped, so the command was not sent: {why}")]
    Failed {
        /// Why.
        why: String,
    },
    /// A command before it in the same `execute_many` did not go through.
    #[error("the command was not sent, because one before it in the same `execute_many` did not go through")]
    NotReached,
    /// The node is stopping.
    #[error("the command was not sent")]
    Stopped(#[from] Stopped),
}

/// Whether the command was applied, or will be, cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// It was sent, and no answer came in time.
    #[error(
        "no answer within {within:?}: the command may have been applied or not. Query the group before you give it again"
    )]
    Deadline {
        /// How long was waited.
        within: Duration,
    },
    /// It was sent, the answer was lost, and the group has forgotten this node's session.
    #[error(
        "the answer was lost, and the group has forgotten this node's commands since: the command may have been applied or not. Query the group before you give it again"
    )]
    SessionExpired,
    /// It was sent, and the group fenced itself before the answer came.
    #[error(
        "the group fenced itself before the answer came: the command may have been applied or not; see `status().conflict`"
    )]
    Fenced,
    /// The command was applied, and its reply is not of the expected type.
    #[error(
        "the command was applied, and its reply cannot be read here: {why}. Run one version of the state machine on all members"
    )]
    Reply {
        /// Why not.
        why: String,
    },
    /// It was sent, and the member here stopped for good before the answer came.
    #[error(
        "the member of the group on this node stopped before the answer came, so the command may have been applied or not: {why}"
    )]
    Failed {
        /// Why.
        why: String,
    },
    /// It was sent, and the node is stopping.
    #[error("the node stopped before the answer came: the command may have been applied or not")]
    Stopped(#[from] Stopped),
}

/// A query was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader confirmed in time what is committed.
    #[error(
        "no leader with a majority answered within {within:?}: wait for `when().online()`, or read what this node has with `weak()`"
    )]
    NoQuorum {
        /// How long it was tried.
        within: Duration,
    },
    /// The leader answered, and this node did not catch up in time.
    #[error("this node did not catch up with the group within {within:?}: see `status()` for how far it is")]
    Behind {
        /// How long it was tried.
        within: Duration,
    },
    /// The member here does not run.
    #[error("the member of the group on this node has stopped: {why}")]
    Failed {
        /// Why.
        why: String,
    },
    /// The method panicked. The state is as it was.
    #[error("the method panicked: {message}")]
    Panicked {
        /// What the panic says.
        message: String,
    },
    /// The node is stopping.
    #[error("the query was not answered")]
    Stopped(#[from] Stopped),
}

impl CommandError {
    /// The same error of a command that can also fail by itself.
    pub fn widen<E>(self) -> CommandError<E> {
        match self {
            Self::Failed(never) => match never {},
            Self::Panicked { message } => CommandError::Panicked { message },
            Self::Rejected(rejected) => CommandError::Rejected(rejected),
            Self::Unknown(unknown) => CommandError::Unknown(unknown),
        }
    }
}

impl<E> CommandError<E> {
    /// Folds the outcome of a command whose method returns a `Result` into one.
    ///
    /// # Errors
    ///
    /// What the method failed with, as [`CommandError::Failed`], or what the command failed with.
    pub fn fold<T>(outcome: Result<Result<T, E>, CommandError>) -> Result<T, Self> {
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Self::Failed(error)),
            Err(error) => Err(error.widen()),
        }
    }

    /// Whether the command surely had no effect and never will have one.
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Whether nobody can say if the command had an effect.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_found_in_every_error_that_comes_from_one() {
        let rejected = CommandError::<Infallible>::from(Rejected::Stopped(Stopped));
        let unknown = CommandError::<Infallible>::from(Unknown::Stopped(Stopped));
        assert!(
            Stopped::is_in(&rejected)
                && Stopped::is_in(&unknown)
                && Stopped::is_in(&ReadError::Stopped(Stopped))
        );
        let deadline = CommandError::<Infallible>::from(Unknown::Deadline { within: Duration::from_secs(1) });
        assert!(!Stopped::is_in(&deadline) && deadline.is_unknown() && rejected.is_rejected());
    }

    #[test]
    fn the_method_s_own_error_and_the_command_s_fold_into_one() {
        #[derive(Debug, PartialEq, thiserror::Error)]
        #[error("not enough")]
        struct Insufficient;
        let fold = CommandError::<Insufficient>::fold::<u8>;
        assert_eq!(fold(Ok(Ok(7))), Ok(7));
        assert_eq!(fold(Ok(Err(Insufficient))), Err(CommandError::Failed(Insufficient)));
        let fenced = CommandError::Rejected(Rejected::Fenced);
        assert_eq!(fold(Err(fenced)), Err(CommandError::Rejected(Rejected::Fenced)));
        assert_eq!(CommandError::Failed(Insufficient).to_string(), "not enough");
    }
}
