//! The streams of one node: which are open, and the tasks around them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::{
    StreamsProtocol, StreamsSettings, Trace,
    error::BuildError,
    inlet::{Inlet, InletParts},
    keep::keep_outlet,
    lines::keep_inlet,
    options::{ConsumerOptions, Preference, ProducerOptions},
    outlet::{Outlet, OutletParts, Subject},
    serve,
};
use crate::{
    admission::Admission,
    discovery::{Discovery, RoleEntry},
    primitives::{
        Clock, Fingerprint, NetworkId, NodeRng, PeerRole, Scope, Stopped, StreamId, WireId, backoff,
    },
    transport::{Listener, Transport},
};

/// Links that wait to be answered; more are turned away as busy.
const BACKLOG: usize = 256;
/// How long a shutdown waits for subscribers to get what is held.
const FLUSH: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Hub {
    pub(super) transport: Transport,
    pub(super) discovery: Discovery,
    pub(super) admission: Admission,
    pub(super) clock: Clock,
    pub(super) scope: Scope,
    pub(super) trace: Option<Arc<dyn Trace>>,
    network: NetworkId,
    backoff: backoff::Settings,
    rng: Mutex<NodeRng>,
    outlets: Mutex<Outlets>,
    inlets: Mutex<BTreeMap<WireId, Arc<Inlet>>>,
    stopped: AtomicBool,
}

/// What is produced here, and what was.
#[derive(Debug, Default)]
struct Outlets {
    open: BTreeMap<WireId, Arc<Outlet>>,
    /// Of streams that ended here: the number of the next item, should they begin again. A few dozen bytes for each name that
    /// carried items in this life of the node.
    next: BTreeMap<WireId, u64>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams({})", self.transport.id().short())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn start(
        transport: Transport,
        discovery: Discovery,
        admission: Admission,
        settings: StreamsSettings,
    ) -> Arc<Self> {
        let StreamsSettings { network, clock, rng, scope, backoff, trace } = settings;
        let listener = transport.listen::<StreamsProtocol>(BACKLOG);
        let hub = Arc::new(Self {
            transport,
            discovery,
            admission,
            clock,
            scope,
            trace,
            network,
            backoff,
            rng: Mutex::new(rng),
            outlets: Mutex::default(),
            inlets: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        hub.scope.spawn_worker("streams listener", listen(hub.clone(), listener));
        hub
    }

    /// The id on this network of the stream with this name.
    pub(super) fn item(&self, declared: StreamId) -> WireId {
        declared.on(&self.network)
    }

    pub(super) fn rng(&self, label: &str) -> NodeRng {
        lock(&self.rng).split(label)
    }

    /// How long to wait between attempts, never longer than `most`.
    pub(super) fn backoff(&self, most: Duration) -> backoff::Settings {
        backoff::Settings { most: self.backoff.most.min(most), first: self.backoff.first.min(most) }
    }

    pub(super) fn outlet(&self, item: &WireId) -> Option<Arc<Outlet>> {
        lock(&self.outlets).open.get(item).cloned()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// A producer's handle on a stream.
    pub(super) fn open_outlet(
        self: &Arc<Self>,
        subject: Subject,
        options: ProducerOptions,
    ) -> Result<Arc<Outlet>, BuildError> {
        let intent = subject.intent.clone();
        options.check().map_err(|limit| BuildError::Limit { intent: intent.clone(), limit })?;
        let mut outlets = lock(&self.outlets);
        if self.is_stopped() {
            return Err(Stopped.into());
        }
        let known = outlets.open.get(&subject.item).cloned();
        if let Some(outlet) = known.as_ref().filter(|outlet| outlet.has_handles()) {
            let difference = schema_difference(&outlet.subject, &subject)
                .or_else(|| outlet.options().difference(&options));
            if let Some(difference) = difference {
                return Err(BuildError::Differs { intent, difference });
            }
        }
        let role = RoleEntry { role: PeerRole::Produces, item: subject.item, schema: subject.schema };
        let advert = self.discovery.advertise(role)?;
        // A stream that ended here may begin again as another type; then it is another ring, and its numbers go on.
        let same = known.clone().filter(|outlet| outlet.subject.schema == subject.schema);
        let outlet = same.unwrap_or_else(|| {
            let ended = outlets.next.remove(&subject.item).unwrap_or_default();
            let first = known.as_ref().map_or(ended, |outlet| outlet.ring().end());
            self.new_outlet(subject, options.clone(), first)
        });
        outlet.open(options, advert);
        let before = outlets.open.insert(outlet.subject.item, outlet.clone());
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, &outlet)) {
            before.abandon();
        }
        Ok(outlet)
    }

    fn new_outlet(self: &Arc<Self>, subject: Subject, options: ProducerOptions, first: u64) -> Arc<Outlet> {
        let outlet = Outlet::new(OutletParts {
            subject,
            epoch: self.transport.boot(),
            first,
            options,
            clock: self.clock.clone(),
            discovery: self.discovery.clone(),
            trace: self.trace.clone(),
        });
        self.scope.spawn_worker("streams keeper", keep_outlet(self.clone(), outlet.clone()));
        outlet
    }

    /// Forgets an outlet that nobody produces to and nobody waits for; says whether that is so. Only its next number stays.
    pub(super) fn retire(&self, outlet: &Arc<Outlet>) -> bool {
        let mut outlets = lock(&self.outlets);
        if !outlet.withdraw() {
            return false;
        }
        let item = outlet.subject.item;
        if outlets.open.get(&item).is_some_and(|known| Arc::ptr_eq(known, outlet)) {
            outlets.open.remove(&item);
            let next = outlet.ring().end();
            if next > 0 {
                outlets.next.insert(item, next);
            }
        }
        true
    }

    /// Outlets that are open, and streams of which only the next number is known.
    #[cfg(test)]
    pub(super) fn outlets(&self) -> (usize, usize) {
        let outlets = lock(&self.outlets);
        (outlets.open.len(), outlets.next.len())
    }

    /// A consumer's place in a stream: the inlet, and its reader.
    pub(super) fn open_inlet(
        self: &Arc<Self>,
        subject: Subject,
        schemas: Vec<Fingerprint>,
        options: ConsumerOptions,
    ) -> Result<(Arc<Inlet>, u64), BuildError> {
        let intent = subject.intent.clone();
        options.limits.check().map_err(|limit| BuildError::Limit { intent: intent.clone(), limit })?;
        if options.prefer == Preference::Nearest(0) {
            return Err(BuildError::NoProducers { intent });
        }
        let mut inlets = lock(&self.inlets);
        if self.is_stopped() {
            return Err(Stopped.into());
        }
        if let Some(inlet) = inlets.get(&subject.item) {
            let difference = schema_difference(&inlet.subject, &subject)
                .or_else(|| (inlet.schemas != schemas).then(|| "the accepted older types differ".to_owned()))
                .or_else(|| inlet.options.difference(&options));
            return match difference {
                Some(difference) => Err(BuildError::Differs { intent, difference }),
                None => Ok((inlet.clone(), inlet.inbox().join())),
            };
        }
        let role = RoleEntry { role: PeerRole::Consumes, item: subject.item, schema: subject.schema };
        let advert = self.discovery.advertise(role)?;
        let inlet = Inlet::new(InletParts {
            subject,
            schemas,
            options,
            scope: self.scope.child(),
            clock: self.clock.clone(),
            discovery: self.discovery.clone(),
            trace: self.trace.clone(),
            advert,
        });
        let reader = inlet.inbox().join();
        inlets.insert(inlet.subject.item, inlet.clone());
        inlet.scope.spawn_worker("streams inlet", keep_inlet(self.clone(), inlet.clone()));
        Ok((inlet, reader))
    }

    /// A consumer is dropped; with the last one the subscriptions end.
    pub(super) fn leave(&self, inlet: &Arc<Inlet>, reader: u64) {
        let mut inlets = lock(&self.inlets);
        if inlet.leave(reader) {
            inlet.scope.stop();
            if inlets.get(&inlet.subject.item).is_some_and(|known| Arc::ptr_eq(known, inlet)) {
                inlets.remove(&inlet.subject.item);
            }
        }
    }

    /// Nothing more is accepted, and consumers end after what they have.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        lock(&self.outlets).open.values().for_each(|outlet| outlet.stop());
        lock(&self.inlets).values().for_each(|inlet| inlet.stop());
    }

    /// Stops, and waits until subscribers have what was accepted; two seconds at most.
    pub(super) async fn shutdown(&self) {
        self.stop();
        let outlets: Vec<_> = lock(&self.outlets).open.values().cloned().collect();
        let flushed = futures::future::join_all(outlets.iter().map(|outlet| outlet.drained()));
        if timeout(FLUSH, flushed).await.is_err() {
            tracing::warn!(target: "mosaik::streams", "some subscribers did not take the last items in time");
        }
        self.scope.stop();
    }
}

fn schema_difference(known: &Subject, subject: &Subject) -> Option<String> {
    let difference = crate::primitives::schema::difference(&subject.shape, &known.shape)?;
    Some(format!("another type: {difference}"))
}

/// Accepts links from subscribers. Each has a task of its own, so that nobody waits for a slow one.
async fn listen(hub: Arc<Hub>, mut listener: Listener<StreamsProtocol>) {
    while let Some(Some(link)) = hub.scope.until_stop(listener.accept()).await {
        let task = serve::answer(hub.clone(), link);
        hub.scope.spawn("streams subscription", task);
    }
}
