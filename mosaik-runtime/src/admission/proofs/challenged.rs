//! Challenges between two nodes: answered, answered wrongly, answered with what was said before, not answered, and too many.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    super::{
        stand::Stand,
        tests::{ask_for, gate_for, meet, pair},
    },
    Challenged,
    exchange::{self, AskFrame, NoAnswer, TicketsProtocol},
    tests::{START, decide, heard, not_proven, revoked_after, ticket, try_it, word},
};
use crate::{
    primitives::{PeerId, Scope, policy::proof},
    tickets::{Class, Denial, Nonce, Shown, Ticket, Unanswered, Valid, Validation, Validator},
};

const SECOND: Duration = Duration::from_secs(1);
/// How long an answer counts.
const COUNTS: Duration = Duration::from_secs(60);

/// Takes plain tickets, and asks who shows one for an answer every minute.
struct Live;

impl Validator for Live {
    fn name(&self) -> &str {
        "Live"
    }

    fn class(&self) -> Class {
        word("plain")
    }

    fn challenge(&self) -> Option<Duration> {
        Some(COUNTS)
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { decide(shown) })
    }

    fn answered<'a>(&'a self, shown: Shown<'a>, nonce: &'a Nonce) -> Validation<'a> {
        Box::pin(async move {
            if *shown.ticket == answer(shown.peer, nonce) {
                return Ok(Valid { until: shown.now.later(COUNTS) });
            }
            Err(Denial::Unmet { why: "it answers another challenge".into() })
        })
    }
}

fn answer(peer: PeerId, nonce: &Nonce) -> Ticket {
    Ticket::new(word("plain"), format!("{peer} {:?}", nonce.as_bytes())).expect("fits")
}

fn honest(asked: &Challenged) -> Result<Ticket, String> {
    Ok(answer(asked.peer, &asked.nonce))
}

/// Lets a node answer, and counts how often it does.
fn answers(asker: &Stand) -> Arc<AtomicU64> {
    let made = Arc::new(AtomicU64::new(0));
    let counted = made.clone();
    asker.admission.tickets().answer(word("plain"), move |asked| {
        counted.fetch_add(1, Ordering::Relaxed);
        honest(asked)
    });
    made
}

/// A gatekeeper that asks for answers, and an asker with a ticket that is good for days.
async fn live() -> (Stand, Stand) {
    let (gate, asker) = pair(&["matcher"]).await;
    gate.admission.tickets().trust(Live).expect("the first");
    asker.admission.tickets().add(ticket(&asker, START + 1_000_000)).expect("room");
    heard(&gate, &asker).await;
    (gate, asker)
}

async fn admitted(gate: &Stand, asker: &Stand) -> super::super::Lease {
    let (answered, asked) = meet(gate, asker, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Live")))).await;
    asked.expect("admitted");
    answered.expect("admitted").1.into_parts().2
}

#[tokio::test(start_paused = true)]
async fn a_link_stands_for_as_long_as_challenges_are_answered() {
    let (gate, asker) = live().await;
    let made = answers(&asker);
    assert_eq!(try_it(&gate, &asker, proof("Live")).await, Ok(()));
    let lease = admitted(&gate, &asker).await;
    assert_eq!(made.load(Ordering::Relaxed), 1, "the last answer counts for all links");
    assert!(timeout(3600 * SECOND, lease.revoked()).await.is_err(), "an hour");
    let an_hour = made.load(Ordering::Relaxed);
    assert!((75..=82).contains(&an_hour), "{an_hour} answers, one each three quarters of a minute");
    assert_eq!(gate.admission.tickets().asked(), an_hour + 1, "the ticket itself was looked at once");
    asker.admission.tickets().answer(word("plain"), |_| Err("the host is gone".to_owned()));
    let (took, why) = revoked_after(&lease).await;
    assert!(took <= COUNTS + SECOND, "{took:?}");
    assert!(why.contains("gave no fresh proof") && why.contains("could not make one"), "{why}");
    assert!(!why.contains("the host"), "what is in its log is not told: {why}");
    let refused = not_proven(try_it(&gate, &asker, proof("Live")).await);
    assert!(refused.contains("could not make one"), "{refused}");
    asker.admission.tickets().answer(word("plain"), honest);
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!(try_it(&gate, &asker, proof("Live")).await, Ok(()), "it is asked again after a while");
}

#[tokio::test(start_paused = true)]
async fn h10_an_answer_to_another_challenge_admits_nobody_and_who_makes_none_neither() {
    let (gate, asker) = live().await;
    let none = not_proven(try_it(&gate, &asker, proof("Live")).await);
    assert!(none.contains("it makes no proofs of this class"), "{none}");
    tokio::time::sleep(6 * SECOND).await;
    asker
        .admission
        .tickets()
        .answer(word("plain"), |asked| Ok(answer(asked.peer, &Nonce::from_bytes([7; 32]))));
    let other = not_proven(try_it(&gate, &asker, proof("Live")).await);
    assert!(other.contains("it answers another challenge"), "{other}");
    tokio::time::sleep(6 * SECOND).await;
    asker.admission.tickets().answer(word("plain"), |_| panic!("on purpose"));
    let failed = not_proven(try_it(&gate, &asker, proof("Live")).await);
    assert!(failed.contains("could not make one"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn h10_an_old_answer_ends_the_link_that_a_new_one_was_asked_for() {
    let (gate, asker) = live().await;
    let first = Arc::new(Mutex::new(None));
    asker.admission.tickets().answer(word("plain"), move |asked| {
        Ok(first.lock().expect("whole").get_or_insert_with(|| answer(asked.peer, &asked.nonce)).clone())
    });
    let lease = admitted(&gate, &asker).await;
    let (took, why) = revoked_after(&lease).await;
    assert!(took >= 44 * SECOND && took <= 47 * SECOND, "when it is asked again: {took:?}");
    assert!(why.contains("it answers another challenge"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_to_a_challenge_is_let_in_nowhere_and_holds_nothing_up() {
    let (gate, rogue) = pair(&["matcher"]).await;
    gate.admission.tickets().trust(Live).expect("the first");
    let (good, scope) = (ticket(&rogue, START + 1_000_000), Scope::new());
    let (class, bytes) = (good.class().clone(), good.bytes().clone());
    let mut listener = rogue.transport.listen::<TicketsProtocol>(64);
    let inner = scope.clone();
    scope.spawn("rogue", async move {
        while let Some(mut link) = listener.accept().await {
            let (class, bytes) = (class.clone(), bytes.clone());
            inner.spawn("rogue answer", async move {
                match link.recv::<AskFrame>(SECOND).await {
                    Ok(Some(AskFrame::V1 { .. })) => {
                        let here = exchange::AnswerFrame::Here { class, bytes, extensions: Vec::new() };
                        let _ = link.send(&here).await;
                        let _ = link.recv::<AskFrame>(SECOND).await;
                    }
                    _ => std::future::pending().await,
                }
            });
        }
    });
    let named = [(good.class().clone(), good.id())];
    let packed = crate::tickets::pack(&named);
    rogue.discovery.set_extension(crate::discovery::TICKETS, packed).expect("room");
    let (tickets, peer) = (gate.admission.tickets().clone(), rogue.transport.id());
    gate.discovery.when(move |_| tickets.references(&peer).is_some_and(|all| *all == named)).await;
    let begun = Instant::now();
    let why = not_proven(try_it(&gate, &rogue, proof("Live")).await);
    assert!(begun.elapsed() <= 4 * SECOND && why.contains("it was asked, and takes its time"), "{why}");
    tokio::time::sleep(11 * SECOND).await;
    let why = not_proven(try_it(&gate, &rogue, proof("Live")).await);
    assert!(why.contains("gave no fresh proof"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_challenges_makes_a_node_quote_at_its_own_rate_and_each_is_told() {
    let (gate, asker) = live().await;
    let made = answers(&asker);
    let (mut answered, mut refused, begun) = (0, 0, Instant::now());
    for n in 0..500u16 {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let nonce = Nonce::from_bytes(bytes);
        match exchange::challenge(&gate.transport, asker.transport.id(), word("plain"), nonce).await {
            Ok(said) => {
                assert_eq!(said, answer(asker.transport.id(), &nonce));
                answered += 1;
            }
            Err(NoAnswer::Said(Unanswered::TooOften { after_ms })) => {
                assert!(after_ms <= 10_000, "{after_ms}");
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let most = 4 + begun.elapsed().as_secs() / 10 + 1;
    assert!(answered >= 4 && answered <= most && refused >= 400, "{answered} of {most}, {refused} refused");
    assert_eq!(made.load(Ordering::Relaxed), answered, "no proof is made for nothing");
    assert_eq!(
        exchange::challenge(&gate.transport, asker.transport.id(), word("other"), Nonce::from_bytes([1; 32]))
            .await,
        Err(NoAnswer::Said(Unanswered::NotHere))
    );
}
