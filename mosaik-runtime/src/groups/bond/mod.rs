//! Bonds: one proven link between each two nodes of a group.
//!
//! A bond is admission (policy of both sides, schema of the machine), then proof of the group's key in both directions, then an
//! exchange of [`Hello`]s. It carries what members say to each other in few words: births, and questions with their answers.
//! What is bulky goes over *channels*, further streams of the same connection, which are accepted only while the bond stands, so that a
//! heartbeat never waits behind entries or snapshots.
//!
//! The node with the lower id dials; the other one does when there is no bond after two seconds. Bonds know nothing of Raft and nothing of
//! births: they tell events, and hand questions to a [`Serve`].

mod dial;
mod event;
#[cfg(feature = "sim")]
mod fuzz;
mod handshake;
mod key;
mod live;
mod readers;
mod receive;
mod seats;
#[cfg(all(test, feature = "sim"))]
pub(in crate::groups) mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

#[cfg(feature = "sim")]
pub(super) use self::fuzz::{fuzz_hello, fuzz_proof};
use self::seats::Seats;
pub use self::{
    event::{BondError, BondEvent, BondRefused},
    key::{GroupKey, GroupKeyError},
    live::Bond,
    receive::receive,
};
use super::{
    tail::Pipe,
    timing::Timing,
    wire::{ChannelKind, GroupsProtocol, Hello, Request, Response},
};
use crate::{
    admission::{Admission, Ask, Gate},
    primitives::{
        Clock, Fingerprint, NodeRng, PeerId, PeerRole, Policy, Scope, WireId, schema::Shape, watch,
    },
    transport::{Link, Transport},
};
pub(in crate::groups) use readers::prove_as_reader;

/// Events that wait for their reader. Bonds wait with them.
const EVENTS: usize = 1024;

/// Answers what peers ask over bonds, and takes the channels that they open.
pub trait Serve: Send + Sync + 'static {
    /// Answers a question of a bonded peer. Many are asked at once; one that takes long holds up no other.
    fn answer(&self, from: PeerId, request: Request) -> BoxFuture<'_, Response>;

    /// Serves a channel that a bonded peer opened, to its end. It is dropped when the bond ends.
    fn channel(&self, from: PeerId, kind: ChannelKind, link: Link<GroupsProtocol>) -> BoxFuture<'static, ()>;

    /// Serves a reader that was admitted and has proved the key, to its end. Whoever does not serve readers lets it go.
    fn reader(&self, _from: PeerId, _pipe: Pipe) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// What the bonds of a group are made of.
#[derive(Debug)]
pub struct BondsSettings {
    /// The node's transport.
    pub transport: Transport,
    /// The node's admission.
    pub admission: Admission,
    /// The node's clock.
    pub clock: Clock,
    /// Where the tasks live; they end with it.
    pub scope: Scope,
    /// Randomness for waits.
    pub rng: NodeRng,
    /// The group on this network.
    pub group: WireId,
    /// What this node calls it.
    pub name: Arc<str>,
    /// The schema of its machine.
    pub schema: Fingerprint,
    /// The shape of its machine.
    pub shape: Shape,
    /// Who may be a member.
    pub policy: Policy,
    /// Who may read.
    pub readers: Policy,
    /// The key that members prove.
    pub key: Option<GroupKey>,
    /// Where this node stands.
    pub hello: Hello,
    /// How long members wait for each other.
    pub timing: Timing,
}

/// The bonds of one group on this node. Clones share them.
#[derive(Clone)]
pub struct Bonds(Arc<Inner>);

struct Inner {
    transport: Transport,
    admission: Admission,
    clock: Clock,
    scope: Scope,
    rng: Mutex<NodeRng>,
    group: WireId,
    name: Arc<str>,
    schema: Fingerprint,
    shape: Shape,
    policy: Policy,
    readers: Policy,
    key: Option<GroupKey>,
    timing: Timing,
    hello: watch::Sender<Hello>,
    server: Arc<dyn Serve>,
    events: mpsc::Sender<BondEvent>,
    seats: Mutex<Seats>,
    /// Told at each change of the seats.
    changed: watch::Sender<()>,
}

impl fmt::Debug for Bonds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bonds({})", self.0.name)
    }
}

impl Bonds {
    /// The bonds of a group, none at first, and their events. They end when nobody reads the events any more.
    pub fn new(settings: BondsSettings, server: Arc<dyn Serve>) -> (Self, mpsc::Receiver<BondEvent>) {
        let BondsSettings {
            transport,
            admission,
            clock,
            scope,
            rng,
            group,
            name,
            schema,
            shape,
            policy,
            readers,
            key,
            hello,
            timing,
        } = settings;
        let (events, inbox) = mpsc::channel(EVENTS);
        let inner = Inner {
            transport,
            admission,
            clock,
            scope: scope.child(),
            rng: Mutex::new(rng),
            group,
            name,
            schema,
            shape,
            policy,
            readers,
            key,
            timing,
            hello: watch::Sender::new(hello),
            server,
            events,
            seats: Mutex::default(),
            changed: watch::Sender::new(()),
        };
        (Self(Arc::new(inner)), inbox)
    }

    /// The group.
    pub fn group(&self) -> WireId {
        self.0.group
    }

    /// This node.
    pub fn me(&self) -> PeerId {
        self.0.transport.id()
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// How long members of the group wait for each other.
    pub fn timing(&self) -> Timing {
        self.0.timing
    }

    /// The way to this peer and back, as the transport measured it: the least of late.
    pub fn rtt(&self, peer: &PeerId) -> Option<Duration> {
        self.0.transport.rtt(peer)
    }

    /// Where the tasks around the bonds live.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Keeps a bond with this peer from now on: dials it, again and again.
    pub fn offer(&self, peer: PeerId) {
        if peer == self.me() {
            return;
        }
        let scope = self.0.scope.child();
        if self.seats().offer(peer, scope.clone()) {
            self.0.scope.spawn("groups dial", dial::keep(self.clone(), peer, scope));
        }
    }

    /// Ends the bond with this peer and dials it no more. The peer may still dial this node.
    pub fn withdraw(&self, peer: PeerId) {
        let withdrawn = self.seats().withdraw(peer);
        if let Some(bond) = withdrawn {
            bond.close();
        }
        self.0.changed.send_modify(|()| {});
    }

    /// The bond with this peer.
    pub fn get(&self, peer: PeerId) -> Option<Bond> {
        self.seats().live(&peer).cloned()
    }

    /// The peers that there is a bond with, ascending.
    pub fn peers(&self) -> Vec<PeerId> {
        self.seats().bonded()
    }

    /// Waits until a bond with this peer stands. The caller bounds the wait. Cancel-safe.
    pub async fn bonded(&self, peer: PeerId) -> Bond {
        let mut changed = self.0.changed.subscribe();
        loop {
            if let Some(bond) = self.get(peer) {
                return bond;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Where this node stands from now on; live bonds are told.
    pub fn set_hello(&self, hello: Hello) {
        self.0.hello.send_if_modified(|before| std::mem::replace(before, hello) != hello);
    }

    /// Where this node stands, as bonds were told last.
    pub fn hello(&self) -> Hello {
        *self.0.hello.borrow()
    }

    /// Ends all bonds and accepts none from now on.
    pub fn close(&self) {
        self.0.scope.stop();
        for bond in self.seats().close() {
            bond.close();
        }
        self.0.changed.send_modify(|()| {});
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rng(&self, label: &str) -> NodeRng {
        self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split(label)
    }

    /// What this node asks of a peer.
    fn ask(&self) -> Ask {
        Ask {
            item: crate::admission::Item::known(self.0.group, &self.0.name),
            role: PeerRole::Member,
            schemas: vec![self.0.schema],
            shape: Some(self.0.shape.clone()),
        }
    }

    /// What this node demands of a peer that asks.
    fn gate(&self) -> Gate {
        let (name, policy) = (self.0.name.clone(), self.0.policy.clone());
        Gate { name, policy, schema: self.0.schema, shape: self.0.shape.clone() }
    }

    async fn tell(&self, event: BondEvent) {
        // Without a reader the group has ended here.
        if self.0.events.send(event).await.is_err() {
            self.0.scope.stop();
        }
    }

    /// Tells that there is no bond, unless that was told already.
    async fn tell_refused(&self, peer: PeerId, why: BondRefused) {
        if !self.seats().refused(peer, &why) {
            return;
        }
        metrics::counter!("mosaik_groups_bonds_refused_total", "reason" => why.code()).increment(1);
        tracing::info!(target: "mosaik::groups", peer = %peer.short(), group = &*self.0.name, "no bond: {why}");
        self.tell(BondEvent::Refused { peer, why }).await;
    }
}
