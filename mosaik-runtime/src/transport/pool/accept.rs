//! Connections that others begin. Each has a task and a deadline of its own; nobody waits for another.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::transport::{
    backend::{Conn, Incoming},
    code::Code,
    event::{Refused, Side},
    hello::exchange::{self, Proven, Unproven},
    protocol::ProtocolId,
};

use super::{Pool, half_open::Ticket};

impl Pool {
    /// Takes connections until the transport stops.
    pub(super) async fn accept(self: Arc<Self>) {
        let stopping = self.stopping.clone();
        stopping.run_until_cancelled(self.registry.begun()).await;
        while let Some(Some(incoming)) = stopping.run_until_cancelled(self.endpoint.accept()).await {
            if *self.standing.borrow() >= self.limits.connections {
                incoming.refuse();
                self.refused(None, Side::Us, Refused::Busy("connections"));
                continue;
            }
            let ticket = self.half_open.enter();
            self.scope.spawn("transport handshake", self.clone().receive(incoming, ticket));
        }
        if !stopping.is_cancelled() {
            self.scope.worker_died("transport accept", "the endpoint closed by itself");
        }
    }

    async fn receive(self: Arc<Self>, incoming: Incoming, ticket: Ticket) {
        let deadline = Instant::now() + self.limits.handshake;
        let finished = tokio::select! {
            biased;
            () = ticket.evicted() => return self.refused(None, Side::Us, Refused::Busy("handshakes")),
            finished = timeout_at(deadline, incoming.finish()) => finished,
        };
        let (conn, alpn) = match finished {
            Ok(Ok(finished)) => finished,
            Ok(Err(why)) => return self.refused(None, Side::Us, Refused::Handshake(why)),
            Err(_) => return self.refused(None, Side::Us, Refused::Deadline),
        };
        let peer = conn.remote();
        let greeted = tokio::select! {
            biased;
            () = ticket.evicted() => Err((Code::Busy, Refused::Busy("handshakes"))),
            greeted = timeout_at(deadline, self.greet(&conn, &alpn)) => {
                greeted.unwrap_or(Err((Code::Deadline, Refused::Deadline)))
            }
        };
        match greeted {
            Ok((protocol, proven)) => {
                let _ = self.establish(conn, (peer, protocol), Side::Them, proven);
            }
            Err((code, Refused::Other(_))) => self.refused(Some(peer), Side::Them, Refused::Other(code)),
            Err((code, reason)) => {
                conn.close(code.number(), b"");
                self.refused(Some(peer), Side::Us, reason);
            }
        }
    }

    async fn greet(&self, conn: &Conn, alpn: &[u8]) -> Result<(ProtocolId, Proven), (Code, Refused)> {
        let peer = conn.remote();
        if peer == self.introduction.me {
            return Err((Code::IdentityInUse, Refused::IdentityInUse));
        }
        let protocol = self.registry.protocol(alpn);
        let protocol = protocol.ok_or((Code::UnknownProtocol, Refused::Other(Code::UnknownProtocol)))?;
        match exchange::accept(conn, &self.introduction, self.holds_of(&peer), &self.limits).await {
            Ok(proven) => Ok((protocol, proven)),
            Err(Unproven::Us(code, reason)) => Err((code, reason)),
            Err(Unproven::Them(Code::NotYourNetwork)) => Err((Code::NotYourNetwork, Refused::NotYourNetwork)),
            Err(Unproven::Them(code)) => Err((code, Refused::Other(code))),
            Err(Unproven::Broken(error)) => Err((Code::Malformed, Refused::Handshake(error.to_string()))),
        }
    }
}
