//! Where incoming links arrive.

use std::{
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::primitives::Level;

use super::{
    backend::Endpoint,
    code::Code,
    link::Link,
    pool::Pool,
    protocol::{Protocol, ProtocolId},
    session::Raw,
};

/// Who listens for which protocol.
#[derive(Debug, Default)]
pub(super) struct Registry {
    listeners: Mutex<Listeners>,
    /// Cancelled when somebody listens for the first time.
    begun: CancellationToken,
}

#[derive(Debug, Default)]
struct Listeners {
    by_protocol: BTreeMap<ProtocolId, Registration>,
    next: u64,
}

#[derive(Debug)]
struct Registration {
    number: u64,
    alpn: Vec<u8>,
    links: mpsc::Sender<Raw>,
    level: Arc<Level>,
}

impl Registration {
    fn queue(&self) -> (mpsc::Sender<Raw>, Arc<Level>) {
        (self.links.clone(), self.level.clone())
    }
}

/// Links that wait to be taken.
fn waiting(links: &mpsc::Sender<Raw>) -> u64 {
    (links.max_capacity() - links.capacity()) as u64
}

impl Registry {
    /// Waits until somebody listens. Before that a peer that dials would be told that its protocol is unknown.
    pub(super) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// The protocol that somebody listens for under this ALPN.
    pub(super) fn protocol(&self, alpn: &[u8]) -> Option<ProtocolId> {
        let listeners = self.lock();
        let mut all = listeners.by_protocol.iter();
        all.find(|(_, registration)| registration.alpn == alpn).map(|(protocol, _)| *protocol)
    }

    /// Hands a link to its listener, or turns it away.
    pub(super) fn dispatch(&self, link: Raw) {
        let protocol = link.lease.session().key.1;
        let links = self.lock().by_protocol.get(&protocol).map(Registration::queue);
        let Some((links, level)) = links else { return link.refuse(Code::UnknownProtocol) };
        match links.try_send(link) {
            Ok(()) => level.set(waiting(&links)),
            Err(mpsc::error::TrySendError::Full(link)) => link.refuse(Code::Busy),
            Err(mpsc::error::TrySendError::Closed(link)) => link.refuse(Code::UnknownProtocol),
        }
    }

    /// Ends all listeners.
    pub(super) fn clear(&self) {
        self.lock().by_protocol.clear();
    }

    fn add(
        &self,
        protocol: ProtocolId,
        backlog: usize,
        endpoint: &Endpoint,
    ) -> (u64, mpsc::Receiver<Raw>, Arc<Level>) {
        let (links, inbox) = mpsc::channel(backlog.max(1));
        let gauge = metrics::gauge!("mosaik_transport_links_waiting", "protocol" => protocol.name);
        let level = Arc::new(Level::of(gauge));
        let mut listeners = self.lock();
        let number = listeners.next;
        listeners.next += 1;
        listeners
            .by_protocol
            .insert(protocol, Registration { number, alpn: protocol.alpn(), links, level: level.clone() });
        listeners.publish(endpoint);
        self.begun.cancel();
        (number, inbox, level)
    }

    fn remove(&self, protocol: ProtocolId, number: u64, endpoint: &Endpoint) {
        let mut listeners = self.lock();
        if listeners.by_protocol.get(&protocol).is_some_and(|registration| registration.number == number) {
            listeners.by_protocol.remove(&protocol);
            listeners.publish(endpoint);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listeners {
    fn publish(&self, endpoint: &Endpoint) {
        endpoint.set_alpns(self.by_protocol.values().map(|registration| registration.alpn.clone()).collect());
    }
}

/// Incoming links of one protocol. Dropping it unregisters the protocol.
pub struct Listener<P> {
    pool: Arc<Pool>,
    number: u64,
    inbox: mpsc::Receiver<Raw>,
    level: Arc<Level>,
    protocol: ProtocolId,
    kind: PhantomData<fn() -> P>,
}

impl<P: Protocol> Listener<P> {
    pub(super) fn register(pool: &Arc<Pool>, backlog: usize) -> Self {
        let protocol = ProtocolId::of::<P>();
        let (number, inbox, level) = pool.registry.add(protocol, backlog, &pool.endpoint);
        Self { pool: pool.clone(), number, inbox, level, protocol, kind: PhantomData }
    }

    /// The next incoming link; `None` once the transport has shut down. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Link<P>> {
        let link = self.inbox.recv().await;
        self.level.set(self.inbox.len() as u64);
        link.map(Link::new)
    }
}

impl<P> Drop for Listener<P> {
    fn drop(&mut self) {
        self.pool.registry.remove(self.protocol, self.number, &self.pool.endpoint);
        self.inbox.close();
        while let Ok(link) = self.inbox.try_recv() {
            link.refuse(Code::UnknownProtocol);
        }
    }
}

impl<P> fmt::Debug for Listener<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.protocol)
    }
}
