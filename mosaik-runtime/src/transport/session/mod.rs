//! One proven connection, as its links and the pool share it.

pub(super) mod task;

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::mpsc, time::timeout};

use crate::primitives::{BootId, PeerId, watch};

use super::{
    backend::{Conn, ConnLost, RecvHalf, SendHalf},
    code::Code,
    config::Limits,
    error::LinkError,
    event::SessionId,
    pool::core::Key,
};

/// Notes that may wait for the session's task …
const NOTES: usize = 1024;

/// … of which so many are kept for the pool. Without room, a finished stream is not waited for at shutdown.
const FOR_THE_POOL: usize = 16;

/// One proven connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) key: Key,
    pub(super) boot: BootId,
    pub(super) conn: Conn,
    pub(super) limits: Arc<Limits>,
    /// This side's address when the connection was made, where the system tells it and no relay is between.
    pub(super) home: Option<IpAddr>,
    /// Links that this side opened in all; counted under the pool's lock.
    opened: AtomicU64,
    /// Links that are open on this side, or finished and not yet delivered.
    open: watch::Sender<usize>,
    notes: mpsc::Sender<Note>,
    closed_with: OnceLock<Code>,
}

/// What a session's task is told.
pub(super) enum Note {
    /// End the connection without losing a link.
    Drain(Code),
    /// Ask whether the peer's process lives.
    Probe,
    /// A finished stream whose bytes are on their way.
    Delivering(BoxFuture<'static, Result<Option<u32>, ConnLost>>, Lease),
}

/// A link's share in its session: while one exists, the connection is in use.
#[derive(Debug)]
pub(super) struct Lease(Arc<Session>);

/// A stream before it is given a type.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) send: SendHalf,
    pub(super) recv: RecvHalf,
    pub(super) lease: Lease,
}

impl Session {
    /// A session, and the notes for its task.
    pub(super) fn new(
        id: SessionId,
        key: Key,
        boot: BootId,
        conn: Conn,
        limits: Arc<Limits>,
    ) -> (Arc<Self>, mpsc::Receiver<Note>) {
        let (notes, inbox) = mpsc::channel(NOTES);
        let (opened, open, closed_with) = (AtomicU64::new(0), watch::channel(0).0, OnceLock::new());
        let home = conn.ways().into_iter().flatten().find_map(|(here, _)| here);
        (Arc::new(Self { id, key, boot, conn, limits, home, opened, open, notes, closed_with }), inbox)
    }

    /// How long the connection stays when it has no links.
    pub(super) fn linger(&self) -> Duration {
        self.key.1.linger.min(self.limits.idle)
    }

    /// The other side.
    pub(super) fn peer(&self) -> PeerId {
        self.key.0
    }

    /// A share for a link that this side opens. Call it under the pool's lock, while the session is the live one.
    pub(super) fn opening(self: &Arc<Self>) -> Lease {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.lease()
    }

    /// A share for a link that the peer opened.
    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        self.open.send_modify(|open| *open += 1);
        Lease(self.clone())
    }

    /// How many links this side opened in all.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// How many links are open, as it changes.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Tells the task something. A task that does not even take the pool's notes is closed.
    pub(super) fn note(&self, note: Note) {
        let optional = matches!(note, Note::Delivering(..));
        if optional && self.notes.capacity() <= FOR_THE_POOL {
            return;
        }
        if self.notes.try_send(note).is_err() && !optional {
            self.close(Code::Superseded);
        }
    }

    /// Closes the connection with a code; the first code counts.
    pub(super) fn close(&self, code: Code) {
        let _ = self.closed_with.set(code);
        self.conn.close(code.number(), b"");
    }

    /// The code that this side closed with.
    pub(super) fn closed_with(&self) -> Option<Code> {
        self.closed_with.get().copied()
    }

    /// An error with this side's own reason in it.
    pub(super) fn explain(&self, error: LinkError) -> LinkError {
        match (error, self.closed_with()) {
            (LinkError::ClosedHere(_) | LinkError::Lost, Some(Code::Shutdown)) => LinkError::Stopping,
            (LinkError::ClosedHere(_) | LinkError::Lost, Some(code)) => LinkError::ClosedHere(code),
            (error, _) => error,
        }
    }
}

impl Lease {
    /// The session.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// Opens the stream that this share is for.
    pub(super) async fn open(self) -> Result<Raw, LinkError> {
        let within = self.0.limits.open;
        let streams = timeout(within, self.0.conn.open_bi()).await;
        match streams.map_err(|_| LinkError::Deadline { step: "opening a stream", within })? {
            Ok((send, recv)) => Ok(Raw { send, recv, lease: self }),
            Err(lost) => Err(self.0.explain(lost.into())),
        }
    }

    /// A second share for the same link.
    pub(super) fn again(&self) -> Self {
        self.0.lease()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}

impl Raw {
    /// Turns the stream away.
    pub(super) fn refuse(mut self, code: Code) {
        let reason = if code == Code::Busy { "busy" } else { "unknown_protocol" };
        metrics::counter!("mosaik_transport_links_refused_total", "reason" => reason).increment(1);
        self.send.reset(code.number());
        self.recv.stop(code.number());
    }
}
