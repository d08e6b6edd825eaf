//! Nodes of a simulated network that have bonds.

use std::{
    future::IntoFuture,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    admission::{Admission, stand::Stand},
    discovery::{Discovery, Rendezvous, Settings},
    groups::{
        birth::StoreId,
        bond::{BondEvent, Bonds, BondsSettings, GroupKey, Serve, receive},
        wire::{ChannelKind, GroupsProtocol, Hello, Request, Response},
    },
    primitives::{
        BootId, Clock, GroupId, NetworkId, NodeRng, PeerId, Policy, Scope, SecretKey, Tag, WireId,
        schema::{self, Shape},
    },
    transport::{Backend, Link, Transport, sim::Net},
};

/// Longer than anything here takes on the virtual clock.
pub(in crate::groups) const LONG: Duration = Duration::from_secs(120);

pub(in crate::groups) async fn within<F: IntoFuture>(what: &str, future: F) -> F::Output {
    match timeout(LONG, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within {LONG:?}"),
    }
}

pub(in crate::groups) fn group() -> WireId {
    GroupId::derive("lab.group").on(&NetworkId::derive("groups-lab"))
}

/// One life of a node.
pub(in crate::groups) struct Node {
    pub(in crate::groups) transport: Transport,
    pub(in crate::groups) discovery: Discovery,
    pub(in crate::groups) admission: Admission,
    pub(in crate::groups) clock: Clock,
    pub(in crate::groups) scope: Scope,
    pub(in crate::groups) bonds: Arc<OnceLock<Bonds>>,
    number: u8,
}

pub(in crate::groups) fn id(number: u8) -> PeerId {
    SecretKey::from_bytes([number; 32]).peer_id()
}

impl Node {
    pub(in crate::groups) async fn start(net: &Net, number: u8, life: u8) -> Self {
        Self::tagged(net, number, life, &[]).await
    }

    pub(in crate::groups) async fn tagged(net: &Net, number: u8, life: u8, tags: &[&str]) -> Self {
        let backend = Backend::Sim(net.port(id(number)));
        Self::start_on(backend, Rendezvous::Sim(net.clone()), (number, life), tags).await
    }

    /// One life of a node on any network.
    pub(in crate::groups) async fn start_on(
        backend: Backend,
        rendezvous: Rendezvous,
        (number, life): (u8, u8),
        tags: &[&str],
    ) -> Self {
        let key = SecretKey::from_bytes([number; 32]);
        let life = u64::from(life) << 8 | u64::from(number);
        let (network, boot) = (NetworkId::derive("groups-lab"), BootId(life.into()));
        let change = |settings: &mut Settings| {
            settings.rendezvous = rendezvous;
            settings.tags = tags.iter().filter_map(|text| Tag::new(text).ok()).collect();
        };
        let stand = Stand::start(backend, key, (network, boot), NodeRng::from_seed(life), change).await;
        let Stand { transport, discovery, admission, clock, scope, .. } = stand;
        let bonds: Arc<OnceLock<Bonds>> = Arc::default();
        let node = Self { transport, discovery, admission, clock, scope, bonds, number };
        node.listen();
        node
    }

    /// Takes what peers open.
    fn listen(&self) {
        let mut listener = self.transport.listen::<GroupsProtocol>(64);
        let (admission, bonds, scope) = (self.admission.clone(), self.bonds.clone(), self.scope.clone());
        self.scope.spawn("lab listener", async move {
            while let Some(link) = listener.accept().await {
                let (admission, bonds) = (admission.clone(), bonds.clone());
                scope.spawn("lab link", async move {
                    receive(link, &admission, |item| bonds.get().filter(|_| *item == group()).cloned()).await;
                });
            }
        });
    }

    pub(in crate::groups) fn id(&self) -> PeerId {
        self.transport.id()
    }

    pub(in crate::groups) fn settings(&self) -> BondsSettings {
        let shape = schema::of::<u32>();
        BondsSettings {
            transport: self.transport.clone(),
            admission: self.admission.clone(),
            clock: self.clock.clone(),
            scope: self.scope.child(),
            rng: NodeRng::from_seed(self.number.into()),
            group: group(),
            name: "lab.group".into(),
            schema: shape.fingerprint(),
            shape,
            policy: Policy::anyone(),
            readers: Policy::anyone(),
            key: None,
            hello: self.hello(),
            timing: crate::groups::timing::Timing::default(),
        }
    }

    pub(in crate::groups) fn hello(&self) -> Hello {
        Hello {
            store: StoreId(self.number.into()),
            boot: self.transport.boot(),
            eligible: true,
            member: None,
            cluster: None,
            committed: 0,
            leads: crate::groups::settings::Leads::Normal,
        }
    }

    pub(in crate::groups) fn bond_with(&self, settings: BondsSettings, server: Arc<dyn Serve>) -> Events {
        let (bonds, events) = Bonds::new(settings, server);
        assert!(self.bonds.set(bonds).is_ok(), "bonds are made once");
        Events(events)
    }

    pub(in crate::groups) fn bonds(&self) -> &Bonds {
        self.bonds.get().expect("bonds are made first")
    }

    /// The node is gone without a word.
    pub(in crate::groups) fn crash(self, net: &Net) {
        net.crash(self.id());
        self.scope.kill();
    }

    /// Waits until this node knows so many, itself included.
    pub(in crate::groups) async fn knows(&self, count: usize) {
        within("discovery", self.discovery.when(move |catalog| catalog.len() >= count)).await;
    }
}

/// What bonds tell.
pub(in crate::groups) struct Events(mpsc::Receiver<BondEvent>);

impl Events {
    pub(in crate::groups) async fn next(&mut self) -> BondEvent {
        within("an event", self.0.recv()).await.expect("bonds go on")
    }

    /// Skips to the first event that is such.
    pub(in crate::groups) async fn until<T>(&mut self, pick: impl Fn(&BondEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(&self.next().await) {
                return found;
            }
        }
    }

    pub(in crate::groups) async fn up(&mut self) -> (PeerId, Hello) {
        self.until(|event| match event {
            BondEvent::Up { peer, hello } => Some((*peer, *hello)),
            _ => None,
        })
        .await
    }

    pub(in crate::groups) async fn down(&mut self) -> (PeerId, BootId) {
        self.until(|event| match event {
            BondEvent::Down { peer, boot } => Some((*peer, *boot)),
            _ => None,
        })
        .await
    }

    /// What was told so far.
    pub(in crate::groups) fn so_far(&mut self) -> Vec<BondEvent> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Answers read indices with the number of questions so far, echoes channels, and never answers a `Join`.
#[derive(Default)]
pub(in crate::groups) struct Echo {
    pub(in crate::groups) asked: AtomicUsize,
    pub(in crate::groups) channels: Mutex<Vec<ChannelKind>>,
    pub(in crate::groups) open: Arc<AtomicUsize>,
}

struct Opened(Arc<AtomicUsize>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Serve for Echo {
    fn answer(&self, _from: PeerId, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            if matches!(request, Request::Join { .. }) {
                std::future::pending::<()>().await;
            }
            Response::ReadIndex { index: self.asked.fetch_add(1, Ordering::SeqCst) as u64 }
        })
    }

    fn channel(
        &self,
        _from: PeerId,
        kind: ChannelKind,
        mut link: Link<GroupsProtocol>,
    ) -> BoxFuture<'static, ()> {
        self.channels.lock().expect("no panic").push(kind);
        self.open.fetch_add(1, Ordering::SeqCst);
        let opened = Opened(self.open.clone());
        Box::pin(async move {
            let _opened = opened;
            while let Ok(Some(frame)) = link.recv_frame(LONG).await {
                if link.send_frame(&frame).await.is_err() {
                    return;
                }
            }
        })
    }
}

/// Two nodes that know each other; the first has the lower id.
pub(in crate::groups) async fn two(net: &Net) -> (Node, Node) {
    let (one, two) = if id(1) < id(2) { (1, 2) } else { (2, 1) };
    let (one, two) = (Node::start(net, one, 1).await, Node::start(net, two, 1).await);
    one.knows(2).await;
    two.knows(2).await;
    (one, two)
}

pub(in crate::groups) fn key(n: u8) -> Option<GroupKey> {
    GroupKey::new(&[n; 16]).ok()
}

pub(in crate::groups) fn shaped(settings: BondsSettings, shape: Shape) -> BondsSettings {
    BondsSettings { schema: shape.fingerprint(), shape, ..settings }
}
