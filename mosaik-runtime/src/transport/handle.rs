//! The handle of a running transport.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{broadcast, watch};

use crate::primitives::{BootId, PeerId, Version};

use super::{
    address::Address,
    backend::Backend,
    book::AddressBook,
    config::Config,
    error::{BindError, LinkError},
    event::Event,
    link::Link,
    listen::Listener,
    protocol::Protocol,
};

/// What the floor above knows of peers; asked when a `Hello` is made.
pub trait Known: Send + Sync + 'static {
    /// The newest version of `peer`'s entry that this node holds.
    fn version_of(&self, peer: &PeerId) -> Option<Version>;
}

/// A running transport. Clones share it.
#[derive(Clone)]
pub struct Transport {}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// Opens an endpoint on `backend`. Waits for nothing outside the machine.
    pub async fn bind(_config: Config, _backend: Backend) -> Result<Self, BindError> {
        todo!()
    }

    /// This node.
    pub fn id(&self) -> PeerId {
        todo!()
    }

    /// This process.
    pub fn boot(&self) -> BootId {
        todo!()
    }

    /// This node's own addresses, as they change.
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        todo!()
    }

    /// Where peers are.
    pub fn book(&self) -> &AddressBook {
        todo!()
    }

    /// Accepts links of a protocol from now on; at most `backlog` wait, more are refused as busy.
    /// A second listener of one protocol takes the place of the first, which ends.
    pub fn listen<P: Protocol>(&self, _backlog: usize) -> Listener<P> {
        todo!()
    }

    /// A new link to `peer` on the pooled connection of the protocol, which is dialled when there is none.
    pub async fn link<P: Protocol>(&self, _peer: PeerId) -> Result<Link<P>, LinkError> {
        todo!()
    }

    /// The least round-trip time to `peer` seen of late; `None` without a connection.
    pub fn rtt(&self, _peer: &PeerId) -> Option<Duration> {
        todo!()
    }

    /// What happens to connections from now on. A reader that lags misses events and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        todo!()
    }

    /// Whom to ask, from now on, what this node holds of a peer.
    pub fn set_known(&self, _known: Arc<dyn Known>) {
        todo!()
    }

    /// Whether connections to `peer` for the protocol with this name may close for idleness.
    pub fn keep(&self, _peer: PeerId, _protocol: &'static str, _keep: bool) {
        todo!()
    }

    /// How many connections to `peer` stand, of all protocols, superseded ones included until they close.
    pub fn sessions(&self, _peer: &PeerId) -> usize {
        todo!()
    }

    /// Stops accepting, delivers what was written to finished links, closes everything. Bounded by the limit.
    pub async fn shutdown(&self) {
        todo!()
    }
}
