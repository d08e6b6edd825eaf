//! The links to gossip neighbours: one long-lived link each, a reader and a writer task per link.
//!
//! The driver never waits for one: what it says goes into a bounded queue, and a neighbour whose queue is full loses its link.
//! Both sides may open a link at once; then each reads both and writes to the newer one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    primitives::{BootId, PeerId, Scope, codec},
    transport::{Code, Link, LinkError, LinkReceiver, LinkSender},
};

use super::{
    super::{
        verifier::Verifier,
        wire::{Announcement, GossipFrame, GossipProtocol, Overlay},
    },
    Input,
};

/// Frames that wait for one neighbour.
const QUEUE: usize = 512;
/// Frames that wait for a link that is being made.
const WAITING: usize = 64;
/// A link on which nothing comes for so long is of no use; neighbours probe each other more often.
const SILENCE: Duration = Duration::from_secs(60);
/// A link to one that is no neighbour ends when nothing was said over it for so long.
pub(super) const UNUSED: Duration = Duration::from_secs(2);
/// Links of one peer.
const PER_PEER: usize = 4;
/// Peers with links.
pub(super) const MOST_PEERS: usize = 512;
/// Frames that a neighbour may send at once, and per second after that. It is then read more slowly; nothing is lost.
const BURST: f64 = 2000.0;
const RATE: f64 = 200.0;
/// Writes to one neighbour at once, and per second after that. Frames that come faster are gathered: while many nodes join, one
/// write carries what twenty would, and one lost packet holds up the next write and not twenty.
const WRITES: f64 = 32.0;
const WRITES_A_SECOND: f64 = 20.0;
/// The most frames in one write.
const AT_ONCE: usize = 64;

#[derive(Default)]
pub(super) struct Links {
    slots: BTreeMap<PeerId, Slot>,
    made: u64,
}

#[derive(Default)]
struct Slot {
    links: Vec<Writer>,
    waiting: Option<Waiting>,
    /// When something was last said over it, or it was opened.
    used: Option<Instant>,
}

#[derive(Default)]
struct Waiting {
    frames: Vec<GossipFrame>,
    then_close: bool,
}

struct Writer {
    id: u64,
    boot: BootId,
    queue: mpsc::Sender<GossipFrame>,
    cut: CancellationToken,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.links.iter().for_each(|link| link.cut.cancel());
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, or waits for the link that is being made.
    Queued,
    /// It waits; a link has to be made.
    Dial,
    /// The neighbour does not keep up: its link was cut.
    Cut,
}

/// What the tasks of a link need.
pub(super) struct Tasks {
    pub(super) scope: Scope,
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) verifier: Arc<Verifier>,
}

impl Links {
    /// Sends a frame, over a link that may have to be made.
    pub(super) fn send(&mut self, peer: PeerId, frame: GossipFrame, now: Instant) -> Sent {
        let slot = self.slots.entry(peer).or_default();
        slot.used = Some(now);
        // The newest: an older one may lead to a former process of the peer.
        if let Some(link) = slot.links.last() {
            return match link.queue.try_send(frame) {
                Ok(()) => Sent::Queued,
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                    self.slots.remove(&peer);
                    Sent::Cut
                }
            };
        }
        let is_new = slot.waiting.is_none();
        let waiting = slot.waiting.get_or_insert_default();
        if waiting.frames.len() < WAITING {
            waiting.frames.push(frame);
        }
        waiting.then_close = false;
        if is_new { Sent::Dial } else { Sent::Queued }
    }

    /// Ends the links to a peer once what was said to it is delivered.
    pub(super) fn close(&mut self, peer: &PeerId) {
        let Some(slot) = self.slots.get_mut(peer) else { return };
        if let Some(waiting) = &mut slot.waiting {
            waiting.then_close = true;
            return;
        }
        // The writers drain their queues and finish; the readers go on until the peer finishes too.
        slot.links.clear();
        self.slots.remove(peer);
    }

    /// Ends links to others than `neighbours` over which nothing was said for a while: the overlay says a word to many, and
    /// keeps few. Returns the peers, and whether some are left that may be ended later.
    pub(super) fn sweep(&mut self, neighbours: &BTreeSet<PeerId>, now: Instant) -> (Vec<PeerId>, bool) {
        let others = self.slots.iter().filter(|(peer, slot)| {
            !neighbours.contains(*peer) && slot.waiting.is_none() && !slot.links.is_empty()
        });
        let old = |slot: &Slot| slot.used.is_none_or(|at| now.saturating_duration_since(at) >= UNUSED);
        let (ended, kept): (Vec<_>, Vec<_>) = others.partition(|(_, slot)| old(slot));
        let (ended, left): (Vec<PeerId>, bool) =
            (ended.iter().map(|(peer, _)| **peer).collect(), !kept.is_empty());
        ended.iter().for_each(|peer| self.close(peer));
        (ended, left)
    }

    /// Ends the links to a peer at once.
    pub(super) fn cut(&mut self, peer: &PeerId) {
        self.slots.remove(peer);
    }

    /// Cuts the links to other processes of this link's peer. Returns whether there were any.
    pub(super) fn supersede(&mut self, link: &Link<GossipProtocol>) -> bool {
        let Some(slot) = self.slots.get_mut(&link.peer()) else { return false };
        let (same, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut slot.links).into_iter().partition(|other| other.boot == link.boot());
        slot.links = same;
        others.iter().for_each(|other| other.cut.cancel());
        !others.is_empty()
    }

    /// A link stands, dialled or accepted. Returns `false` when there is no room for it.
    pub(super) fn opened(&mut self, link: Link<GossipProtocol>, dialled: bool, tasks: &Tasks) -> bool {
        let peer = link.peer();
        if self.slots.len() >= MOST_PEERS && !self.slots.contains_key(&peer) {
            link.close(Code::Busy);
            return false;
        }
        self.made += 1;
        let id = self.made;
        let (queue, frames) = mpsc::channel(QUEUE);
        let cut = CancellationToken::new();
        let slot = self.slots.entry(peer).or_default();
        let mut then_close = false;
        if dialled || slot.waiting.is_some() {
            let waiting = slot.waiting.take().unwrap_or_default();
            then_close = waiting.then_close;
            waiting.frames.into_iter().for_each(|frame| {
                let _ = queue.try_send(frame);
            });
        }
        slot.used = Some(Instant::now());
        slot.links.push(Writer { id, boot: link.boot(), queue, cut: cut.clone() });
        if slot.links.len() > PER_PEER {
            slot.links.remove(0).cut.cancel();
        }
        let (sender, receiver) = link.split();
        tasks.scope.spawn("gossip writer", write(sender, frames, cut.clone()));
        let (inbox, verifier) = (tasks.inbox.clone(), tasks.verifier.clone());
        let scope = tasks.scope.clone();
        tasks.scope.spawn("gossip reader", async move {
            let reader = Reader { peer, receiver, inbox: inbox.clone(), verifier };
            let end = cut.run_until_cancelled(scope.caught("gossip reader", reader.run())).await;
            let failed = end.is_some_and(|end| !matches!(end, Ok(Ok(()))));
            let _ = inbox.send(Input::LinkEnded { peer, id, failed }).await;
        });
        if then_close {
            self.close(&peer);
        }
        true
    }

    /// A link ended. Returns whether the peer has none left.
    pub(super) fn ended(&mut self, peer: &PeerId, id: u64) -> bool {
        let Some(slot) = self.slots.get_mut(peer) else { return false };
        let before = slot.links.len();
        slot.links.retain(|link| link.id != id);
        let was_last = slot.links.len() < before && slot.links.is_empty() && slot.waiting.is_none();
        if was_last {
            self.slots.remove(peer);
        }
        was_last
    }

    /// No link to the peer could be made. Returns whether it has none.
    pub(super) fn failed(&mut self, peer: &PeerId) -> bool {
        let Some(slot) = self.slots.get_mut(peer) else { return true };
        slot.waiting = None;
        let none = slot.links.is_empty();
        if none {
            self.slots.remove(peer);
        }
        none
    }

    /// Frames that wait for neighbours.
    pub(super) fn waiting(&self) -> usize {
        let queued = |link: &Writer| link.queue.max_capacity() - link.queue.capacity();
        let of = |slot: &Slot| {
            let waiting = slot.waiting.as_ref().map_or(0, |waiting| waiting.frames.len());
            waiting + slot.links.iter().map(queued).sum::<usize>()
        };
        self.slots.values().map(of).sum()
    }

    /// The peers with a link that stands.
    pub(super) fn linked(&self) -> Vec<PeerId> {
        self.slots.iter().filter(|(_, slot)| !slot.links.is_empty()).map(|(peer, _)| *peer).collect()
    }
}

async fn write(
    mut sender: LinkSender<GossipProtocol>,
    mut frames: mpsc::Receiver<GossipFrame>,
    cut: CancellationToken,
) {
    let said = cut.run_until_cancelled(async {
        let mut pace = Allowance::new(WRITES, WRITES_A_SECOND, Instant::now());
        let mut some = Vec::new();
        while frames.recv_many(&mut some, AT_ONCE).await > 0 {
            let (now, paid) = (Instant::now(), pace.spend(1.0, Instant::now()));
            if paid > now {
                tokio::time::sleep_until(paid).await;
            }
            // What came meanwhile goes along.
            while some.len() < AT_ONCE
                && let Ok(frame) = frames.try_recv()
            {
                some.push(frame);
            }
            sender.send_all(&some).await?;
            some.clear();
        }
        Ok::<(), LinkError>(())
    });
    match said.await {
        Some(Ok(())) => sender.finish(),
        // The reader of this link tells the driver.
        Some(Err(_)) => cut.cancel(),
        None => sender.reset(Code::TooSlow),
    }
}

struct Reader {
    peer: PeerId,
    receiver: LinkReceiver<GossipProtocol>,
    inbox: mpsc::Sender<Input>,
    verifier: Arc<Verifier>,
}

impl Reader {
    async fn run(mut self) -> Result<(), LinkError> {
        let mut allowance = Allowance::new(BURST, RATE, Instant::now());
        while let Some(frame) = self.receiver.recv::<GossipFrame>(SILENCE).await? {
            let cost =
                if let GossipFrame::Overlay(Overlay::IHave(ids)) = &frame { 1 + ids.len() / 16 } else { 1 };
            let (now, paid) = (Instant::now(), allowance.spend(cost as f64, Instant::now()));
            if paid > now {
                tokio::time::sleep_until(paid).await;
            }
            let peer = self.peer;
            let input = match frame {
                GossipFrame::Overlay(Overlay::Broadcast { hops, content }) => {
                    // Nothing that is not believed enters the overlay: it would be relayed from there.
                    match codec::decode::<Announcement>(&content)
                        .map(|said| self.verifier.verify(&said.signed))
                    {
                        Ok(Ok(statement)) => {
                            let message = Overlay::Broadcast { hops, content };
                            Input::Overlay { peer, message, statement: Some(statement) }
                        }
                        Ok(Err(why)) => Input::NotBelieved { by: peer, why },
                        Err(error) => Input::NotBelieved { by: peer, why: error.into() },
                    }
                }
                GossipFrame::Overlay(message) => Input::Overlay { peer, message, statement: None },
                GossipFrame::Probe(nonce) => Input::Probed { peer, nonce },
                GossipFrame::Answer(nonce) => Input::Answered { peer, nonce },
            };
            let refused = match &input {
                Input::NotBelieved { why, .. } if why.is_hostile() => Some(why.to_string()),
                _ => None,
            };
            if self.inbox.send(input).await.is_err() {
                break;
            }
            if let Some(why) = refused {
                self.receiver.stop(Code::Malformed);
                return Err(LinkError::Malformed(why));
            }
        }
        Ok(())
    }
}

/// A budget that fills up again with time.
struct Allowance {
    burst: f64,
    rate: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(burst: f64, rate: f64, now: Instant) -> Self {
        Self { burst, rate, left: burst, at: now }
    }

    /// When the cost may be taken on.
    fn spend(&mut self, cost: f64, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate).min(self.burst) - cost;
        self.at = now;
        if self.left >= 0.0 { now } else { now + Duration::from_secs_f64(-self.left / self.rate) }
    }
}
