//! When an address goes: this node's, or a peer's.
//!
//! A connection that began at an address which is gone is closed at once, instead of falling silent for seconds: the peer is told
//! over a new one, and what ran over the old one resumes. In QUIC only the side that dialled can move a connection; and under load
//! iroh was seen to go on sending a moved one from the address that was gone. The peer, once told, closes what it still has, and
//! both dial anew.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate::{
    primitives::PeerId,
    transport::{
        address::{Address, Place},
        backend::Conn,
        code::Code,
        event::{Event, SessionId},
        session::Session,
    },
};

use super::Pool;

impl Pool {
    /// Watches this node's own addresses until the transport stops.
    pub(super) async fn follow_moves(self: Arc<Self>) {
        let stopping = self.stopping.clone();
        let mut addresses = self.endpoint.addresses();
        let mut before = ips(&addresses.borrow_and_update());
        while let Some(Ok(())) = stopping.run_until_cancelled(addresses.changed()).await {
            let now = ips(&addresses.borrow_and_update());
            let gone: BTreeSet<IpAddr> = before.difference(&now).copied().collect();
            if !gone.is_empty() {
                self.lost_addresses(&gone);
            }
            before = now;
        }
    }

    /// Addresses of this node are gone.
    fn lost_addresses(&self, gone: &BTreeSet<IpAddr>) {
        let sessions = self.of(|state| state.core.all());
        let dead = sessions.into_iter().filter(|session| {
            let began = session.home.is_some_and(|home| gone.contains(&home));
            let ways = session.conn.ways();
            let is_gone = |way: &Option<(Option<IpAddr>, SocketAddr)>| {
                way.is_some_and(|(here, _)| here.is_some_and(|here| gone.contains(&here)))
            };
            began || (!ways.is_empty() && ways.iter().all(is_gone))
        });
        let mut cut = BTreeSet::new();
        for session in dead {
            session.close(Code::Superseded);
            cut.insert(session.peer());
        }
        for peer in cut {
            self.tell(Event::CutOff { peer });
        }
    }

    /// A peer said that it is no longer at these addresses. If this node reached it at one of them all its connections are closed,
    /// also those that it dialled from its new one: as long as one stands, iroh sends to the address that it chose for that peer
    /// once, and a dial to another would never arrive. Where only the peer dialled, it dials again.
    pub(in crate::transport) fn moved(&self, peer: &PeerId, gone: &[Address]) {
        let gone: BTreeSet<_> = gone.iter().filter_map(socket).collect();
        let used = self.lock().reached.get(peer).cloned().unwrap_or_default();
        if used.is_disjoint(&gone) {
            return;
        }
        self.lock().reached.remove(peer);
        let sessions = self.of(|state| state.core.sessions(peer));
        sessions.iter().for_each(|session| session.close(Code::Superseded));
    }

    fn of(&self, which: impl Fn(&super::State) -> Vec<SessionId>) -> Vec<Arc<Session>> {
        let state = self.lock();
        which(&state).iter().filter_map(|id| state.sessions.get(id).cloned()).collect()
    }
}

/// Where a connection that this node dialled arrived.
pub(super) fn arrived(conn: &Conn) -> BTreeSet<SocketAddr> {
    conn.ways().into_iter().flatten().map(|(_, there)| there).collect()
}

fn ips(addresses: &[Address]) -> BTreeSet<IpAddr> {
    addresses.iter().filter_map(socket).map(|socket| socket.ip()).collect()
}

fn socket(address: &Address) -> Option<SocketAddr> {
    match address.place {
        Place::Ip(socket) => Some(socket),
        Place::Relay(_) | Place::Sim(_) => None,
    }
}
