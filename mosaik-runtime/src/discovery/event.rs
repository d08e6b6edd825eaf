//! What discovery reports beside changes of the catalog.

use std::time::Duration;

use crate::{
    primitives::{BootId, PeerId},
    transport::Source,
};

use super::entry::EntryTooLarge;

/// Something that an operator may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another live process uses this node's key. One of the two must stop, or take a key of its own.
    IdentityInUse {
        /// The other process, where it is known.
        boot: Option<BootId>,
    },
    /// The own entry could not be signed again; others still hold the one before.
    NotAnnounced(EntryTooLarge),
    /// The catalog has no room for a node, or its introducer brought too many.
    NoRoom {
        /// The node that was not taken in.
        peer: PeerId,
        /// Who brought it.
        by: PeerId,
    },
    /// A peer brought a statement that is not believed. It was not stored and not relayed.
    NotBelieved {
        /// Who brought it.
        by: PeerId,
        /// Why, in words.
        why: String,
    },
    /// The clocks of this node and a peer are far apart. Nothing is ordered by clocks, but tickets expire by them.
    ClocksDisagree {
        /// The peer.
        peer: PeerId,
        /// How far apart.
        by: Duration,
    },
    /// A bootstrap peer could not be reached; it is tried again.
    SeedUnreachable {
        /// The peer.
        peer: PeerId,
        /// Why, in words.
        why: String,
    },
    /// A source of peers beyond this machine does not work; it is tried again.
    SourceTrouble {
        /// Which.
        source: Source,
        /// What went wrong, in words.
        why: String,
    },
    /// A source that was in trouble works again.
    SourceWorks {
        /// Which.
        source: Source,
    },
    /// The rendezvous directory could not be used; it is tried again.
    RendezvousTrouble {
        /// What went wrong, in words.
        why: String,
    },
    /// The data directory could not be written; it is tried again at the next change.
    NotRemembered {
        /// What went wrong, in words.
        why: String,
    },
}
