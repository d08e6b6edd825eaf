//! Streams: typed items from those who produce to those who consume.
//!
//! A producer encodes an item once into a ring of shared memory; every subscribed node has a cursor in it, and a task that
//! hands whole runs of items to its link. On the consumer's node one subscription per producer feeds an inbox; its consumers
//! decode from there. Items are numbered per life of the producing node, so that order holds, nothing comes twice, and every
//! loss is told. What this part does not do: it stores nothing beyond the ring, and it orders nothing across producers.
//!
//! | file | what lives there |
//! |---|---|
//! | `core/` | the decisions, pure: numbers, buffers, policies, gaps |
//! | `wire` | frames and blocks |
//! | `outlet`, `serve` | the producing side: the ring, one task per subscriber |
//! | `audience` | what producers are told about their subscribers |
//! | `inlet`, `line`, `lines`, `subscribe`, `local` | the consuming side: the inbox, one task per producer |
//! | `hub`, `keep` | which streams are open on this node, and what must happen in time |
//! | `producer`, `consumer`, `builder`, `when`, `event`, `stats` | what users hold |

mod audience;
mod builder;
mod consumer;
pub mod core;
mod datum;
mod error;
mod event;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod hub;
mod inlet;
mod keep;
mod line;
mod lines;
mod local;
mod options;
mod outlet;
mod producer;
mod serve;
mod stats;
mod subscribe;
#[cfg(test)]
mod tests;
mod when;
pub mod wire;

use std::{fmt, sync::Arc};

use crate::{
    admission::Admission,
    discovery::Discovery,
    primitives::{Clock, NetworkId, NodeRng, Scope, backoff},
    transport::{Protocol, Transport},
};

pub use crate::topology::Overflow;
pub use audience::{SubscriberEvent, SubscriberEvents, SubscriberLeft};
pub use builder::{ConsumerBuilder, Declared, Named, ProducerBuilder};
pub use consumer::{Consumer, Events};
pub use datum::{Accepted, Anyone, Datum, Travels};
pub use error::{BuildError, FlushError, SendError, SinkError, TrySendError};
pub use event::{Begun, BufferSettings, End, Event, Holds, Left, Lost, Trace};
pub use options::{Preference, nearest};
pub use producer::{ONLINE_WITHIN, Producer};
pub use stats::{Memory, StreamStats, SubscriptionStats};
pub use when::{Peers, SubscribedWhen, When};

/// The protocol of subscriptions.
#[derive(Debug, Clone, Copy)]
pub enum StreamsProtocol {}

impl Protocol for StreamsProtocol {
    const NAME: &'static str = "streams";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = wire::MAX_FRAME;
}

/// What the streams of a node are made with.
pub struct StreamsSettings {
    /// The network.
    pub network: NetworkId,
    /// The node's clock.
    pub clock: Clock,
    /// The node's randomness.
    pub rng: NodeRng,
    /// Where the tasks live.
    pub scope: Scope,
    /// How long to wait between attempts to subscribe; at most 2 s count.
    pub backoff: backoff::Settings,
    /// Who hears of every item: a simulation's observer.
    pub trace: Option<Arc<dyn Trace>>,
}

impl fmt::Debug for StreamsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamsSettings").field("network", &self.network).finish_non_exhaustive()
    }
}

/// The streams of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams(Arc<hub::Hub>);

impl Streams {
    /// Starts to answer subscribers.
    pub fn new(
        transport: Transport,
        discovery: Discovery,
        admission: Admission,
        settings: StreamsSettings,
    ) -> Self {
        Self(hub::Hub::start(transport, discovery, admission, settings))
    }

    /// A producer of the stream that `T` declares, or of one that is [`named`](ProducerBuilder::named).
    pub fn producer<T>(&self) -> ProducerBuilder<T> {
        ProducerBuilder::new(self.0.clone())
    }

    /// A consumer of the stream that `T` declares, or of one that is [`named`](ConsumerBuilder::named).
    pub fn consumer<T>(&self) -> ConsumerBuilder<T> {
        ConsumerBuilder::new(self.0.clone())
    }

    /// Begins a stop: sends fail with `Stopped`, consumers end after what they have received.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Stops, and waits until subscribers have what was accepted; two seconds at most.
    pub async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}
