//! What a program holds of a collection.
//!
//! [`View`] reads the copy on this node, [`Write`] changes the collection as well, [`Read`] is the view of a node that is no member of
//! its group. What can be asked and done depends on the container: `map`, `vec` and the others say it for theirs.

mod cell;
mod map;
mod once;
mod operations;
mod queue;
mod read;
mod set;
mod vec;
mod view;
mod write;

pub use read::Read;
pub use view::{Snapshot, View};
pub use write::{Applied, Write};

pub(super) use read::Reading;
pub(super) use view::{Copy, Strong};
pub(super) use write::{Member, encode, transact};
