//! The pool: connections by peer and protocol, made when needed, shared by all links, closed when of no use.
//!
//! [`core`] decides; this is the driver around it. No lock is held over an await.

mod accept;
pub(super) mod core;
mod dial;
mod half_open;
mod moves;
mod rtt;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::primitives::{BootId, Clock, PeerId, Scope, Version, watch};

use super::{
    backend::{Conn, Endpoint},
    book::AddressBook,
    code::Code,
    config::Limits,
    error::LinkError,
    event::{Ended, Event, Refused, SessionId, Side},
    handle::{Known, Usage},
    hello::exchange::{Introduction, Proven},
    listen::Registry,
    protocol::ProtocolId,
    session::{Note, Raw, Session, task},
};

use self::{
    core::{Core, Effect, Key},
    half_open::HalfOpen,
    rtt::Samples,
};

/// Events that a reader may lag behind.
const EVENTS: usize = 256;

/// All connections of a transport.
pub(super) struct Pool {
    pub(super) endpoint: Endpoint,
    pub(super) introduction: Introduction,
    pub(super) book: AddressBook,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) registry: Registry,
    limits: Arc<Limits>,
    pub(super) clock: Clock,
    scope: Scope,
    known: Mutex<Option<Arc<dyn Known>>>,
    state: Mutex<State>,
    half_open: HalfOpen,
    next_session: AtomicU64,
    /// How many connections stand.
    standing: watch::Sender<usize>,
    stopping: CancellationToken,
}

struct State {
    core: Core,
    sessions: BTreeMap<SessionId, Arc<Session>>,
    dials: BTreeMap<Key, dial::Waiting>,
    kept: BTreeSet<(PeerId, &'static str)>,
    rtts: BTreeMap<PeerId, Samples>,
    /// Where peers with connections were reached when this node dialled them last.
    reached: BTreeMap<PeerId, BTreeSet<SocketAddr>>,
}

/// What a pool is made of.
pub(super) struct Parts {
    pub(super) endpoint: Endpoint,
    pub(super) introduction: Introduction,
    pub(super) book: AddressBook,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) scope: Scope,
}

impl Pool {
    /// Starts accepting.
    pub(super) fn start(parts: Parts) -> Arc<Self> {
        let Parts { endpoint, introduction, book, limits, clock, scope } = parts;
        let state = State {
            core: Core::new(introduction.me, limits.connections_per_peer),
            sessions: BTreeMap::new(),
            dials: BTreeMap::new(),
            kept: BTreeSet::new(),
            rtts: BTreeMap::new(),
            reached: BTreeMap::new(),
        };
        let pool = Arc::new(Self {
            endpoint,
            introduction,
            book,
            events: broadcast::channel(EVENTS).0,
            registry: Registry::default(),
            half_open: HalfOpen::new(limits.half_open),
            limits: Arc::new(limits),
            clock,
            scope,
            known: Mutex::default(),
            state: Mutex::new(state),
            next_session: AtomicU64::new(1),
            standing: watch::channel(0).0,
            stopping: CancellationToken::new(),
        });
        pool.scope.spawn_worker("transport accept", pool.clone().accept());
        pool.scope.spawn_worker("transport moves", pool.clone().follow_moves());
        pool
    }

    /// The bounds.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whom to ask what this node holds of a peer.
    pub(super) fn set_known(&self, known: Arc<dyn Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// Whether idle connections to a peer stay.
    pub(super) fn keep(&self, peer: PeerId, protocol: &'static str, keep: bool) {
        let mut state = self.lock();
        if keep {
            state.kept.insert((peer, protocol))
        } else {
            state.kept.remove(&(peer, protocol))
        };
    }

    /// The peer's process is this one, as it says itself.
    pub(super) fn lives_as(&self, peer: &PeerId, boot: BootId) {
        let state = self.lock();
        state.apply(&state.core.of_other_lives(peer, boot));
    }

    /// How many connections to a peer stand.
    pub(super) fn count(&self, peer: &PeerId) -> usize {
        self.lock().core.count(peer)
    }

    /// What is held now.
    pub(super) fn usage(&self) -> Usage {
        let (handshakes, addresses) = (self.half_open.len(), self.book.len());
        let state = self.lock();
        let halves = state.sessions.values().map(|session| *session.open().borrow()).sum();
        Usage { connections: state.sessions.len(), handshakes, halves, dials: state.dials.len(), addresses }
    }

    /// The least round-trip time of late; takes a sample when one is due.
    pub(super) fn rtt(&self, peer: &PeerId) -> Option<Duration> {
        let now = self.clock.now();
        let state = &mut *self.lock();
        if state.core.count(peer) == 0 {
            return state.rtts.remove(peer)?.least(now);
        }
        let samples = state.rtts.entry(*peer).or_default();
        if samples.due(now) {
            let sessions = state.core.sessions(peer);
            let live = sessions.iter().filter_map(|id| state.sessions.get(id));
            if let Some(sample) = live.filter_map(|session| session.conn.rtt()).min() {
                samples.add(now, sample);
            }
        }
        samples.least(now)
    }

    /// Stops accepting, waits for what was written, closes everything; within the limit.
    pub(super) async fn shutdown(&self) {
        let begun = Instant::now();
        let deadline = begun + self.limits.shutdown;
        self.stopping.cancel();
        self.registry.clear();
        let sessions: Vec<_> = self.lock().sessions.values().cloned().collect();
        let flushed = async {
            for session in &sessions {
                let _ = session.open().wait_for(|open| *open == 0).await;
            }
        };
        let _ = timeout_at(begun + self.limits.shutdown / 2, flushed).await;
        sessions.iter().for_each(|session| session.close(Code::Shutdown));
        // What still stands then belongs to peers that do not answer. It ends with the endpoint.
        let gone = async { drop(self.standing.subscribe().wait_for(|standing| *standing == 0).await) };
        let _ = timeout_at(deadline - self.limits.shutdown / 4, gone).await;
        let _ = timeout_at(deadline, self.endpoint.close(Code::Shutdown.number(), b"")).await;
    }

    /// What this node holds of a peer.
    fn holds_of(&self, peer: &PeerId) -> Option<Version> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.and_then(|known| known.version_of(peer))
    }

    /// Takes a proven connection in, and runs it.
    fn establish(
        self: &Arc<Self>,
        conn: Conn,
        key: Key,
        dialled_by: Side,
        proven: Proven,
    ) -> Result<(), LinkError> {
        let Proven { boot, holds_of_me, send, frames } = proven;
        let id = SessionId(self.next_session.fetch_add(1, Ordering::Relaxed));
        let (session, inbox) = Session::new(id, key, boot, conn, self.limits.clone());
        let mut state = self.lock();
        if self.stopping.is_cancelled() {
            session.close(Code::Shutdown);
            return Err(LinkError::Stopping);
        }
        if dialled_by == Side::Us {
            state.reached.insert(key.0, moves::arrived(&session.conn));
        }
        let effects = state.core.established(key, id, dialled_by, boot, self.clock.now());
        state.sessions.insert(id, session.clone());
        self.standing.send_modify(|standing| *standing += 1);
        gauge(key.1).increment(1.0);
        self.tell(Event::Connected { peer: key.0, boot, protocol: key.1, session: id, holds_of_me });
        state.apply(&effects);
        if let Some(waiting) = state.dials.get(&key) {
            waiting.done(Ok(()));
        }
        drop(state);
        let leave = Leave { pool: self.clone(), session: session.clone(), ended: None };
        let host = self.clone();
        self.scope.spawn("transport session", async move {
            let mut leave = leave;
            leave.ended = Some(task::run(session, host, send, frames, inbox).await);
        });
        Ok(())
    }

    fn ended(&self, session: &Session, reason: Ended) {
        let mut state = self.lock();
        state.core.ended(&session.key, session.id);
        state.sessions.remove(&session.id);
        let (peer, protocol) = session.key;
        if state.core.count(&peer) == 0 {
            state.rtts.remove(&peer);
            state.reached.remove(&peer);
        }
        self.tell(Event::Disconnected { peer, protocol, session: session.id, reason });
        match reason {
            Ended::ByThem(Code::IdentityInUse) => {
                self.refused(Some(peer), Side::Them, Refused::IdentityInUse)
            }
            Ended::ByThem(Code::NotYourNetwork) => {
                self.refused(Some(peer), Side::Them, Refused::NotYourNetwork);
            }
            _ => {}
        }
        self.standing.send_modify(|standing| *standing = standing.saturating_sub(1));
        gauge(protocol).decrement(1.0);
    }

    fn refused(&self, peer: Option<PeerId>, by: Side, reason: Refused) {
        let side = if by == Side::Us { "us" } else { "them" };
        metrics::counter!("mosaik_transport_refused_total", "by" => side, "reason" => reason.code())
            .increment(1);
        tracing::info!(target: "mosaik::transport", ?peer, ?by, "refused: {reason}");
        self.tell(Event::Refused { peer, by, reason });
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&self, effects: &[Effect]) {
        for effect in effects {
            let (Effect::Drain(id, _) | Effect::Probe(id) | Effect::Close(id, _)) = effect;
            let Some(session) = self.sessions.get(id) else { continue };
            match effect {
                Effect::Drain(_, code) => session.note(Note::Drain(*code)),
                Effect::Probe(_) => session.note(Note::Probe),
                Effect::Close(_, code) => session.close(*code),
            }
        }
    }
}

impl task::Host for Pool {
    fn incoming(&self, link: Raw) {
        self.registry.dispatch(link);
    }

    fn draining(&self, session: &Session) {
        self.lock().core.draining(&session.key, session.id);
    }

    fn answered(&self, session: &Session) {
        let mut state = self.lock();
        let effects = state.core.older_lives(&session.key, session.id);
        if !effects.is_empty() {
            state.apply(&effects);
            self.refused(Some(session.peer()), Side::Us, Refused::IdentityInUse);
        }
    }

    fn keeps(&self, session: &Session) -> bool {
        self.lock().kept.contains(&(session.key.0, session.key.1.name))
    }
}

/// The connections of one protocol, for a recorder.
fn gauge(protocol: ProtocolId) -> metrics::Gauge {
    metrics::gauge!("mosaik_transport_connections", "protocol" => protocol.name)
}

/// Takes a session out of the pool however its task ends.
struct Leave {
    pool: Arc<Pool>,
    session: Arc<Session>,
    ended: Option<Ended>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let code = if std::thread::panicking() { Code::Panicked } else { Code::Shutdown };
        let ended = self.ended.unwrap_or_else(|| {
            self.session.close(code);
            Ended::ByUs(code)
        });
        self.pool.ended(&self.session, ended);
    }
}
