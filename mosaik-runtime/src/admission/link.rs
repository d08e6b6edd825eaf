//! What an admission gives: a link, and the lease under which it may be used.

use super::Refusal;
use crate::{
    primitives::{Fingerprint, PeerId, watch},
    transport::{Link, LinkReceiver, LinkSender, Protocol, SessionId},
};

/// A link to a peer that was admitted. Only this module can make one.
#[derive(Debug)]
pub struct Admitted<P: Protocol> {
    link: Link<P>,
    schema: Fingerprint,
    lease: Lease,
}

impl<P: Protocol> Admitted<P> {
    pub(super) fn new(link: Link<P>, schema: Fingerprint, lease: Lease) -> Self {
        Self { link, schema, lease }
    }

    /// The peer, as TLS proved it.
    pub fn peer(&self) -> PeerId {
        self.link.peer()
    }

    /// The connection that carries this link.
    pub fn session(&self) -> SessionId {
        self.link.session()
    }

    /// The schema that both sides speak on this link.
    pub fn fingerprint(&self) -> Fingerprint {
        self.schema
    }

    /// The halves of the link, and the lease to watch while they are used.
    pub fn into_parts(self) -> (LinkSender<P>, LinkReceiver<P>, Lease) {
        let (sender, receiver) = self.link.split();
        (sender, receiver, self.lease)
    }
}

/// For how long an admission stands: until it is revoked.
#[derive(Debug, Clone)]
pub struct Lease {
    /// `None` when the policy is `anyone`, which nothing can revoke.
    state: Option<watch::Receiver<Option<Refusal>>>,
}

impl Lease {
    /// A lease that nothing revokes.
    pub(super) fn for_ever() -> Self {
        Self { state: None }
    }

    /// A lease, and the end that revokes it.
    pub(super) fn revocable() -> (watch::Sender<Option<Refusal>>, Self) {
        let (revoke, state) = watch::channel(None);
        (revoke, Self { state: Some(state) })
    }

    /// Why the lease was revoked; `None` while it stands.
    pub fn refusal(&self) -> Option<Refusal> {
        self.state.as_ref().and_then(|state| state.borrow().clone())
    }

    /// Waits until the lease is revoked. Cancel-safe; a revocation before the call counts.
    pub async fn revoked(&self) -> Refusal {
        let Some(state) = &self.state else { return std::future::pending().await };
        match state.clone().wait_for(Option::is_some).await {
            Ok(refusal) => refusal.clone().unwrap_or(Refusal::Stopping),
            // Its keeper ended without a word: the node is stopping.
            Err(_) => Refusal::Stopping,
        }
    }
}
