//! Whether the nodes that parked groups depend on are alive: one question a peer, however many groups.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{
    bond::{Bond, BondError, Bonds},
    wire::Request,
};
use crate::primitives::{PeerId, Scope, watch};

/// How long between an answer and the next question.
const BEAT: Duration = Duration::from_millis(500);
/// A peer that does not answer for so long is lost.
const SILENT: Duration = Duration::from_millis(1_500);

/// Asks the peers that somebody follows. Clones share it.
#[derive(Clone)]
pub(in crate::groups) struct Pulse(Arc<Inner>);

struct Inner {
    scope: Scope,
    next: AtomicU64,
    peers: Mutex<BTreeMap<PeerId, Peer>>,
}

/// A peer that is asked.
struct Peer {
    /// The bonds of the groups that follow it: it is asked over one of them.
    followers: BTreeMap<u64, Bonds>,
    lost: watch::Sender<u64>,
    scope: Scope,
}

/// Follows a peer, until it is dropped.
pub(in crate::groups) struct Following {
    pulse: Pulse,
    peer: PeerId,
    id: u64,
    lost: watch::Receiver<u64>,
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Following({})", self.peer.short())
    }
}

impl Following {
    /// Waits until the peer is lost. Cancel-safe.
    pub(in crate::groups) async fn lost(&mut self) {
        // Without a sender the node is at its end.
        if self.lost.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut peers = self.pulse.peers();
        if let Some(peer) = peers.get_mut(&self.peer) {
            peer.followers.remove(&self.id);
            if peer.followers.is_empty() {
                peer.scope.kill();
                peers.remove(&self.peer);
            }
        }
    }
}

impl Pulse {
    /// Asks nobody yet. Its tasks live in `scope`.
    pub(in crate::groups) fn new(scope: Scope) -> Self {
        Self(Arc::new(Inner { scope, next: AtomicU64::new(0), peers: Mutex::default() }))
    }

    /// Asks this peer from now on, over these bonds or those of another group.
    pub(in crate::groups) fn follow(&self, peer: PeerId, bonds: Bonds) -> Following {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut peers = self.peers();
        let asked = peers.entry(peer).or_insert_with(|| {
            let scope = self.0.scope.child();
            scope.spawn("groups pulse", ask(self.clone(), peer));
            Peer { followers: BTreeMap::new(), lost: watch::Sender::new(0), scope }
        });
        asked.followers.insert(id, bonds);
        let lost = asked.lost.subscribe();
        Following { pulse: self.clone(), peer, id, lost }
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<PeerId, Peer>> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bond(&self, to: PeerId) -> Option<Bond> {
        self.peers().get(&to)?.followers.values().find_map(|bonds| bonds.get(to))
    }

    fn tell_lost(&self, peer: PeerId) {
        if let Some(peer) = self.peers().get(&peer) {
            peer.lost.send_modify(|times| *times += 1);
        }
    }
}

async fn ask(pulse: Pulse, peer: PeerId) {
    loop {
        sleep(BEAT).await;
        let answered = match pulse.bond(peer) {
            Some(bond) => bond.call(Request::Ping, SILENT).await,
            None => Err(BondError::Down),
        };
        match answered {
            // A bond that cannot take the question has more to do than to be lost.
            Ok(_) | Err(BondError::Busy) => {}
            Err(error) => {
                tracing::debug!(target: "mosaik::groups", peer = %peer.short(), "no pulse: {error}");
                pulse.tell_lost(peer);
            }
        }
    }
}
