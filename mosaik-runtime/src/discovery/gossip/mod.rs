//! The fast path: a gossip overlay that carries announcements to everyone within a few hops.
//!
//! The overlay itself (HyParView and Plumtree) is iroh-gossip's state machine, without its network. [`Overlay`] feeds it events
//! and turns what it says into [`Out`]; it does no I/O. It is the fast path and not the truth: what it loses, the
//! comparison of catalogs brings.

#[cfg(test)]
mod tests;
mod translate;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use iroh_gossip::proto::{
    Command, Config, Event, HyparviewConfig, InEvent, OutEvent, PeerData, PlumtreeConfig, Scope, State,
    Timer, TopicId,
};
use rand_chacha::ChaCha12Rng;
use tokio::time::Instant;

use crate::primitives::{NetworkId, NodeRng, PeerId};

use super::wire;

/// What the overlay asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Out {
    /// Send this to a peer, linking to it first if need be.
    Send(PeerId, wire::Overlay),
    /// The link to this peer is not needed any more, after what was sent.
    Close(PeerId),
    /// A neighbour.
    Up(PeerId),
    /// No longer a neighbour.
    Down(PeerId),
    /// A broadcast arrived, by way of this peer.
    Received(PeerId, Bytes),
}

/// Room for an entry of the largest size, with what is around it.
const MAX_MESSAGE: usize = 18 * 1024;
/// Neighbours that a node wants. Each is a connection that is kept alive, and asked every other second; a tree over the
/// overlay has about log n hops with four as with five.
const NEIGHBOURS: usize = 4;
/// A message that was only announced is asked for after this. It is longer than a packet that is lost once takes: whoever asks at
/// every loss gets the message twice, and makes the link it came over a part of the tree.
const MISSED: Duration = Duration::from_millis(500);
/// After this the next one who announced it is asked.
const ASKED: Duration = Duration::from_millis(300);
/// Announcements of messages are gathered for so long.
const GATHERED: Duration = Duration::from_millis(25);
/// How often ids of messages that never came are swept out.
const SWEEP: Duration = Duration::from_secs(10);

/// Peers that are no neighbours and told something, between two sweeps.
const MOST_STRANGERS: usize = 256;

/// The overlay as this node sees it.
pub(crate) struct Overlay {
    me: PeerId,
    topic: TopicId,
    state: State<PeerId, ChaCha12Rng>,
    timers: BTreeMap<(Instant, u64), Timer<PeerId>>,
    timers_made: u64,
    neighbours: BTreeSet<PeerId>,
    /// Peers that are no neighbours and may be in the library's tree since the last sweep.
    strangers: BTreeSet<PeerId>,
    next_sweep: Instant,
    asks: Asks,
}

/// Requests to become neighbours that may be refused. A refusal brings other candidates, whom the library asks at once: where
/// all are full, that would go on for ever, so after a burst it goes on slowly.
#[derive(Debug)]
struct Asks {
    left: f64,
    at: Instant,
}

impl Asks {
    const BURST: f64 = 4.0;
    const PER_SECOND: f64 = 0.2;

    fn may(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * Self::PER_SECOND).min(Self::BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

impl Overlay {
    pub(crate) fn new(me: PeerId, network: &NetworkId, mut rng: NodeRng, now: Instant) -> Self {
        let membership = HyparviewConfig {
            active_view_capacity: NEIGHBOURS,
            neighbor_request_timeout: Duration::from_secs(2),
            ..Default::default()
        };
        let broadcast = PlumtreeConfig {
            graft_timeout_1: MISSED,
            graft_timeout_2: ASKED,
            dispatch_timeout: GATHERED,
            cache_evict_interval: Duration::from_secs(10),
            ..Default::default()
        };
        let config = Config { membership, broadcast, max_message_size: MAX_MESSAGE };
        let state = State::new(me, PeerData::default(), config, rng.get().clone());
        let topic = TopicId::from_bytes(*network.as_bytes());
        let asks = Asks { left: Asks::BURST, at: now };
        let (timers, neighbours, strangers) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let next_sweep = now + SWEEP;
        Self { me, topic, state, timers, timers_made: 0, neighbours, strangers, next_sweep, asks }
    }

    /// Asks these peers to take this node in. Without peers it only waits to be asked.
    pub(crate) fn join(&mut self, peers: Vec<PeerId>, now: Instant) -> Vec<Out> {
        self.handle(InEvent::Command(self.topic, Command::Join(peers)), now)
    }

    /// Tells everyone.
    pub(crate) fn broadcast(&mut self, content: Bytes, now: Instant) -> Vec<Out> {
        self.handle(InEvent::Command(self.topic, Command::Broadcast(content, Scope::Swarm)), now)
    }

    /// A peer said something. `None` when it breaks a bound.
    pub(crate) fn received(
        &mut self,
        from: PeerId,
        message: wire::Overlay,
        now: Instant,
    ) -> Option<Vec<Out>> {
        use wire::Overlay::{Broadcast, Join};
        let stray = of_the_tree(&message) && !self.neighbours.contains(&from);
        let (joins, tells) = (matches!(message, Join), matches!(message, Broadcast { .. }));
        let message = translate::inward(*self.topic.as_bytes(), message)?;
        // What a former neighbour still says of the tree would make it a part of the tree for good: the library would announce
        // everything to it. News is taken from anybody.
        if stray && (!tells || self.strangers.len() >= MOST_STRANGERS) {
            return Some(Vec::new());
        }
        if stray {
            self.strangers.insert(from);
        }
        let mut out = if joins { self.restarted(from, now) } else { Vec::new() };
        out.extend(self.handle(InEvent::RecvMessage(from, message), now));
        Some(out)
    }

    /// The peer knows nothing of being a neighbour: it is another process, or asks to be taken in. The library would take it for
    /// one and not answer. Links stay.
    pub(crate) fn restarted(&mut self, peer: PeerId, now: Instant) -> Vec<Out> {
        if !self.neighbours.contains(&peer) {
            return Vec::new();
        }
        let mut out = self.lost(peer, now);
        out.retain(|out| *out != Out::Close(peer));
        out
    }

    /// There is no link to this peer any more, or none could be made.
    pub(crate) fn lost(&mut self, peer: PeerId, now: Instant) -> Vec<Out> {
        self.handle(InEvent::PeerDisconnected(peer), now)
    }

    /// When [`expire`](Self::expire) is due.
    pub(crate) fn next_timer(&self) -> Instant {
        self.timers.first_key_value().map_or(self.next_sweep, |((at, _), _)| self.next_sweep.min(*at))
    }

    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Out> {
        let mut out = Vec::new();
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let timer = entry.remove();
            out.extend(self.handle(InEvent::TimerExpired(timer), now));
        }
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            // The library keeps an empty list for each id that was announced and never came, until some
            // neighbour leaves. Nobody leaving is enough; nobody is this node itself.
            out.extend(self.lost(self.me, now));
            for stranger in std::mem::take(&mut self.strangers) {
                if !self.neighbours.contains(&stranger) {
                    out.extend(self.lost(stranger, now));
                }
            }
        }
        out
    }

    /// How many neighbours there are.
    pub(crate) fn neighbours(&self) -> usize {
        self.neighbours.len()
    }

    fn handle(&mut self, event: InEvent<PeerId>, now: Instant) -> Vec<Out> {
        let said: Vec<_> = self.state.handle(event, now, None).collect();
        let mut out: Vec<Out> = said.into_iter().filter_map(|event| self.out(event, now)).collect();
        let mut too_many = Vec::new();
        out.retain(|out| match out {
            Out::Send(peer, wire::Overlay::Neighbor { must: false })
                if !self.neighbours.contains(peer) && !self.asks.may(now) =>
            {
                too_many.push(*peer);
                false
            }
            Out::Send(peer, message) => !of_the_tree(message) || self.neighbours.contains(peer),
            _ => true,
        });
        for peer in too_many {
            out.extend(self.lost(peer, now));
        }
        out
    }

    fn out(&mut self, event: OutEvent<PeerId>, now: Instant) -> Option<Out> {
        match event {
            OutEvent::SendMessage(to, message) => Some(Out::Send(to, translate::outward(&message)?)),
            OutEvent::DisconnectPeer(peer) => Some(Out::Close(peer)),
            OutEvent::EmitEvent(_, Event::NeighborUp(peer)) => {
                self.neighbours.insert(peer);
                Some(Out::Up(peer))
            }
            OutEvent::EmitEvent(_, Event::NeighborDown(peer)) => {
                self.neighbours.remove(&peer);
                Some(Out::Down(peer))
            }
            OutEvent::EmitEvent(_, Event::Received(message)) => {
                Some(Out::Received(message.delivered_from, message.content))
            }
            OutEvent::ScheduleTimer(after, timer) => {
                self.timers_made += 1;
                self.timers.insert((now + after, self.timers_made), timer);
                None
            }
            OutEvent::PeerData(..) => None,
        }
    }
}

/// Whether this is said along the broadcast tree, which runs between neighbours only.
fn of_the_tree(message: &wire::Overlay) -> bool {
    use wire::Overlay::{Broadcast, Graft, IHave, Prune};
    matches!(message, Broadcast { .. } | Prune | Graft { .. } | IHave(_))
}
