//! Tickets that a function makes, and declared proofs in programs whose nodes are made at run time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::{
    super::tests::{ask_for, gate_for, meet, pair},
    ProvideError, Wanted,
    tests::{decide, heard, not_proven, try_it, word},
};
use crate::{
    primitives::policy::{Rule, proof},
    tickets::{Class, Denial, Proof, ProofDescriptor, ProofKind, Shown, Ticket, Validation, Validator, own},
    topology::Source,
};

const SOURCE: Source = Source { file: "proofs.rs", line: 1 };

/// Reads plain tickets.
#[derive(Default)]
struct Plain;

impl Validator for Plain {
    fn name(&self) -> &str {
        "Plain"
    }

    fn class(&self) -> Class {
        word("plain")
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { decide(shown) })
    }
}

/// Takes nothing.
#[derive(Default)]
struct Never;

impl Validator for Never {
    fn name(&self) -> &str {
        "Never"
    }

    fn class(&self) -> Class {
        word("plain")
    }

    fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
        Box::pin(async { Err(Denial::Revoked) })
    }
}

struct Desk;

impl Proof for Desk {
    const DESCRIPTOR: &'static ProofDescriptor = &ProofDescriptor {
        name: "Desk",
        path: "desks::Desk",
        kind: ProofKind::Own(own::<Plain>),
        docs: "",
        source: SOURCE,
    };
}

/// Of the same name, from another module.
struct Guest;

impl Proof for Guest {
    const DESCRIPTOR: &'static ProofDescriptor = &ProofDescriptor {
        name: "Desk",
        path: "guests::Desk",
        kind: ProofKind::Own(own::<Never>),
        docs: "",
        source: SOURCE,
    };
}

/// A ticket for a minute.
fn minute(wanted: &Wanted) -> Result<Ticket, String> {
    let text = format!("{} {}", wanted.peer, wanted.now.0 / 1000 + 60);
    Ticket::new(word("plain"), text).map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn ls7_a_function_renews_its_ticket_in_time_and_the_link_stays() {
    let (gate, asker) = pair(&["matcher"]).await;
    gate.admission.tickets().trust_declared::<Desk>().expect("the first");
    let (shows, made) = (asker.admission.tickets(), Arc::new(AtomicU64::new(0)));
    let counted = made.clone();
    let count = move |wanted: &Wanted| {
        counted.fetch_add(1, Ordering::Relaxed);
        minute(wanted)
    };
    shows.provide::<Desk>(count).expect("a ticket");
    heard(&gate, &asker).await;
    let (answered, asked) =
        meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(Rule::Proof(Desk::REF).into()))).await;
    asked.expect("admitted");
    let lease = answered.expect("admitted").1.into_parts().2;
    assert!(timeout(Duration::from_secs(600), lease.revoked()).await.is_err(), "ten minutes");
    let before = made.load(Ordering::Relaxed);
    assert!((12..=16).contains(&before), "{before} tickets, one each three quarters of a minute");

    let forged =
        shows.provide::<Desk>(|_| Ticket::new(word("plain"), "x 1").map_err(|error| error.to_string()));
    assert!(matches!(forged, Err(ProvideError::NoTicket { proof: "Desk", .. })), "{forged:?}");
    let held = shows.held();
    let id = shows.provide::<Desk>(minute).expect("a ticket");
    assert_ne!(held, shows.held(), "it took the other's place");
    assert_eq!(shows.held().into_iter().map(|(_, id)| id).collect::<Vec<_>>(), [id]);
    assert!(timeout(Duration::from_secs(600), lease.revoked()).await.is_err(), "ten minutes more");
    assert!(made.load(Ordering::Relaxed) <= before + 1, "the first function is not asked any more");
}

#[tokio::test(start_paused = true)]
async fn two_declared_proofs_of_one_name_are_two_proofs() {
    let (gate, asker) = pair(&["matcher"]).await;
    let tickets = gate.admission.tickets();
    tickets.trust_declared::<Desk>().expect("the first");
    asker.admission.tickets().provide::<Desk>(minute).expect("a ticket");
    heard(&gate, &asker).await;
    assert_eq!(try_it(&gate, &asker, proof("Desk")).await, Ok(()), "the only one of that name");
    tickets.trust_declared::<Guest>().expect("another one");
    assert!(tickets.trust_declared::<Guest>().is_err(), "twice");
    assert_eq!(try_it(&gate, &asker, Rule::Proof(Desk::REF).into()).await, Ok(()));
    assert_eq!(try_it(&gate, &asker, proof("desks::Desk")).await, Ok(()));
    let other = not_proven(try_it(&gate, &asker, Rule::Proof(Guest::REF).into()).await);
    assert!(other.contains("revoked"), "{other}");
    let either = not_proven(try_it(&gate, &asker, proof("Desk")).await);
    assert!(either.contains("nobody decides about `Desk`") && !tickets.trusts("Desk"), "{either}");
}
