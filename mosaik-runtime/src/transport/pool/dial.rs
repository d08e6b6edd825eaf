//! Links that this side opens, and the dials that they wait for: one per peer and protocol at a time.

use std::sync::Arc;

use tokio::time::timeout;

use crate::{
    primitives::watch,
    transport::{
        backend::ConnectFailure,
        code::Code,
        error::LinkError,
        event::{Refused, Side},
        hello::exchange::{self, Unproven},
        session::{Lease, Raw},
    },
};

use super::{Pool, core::Key};

/// How often a link is tried again when its connection ended just before.
const TRIES: usize = 4;

type Outcome = Option<Result<(), LinkError>>;

/// A dial under way, as those who wait for it share it.
pub(super) struct Waiting(watch::Sender<Outcome>);

impl Waiting {
    /// Wakes those who wait now. Call it under the pool's lock, as they subscribe under it: none misses it.
    pub(super) fn done(&self, outcome: Result<(), LinkError>) {
        self.0.send_replace(Some(outcome));
    }
}

/// How to come to a link.
enum Way {
    Open(Lease),
    Wait(watch::Receiver<Outcome>),
}

impl Pool {
    /// A new stream on the live connection; dials when there is none.
    pub(in crate::transport) async fn link(self: &Arc<Self>, key: Key) -> Result<Raw, LinkError> {
        if key.0 == self.introduction.me {
            return Err(LinkError::Myself);
        }
        let mut failed = LinkError::Lost;
        for _ in 0..TRIES {
            match self.way(key)? {
                Way::Open(lease) => {
                    let session = lease.session().clone();
                    match lease.open().await {
                        Ok(link) => return Ok(link),
                        Err(error @ (LinkError::Closed(_) | LinkError::ClosedHere(_) | LinkError::Lost)) => {
                            self.lock().core.draining(&session.key, session.id);
                            failed = error;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Way::Wait(mut outcome) => {
                    let woken = outcome.changed().await.ok();
                    let outcome = woken.and_then(|()| outcome.borrow_and_update().clone());
                    let broke_off =
                        || LinkError::Unreachable { peer: key.0, why: "the dial broke off".to_owned() };
                    match outcome.unwrap_or_else(|| Err(broke_off())) {
                        Err(error) if self.lock().core.live(&key).is_none() => return Err(error),
                        Ok(()) | Err(_) => {}
                    }
                }
            }
        }
        Err(failed)
    }

    fn way(self: &Arc<Self>, key: Key) -> Result<Way, LinkError> {
        if self.stopping.is_cancelled() {
            return Err(LinkError::Stopping);
        }
        let mut state = self.lock();
        let live = state.core.live(&key).and_then(|id| state.sessions.get(&id));
        if let Some(session) = live {
            return Ok(Way::Open(session.opening()));
        }
        if let Some(waiting) = state.dials.get(&key) {
            return Ok(Way::Wait(waiting.0.subscribe()));
        }
        let (done, outcome) = watch::channel(None);
        state.dials.insert(key, Waiting(done));
        drop(state);
        let dialling = Dialling { pool: self.clone(), key, finished: false };
        self.scope.spawn("transport dial", async move {
            let outcome = dialling.pool.dial(key).await;
            dialling.finish(outcome);
        });
        Ok(Way::Wait(outcome))
    }

    async fn dial(self: &Arc<Self>, key: Key) -> Result<(), LinkError> {
        let (peer, protocol) = key;
        let addresses = self.book.dialable(&peer)?;
        let within = self.limits.dial;
        let alpn = protocol.alpn();
        let connected = timeout(within, self.endpoint.connect(peer, &addresses, &alpn)).await;
        let unreachable = |why: String| LinkError::Unreachable { peer, why };
        let conn = match connected {
            Ok(Ok(conn)) => conn,
            Ok(Err(ConnectFailure::Unreachable(why))) => return Err(unreachable(why)),
            Ok(Err(ConnectFailure::UnknownProtocol)) => {
                return Err(LinkError::UnknownProtocol { peer, protocol });
            }
            Ok(Err(ConnectFailure::Closed(code))) => {
                return Err(self.refused_by(key, Code::from_number(code)));
            }
            Ok(Err(ConnectFailure::Locally)) => return Err(LinkError::Stopping),
            Err(_) => return Err(unreachable(format!("no answer within {within:?}"))),
        };
        let within = self.limits.handshake;
        let hello = exchange::dial(&conn, &self.introduction, self.holds_of(&peer), &self.limits);
        match timeout(within, hello).await {
            Ok(Ok(proven)) => self.establish(conn, key, Side::Us, proven),
            Ok(Err(Unproven::Us(code, reason))) => {
                conn.close(code.number(), b"");
                self.refused(Some(peer), Side::Us, reason.clone());
                Err(match code {
                    Code::NotYourNetwork => LinkError::NotYourNetwork { peer },
                    _ => LinkError::Malformed(reason.to_string()),
                })
            }
            Ok(Err(Unproven::Them(code))) => Err(self.refused_by(key, code)),
            Ok(Err(Unproven::Broken(error))) => Err(error),
            Err(_) => {
                conn.close(Code::Deadline.number(), b"");
                self.refused(Some(peer), Side::Us, Refused::Deadline);
                Err(LinkError::Deadline { step: "the peer's hello", within })
            }
        }
    }

    fn refused_by(&self, (peer, protocol): Key, code: Code) -> LinkError {
        let (reason, error) = match code {
            Code::NotYourNetwork => (Refused::NotYourNetwork, LinkError::NotYourNetwork { peer }),
            Code::UnknownProtocol => return LinkError::UnknownProtocol { peer, protocol },
            Code::IdentityInUse => (Refused::IdentityInUse, LinkError::Closed(code)),
            code => (Refused::Other(code), LinkError::Closed(code)),
        };
        self.refused(Some(peer), Side::Them, reason);
        error
    }
}

/// A dial's entry in the pool; taken out once, however the dial ends.
struct Dialling {
    pool: Arc<Pool>,
    key: Key,
    finished: bool,
}

impl Dialling {
    fn finish(mut self, outcome: Result<(), LinkError>) {
        self.finished = true;
        let mut state = self.pool.lock();
        if let Some(waiting) = state.dials.remove(&self.key) {
            waiting.done(outcome);
        }
    }
}

impl Drop for Dialling {
    fn drop(&mut self) {
        if !self.finished {
            self.pool.lock().dials.remove(&self.key);
        }
    }
}
