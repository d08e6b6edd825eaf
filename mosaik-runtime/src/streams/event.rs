//! What a consumer can be told.

use crate::primitives::{BootId, PeerId, codec::DecodeError};

pub use super::core::{
    inbox::{BufferSettings, Left},
    source::{Begun, Lost},
};
pub use super::wire::End;

/// One thing that happened on a consumed stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<T> {
    /// An item.
    Item {
        /// Who produced it.
        from: PeerId,
        /// In which life of that node.
        epoch: BootId,
        /// Its number in that life.
        seq: u64,
        /// The item.
        item: T,
    },
    /// Items that this consumer does not get.
    Gap {
        /// Who produced them.
        from: PeerId,
        /// In which life of that node.
        epoch: BootId,
        /// Which ones, and how many.
        lost: Lost,
    },
    /// A producer's items come from now on.
    Joined {
        /// The producer.
        from: PeerId,
        /// Its node's present life.
        epoch: BootId,
        /// Whether it is new, back, or restarted.
        begun: Begun,
    },
    /// The producer's `buffer`, `replay` or `overflow` is not what this consumer's declaration says. The producer's settings
    /// count; it comes after [`Joined`](Self::Joined).
    Settings {
        /// The producer.
        from: PeerId,
        /// Its node's present life.
        epoch: BootId,
        /// What this node declares.
        declared: BufferSettings,
        /// What counts.
        counts: BufferSettings,
    },
    /// A producer's items do not come any more; it may come back.
    Left {
        /// The producer.
        from: PeerId,
        /// Its node's life.
        epoch: BootId,
        /// Why.
        why: Left,
    },
    /// A subscription did not come about; it is tried again.
    Refused {
        /// The producer.
        from: PeerId,
        /// Why.
        why: String,
    },
    /// An item could not be read. It counts as lost, and the subscription is closed and opened again.
    Undecodable {
        /// Who produced it.
        from: PeerId,
        /// In which life of that node.
        epoch: BootId,
        /// Its number.
        seq: u64,
        /// What is wrong.
        error: DecodeError,
    },
}

/// Where a node holds items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// For its subscribers: produced, and not yet received by all of them.
    Produced,
    /// For its consumers: received, and not yet taken.
    Received,
}

/// Hears of everything that is produced and delivered on a node: a simulation's observer.
pub trait Trace: Send + Sync + 'static {
    /// An item got its number.
    fn produced(&self, stream: crate::primitives::WireId, epoch: BootId, seq: u64);
    /// A consumer of this node took an item.
    fn delivered(&self, stream: crate::primitives::WireId, from: PeerId, epoch: BootId, seq: u64);
    /// A consumer of this node was told that items are lost.
    fn gap(&self, stream: crate::primitives::WireId, from: PeerId, epoch: BootId, lost: Lost);
    /// So many bytes of items are held here now.
    fn holds(&self, stream: crate::primitives::WireId, place: Holds, bytes: u64) {
        let _ = (stream, place, bytes);
    }
}
