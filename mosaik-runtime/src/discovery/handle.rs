//! The handle that the floors above hold.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{
    primitives::{Condition, PeerId, PeerView, Version, watch},
    tickets::Reference,
    transport::{LinkError, PeerAddr, Transport},
};

use super::{
    catalog::{Catalog, Change, difference},
    driver,
    entry::{EntryTooLarge, RoleEntry},
    event::Event,
    own::{Advert, OwnEntry, Tags},
    settings::{Settings, StartError},
};

/// Finds the other nodes of the network, and lets them find this one. Clones share it.
#[derive(Clone)]
pub struct Discovery {
    pub(crate) me: PeerId,
    pub(crate) transport: Transport,
    pub(crate) own: Arc<OwnEntry>,
    pub(crate) catalog: watch::Receiver<Arc<Catalog>>,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) counters: Arc<Counters>,
}

/// What a handle asks of the driver.
#[derive(Debug)]
pub(crate) enum Order {
    AddPeer(PeerAddr),
    SyncWith(PeerId, oneshot::Sender<Result<(), LinkError>>),
    Depart(oneshot::Sender<()>),
    /// A mistake in the loop, for tests.
    #[cfg(test)]
    Panic,
}

/// What discovery did so far, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Comparisons of catalogs that this node began and finished.
    pub comparisons: u64,
    /// Signed statements that comparisons brought or took.
    pub statements_compared: u64,
    /// Announcements that arrived by gossip and were news.
    pub announcements: u64,
    /// Statements that were not believed.
    pub not_believed: u64,
    /// Sound statements of others that changed nothing: something newer is known, or the node has left.
    pub outdated: u64,
    /// Neighbours in the gossip overlay now.
    pub neighbours: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) comparisons: AtomicU64,
    pub(crate) statements_compared: AtomicU64,
    pub(crate) announcements: AtomicU64,
    pub(crate) not_believed: AtomicU64,
    pub(crate) outdated: AtomicU64,
    pub(crate) neighbours: AtomicU64,
}

/// How long a departure may take to leave.
const DEPARTURE: Duration = Duration::from_millis(500);

impl Discovery {
    /// Starts discovery. It waits for no peer and no source.
    ///
    /// # Errors
    ///
    /// When the data directory or the key is in use by another node, a directory cannot be used, or the tags do not
    /// fit into an entry.
    pub fn start(transport: Transport, settings: Settings) -> Result<Self, StartError> {
        driver::start(transport, settings)
    }

    /// This node.
    pub fn me(&self) -> PeerId {
        self.me
    }

    /// The version of this node's entry as it was last signed.
    pub fn version(&self) -> Version {
        self.catalog().version_of(&self.me).unwrap_or_default()
    }

    /// Who is there now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.borrow().clone()
    }

    /// The catalog as it changes. It ends when the node stops.
    pub fn watch(&self) -> watch::Receiver<Arc<Catalog>> {
        self.catalog.clone()
    }

    /// The nodes that are there, then every change. Slow readers see fewer steps and miss no difference.
    pub fn changes(&self) -> Changes {
        let start = (self.watch(), Arc::new(Catalog::default()), true);
        let steps = futures::stream::unfold(start, |(mut watch, before, first)| async move {
            if !first {
                watch.changed().await.ok()?;
            }
            let after = watch.borrow_and_update().clone();
            let changes = difference(&before, &after);
            Some((futures::stream::iter(changes), (watch, after, false)))
        });
        Changes { steps: steps.flatten().boxed() }
    }

    /// A condition over the catalog: await it, or ask whether it holds.
    pub fn when(
        &self,
        predicate: impl Fn(&Catalog) -> bool + Send + Sync + 'static,
    ) -> Condition<Arc<Catalog>> {
        Condition::new(self.watch(), move |catalog| predicate(catalog))
    }

    /// The tags of this node.
    pub fn tags(&self) -> Tags {
        Tags { own: self.own.clone() }
    }

    /// Tells the network that this node has a role, for as long as the advert lives. Adverts of one role add up.
    ///
    /// # Errors
    ///
    /// When the entry would be larger than 16 KiB; nothing is then advertised.
    pub fn advertise(&self, role: RoleEntry) -> Result<Advert, EntryTooLarge> {
        Advert::new(self.own.clone(), role)
    }

    /// Says something more in this node's entry, under a code of its own; empty bytes take it back.
    ///
    /// # Errors
    ///
    /// When the entry would be larger than 16 KiB; it is then as before.
    pub fn set_extension(&self, code: u16, bytes: Bytes) -> Result<(), EntryTooLarge> {
        self.own.set_extension(code, bytes)
    }

    /// The tickets that a peer's entry names; `None` while that is not known.
    pub(crate) fn tickets(&self, id: &PeerId) -> Option<Arc<[Reference]>> {
        self.catalog.borrow().get(id).map(|peer| peer.tickets().clone())
    }

    /// What is known of a peer, for policies.
    pub fn view(&self, id: &PeerId) -> PeerView {
        let mut view = PeerView::stranger(*id);
        view.rtt = self.transport.rtt(id);
        if let Some(peer) = self.catalog.borrow().get(id) {
            view.tags = Some(peer.entry.tags.clone());
            view.roles = Some(peer.entry.roles.clone());
        }
        view
    }

    /// Adds a peer to begin with: it is tried until it answers. Its IP addresses are dialled from reach `lan` on; at reach `internet`
    /// its id is enough.
    pub async fn add_peer(&self, peer: PeerAddr) {
        let _ = self.orders.send(Order::AddPeer(peer.given())).await;
    }

    /// Compares catalogs with a peer now.
    ///
    /// # Errors
    ///
    /// When the peer cannot be reached, or the comparison broke off.
    pub async fn sync_with(&self, peer: PeerId) -> Result<(), LinkError> {
        let (done, wait) = oneshot::channel();
        self.orders.send(Order::SyncWith(peer, done)).await.map_err(|_| LinkError::Stopping)?;
        wait.await.unwrap_or(Err(LinkError::Stopping))
    }

    /// Tells the network that this node leaves, and waits until its neighbours have heard it, for at most half a second.
    /// After this the node says nothing more.
    pub async fn depart(&self) {
        let (done, wait) = oneshot::channel();
        let depart = async {
            if self.orders.send(Order::Depart(done)).await.is_ok() {
                let _ = wait.await;
            }
        };
        let _ = tokio::time::timeout(DEPARTURE, depart).await;
    }

    /// Makes the loop panic.
    #[cfg(test)]
    pub(crate) async fn break_down(&self) {
        let _ = self.orders.send(Order::Panic).await;
    }

    /// What an operator may want to know, from now on. A reader that lags misses events and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// What discovery did so far.
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            comparisons: read(&self.counters.comparisons),
            statements_compared: read(&self.counters.statements_compared),
            announcements: read(&self.counters.announcements),
            not_believed: read(&self.counters.not_believed),
            outdated: read(&self.counters.outdated),
            neighbours: read(&self.counters.neighbours),
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("me", &self.me).finish_non_exhaustive()
    }
}

/// The nodes that are there, then every change.
pub struct Changes {
    steps: BoxStream<'static, Change>,
}

impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        self.steps.poll_next_unpin(context)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
