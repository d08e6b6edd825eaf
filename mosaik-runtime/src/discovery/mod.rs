//! How nodes find each other, what they say of themselves, and how they notice that one is gone.
//!
//! Each node signs an entry: where it is, its tags, its roles. Entries reach everyone by gossip within moments, and by
//! comparing catalogs for certain. Versions order them, never clocks. What a node does with what it finds is decided on the floors
//! above; discovery knows items by their ids only.
//!
//! | file | what lives there |
//! |---|---|
//! | `core/` | the decisions: merge, graves, failure detection, own versions, differences |
//! | `gossip/` | the overlay (HyParView, Plumtree), without I/O |
//! | `driver/` | the loop, links, comparisons, healing |
//! | `entry`, `signed`, `verifier`, `wire` | what is said, signed and believed |
//! | `rendezvous/`, `remembered` | sources on this machine |
//! | `handle`, `own`, `catalog`, `event` | what the floors above hold |

mod catalog;
mod core;
mod driver;
pub mod entry;
mod event;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod gossip;
mod handle;
mod own;
mod remembered;
pub mod rendezvous;
pub mod settings;
pub mod signed;
#[cfg(all(test, feature = "sim"))]
mod tests;
mod verifier;
mod wire;

pub use catalog::{Catalog, Change, LeftReason};
pub use entry::{Entry, EntryTooLarge, Peer, RoleEntry, SharedPeer, TICKETS};
pub use event::Event;
pub use handle::{Changes, Discovery, Stats};
pub use own::{Advert, Tags};
pub use rendezvous::{Rendezvous, RendezvousError};
pub use settings::{Pace, Settings, StartError, Timing};
#[cfg(feature = "sim")]
pub(crate) use verifier::{Shared as SharedStatements, lend as lend_statements};
