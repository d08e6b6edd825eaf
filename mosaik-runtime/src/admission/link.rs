//! What an admission gives: a link, and the lease under which it may be used.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Refusal, Tickets};
use crate::{
    primitives::{Fingerprint, PeerId, watch},
    tickets::Expiry,
    transport::{Guard, Link, LinkReceiver, LinkSender, Protocol, SessionId},
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
    state: Option<(watch::Receiver<Reviewed>, Tickets)>,
}

/// What the last review of an admission found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stands {
    /// When the first proof ends that it stands on, if any does.
    pub(super) ends: Option<Expiry>,
}

/// That it stands, or why not.
pub(super) type Reviewed = Result<Stands, Refusal>;

impl Lease {
    /// A lease that nothing revokes.
    pub(super) fn for_ever() -> Self {
        Self { state: None }
    }

    /// A lease, and the end that revokes it.
    pub(super) fn revocable(tickets: Tickets) -> (watch::Sender<Reviewed>, Self) {
        let (reviewed, state) = watch::channel(Ok(Stands::default()));
        (reviewed, Self { state: Some((state, tickets)) })
    }

    /// Why the lease was revoked; `None` while it stands.
    pub fn refusal(&self) -> Option<Refusal> {
        self.state.as_ref().and_then(|(state, _)| state.borrow().clone().err())
    }

    /// Returns at once, unless a proof has ended since the last review: then when it was reviewed again, and never if it is revoked. What
    /// comes over a link, and what leaves, waits for this: a process that wakes from a pause reads what arrived meanwhile before it has
    /// reviewed anything. Cancel-safe.
    pub async fn sound(&self) {
        if !self.stands().await {
            std::future::pending().await
        }
    }

    /// As [`sound`](Self::sound), and false at once if it is revoked.
    async fn stands(&self) -> bool {
        let Some((state, tickets)) = &self.state else { return true };
        if Self::holds(&state.borrow(), tickets) {
            return true;
        }
        let mut state = state.clone();
        let known = state.wait_for(|reviewed| reviewed.is_err() || Self::holds(reviewed, tickets)).await;
        known.is_ok_and(|reviewed| reviewed.is_ok())
    }

    /// What holds the frames of a link back until they may pass under this lease; `None` where all may.
    pub fn guard(&self) -> Option<Arc<dyn Guard>> {
        self.state.is_some().then(|| Arc::new(self.clone()) as Arc<dyn Guard>)
    }

    fn holds(reviewed: &Reviewed, tickets: &Tickets) -> bool {
        match reviewed {
            Ok(Stands { ends: None }) => true,
            Ok(Stands { ends: Some(end) }) => {
                let (wall, mono) = tickets.now();
                !end.passed(wall, mono)
            }
            Err(_) => false,
        }
    }

    /// Waits until the lease is revoked. Cancel-safe; a revocation before the call counts.
    pub async fn revoked(&self) -> Refusal {
        let Some((state, _)) = &self.state else { return std::future::pending().await };
        match state.clone().wait_for(Result::is_err).await {
            Ok(reviewed) => reviewed.clone().err().unwrap_or(Refusal::Stopping),
            // Its keeper ended without a word: the node is stopping.
            Err(_) => Refusal::Stopping,
        }
    }
}

impl Guard for Lease {
    fn is_sound(&self) -> bool {
        self.state.as_ref().is_none_or(|(state, tickets)| Self::holds(&state.borrow(), tickets))
    }

    fn sound(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.stands())
    }
}
