//! Readers: copies of a group's state outside of its membership.
//!
//! A reader is no member. It never votes and cannot write; the group neither counts it nor waits for it, so that a thousand of them change
//! nothing about a commit. It reads what is committed from one member, whichever it reaches, over a stream of its own, and from
//! another one when that is lost. Where the member's log does not go back far enough, it gets a snapshot in pieces first, from several
//! members at once when it is long.
//!
//! Both sides are pure cores with a thin driver:
//!
//! | file | what lives there |
//! |---|---|
//! | `core/cursor` | a member's side of one reader: what is sent when, within the reader's credit |
//! | `core/reader` | the reader's side: whom it reads from, what it takes, which birth it follows |
//! | `core/pull` | a snapshot that is being put together |
//! | `serve` | the task around a cursor |
//! | `reader`, `driver` | a reader on a node, and its task |
//! | `help` | the ways to members that give chunks of a snapshot beside the one that is read from |
//! | `dial`, `pipe` | the way to a member: a link of the groups' connection, or this node's own member |
//! | `handle`, `when`, `status` | what a program holds |
//! | `wire` | the frames |

pub(in crate::groups) mod core;
mod dial;
mod driver;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod handle;
mod help;
#[cfg(all(test, feature = "sim"))]
mod paused;
mod pipe;
mod reader;
mod serve;
mod status;
mod when;
pub mod wire;

pub use handle::Learner;
pub use pipe::Pipe;
pub use status::{LearnerView, Received};
pub use when::{LearnerWhen, Reaches, Updated};

pub(in crate::groups) use dial::Credentials;
pub(in crate::groups) use reader::{Parts, Reader, Reading};
pub(in crate::groups) use serve::serve;

/// Bytes of entries, or of parts of a snapshot, that are on their way to a reader.
pub(in crate::groups) const WINDOW: usize = 64 * 1024;
/// How much of a snapshot is asked for at a time.
pub(in crate::groups) const PART: usize = 32 * 1024;
/// Members that give chunks of a snapshot at a time, beside the one that is read from.
pub(in crate::groups) const HELPERS: usize = 3;
/// Readers of one group that a member serves at a time.
pub(in crate::groups) const READERS: usize = 1024;
