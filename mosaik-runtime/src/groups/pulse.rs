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
    timing::Timing,
    wire::Request,
};
use crate::primitives::{PeerId, Scope, watch};

/// How long between an answer and the next question.
const BEAT: Duration = Duration::from_millis(500);
/// So many questions, over two bonds if there are two, have to be without an answer before it is lost.
const TRIES: usize = 2;

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

    /// How many peers are asked.
    #[cfg(all(test, feature = "sim"))]
    pub(in crate::groups) fn asked(&self) -> usize {
        self.peers().len()
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<PeerId, Peer>> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bond with this peer, another one than `tried` if there are two.
    fn bond(&self, to: PeerId, tried: Option<&Bond>) -> Option<Bond> {
        let peers = self.peers();
        let mut live = peers.get(&to)?.followers.values().filter_map(|bonds| bonds.get(to)).peekable();
        let first = live.peek().cloned();
        live.find(|bond| tried.is_none_or(|tried| !bond.is(tried))).or(first)
    }

    /// How long the peer may take to answer: as long as the group that stands the longest ways gives it.
    fn patience(&self, of: PeerId) -> Duration {
        let peers = self.peers();
        let followers = peers.get(&of).into_iter().flat_map(|peer| peer.followers.values());
        followers.map(|bonds| bonds.timing().pulse()).max().unwrap_or_else(|| Timing::default().pulse())
    }

    /// Whether the peer answers.
    async fn is_there(&self, peer: PeerId) -> bool {
        let mut tried = None;
        for _ in 0..TRIES {
            let Some(bond) = self.bond(peer, tried.as_ref()) else { return false };
            match bond.call(Request::Ping, self.patience(peer)).await {
                // A bond that cannot take the question has more to do than to be lost.
                Ok(_) | Err(BondError::Busy) => return true,
                Err(error) => {
                    tracing::debug!(target: "mosaik::groups", peer = %peer.short(), "no pulse: {error}");
                }
            }
            tried = Some(bond);
        }
        false
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
        if !pulse.is_there(peer).await {
            pulse.tell_lost(peer);
        }
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::{
        groups::bond::{
            BondsSettings,
            tests::{
                hand::by_hand,
                lab::{Echo, group, two, within},
            },
        },
        primitives::{GroupId, NetworkId},
        transport::sim::Net,
    };

    #[tokio::test(start_paused = true)]
    async fn a_node_that_answers_over_another_bond_is_not_lost() {
        let net = Net::new(9);
        let (one, two) = two(&net).await;
        let mut held = by_hand(&two);
        let other = GroupId::derive("lab.other").on(&NetworkId::derive("groups-lab"));
        let (silent, _silent) = Bonds::new(one.settings(), Arc::<Echo>::default());
        let (alive, _alive) =
            Bonds::new(BondsSettings { group: other, ..one.settings() }, Arc::<Echo>::default());
        let mut quiet = Vec::new();
        for bonds in [&silent, &alive] {
            bonds.offer(two.id());
            within("a bond", bonds.bonded(two.id())).await;
            let bond = within("a bond", held.recv()).await.expect("it is given");
            if bond.group == group() {
                quiet.push(bond);
            } else {
                two.scope.spawn("lab living", bond.lives());
            }
        }
        let pulse = Pulse::new(one.scope.child());
        let mut first = pulse.follow(two.id(), silent.clone());
        let second = pulse.follow(two.id(), alive.clone());
        let minute = Duration::from_secs(60);
        assert!(timeout(minute, first.lost()).await.is_err(), "one bond is silent, the other is not");
        drop(second);
        let limit = BEAT + Timing::default().pulse() * 3;
        timeout(limit, first.lost()).await.expect("the only bond that is left is silent");
        drop(first);
        assert_eq!(pulse.asked(), 0);
    }
}
