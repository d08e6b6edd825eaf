//! The handle of a simulated network: ports, faults, the shared directory, the trace.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::{
    endpoint::Port,
    fabric::{Fabric, PortState, Traffic},
    link::LinkSettings,
    trace::{Class, TraceEvent, TraceHash},
};
use crate::primitives::PeerId;

/// What the handles share.
#[derive(Debug)]
pub(super) struct Shared {
    fabric: Mutex<Fabric>,
    /// Told when a direction or a port changes: dials look again.
    pub(super) changed: Notify,
    /// Told when the directory changes.
    directory: Notify,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Fabric> {
        self.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A simulated network. Make it inside the runtime that its nodes run in; clones are the same network.
#[derive(Clone)]
pub struct Net(pub(super) Arc<Shared>);

impl Net {
    /// A network without faults, on which everything follows from `seed` and from what its users do.
    pub fn new(seed: u64) -> Self {
        let fabric = Mutex::new(Fabric::new(seed));
        Self(Arc::new(Shared { fabric, changed: Notify::new(), directory: Notify::new() }))
    }

    /// A new place on the network for `peer`. A peer that comes back after a crash gets its old address, while a second
    /// live port of one peer gets one of its own.
    pub fn port(&self, peer: PeerId) -> Port {
        let mut fabric = self.0.lock();
        let number = fabric.next_port;
        fabric.next_port += 1;
        let taken = |address: &u32| fabric.ports.values().any(|port| port.address == *address && !port.dead);
        let own = fabric.addresses.iter().filter(|(_, owner)| **owner == peer).map(|(address, _)| *address);
        let free = own.into_iter().find(|address| !taken(address));
        let next = fabric.addresses.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
        let address = free.unwrap_or(next);
        fabric.addresses.insert(address, peer);
        let state = PortState {
            peer,
            address,
            grants: None,
            dead: false,
            alpns: Vec::new(),
            incoming: Default::default(),
            wake: Arc::default(),
        };
        fabric.ports.insert(number, state);
        Port { net: self.clone(), number, peer, address }
    }

    /// Sets the behaviour of all directions, also of those that come to be later.
    pub fn set_links(&self, settings: LinkSettings) {
        let mut fabric = self.0.lock();
        fabric.usual = settings;
        fabric.links.values_mut().for_each(|link| link.settings = settings);
    }

    /// Changes the behaviour of all directions, also of those that come to be later.
    pub fn adjust_links(&self, change: impl Fn(&mut LinkSettings)) {
        let mut fabric = self.0.lock();
        change(&mut fabric.usual);
        fabric.links.values_mut().for_each(|link| change(&mut link.settings));
    }

    /// Sets the behaviour of one direction.
    pub fn set_link(&self, from: PeerId, to: PeerId, settings: LinkSettings) {
        self.0.lock().link(from, to).settings = settings;
    }

    /// Cuts every direction between the two sides, both ways.
    pub fn partition(&self, one: &[PeerId], other: &[PeerId]) {
        for a in one {
            for b in other {
                self.cut(*a, *b);
                self.cut(*b, *a);
            }
        }
    }

    /// Cuts one direction. What is sent is held, and both ends time out if it lasts.
    pub fn cut(&self, from: PeerId, to: PeerId) {
        let now = Instant::now();
        let mut fabric = self.0.lock();
        fabric.settle_all(now);
        fabric.cut(from, to, now);
        drop(fabric);
        self.0.changed.notify_waiters();
    }

    /// Heals one direction.
    pub fn mend(&self, from: PeerId, to: PeerId) {
        let now = Instant::now();
        let mut fabric = self.0.lock();
        fabric.settle_all(now);
        fabric.heal(from, to, now);
        drop(fabric);
        self.0.changed.notify_waiters();
    }

    /// Heals all cuts. Latency and loss stay as they are set.
    pub fn heal(&self) {
        let now = Instant::now();
        let mut fabric = self.0.lock();
        fabric.settle_all(now);
        let down = fabric.links.iter().filter(|(_, link)| link.down_since.is_some());
        let down: Vec<(PeerId, PeerId)> = down.map(|(pair, _)| *pair).collect();
        down.into_iter().for_each(|(from, to)| fabric.heal(from, to, now));
        drop(fabric);
        self.0.changed.notify_waiters();
    }

    /// Ends all connections between two peers at once, as when both lose their state of it: what was on its way is gone, and
    /// both ends know.
    pub fn sever(&self, one: PeerId, other: PeerId) {
        let now = Instant::now();
        let mut fabric = self.0.lock();
        fabric.settle_all(now);
        fabric.sever(one, other, now);
    }

    /// All ports of this peer are gone without a word: their own operations fail, others time out. Call it *before* the
    /// peer's tasks are dropped, else their handles say goodbye.
    pub fn crash(&self, peer: PeerId) {
        let now = Instant::now();
        let mut fabric = self.0.lock();
        let ports = fabric.ports.iter().filter(|(_, port)| port.peer == peer && !port.dead);
        let ports: Vec<u64> = ports.map(|(number, _)| *number).collect();
        ports.into_iter().for_each(|port| fabric.crash(port, now));
        fabric.directory.forget(peer);
        drop(fabric);
        self.0.changed.notify_waiters();
        self.0.directory.notify_waiters();
    }

    /// Puts a peer's signed bytes where every node of this network can read them, in place of its earlier ones. It stands for the
    /// rendezvous directory of a machine; a crash removes it, as a stale lock does there.
    pub fn publish(&self, network: &[u8], peer: PeerId, signed: Bytes) {
        self.0.lock().directory.publish(network, peer, signed);
        self.0.directory.notify_waiters();
    }

    /// Takes a peer's bytes out of the directory.
    pub fn withdraw(&self, network: &[u8], peer: PeerId) {
        self.0.lock().directory.withdraw(network, peer);
        self.0.directory.notify_waiters();
    }

    /// What is published for a network, by peer.
    pub fn published(&self, network: &[u8]) -> Vec<(PeerId, Bytes)> {
        self.0.lock().directory.since(network, 0).1
    }

    /// What was published for a network after the state of the directory that `seen` names, and the name of its present state.
    /// 0 names the empty directory.
    pub fn published_since(&self, network: &[u8], seen: u64) -> (u64, Vec<(PeerId, Bytes)>) {
        self.0.lock().directory.since(network, seen)
    }

    /// Takes a lock of the directory that one peer holds at a time; a crash gives it back.
    pub fn claim(&self, item: &[u8], by: PeerId) -> bool {
        self.0.lock().directory.claim(item, by)
    }

    /// Gives a lock back.
    pub fn release_claim(&self, item: &[u8], by: PeerId) {
        self.0.lock().directory.release(item, by);
    }

    /// Writes beside a lock, for later holders.
    pub fn mark_claim(&self, item: &[u8], mark: &[u8]) {
        self.0.lock().directory.mark(item, mark);
    }

    /// What was written beside a lock.
    pub fn claim_mark(&self, item: &[u8]) -> Bytes {
        self.0.lock().directory.marked(item)
    }

    /// Takes the directory away for good: nodes have to know others by their addresses.
    pub fn close_directory(&self) {
        self.0.lock().directory.close();
    }

    /// Waits for the next change of the directory after this call's first poll.
    pub async fn directory_changed(&self) {
        self.0.directory.notified().await;
    }

    /// Everyone who has or had a port, in order.
    pub fn everyone(&self) -> Vec<PeerId> {
        self.0.lock().everyone().into_iter().collect()
    }

    /// How many connections are held by anyone.
    pub fn connections(&self) -> usize {
        self.0.lock().sessions.len()
    }

    /// What all nodes together have sent so far.
    pub fn traffic(&self) -> Traffic {
        self.0.lock().traffic
    }

    /// How much happened so far, and its hash.
    pub fn trace_hash(&self) -> TraceHash {
        self.0.lock().trace.hash()
    }

    /// The last events, oldest first; at most 16 384.
    pub fn trace(&self) -> Vec<TraceEvent> {
        self.0.lock().trace.last()
    }

    /// Puts a note of the layer above into the trace.
    pub fn note(&self, from: PeerId, to: PeerId, what: (u64, u64)) {
        self.0.lock().record(Instant::now(), Class::Note, (from, to), what);
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("trace", &self.trace_hash()).finish_non_exhaustive()
    }
}
