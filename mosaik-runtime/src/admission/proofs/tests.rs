//! Proofs between nodes of a simulated network.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, advance, timeout};

use super::super::{
    AdmissionEvent, AskError, Refusal,
    stand::{BEGINS, Stand},
    tests::{ask_for, gate_for, meet, pair},
};
use crate::{
    primitives::{
        Policy, Wall,
        policy::{proof, tag},
    },
    tickets::{Class, Denial, Shown, Ticket, TicketId, Valid, Validation, Validator, validator},
};

/// When tests begin, in seconds.
pub(super) const START: u64 = BEGINS.0 / 1000;
const SECOND: Duration = Duration::from_secs(1);

/// A ticket that says until when it is valid (in seconds), and for whom.
pub(super) fn ticket(node: &Stand, until: u64) -> Ticket {
    let text = format!("{} {until}", node.transport.id());
    Ticket::new(word("plain"), text).expect("fits")
}

pub(super) fn word(text: &str) -> Class {
    Class::new(text).expect("a word")
}

pub(super) fn decide(shown: Shown<'_>) -> Result<Valid, Denial> {
    let malformed = || Denial::Malformed { why: "not `peer until`".into() };
    let text = std::str::from_utf8(shown.ticket.bytes()).map_err(|_| malformed())?;
    let (peer, until) = text.split_once(' ').ok_or_else(malformed)?;
    if peer != shown.peer.to_string() {
        return Err(Denial::OtherPeer);
    }
    let until = Wall(until.parse::<u64>().map_err(|_| malformed())? * 1000);
    if until <= shown.now {
        Err(Denial::Expired { ago: shown.now.distance(until) })
    } else {
        Ok(Valid { until })
    }
}

/// A gatekeeper that trusts plain tickets, and an asker.
pub(super) async fn trusting() -> (Stand, Stand) {
    let (gate, asker) = pair(&["matcher"]).await;
    gate.admission.tickets().trust(validator("Desk", word("plain"), decide)).expect("the first");
    (gate, asker)
}

/// Waits until the gatekeeper has heard what the asker shows.
pub(super) async fn heard(gate: &Stand, asker: &Stand) {
    let (peer, shown) = (asker.transport.id(), asker.admission.tickets().held());
    let tickets = gate.admission.tickets().clone();
    gate.discovery.when(move |_| tickets.references(&peer).is_some_and(|named| *named == *shown)).await;
}

pub(super) async fn try_it(gate: &Stand, asker: &Stand, policy: Policy) -> Result<(), Refusal> {
    let (answered, asked) = meet(gate, asker, ask_for::<u32>(), Ok(gate_for::<u32>(policy))).await;
    match asked {
        Ok(_) => Ok(()),
        Err(AskError::Refused(refusal)) => {
            assert!(answered.is_err(), "both sides say the same");
            Err(refusal)
        }
        Err(other) => panic!("{other}"),
    }
}

pub(super) fn not_proven(refusal: Result<(), Refusal>) -> String {
    match refusal {
        Err(Refusal::NotProven { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn t1_t3_a_ticket_admits_its_peer_and_nothing_else_does() {
    let (gate, asker) = trusting().await;
    let policy = proof("Desk") & tag("matcher");
    let why = not_proven(try_it(&gate, &asker, policy.clone()).await);
    assert!(why.contains("shows no ticket of class `plain`"), "{why}");
    let stolen = asker.admission.tickets().add(ticket(&gate, START + 3600)).expect("room");
    heard(&gate, &asker).await;
    let why = not_proven(try_it(&gate, &asker, policy.clone()).await);
    assert!(why.contains("another peer"), "{why}");
    asker.admission.tickets().replace(&stolen, ticket(&asker, START + 3600)).expect("room");
    heard(&gate, &asker).await;
    assert_eq!(try_it(&gate, &asker, policy).await, Ok(()));
    let other = not_proven(try_it(&gate, &asker, proof("Nobody")).await);
    assert!(other.contains("nobody decides about `Nobody`"), "{other}");
    let unmet = try_it(&gate, &asker, proof("Desk") & tag("other")).await;
    assert!(matches!(unmet, Err(Refusal::PolicyUnmet { .. })), "{unmet:?}");
    assert_eq!(try_it(&gate, &asker, proof("Desk") | tag("other")).await, Ok(()));
    assert!(try_it(&gate, &asker, !proof("Nobody")).await.is_err(), "no proof is no proof");
}

#[tokio::test(start_paused = true)]
async fn t4_a_ticket_is_validated_once_and_not_at_every_change() {
    let (gate, asker) = trusting().await;
    asker.admission.tickets().add(ticket(&asker, START + 3600)).expect("room");
    heard(&gate, &asker).await;
    for n in 0..20 {
        assert_eq!(try_it(&gate, &asker, proof("Desk")).await, Ok(()));
        asker.discovery.tags().insert(format!("t{n}").parse().expect("a tag")).expect("room");
        let id = asker.transport.id();
        let many = move |catalog: &crate::discovery::Catalog| {
            catalog.get(&id).is_some_and(|peer| peer.entry.tags.len() == n + 2)
        };
        gate.discovery.when(many).await;
    }
    assert_eq!(gate.admission.tickets().asked(), 1);
}

/// A link that was admitted by its ticket; the gatekeeper's lease, and its events.
pub(super) async fn admitted(gate: &Stand, asker: &Stand, until: u64) -> (super::super::Lease, TicketId) {
    let id = asker.admission.tickets().add(ticket(asker, until)).expect("room");
    heard(gate, asker).await;
    let (answered, asked) = meet(gate, asker, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Desk")))).await;
    asked.expect("admitted");
    let (_, link) = answered.expect("admitted");
    (link.into_parts().2, id)
}

/// How long it takes until the lease is revoked, and why.
pub(super) async fn revoked_after(lease: &super::super::Lease) -> (Duration, String) {
    let start = Instant::now();
    let refusal = timeout(3600 * SECOND, lease.revoked()).await.expect("revoked");
    (start.elapsed(), refusal.to_string())
}

#[tokio::test(start_paused = true)]
async fn t2_h9_a_link_ends_within_a_second_of_its_ticket() {
    let (gate, asker) = trusting().await;
    let mut events = gate.admission.events();
    let start = gate.admission.tickets().clock().wall().0 / 1000;
    let (lease, _) = admitted(&gate, &asker, start + 60).await;
    let (took, why) = revoked_after(&lease).await;
    let ended = gate.admission.tickets().clock().wall();
    assert!(ended >= Wall((start + 60) * 1000) && ended < Wall((start + 61) * 1000), "{took:?} {ended:?}");
    assert!(why.contains("expired"), "{why}");
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(matches!(event, AdmissionEvent::Revoked { .. }));
    }
    assert!(told.contains(&true), "the operator hears of it");
}

#[tokio::test(start_paused = true)]
async fn t2_a_link_ends_within_a_second_when_the_ticket_is_taken_away() {
    let (gate, asker) = trusting().await;
    let (lease, id) = admitted(&gate, &asker, START + 1_000_000).await;
    assert!(timeout(60 * SECOND, lease.revoked()).await.is_err(), "it stands as long as it should");
    assert!(asker.admission.tickets().remove(&id));
    heard(&gate, &asker).await;
    assert!(revoked_after(&lease).await.0 <= SECOND);
}

#[tokio::test(start_paused = true)]
async fn ls7_a_renewal_keeps_the_link() {
    let (gate, asker) = trusting().await;
    let start = gate.admission.tickets().clock().wall().0 / 1000;
    let (lease, mut id) = admitted(&gate, &asker, start + 60).await;
    for minute in 1..=60 {
        assert!(timeout(50 * SECOND, lease.revoked()).await.is_err(), "minute {minute}");
        let now = gate.admission.tickets().clock().wall().0 / 1000;
        id = asker.admission.tickets().replace(&id, ticket(&asker, now + 70)).expect("room");
    }
    assert!(gate.admission.tickets().asked() <= 62, "once a ticket");
}

/// Accepts everybody until it is told otherwise.
pub(super) struct Switch(pub(super) Arc<AtomicU64>);

impl Validator for Switch {
    fn name(&self) -> &str {
        "Switch"
    }

    fn class(&self) -> Class {
        word("plain")
    }

    fn generation(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        let revoked = self.generation() > 0;
        Box::pin(async move {
            if revoked { Err(Denial::Revoked) } else { Ok(Valid { until: Wall(shown.now.0 + 3_600_000) }) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn t2_a_link_ends_within_a_second_of_a_revocation() {
    let (gate, asker) = pair(&[]).await;
    let switch = Arc::new(AtomicU64::new(0));
    gate.admission.tickets().trust(Switch(switch.clone())).expect("the first");
    asker.admission.tickets().add(ticket(&asker, 0)).expect("room");
    heard(&gate, &asker).await;
    let policy = proof("Switch");
    let (answered, asked) = meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(policy.clone()))).await;
    asked.expect("admitted");
    let lease = answered.expect("admitted").1.into_parts().2;
    assert!(timeout(60 * SECOND, lease.revoked()).await.is_err());
    switch.store(1, Ordering::Relaxed);
    let (took, why) = revoked_after(&lease).await;
    assert!(took <= SECOND + SECOND / 10 && why.contains("revoked"), "{took:?} {why}");
    assert!(not_proven(try_it(&gate, &asker, policy).await).contains("revoked"));
}

#[tokio::test(start_paused = true)]
async fn f13_f14_pauses_and_jumps_of_the_wall_clock_end_what_is_over() {
    let (gate, asker) = trusting().await;
    let start = gate.admission.tickets().clock().wall().0 / 1000;
    let (lease, _) = admitted(&gate, &asker, start + 3600).await;
    gate.admission.tickets().clock().jump(3_600_000);
    let (took, why) = revoked_after(&lease).await;
    assert!(took <= SECOND + SECOND / 10 && why.contains("expired"), "{took:?} {why}");
    gate.admission.tickets().clock().jump(-3_600_000);
    let (lease, _) = admitted(&gate, &asker, start + 7200).await;
    gate.admission.tickets().clock().jump(-86_400_000);
    let (took, _) = {
        let begun = Instant::now();
        let refusal = timeout(86_400 * SECOND, lease.revoked()).await.expect("revoked");
        (begun.elapsed(), refusal)
    };
    assert!(took <= 7201 * SECOND, "a clock that is set back by a day prolongs nothing: {took:?}");
    advance(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn t6_only_what_is_shown_is_given_and_names_bind_the_content() {
    let (gate, asker) = trusting().await;
    let id = asker.admission.tickets().add(ticket(&asker, START + 3600)).expect("room");
    let fetch = |id| super::exchange::fetch(&gate.transport, asker.transport.id(), id);
    assert_eq!(fetch(id).await, Ok(ticket(&asker, START + 3600)));
    assert!(fetch(TicketId::from_bytes([9; 32])).await.is_err());
    asker.admission.tickets().remove(&id);
    assert!(fetch(id).await.expect_err("gone").contains("any more"));
    let nobody = super::exchange::fetch(&asker.transport, gate.transport.id(), id).await;
    assert!(nobody.is_err(), "who shows nothing does not even listen");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_tickets_and_the_names_of_validators_are_checked() {
    let (gate, asker) = trusting().await;
    let again = gate.admission.tickets().trust(validator("Desk", word("plain"), decide));
    assert!(again.expect_err("twice").to_string().contains("`Desk`"));
    for until in 0..8 {
        asker.admission.tickets().add(ticket(&asker, until)).expect("room");
    }
    assert!(
        asker
            .admission
            .tickets()
            .add(ticket(&asker, 9))
            .expect_err("too many")
            .to_string()
            .contains("at most 8")
    );
}
