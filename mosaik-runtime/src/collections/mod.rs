//! Replicated containers: maps, sequences, sets, cells and priority queues that all nodes see alike.
//!
//! A collection is a [group](crate::groups) whose state is a container. A [`Writer`] is a member of the group, a [`Reader`] only has a
//! copy. Both read the copy on their node without the network, and without a lock but for the first read after a long pause; they follow it as it changes.
//!
//! | part | what lives there |
//! |---|---|
//! | [`core`] | the containers: what each operation does, answers and changes; pure |
//! | [`machine`] | the state machine of a group that holds one collection or several |
//! | `feed` | what a node knows: the newest state and every change |
//! | `handle` | what can be asked of each container, and what changes it |
//! | `transaction` | several operations, all or none |
//! | `open` | the collections of a node, and the builder of their handles |
//! | `declared` | what `#[collection]` declares |
//! | `shared` | what `#[group(collections, ..)]` declares: collections that share a group |
//! | `expiry` | the leader's task for entries with a time to live |

pub mod core;
mod declared;
mod expiry;
mod feed;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod handle;
pub mod machine;
mod open;
mod shared;
mod transaction;

pub use core::{
    AddError, Cell, CellChange, Container, Inserted, Keep, Key, Map, MapChange, Number, Once, OnceChange,
    OutOfRange, PriorityQueue, QueueChange, RangeError, Removed, Set, SetChange, Union, Value, Vec,
    VecChange,
};
pub use declared::{Collection, Declared, Reader, Writer, collection_shape};
pub use feed::{Change, Changes};
pub use handle::{Applied, Read, Snapshot, View, Write};
pub use machine::{Bundle, Machine, Only, Part};
pub use open::{Collected, CollectionBuilder, Collections, SingleBuilder};
pub use shared::{
    Alone, Handles, Holds, Joint, OpenedReaders, OpenedWriters, Opening, Opens, PartOf, Readers, Together,
    Writers, bundle_shape, group_of, open_readers, open_writers, part, part_of, readers_of, reads, writes,
};
pub use transaction::{Answers, Pending, Steps, Transaction, TransactionError};
