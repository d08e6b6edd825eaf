//! What can go wrong with a store, and what to do then.

use std::{fmt, io, path::PathBuf};

use crate::primitives::PeerId;

/// A store did not do what was asked. All but [`Misuse`](StoreError::Misuse) and [`Closed`](StoreError::Closed) are final: the
/// store does nothing more, since nobody can say what a disk holds that has once failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk refused to read, write or flush.
    #[error(
        "the disk failed while it should {doing} ({why}): nothing more is written or acknowledged. Stop this node, check the \
         disk, and start the node again; all that was acknowledged before is kept"
    )]
    Failed {
        /// What was being done.
        doing: String,
        /// What the system said.
        why: String,
    },
    /// There is no room.
    #[error(
        "the disk is full (while it should {doing}): nothing more is written or acknowledged. Free some space and start this node \
         again; all that was acknowledged before is kept"
    )]
    Full {
        /// What was being done.
        doing: String,
    },
    /// What the disk holds is not what was written.
    #[error(
        "the store is damaged ({what}): it is not used any more. Move its directory away and start this node again: it then \
         joins its groups as a new member and receives their state from the others"
    )]
    Damaged {
        /// What was found.
        what: String,
    },
    /// The caller asked for something that would leave a hole or go back.
    #[error("refused, and nothing was written: {0}")]
    Misuse(String),
    /// The group is in use.
    #[error(
        "the log of this group is open already: a node keeps one instance of a group, and its handles share it"
    )]
    Busy,
    /// The store is closed.
    #[error("the store is closed: the node is stopping")]
    Closed,
}

impl StoreError {
    pub(super) fn io(doing: impl fmt::Display, error: &io::Error) -> Self {
        let doing = doing.to_string();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { doing },
            _ => Self::Failed { doing, why: error.to_string() },
        }
    }

    pub(super) fn damaged(what: impl fmt::Display) -> Self {
        Self::Damaged { what: what.to_string() }
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        Self::other(error)
    }
}

/// A store could not be opened; nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("the store in {} cannot be opened: {source}", place.display())]
    Io {
        /// The directory.
        place: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody has it open.
    #[error(
        "the store in {} is in use by another node: give each node its own `--data-dir`, or stop the other one",
        place.display()
    )]
    InUse {
        /// The directory.
        place: PathBuf,
    },
    /// A newer version made it.
    #[error(
        "the store has format {found} and this program knows {known}: start the newer version of the program again. A store \
         is never read by an older one"
    )]
    Newer {
        /// Its format.
        found: u32,
        /// The newest format of this program.
        known: u32,
    },
    /// It belongs to another node.
    #[error(
        "the store belongs to node {found} and this is node {own}: two nodes must not vote with one store. Use this node's own \
         `--data-dir`, or the secret key that belongs to this one"
    )]
    OtherNode {
        /// Whose it is.
        found: PeerId,
        /// Who asked.
        own: PeerId,
    },
    /// It failed or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}
