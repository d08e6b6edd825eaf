//! One end of a connection, as its node holds it.
//!
//! Clones are one handle; streams hold it too. When the last is dropped the connection is closed with code 0, as QUIC's is.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::{
    net::Net,
    session::{Side, StreamKey},
    stream::{RecvHalf, SendHalf},
    wait::{Look, until},
};
use crate::{primitives::PeerId, transport::backend::ConnLost};

/// One end of a connection.
#[derive(Clone)]
pub struct Conn(pub(super) Arc<Handle>);

/// What the clones of a [`Conn`] and its streams share.
pub(super) struct Handle {
    pub(super) net: Net,
    pub(super) session: u64,
    pub(super) side: Side,
    remote: PeerId,
    alpn: Arc<[u8]>,
    /// Told when the connection is made or lost.
    pub(super) wake: Arc<Notify>,
    /// Told when this end may open or accept a stream.
    streams: Arc<Notify>,
}

impl Conn {
    /// The handle of one end; `None` when the connection is forgotten.
    pub(super) fn of(net: &Net, session: u64, side: Side) -> Option<Self> {
        let mut fabric = net.0.lock();
        let state = fabric.sessions.get_mut(&session)?;
        state.ends[side].handles += 1;
        let (remote, alpn) = (state.ends[1 - side].peer, state.alpn.clone());
        let (wake, streams) = (state.wake.clone(), state.ends[side].wake.clone());
        Some(Self(Arc::new(Handle { net: net.clone(), session, side, remote, alpn, wake, streams })))
    }

    /// Who is at the other end.
    pub fn remote(&self) -> PeerId {
        self.0.remote
    }

    /// The protocol of this connection.
    pub fn alpn(&self) -> &[u8] {
        &self.0.alpn
    }

    /// The number of this connection on its network, equal on both ends and in the trace.
    pub fn number(&self) -> u64 {
        self.0.session
    }

    /// Opens a stream, when the other side grants one. The other side sees it with its first frame.
    pub async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        let Handle { net, session, side, streams, .. } = &*self.0;
        let opened = until(&net.0, streams, |fabric, now| {
            let again = match fabric.settle(*session, *side, now) {
                Ok(again) => again,
                Err(lost) => return Look::Done(Err(lost)),
            };
            let Some(state) = fabric.sessions.get_mut(session) else {
                return Look::Done(Err(ConnLost::Locally));
            };
            if state.ends[*side].open_now >= state.ends[1 - *side].limits.streams {
                return Look::Again(again);
            }
            let key = (*side, state.ends[*side].opened);
            state.ends[*side].opened += 1;
            state.ends[*side].open_now += 1;
            Look::Done(Ok((key, state.open(key, *side))))
        });
        let (key, ends) = opened.await?;
        Ok(self.halves(key, ends))
    }

    /// The next stream that the other side opened.
    pub async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        let Handle { net, session, side, streams, .. } = &*self.0;
        let accepted = until(&net.0, streams, |fabric, now| {
            let lost = fabric.settle(*session, *side, now);
            let Some(state) = fabric.sessions.get_mut(session) else {
                return Look::Done(Err(ConnLost::Locally));
            };
            let next = state.next_incoming(*side);
            match (next, lost) {
                (_, Err(lost)) => Look::Done(Err(lost)),
                (Some((number, at)), Ok(_)) if at <= now => {
                    let key = (1 - *side, number);
                    state.ends[*side].accepted += 1;
                    let Some(stream) = state.streams.get(&key) else { return Look::Again(Some(now)) };
                    Look::Done(Ok((key, stream.notifies(*side))))
                }
                (next, Ok(again)) => {
                    Look::Again([next.map(|next| next.1), again].into_iter().flatten().min())
                }
            }
        });
        let (key, ends) = accepted.await?;
        Ok(self.halves(key, ends))
    }

    fn halves(&self, key: StreamKey, (writer, reader): (Arc<Notify>, Arc<Notify>)) -> (SendHalf, RecvHalf) {
        (SendHalf::new(self.clone(), key, writer), RecvHalf::new(self.clone(), key, reader))
    }

    /// Closes the connection. The other side gets code and reason, unless the direction is cut; what it has not received by then
    /// is gone.
    pub fn close(&self, code: u32, reason: &[u8]) {
        let now = Instant::now();
        let reason = Bytes::copy_from_slice(reason);
        self.0.net.0.lock().close(self.0.session, self.0.side, now, code, reason);
    }

    /// Waits until the connection is lost, and says how.
    pub async fn closed(&self) -> ConnLost {
        let Handle { net, session, side, wake, .. } = &*self.0;
        until(&net.0, wake, |fabric, now| match fabric.settle(*session, *side, now) {
            Ok(again) => Look::Again(again),
            Err(lost) => Look::Done(lost),
        })
        .await
    }

    /// Key material that both ends of this connection derive, and nobody else.
    pub fn export(&self, label: &[u8], context: &[u8]) -> Option<[u8; 32]> {
        let key = self.0.net.0.lock().sessions.get(&self.0.session).map(|session| session.key)?;
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&(label.len() as u64).to_le_bytes()).update(label).update(context);
        Some(*hasher.finalize().as_bytes())
    }

    /// Strangers get as much as members here: the fabric has no windows of connections.
    pub fn trust(&self, _limits: &crate::transport::Limits) {}

    /// The travel time of the last frames of both directions, without losses.
    pub fn rtt(&self) -> Option<Duration> {
        let mut fabric = self.0.net.0.lock();
        let (me, remote) = fabric.peers(self.0.session, self.0.side)?;
        Some(fabric.link(me, remote).latency() + fabric.link(remote, me).latency())
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({} to {})", self.0.session, self.0.remote.short())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.net.0.lock().drop_handle(self.session, self.side, Instant::now());
    }
}
