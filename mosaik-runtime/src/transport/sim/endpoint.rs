//! Ports and the endpoints that are bound to them: dialling and accepting.
//!
//! A dial is driven by the future of the one who dials. It asks again when nobody answers, and gives up after ten seconds.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    conn::Conn,
    dial::Dial,
    net::Net,
    session::Grants,
    trace::Class,
    wait::{Look, until},
};
use crate::{
    primitives::{PeerId, watch},
    transport::{
        address::Address,
        backend::{ConnLost, ConnectFailure, Options},
        error::BindError,
    },
};

/// A dial that nobody answers fails after this.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A place on a simulated network, for one endpoint.
#[derive(Debug)]
pub struct Port {
    pub(super) net: Net,
    pub(super) number: u64,
    pub(super) peer: PeerId,
    pub(super) address: u32,
}

impl Port {
    /// Whose place it is.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Where others find it.
    pub fn address(&self) -> Address {
        Address::sim(self.address)
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.net
    }
}

/// One node's endpoint.
pub struct Endpoint {
    port: Port,
    addresses: watch::Sender<Vec<Address>>,
    wake: Arc<Notify>,
}

impl Endpoint {
    /// Binds an endpoint to its port. The key must be that of the port's peer.
    pub async fn open(port: Port, options: Options) -> Result<Self, BindError> {
        let mut fabric = port.net.0.lock();
        let Some(state) =
            fabric.ports.get_mut(&port.number).filter(|state| !state.dead && state.grants.is_none())
        else {
            return Err(BindError::SimPortTaken { port: port.address });
        };
        if options.key.peer_id() != port.peer {
            let (key, owner) = (options.key.peer_id().short(), port.peer.short());
            return Err(BindError::Backend(format!(
                "the simulated port belongs to {owner}, and the key to {key}"
            )));
        }
        let limits = &options.limits;
        state.grants = Some(Grants {
            lost_after: limits.lost_after,
            streams: limits.links_per_connection as usize,
            window: limits.stream_window as usize,
        });
        let wake = state.wake.clone();
        fabric.record(Instant::now(), Class::Start, (port.peer, port.peer), (0, port.number));
        drop(fabric);
        port.net.0.changed.notify_waiters();
        let addresses = watch::Sender::new(vec![port.address()]);
        Ok(Self { port, addresses, wake })
    }

    /// Dials `peer` at its simulated addresses.
    pub async fn connect(&self, peer: PeerId, at: &[Address], alpn: &[u8]) -> Result<Conn, ConnectFailure> {
        let deadline = Instant::now() + DIAL_TIMEOUT;
        let dial = Dial::new(&self.port, peer, at, alpn)?;
        let answer = timeout_at(deadline, dial.run()).await;
        answer.unwrap_or_else(|_| Err(ConnectFailure::Unreachable("nobody answered in time".to_owned())))
    }

    /// The next incoming connection; `None` once the endpoint is closed.
    pub async fn accept(&self) -> Option<Incoming> {
        let Port { net, number, .. } = &self.port;
        let session = until(&net.0, &self.wake, |fabric, _| {
            let Some(port) = fabric.ports.get_mut(number).filter(|port| !port.dead) else {
                return Look::Done(None);
            };
            port.incoming.pop_front().map_or(Look::Again(None), |session| Look::Done(Some(session)))
        });
        let session = session.await?;
        Some(Incoming { conn: Conn::of(net, session, 1) })
    }

    /// Where others find this endpoint.
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        self.addresses.subscribe()
    }

    /// Replaces the protocols that it answers to.
    pub fn set_alpns(&self, alpns: Vec<Vec<u8>>) {
        if let Some(state) = self.port.net.0.lock().ports.get_mut(&self.port.number) {
            state.alpns = alpns;
        }
    }

    /// Closes all connections and the endpoint, and waits until the word is out.
    pub async fn close(&self, code: u32, reason: &[u8]) {
        let spread = self.shut(code, reason);
        sleep_until(spread).await;
    }

    /// Closes all connections and the endpoint; returns when all others know.
    fn shut(&self, code: u32, reason: &[u8]) -> Instant {
        let (now, number) = (Instant::now(), self.port.number);
        let mut fabric = self.port.net.0.lock();
        let Some(state) = fabric.ports.get_mut(&number).filter(|state| !state.dead) else { return now };
        state.dead = true;
        state.incoming.clear();
        state.wake.notify_waiters();
        let own = fabric.sessions.iter().flat_map(|(id, session)| {
            (0..2).filter(|side| session.ends[*side].port == number).map(|side| (*id, side))
        });
        let own: Vec<_> = own.collect();
        let mut spread = now;
        for (session, side) in own {
            fabric.close(session, side, now, code, Bytes::copy_from_slice(reason));
            let closing =
                fabric.sessions.get(&session).and_then(|session| session.ends[1 - side].closing.as_ref());
            spread = closing.map_or(spread, |closing| spread.max(closing.0));
        }
        drop(fabric);
        self.port.net.0.changed.notify_waiters();
        spread
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shut(0, b"");
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.port).finish()
    }
}

/// A connection that somebody begins. Dropping it refuses it.
#[derive(Debug)]
pub struct Incoming {
    conn: Option<Conn>,
}

impl Incoming {
    /// Waits for the dialler's last word: the connection, and the protocol that it is for.
    pub async fn finish(self) -> Result<(Conn, Vec<u8>), String> {
        let gone = || "the dialler is gone".to_owned();
        let conn = self.conn.ok_or_else(gone)?;
        let handle = &*conn.0;
        let made = until(&handle.net.0, &handle.wake, |fabric, now| {
            let again = match fabric.settle(handle.session, handle.side, now) {
                Ok(again) => again,
                Err(lost) => return Look::Done(Err(lost)),
            };
            let Some(session) = fabric.sessions.get(&handle.session) else {
                return Look::Done(Err(ConnLost::Locally));
            };
            match session.established {
                Some(at) if at <= now => Look::Done(Ok(())),
                at => Look::Again(super::wait::earlier(again, at)),
            }
        });
        let made = timeout_at(Instant::now() + DIAL_TIMEOUT, made).await;
        match made {
            Ok(Ok(())) => {
                let alpn = conn.alpn().to_vec();
                Ok((conn, alpn))
            }
            Ok(Err(lost)) => Err(format!("the dialler is gone: {lost:?}")),
            Err(_) => Err(gone()),
        }
    }

    /// Turns it away.
    pub fn refuse(self) {
        drop(self);
    }
}
