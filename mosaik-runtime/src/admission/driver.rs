//! Asks, answers, and keeps leases under review: the only async part of admission.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::broadcast,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout_at},
};

use super::{
    Admitted, Ask, Gate, Item, Lease, Refusal,
    core::{Keeper, agree, explain, judge},
    link::{Reviewed, Stands},
    proofs::{Basis, Now, Standing, Tickets},
    wire::{AnswerFrame, AskFrame, AskV1, pack, unpack},
};
use crate::{
    discovery::{Catalog, Discovery},
    primitives::{
        BootId, Fingerprint, NodeRng, PeerId, PeerRole, PeerView, Policy, Scope, Version,
        canary::{self, Canary},
        codec, watch,
    },
    transport::{Code, Link, LinkError, Protocol, Transport},
};

/// How long one step of the handshake may take.
const STEP: Duration = Duration::from_secs(5);
/// How long to wait for a peer's entry or first round trip when a policy asks for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long proofs may take to arrive and to be checked. With the other waits it stays within one step of the asker's.
const PROVING: Duration = Duration::from_millis(2500);
/// The same at each look while a link stands. What takes longer is there at a later look; what is known already counts after this
/// time at the latest, so that nobody holds up the end of a link by not answering.
const RENEWING: Duration = Duration::from_millis(250);
/// After so long a wait what was found first is looked at again.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How often round trips are looked at while a policy asks for them, and proofs: often enough that a link ends within a second of what
/// ends it, files being looked at ten times a second.
const SAMPLE: Duration = Duration::from_millis(900);
/// Events that a slow reader may lag behind before it loses the oldest.
const EVENTS: usize = 256;

/// Admits peers, and is admitted by them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    transport: Transport,
    discovery: Discovery,
    tickets: Tickets,
    scope: Scope,
    events: broadcast::Sender<AdmissionEvent>,
}

/// Which side decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This node.
    Us,
    /// The peer.
    Them,
}

/// What happened at the gates of this node, and to it at others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionEvent {
    /// A link was admitted.
    Admitted {
        /// The peer.
        peer: PeerId,
        /// The item.
        item: Item,
        /// What the asker is.
        role: PeerRole,
    },
    /// A link was refused.
    Refused {
        /// The peer.
        peer: PeerId,
        /// The item.
        item: Item,
        /// What the asker wanted to be.
        role: PeerRole,
        /// Who refused.
        by: Side,
        /// Why.
        refusal: Refusal,
    },
    /// This node took an admission back.
    Revoked {
        /// The peer.
        peer: PeerId,
        /// The item.
        item: Item,
        /// Why.
        refusal: Refusal,
    },
}

/// Asking did not end in an admission.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No link, or it broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The peer refused.
    #[error("the peer refused: {0}")]
    Refused(Refusal),
    /// This side's own policy does not let the peer take its role.
    #[error("the peer is not wanted here: {0}")]
    NotWanted(Refusal),
    /// The peer's answer is not an answer to what was asked.
    #[error("the peer answered out of turn: one of the two is broken or older")]
    OutOfTurn,
}

/// A question did not end in an admission.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The link broke before the question was answered.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// This side refused.
    #[error("refused: {0}")]
    Refused(Refusal),
}

impl Admission {
    /// The admission of one node of the network with this name; its tasks live in `scope`.
    pub fn new(
        network: &str,
        transport: Transport,
        discovery: Discovery,
        rng: &NodeRng,
        scope: Scope,
    ) -> Self {
        // Of a copy, so that what the other parts of a node get does not depend on it.
        let rng = rng.clone().split("admission");
        let events = broadcast::channel(EVENTS).0;
        let tickets = Tickets::new(network, transport.clone(), discovery.clone(), rng, scope.clone());
        Self(Arc::new(Inner { transport, discovery, tickets, scope, events }))
    }

    /// What this node shows of itself, and who decides about what others show.
    pub fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }

    /// Everything that is admitted, refused and revoked from now on.
    pub fn events(&self) -> broadcast::Receiver<AdmissionEvent> {
        self.0.events.subscribe()
    }

    /// Opens a link to `peer` for one role on one item. `policy` says which peers may be on the other end.
    pub async fn ask<P: Protocol>(
        &self,
        peer: PeerId,
        ask: Ask,
        policy: Policy,
    ) -> Result<Admitted<P>, AskError> {
        let role = ask.role;
        let refused = |by, refusal: &Refusal| {
            let (item, refusal) = (ask.item.clone(), refusal.clone());
            self.tell(AdmissionEvent::Refused { peer, item, role, by, refusal });
        };
        if let Err(refusal) = self.judge_patiently(&policy, &peer).await {
            refused(Side::Us, &refusal);
            return Err(AskError::NotWanted(refusal));
        }
        let mut link = self.0.transport.link::<P>(peer).await?;
        link.send(&question(&ask)).await?;
        match link.recv::<AnswerFrame>(STEP).await? {
            Some(AnswerFrame::Admitted { schema, .. }) if ask.schemas.contains(&schema) => {
                // A proof may have ended while the peer made up its mind.
                if policy.needs_proofs()
                    && let Err(refusal) = self.judge_patiently(&policy, &peer).await
                {
                    refused(Side::Us, &refusal);
                    return Err(AskError::NotWanted(refusal));
                }
                self.tell(AdmissionEvent::Admitted { peer, item: ask.item.clone(), role });
                Ok(Admitted::new(link, schema, self.lease(peer, ask.item, policy)))
            }
            Some(AnswerFrame::Refused { refusal, .. }) => {
                let refusal = refusal.heard();
                refused(Side::Them, &refusal);
                Err(AskError::Refused(refusal))
            }
            Some(AnswerFrame::Admitted { .. }) | None => Err(AskError::OutOfTurn),
        }
    }

    /// Answers the question that comes first on `link`. `find` gives the gate of an item, or says why there is none.
    pub async fn answer<P: Protocol>(
        &self,
        mut link: Link<P>,
        find: impl FnOnce(&Ask) -> Result<Gate, Refusal>,
    ) -> Result<(Ask, Admitted<P>), AnswerError> {
        let Some(first) = link.recv_frame(STEP).await? else {
            return Err(AnswerError::Refused(Refusal::Unsupported));
        };
        self.answer_first(link, &first, find).await
    }

    /// Like [`answer`](Self::answer), for a protocol whose links do not all begin with a question: `first` is the first frame.
    pub async fn answer_first<P: Protocol>(
        &self,
        mut link: Link<P>,
        first: &[u8],
        find: impl FnOnce(&Ask) -> Result<Gate, Refusal>,
    ) -> Result<(Ask, Admitted<P>), AnswerError> {
        let frame = match codec::decode(first) {
            Ok(AskFrame::V1(frame)) => frame,
            Err(error) => {
                link.close(Code::Malformed);
                return Err(LinkError::Malformed(error.to_string()).into());
            }
        };
        let (peer, role) = (link.peer(), frame.role);
        let item = Item::unknown(frame.item);
        let mut ask = Ask { item, role, schemas: frame.schemas, shape: unpack(&frame.shape) };
        let decided = match find(&ask) {
            Ok(gate) => {
                ask.item.name = Some(gate.name.clone());
                self.decide(gate, &ask, peer).await
            }
            Err(refusal) => Err((refusal.clone(), refusal)),
        };
        let item = ask.item.clone();
        match decided {
            Ok((schema, policy)) => {
                link.send(&AnswerFrame::Admitted { schema, extensions: Vec::new() }).await?;
                self.tell(AdmissionEvent::Admitted { peer, item: item.clone(), role });
                Ok((ask, Admitted::new(link, schema, self.lease(peer, item, policy))))
            }
            Err((refusal, theirs)) => {
                let event =
                    AdmissionEvent::Refused { peer, item, role, by: Side::Us, refusal: refusal.clone() };
                self.tell(event);
                link.send(&AnswerFrame::Refused { refusal: theirs, extensions: Vec::new() }).await?;
                link.close(Code::Done);
                Err(AnswerError::Refused(refusal))
            }
        }
    }

    /// The decision about an ask; a refusal comes as this side and as the asker should read it.
    async fn decide(
        &self,
        gate: Gate,
        ask: &Ask,
        peer: PeerId,
    ) -> Result<(Fingerprint, Policy), (Refusal, Refusal)> {
        let schema = agree(&gate, ask).map_err(|found| {
            let mismatch = |difference| Refusal::SchemaMismatch { difference };
            (mismatch(found.here), mismatch(found.there))
        })?;
        let judged = self.judge_patiently(&gate.policy, &peer).await;
        judged.map(|()| (schema, gate.policy)).map_err(|refusal| (refusal.clone(), refusal))
    }

    /// Judges a peer; what is not known yet gets a little time to arrive.
    async fn judge_patiently(&self, policy: &Policy, peer: &PeerId) -> Result<(), Refusal> {
        if policy.is_anyone() {
            return Ok(());
        }
        let mut catalog = self.0.discovery.watch();
        let deadline = Instant::now() + PATIENCE;
        loop {
            catalog.borrow_and_update();
            let judged = self.judge_once(policy, peer).await;
            let undecided = matches!(judged, Err(Refusal::NotKnownYet { .. }));
            if !undecided || Instant::now() >= deadline {
                return judged;
            }
            // Round trips are not published, so they are looked for now and then.
            let next_look = (Instant::now() + PATIENCE / 20).min(deadline);
            if let Ok(Err(_)) = timeout_at(next_look, catalog.changed()).await {
                return judged;
            }
        }
    }

    /// Judges a peer by what it proves within the time that there is.
    async fn judge_once(&self, policy: &Policy, peer: &PeerId) -> Result<(), Refusal> {
        let standing = self.prove(policy, peer).await;
        let view = self.view_with(peer, &standing);
        judge(policy, &view).map_err(|refusal| explain(refusal, policy, &view, &standing))
    }

    /// What is known of a peer, with what it proves of what `policy` asks for.
    pub async fn view(&self, policy: &Policy, peer: &PeerId) -> PeerView {
        let standing = self.prove(policy, peer).await;
        self.view_with(peer, &standing)
    }

    async fn prove(&self, policy: &Policy, peer: &PeerId) -> Standing {
        let mut standing = Standing::default();
        if !policy.needs_proofs() {
            return standing;
        }
        let begun = self.0.tickets.now();
        let mut now = self.look(policy, *peer, &mut standing, begun, begun.1 + PROVING).await;
        // A peer can make this wait by a ticket that it does not send: what was seen first may be over or taken back by now.
        if now.1 > begun.1 + A_MOMENT {
            now = self.look(policy, *peer, &mut standing, now, now.1).await;
        }
        standing.prune(now.0, now.1);
        standing
    }

    /// Looks once at what a peer proves, from now until then at the latest; says when it was done. The clocks are read again only where
    /// somebody was waited for.
    async fn look(
        &self,
        policy: &Policy,
        peer: PeerId,
        standing: &mut Standing,
        now: Now,
        until: Instant,
    ) -> Now {
        let (found, now) = self.0.tickets.prove(policy, peer, standing, now, until).await;
        *standing = standing.renewed(found, now.1);
        now
    }

    fn view_with(&self, peer: &PeerId, standing: &Standing) -> PeerView {
        let mut view = self.0.discovery.view(peer);
        standing.tell(&mut view);
        view
    }

    /// Looks again at what a peer proves. What takes too long stands a little longer, unless it is over.
    async fn renew(&self, policy: &Policy, peer: PeerId, standing: &mut Standing, now: Now) -> Now {
        if !policy.needs_proofs() {
            return now;
        }
        let latest = now.1 + RENEWING;
        let until = standing.next_end(now.0, now.1).map_or(latest, |end| end.min(latest));
        let now = self.look(policy, peer, standing, now, until).await;
        standing.prune(now.0, now.1);
        now
    }

    pub(super) fn lease(&self, peer: PeerId, item: Item, policy: Policy) -> Lease {
        if policy.is_anyone() || canary::made(Canary::NeverRevoked) {
            return Lease::for_ever();
        }
        let (reviewed, lease) = Lease::revocable(self.0.tickets.clone());
        let this = self.clone();
        self.0.scope.spawn("admission review", async move {
            this.review(peer, item, Keeper::new(policy), reviewed).await;
        });
        lease
    }

    /// Looks at the peer again at every change, until the lease is dropped or the admission no longer stands.
    async fn review(&self, peer: PeerId, item: Item, mut keeper: Keeper, reviewed: watch::Sender<Reviewed>) {
        let mut catalog = self.0.discovery.watch();
        let mut samples = interval_at(Instant::now() + SAMPLE, SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sampled, mut standing) = (false, Standing::default());
        // What the last look rested on: the peer's entry, and what its proofs are.
        let mut rested: Option<(Said, Basis)> = None;
        let proofs = keeper.policy().needs_proofs();
        loop {
            let said = said_by(&catalog.borrow_and_update(), &peer);
            let mut now = self.0.tickets.now();
            let rests = rested
                .as_ref()
                .is_some_and(|(then, basis)| *then == said && self.still(&standing, basis, now));
            if sampled || !rests {
                now = self.renew(keeper.policy(), peer, &mut standing, now).await;
                let view = self.view_with(&peer, &standing);
                if let Err(refusal) = keeper.review(&view, sampled) {
                    let refusal = explain(refusal, keeper.policy(), &view, &standing);
                    self.tell(AdmissionEvent::Revoked { peer, item, refusal: refusal.clone() });
                    drop(reviewed.send_replace(Err(refusal)));
                    return;
                }
                let basis = self.0.tickets.basis(keeper.policy(), peer, &standing, now);
                rested = basis.map(|basis| (said, basis));
                let stands = Ok(Stands { ends: standing.first_end(now.0, now.1) });
                if *reviewed.borrow() != stands {
                    drop(reviewed.send_replace(stands));
                }
            } else {
                standing.seen_again(now.1);
            }
            let end = standing.next_end(now.0, now.1);
            sampled = tokio::select! {
                biased;
                () = reviewed.closed() => return,
                () = self.0.scope.stopping() => return,
                changed = says_something_else(&mut catalog, &peer, said) => match changed {
                    Ok(()) => false,
                    Err(_) => return,
                },
                () = sleep_until(end.unwrap_or(now.1)), if end.is_some() => false,
                _ = samples.tick(), if keeper.samples() || proofs => keeper.samples(),
            };
        }
    }

    /// Whether what a peer has proven rests on what it rested on, and none of it is over.
    fn still(&self, standing: &Standing, basis: &Basis, now: Now) -> bool {
        !standing.any_passed(now.0, now.1) && self.0.tickets.rest_on(basis, now)
    }

    fn tell(&self, event: AdmissionEvent) {
        match &event {
            AdmissionEvent::Admitted { peer, item, role } => {
                tracing::debug!(target: "mosaik::admission", peer = %peer.short(), %item, role = role.verb(), "admitted");
            }
            AdmissionEvent::Refused { peer, item, role, by, refusal } => {
                metrics::counter!("mosaik_admission_refused_total", "reason" => refusal.code()).increment(1);
                let (peer, role) = (peer.short(), role.verb());
                // A peer that leaves refuses everybody; that is no news for an operator.
                if matches!(refusal, Refusal::Stopping) {
                    tracing::debug!(target: "mosaik::admission", %peer, %item, role, ?by, "refused: {refusal}");
                } else {
                    tracing::info!(target: "mosaik::admission", %peer, %item, role, ?by, "refused: {refusal}");
                }
            }
            AdmissionEvent::Revoked { peer, item, refusal } => {
                metrics::counter!("mosaik_admission_revoked_total", "reason" => refusal.code()).increment(1);
                tracing::info!(target: "mosaik::admission", peer = %peer.short(), %item, "revoked: {refusal}");
            }
        }
        // Without a listener there is nobody to tell.
        let _ = self.0.events.send(event);
    }
}

/// In which life and at which version a peer has said what is known of it.
type Said = Option<(BootId, Version)>;

fn said_by(catalog: &Catalog, peer: &PeerId) -> Said {
    catalog.get(peer).map(|peer| (peer.entry.boot, peer.entry.version))
}

/// Waits until a peer says something else. What others say is no reason to look at it again.
async fn says_something_else(
    catalog: &mut watch::Receiver<Arc<Catalog>>,
    peer: &PeerId,
    said: Said,
) -> Result<(), watch::RecvError> {
    loop {
        catalog.changed().await?;
        if said_by(&catalog.borrow_and_update(), peer) != said {
            return Ok(());
        }
    }
}

fn question(ask: &Ask) -> AskFrame {
    AskFrame::V1(AskV1 {
        item: ask.item.id,
        role: ask.role,
        schemas: ask.schemas.clone(),
        shape: ask.shape.as_ref().map(pack).unwrap_or_default(),
        extensions: Vec::new(),
    })
}
