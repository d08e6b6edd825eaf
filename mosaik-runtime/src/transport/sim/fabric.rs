//! The state of the whole simulated network, behind one lock.
//!
//! All maps are ordered and every directed pair has its own generator, so that what happens follows from the seed and from the
//! order of calls. Nothing in here waits; a change wakes those who do.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::{
    directory::Directory,
    link::{Link, LinkSettings},
    session::{Grants, Session, Side},
    trace::{Class, Trace, TraceEvent},
};
use crate::{
    primitives::{NodeRng, PeerId},
    transport::backend::ConnLost,
};

/// A place on the network that an endpoint may be bound to.
#[derive(Debug)]
pub(super) struct PortState {
    pub(super) peer: PeerId,
    pub(super) address: u32,
    /// What its endpoint allows others; `None` before one is bound.
    pub(super) grants: Option<Grants>,
    pub(super) dead: bool,
    pub(super) alpns: Vec<Vec<u8>>,
    pub(super) incoming: VecDeque<u64>,
    pub(super) wake: Arc<Notify>,
}

/// What was sent on a network: a frame is one write, bytes are those of its payload, before encryption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were made.
    pub connections: u64,
    /// Frames with stream data, and ends of streams.
    pub frames: u64,
    /// The bytes in them.
    pub bytes: u64,
}

/// The state of one simulated network.
#[derive(Debug)]
pub(super) struct Fabric {
    seed: u64,
    start: Instant,
    pub(super) rng: NodeRng,
    pub(super) usual: LinkSettings,
    pub(super) links: BTreeMap<(PeerId, PeerId), Link>,
    /// How many of them are cut.
    links_down: usize,
    pub(super) ports: BTreeMap<u64, PortState>,
    pub(super) next_port: u64,
    pub(super) addresses: BTreeMap<u32, PeerId>,
    pub(super) sessions: BTreeMap<u64, Session>,
    pub(super) next_session: u64,
    pub(super) directory: Directory,
    pub(super) traffic: Traffic,
    pub(super) trace: Trace,
}

impl Fabric {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            start: Instant::now(),
            rng: NodeRng::from_seed(seed).split("fabric"),
            usual: LinkSettings::default(),
            links: BTreeMap::new(),
            links_down: 0,
            ports: BTreeMap::new(),
            next_port: 1,
            addresses: BTreeMap::new(),
            sessions: BTreeMap::new(),
            next_session: 1,
            directory: Directory::default(),
            traffic: Traffic::default(),
            trace: Trace::default(),
        }
    }

    pub(super) fn record(&mut self, at: Instant, class: Class, ends: (PeerId, PeerId), place: (u64, u64)) {
        let (from, to) = ends;
        let (connection, stream) = place;
        let at = at.saturating_duration_since(self.start);
        self.trace.record(TraceEvent { at, class, from, to, connection, stream });
    }

    /// The direction from one peer to another.
    pub(super) fn link(&mut self, from: PeerId, to: PeerId) -> &mut Link {
        let (seed, usual) = (self.seed, self.usual);
        self.links.entry((from, to)).or_insert_with(|| {
            let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 simulated link");
            hasher.update(&seed.to_le_bytes()).update(from.as_bytes()).update(to.as_bytes());
            let mut first = [0; 8];
            hasher.finalize_xof().fill(&mut first);
            Link::new(usual, NodeRng::from_seed(u64::from_le_bytes(first)))
        })
    }

    /// When a frame of a connection that `side` sends now arrives; `None` while a cut holds it.
    pub(super) fn travel(
        &mut self,
        session: u64,
        side: Side,
        now: Instant,
        length: usize,
    ) -> Option<Instant> {
        let (from, to) = self.peers(session, side)?;
        self.link(from, to).travel(now, length)
    }

    /// This end's peer and the other's.
    pub(super) fn peers(&self, session: u64, side: Side) -> Option<(PeerId, PeerId)> {
        let session = self.sessions.get(&session)?;
        Some((session.ends[side].peer, session.ends[1 - side].peer))
    }

    /// Since when each end of a connection cannot hear the other.
    fn deaf(&self, session: &Session) -> [Option<Instant>; 2] {
        if self.links_down == 0 {
            return [None, None];
        }
        let (dialler, acceptor) = (session.ends[0].peer, session.ends[1].peer);
        let down = |from, to| self.links.get(&(from, to)).and_then(|link| link.down_since);
        [down(acceptor, dialler), down(dialler, acceptor)]
    }

    /// Brings a connection up to date; returns how this end was lost, or when it will be.
    pub(super) fn settle(&mut self, id: u64, side: Side, now: Instant) -> Result<Option<Instant>, ConnLost> {
        let deaf = self.sessions.get(&id).map(|session| self.deaf(session));
        let (Some(session), Some(deaf)) = (self.sessions.get_mut(&id), deaf) else {
            return Err(ConnLost::Locally);
        };
        // Nearly always: nothing has happened to it.
        let whole = session.ends.iter().all(|end| end.lost.is_none() && end.closing.is_none());
        if whole && deaf == [None, None] {
            return Ok(None);
        }
        let ended = session.settle(deaf, now);
        let peers = [session.ends[0].peer, session.ends[1].peer];
        let fates = [session.ends[0].lost.clone(), session.ends[1].lost.clone()];
        let mine = match &session.ends[side].lost {
            Some((_, lost)) => Err(lost.clone()),
            None => Ok(session.fate(side, deaf).map(|fate| fate.0)),
        };
        for (end, fate) in fates.into_iter().enumerate() {
            if let (true, Some((at, ConnLost::TimedOut))) = (ended[end], fate) {
                self.record(at, Class::TimedOut, (peers[end], peers[1 - end]), (id, 0));
            }
        }
        mine
    }

    /// Brings all connections up to date: links are about to change.
    pub(super) fn settle_all(&mut self, now: Instant) {
        let all: Vec<u64> = self.sessions.keys().copied().collect();
        for id in all {
            let _ = self.settle(id, 0, now);
        }
    }

    /// Ends a connection from this side. The other side hears of it, unless the direction is cut.
    pub(super) fn close(&mut self, id: u64, side: Side, now: Instant, code: u32, reason: Bytes) {
        if self.settle(id, side, now).is_err() {
            return;
        }
        let Some(peers) = self.peers(id, side) else { return };
        let arrival = self.travel(id, side, now, 0);
        self.record(now, Class::Close, peers, (id, u64::from(code)));
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.ends[1 - side].closing = arrival.map(|at| (at, code, reason));
        session.lose(side, (now, ConnLost::Locally));
    }

    /// A port is gone without a word: its ends fail here, the others will time out.
    pub(super) fn crash(&mut self, port: u64, now: Instant) {
        self.settle_all(now);
        let Some(state) = self.ports.get_mut(&port).filter(|state| !state.dead) else { return };
        state.dead = true;
        state.incoming.clear();
        state.wake.notify_waiters();
        let peer = state.peer;
        self.record(now, Class::Crash, (peer, peer), (0, port));
        for session in self.sessions.values_mut() {
            for side in 0..2 {
                if session.ends[side].port == port && session.ends[side].lost.is_none() {
                    session.lose(side, (now, ConnLost::Locally));
                }
            }
        }
    }

    /// Both ends of all connections between two peers are lost now.
    pub(super) fn sever(&mut self, one: PeerId, other: PeerId, now: Instant) {
        let between = |session: &Session| {
            let (a, b) = (session.ends[0].peer, session.ends[1].peer);
            (a, b) == (one, other) || (b, a) == (one, other)
        };
        let all = self.sessions.iter().filter(|(_, session)| between(session));
        let all: Vec<u64> = all.map(|(id, _)| *id).collect();
        for id in all {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            for side in 0..2 {
                if session.ends[side].lost.is_none() {
                    session.lose(side, (now, ConnLost::Reset));
                }
            }
            self.record(now, Class::Severed, (one, other), (id, 0));
        }
    }

    /// Cuts one direction: what is on the wire arrives, all else is held.
    pub(super) fn cut(&mut self, from: PeerId, to: PeerId, now: Instant) {
        let link = self.link(from, to);
        if from == to || link.down_since.is_some() {
            return;
        }
        link.down_since = Some(now);
        let horizon = link.horizon(now);
        self.links_down += 1;
        self.record(now, Class::Cut, (from, to), (0, 0));
        for session in self.sessions.values_mut() {
            for side in (0..2).filter(|side| runs(session, *side, from, to)).collect::<Vec<_>>() {
                for stream in session.streams.values_mut() {
                    stream.pipes[side].hold_data(horizon);
                    stream.pipes[1 - side].hold_news(horizon);
                }
            }
            session.wake_all();
        }
    }

    /// Lets one direction carry again, and sends what was held.
    pub(super) fn heal(&mut self, from: PeerId, to: PeerId, now: Instant) {
        if self.link(from, to).down_since.take().is_none() {
            return;
        }
        self.links_down = self.links_down.saturating_sub(1);
        self.record(now, Class::Heal, (from, to), (0, 0));
        let Self { links, sessions, .. } = self;
        let Some(link) = links.get_mut(&(from, to)) else { return };
        for session in sessions.values_mut() {
            for side in (0..2).filter(|side| runs(session, *side, from, to)).collect::<Vec<_>>() {
                for stream in session.streams.values_mut() {
                    release(link, stream, side, now);
                }
            }
            session.wake_all();
        }
    }

    /// Every peer that has or had a port.
    pub(super) fn everyone(&self) -> BTreeSet<PeerId> {
        self.ports.values().map(|port| port.peer).collect()
    }

    /// A handle of this end is gone; the last one closes the connection, the last of both forgets it.
    pub(super) fn drop_handle(&mut self, id: u64, side: Side, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.ends[side].handles = session.ends[side].handles.saturating_sub(1);
        if session.ends[side].handles > 0 {
            return;
        }
        self.close(id, side, now, 0, Bytes::new());
        if self.sessions.get(&id).is_some_and(|session| session.ends.iter().all(|end| end.handles == 0)) {
            self.sessions.remove(&id);
        }
    }
}

fn runs(session: &Session, side: Side, from: PeerId, to: PeerId) -> bool {
    session.ends[side].peer == from && session.ends[1 - side].peer == to
}

fn release(link: &mut Link, stream: &mut super::session::Stream, side: Side, now: Instant) {
    if stream.pipes[side].holds_data() {
        let noticed = now + link.noticing();
        stream.pipes[side].release_data(link.travel(noticed, 0).unwrap_or(noticed));
    }
    if stream.pipes[1 - side].holds_news() {
        let noticed = now + link.noticing();
        stream.pipes[1 - side].release_news(link.travel(noticed, 0).unwrap_or(noticed));
    }
}
