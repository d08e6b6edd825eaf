//! A reader on this node, as its handles and its task share it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    dial::Credentials,
    driver::{ASKS, Driver},
    status::LearnerView,
};
use crate::{
    admission::Admission,
    discovery::{Advert, Discovery},
    groups::{
        instance::Instance,
        machine::{Applied, Applying},
        version::Version,
    },
    primitives::{Clock, NodeRng, Scope, watch},
};

/// Finds this node's own member.
pub(in crate::groups) type Own = Arc<dyn Fn() -> Option<Instance> + Send + Sync>;

/// What a reader is made of.
pub(in crate::groups) struct Parts {
    pub(in crate::groups) reading: Reading,
    pub(in crate::groups) advert: Advert,
    pub(in crate::groups) discovery: Discovery,
    pub(in crate::groups) clock: Clock,
    pub(in crate::groups) scope: Scope,
}

/// What its task reads with.
pub(in crate::groups) struct Reading {
    pub(in crate::groups) credentials: Credentials,
    pub(in crate::groups) applying: Box<dyn Applying>,
    pub(in crate::groups) applied: watch::Receiver<Applied>,
    /// The size of chunks of snapshots.
    pub(in crate::groups) chunk: usize,
    pub(in crate::groups) rng: NodeRng,
    pub(in crate::groups) admission: Admission,
    pub(in crate::groups) own: Own,
}

/// A reader on this node. Clones share it.
#[derive(Clone)]
pub(in crate::groups) struct Reader(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    view: watch::Sender<LearnerView>,
    asks: mpsc::Sender<Waiter>,
    scope: Scope,
    clock: Clock,
    /// Tells the network of this reader, until it stops.
    advert: Mutex<Option<Advert>>,
}

/// Who waits for a strong read: is told which version the copy must have.
pub(super) type Waiter = oneshot::Sender<Version>;

impl Reader {
    /// Starts to read.
    pub(in crate::groups) fn start(parts: Parts) -> Self {
        let Parts { reading, advert, discovery, clock, scope } = parts;
        let (asks, asked) = mpsc::channel(ASKS);
        let this = Self(Arc::new(Inner {
            name: reading.credentials.name.clone(),
            view: watch::Sender::new(LearnerView::default()),
            asks,
            scope: scope.clone(),
            clock,
            advert: Mutex::new(Some(advert)),
        }));
        let driver = Driver::new(this.clone(), reading);
        scope.spawn_worker("group reader", driver.run(asked, discovery));
        this
    }

    /// The name that users gave the group.
    pub(in crate::groups) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// The reader as it is, as it changes.
    pub(in crate::groups) fn view(&self) -> watch::Receiver<LearnerView> {
        self.0.view.subscribe()
    }

    /// The node's clock.
    pub(in crate::groups) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The version that the copy must have to hold everything that was acknowledged to anybody before this call. `None` when the
    /// reader has ended. The caller bounds the wait.
    pub(in crate::groups) async fn read_version(&self) -> Option<Version> {
        let (waiter, told) = oneshot::channel();
        self.0.asks.send(waiter).await.ok()?;
        told.await.ok()
    }

    /// Nothing more is answered.
    pub(in crate::groups) fn stop(&self) {
        self.change(|view| view.stopped = true);
        drop(self.0.advert.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.0.scope.stop();
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut LearnerView)) {
        self.0.view.send_if_modified(|view| {
            let before = view.clone();
            change(view);
            *view != before
        });
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({})", self.0.name)
    }
}

impl Reader {
    /// Where its tasks live.
    pub(super) fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Whether it has stopped for good.
    pub(super) fn has_failed(&self) -> bool {
        self.0.view.borrow().failed.is_some()
    }
}
