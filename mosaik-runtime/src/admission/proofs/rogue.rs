//! Peers that do not answer, that show what is not theirs, and clocks that go back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    super::{
        stand::Stand,
        tests::{ask_for, gate_for, meet, pair},
    },
    exchange::{AnswerFrame, AskFrame, TicketsProtocol},
    tests::{
        START, Switch, admitted, decide, heard, not_proven, revoked_after, ticket, trusting, try_it, word,
    },
};
use crate::{
    discovery::TICKETS,
    primitives::{PeerId, Scope, Wall, policy::proof},
    tickets::{Denial, MAX_HELD, Reference, Revocations, Ticket, TicketId, Valid, pack, validator},
};

const SECOND: Duration = Duration::from_secs(1);
/// A look waits a little for a peer that does not answer.
const SLACK: Duration = Duration::from_millis(350);

/// How a rogue answers about a ticket: after this time, or never.
type Answers = Arc<dyn Fn(&TicketId) -> Option<(Duration, Ticket)> + Send + Sync>;

/// Names these tickets, and answers about them in its own way.
async fn shows(rogue: &Stand, named: &[Reference], answers: Answers) -> Scope {
    let (scope, mut listener) = (Scope::new(), rogue.transport.listen::<TicketsProtocol>(64));
    let inner = scope.clone();
    scope.spawn("rogue", async move {
        while let Some(mut link) = listener.accept().await {
            let answers = answers.clone();
            inner.spawn("rogue answer", async move {
                let Ok(Some(AskFrame::V1 { id, .. })) = link.recv::<AskFrame>(SECOND).await else { return };
                let Some((after, ticket)) = answers(&id) else { return std::future::pending().await };
                sleep(after).await;
                let (class, bytes) = (ticket.class().clone(), ticket.bytes().clone());
                let _ = link.send(&AnswerFrame::Here { class, bytes, extensions: Vec::new() }).await;
                let _ = link.recv::<AskFrame>(SECOND).await;
            });
        }
    });
    names(rogue, named);
    scope
}

fn names(rogue: &Stand, named: &[Reference]) {
    rogue.discovery.set_extension(TICKETS, pack(named)).expect("room");
}

async fn heard_of(gate: &Stand, peer: PeerId, named: Vec<Reference>) {
    let tickets = gate.admission.tickets().clone();
    gate.discovery.when(move |_| tickets.references(&peer).is_some_and(|all| *all == *named)).await;
}

fn reference(ticket: &Ticket) -> Reference {
    (ticket.class().clone(), ticket.id())
}

#[tokio::test(start_paused = true)]
async fn t2_a_second_ticket_without_an_answer_holds_no_revocation_up() {
    let (gate, rogue) = pair(&[]).await;
    let switch = Arc::new(AtomicU64::new(0));
    gate.admission.tickets().trust(Switch(switch.clone())).expect("the first");
    let good = ticket(&rogue, 0);
    let named = vec![reference(&good), (word("plain"), TicketId::from_bytes([9; 32]))];
    let (only, id) = (good.clone(), good.id());
    let _scope =
        shows(&rogue, &named, Arc::new(move |asked| (*asked == id).then(|| (Duration::ZERO, only.clone()))))
            .await;
    heard_of(&gate, rogue.transport.id(), named).await;
    let (answered, asked) = meet(&gate, &rogue, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Switch")))).await;
    asked.expect("admitted");
    let lease = answered.expect("admitted").1.into_parts().2;
    assert!(timeout(60 * SECOND, lease.revoked()).await.is_err(), "the good one is enough");
    switch.store(1, Ordering::Relaxed);
    let (took, why) = revoked_after(&lease).await;
    assert!(took <= SECOND + SLACK && why.contains("revoked"), "{took:?} {why}");
}

#[tokio::test(start_paused = true)]
async fn t1_a_ticket_that_ends_while_another_one_is_waited_for_admits_nobody() {
    let (gate, rogue) = trusting().await;
    gate.admission.tickets().trust(validator("Seal", word("seal"), decide)).expect("another name");
    let soon = ticket(&rogue, gate.admission.tickets().now().0.0 / 1000 + 2);
    let named = vec![reference(&soon), (word("seal"), TicketId::from_bytes([9; 32]))];
    let (only, id) = (soon.clone(), soon.id());
    let answers = move |asked: &TicketId| (*asked == id).then(|| (Duration::ZERO, only.clone()));
    let _scope = shows(&rogue, &named, Arc::new(answers)).await;
    heard_of(&gate, rogue.transport.id(), named).await;
    let begun = Instant::now();
    let refused = try_it(&gate, &rogue, proof("Desk") | proof("Seal")).await;
    assert!(begun.elapsed() >= 2 * SECOND, "it waits for the other one: {:?}", begun.elapsed());
    not_proven(refused);
}

/// A peer that names as many tickets as it may, of which one is good and comes last, and about the others it says nothing.
#[tokio::test(start_paused = true)]
async fn a_good_ticket_behind_others_that_never_come_is_enough_at_once() {
    let (gate, rogue) = trusting().await;
    let good = ticket(&rogue, START + 100_000);
    let silent = (0..MAX_HELD as u8 - 1).map(|n| (word("plain"), TicketId::from_bytes([n; 32])));
    let named: Vec<_> = silent.chain([reference(&good)]).collect();
    let (only, id) = (good.clone(), good.id());
    let answers = move |asked: &TicketId| (*asked == id).then(|| (Duration::ZERO, only.clone()));
    let _scope = shows(&rogue, &named, Arc::new(answers)).await;
    heard_of(&gate, rogue.transport.id(), named).await;
    for _ in 0..3 {
        let begun = Instant::now();
        let (answered, asked) =
            meet(&gate, &rogue, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Desk")))).await;
        asked.expect("admitted");
        assert!(begun.elapsed() < SECOND / 4, "it waited for nobody: {:?}", begun.elapsed());
        let lease = answered.expect("admitted").1.into_parts().2;
        assert!(timeout(60 * SECOND, lease.revoked()).await.is_err(), "and stays enough");
    }
}

/// Of two good tickets the one with the later end counts, also when the other one came first.
#[tokio::test(start_paused = true)]
async fn a_ticket_that_nobody_waited_for_counts_when_it_comes() {
    let (gate, rogue) = trusting().await;
    let now = gate.admission.tickets().now().0.0 / 1000;
    let (soon, late) = (ticket(&rogue, now + 10), ticket(&rogue, now + 100_000));
    let named = vec![reference(&soon), reference(&late)];
    let (one, two) = (soon.clone(), late.clone());
    let answers = move |asked: &TicketId| {
        let at_once = *asked == one.id();
        Some(if at_once { (Duration::ZERO, one.clone()) } else { (2 * SECOND, two.clone()) })
    };
    let _scope = shows(&rogue, &named, Arc::new(answers)).await;
    heard_of(&gate, rogue.transport.id(), named).await;
    let (answered, asked) = meet(&gate, &rogue, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Desk")))).await;
    asked.expect("admitted");
    let lease = answered.expect("admitted").1.into_parts().2;
    assert!(timeout(60 * SECOND, lease.revoked()).await.is_err(), "the other one goes on");
}

#[tokio::test(start_paused = true)]
async fn t3_a_ticket_that_another_peer_showed_is_not_taken_for_ones_own() {
    let (gate, owner) = trusting().await;
    let anybody =
        validator("Anybody", word("plain"), |shown| Ok(Valid { until: Wall(shown.now.0 + 3_600_000) }));
    gate.admission.tickets().trust(anybody).expect("another name");
    let its = ticket(&owner, START + 3600);
    owner.admission.tickets().add(its.clone()).expect("room");
    heard(&gate, &owner).await;
    assert_eq!(try_it(&gate, &owner, proof("Anybody")).await, Ok(()));
    // The gatekeeper itself names it as well, and has no such ticket to show.
    names(&gate, &[reference(&its)]);
    heard_of(&owner, gate.transport.id(), vec![reference(&its)]).await;
    let gates = gate.transport.id();
    assert!(
        gate.admission
            .tickets()
            .contents()
            .cell((gates, its.id()), Instant::now())
            .expect("fresh")
            .get()
            .is_none()
    );
    let theirs = owner.transport.id();
    assert!(
        gate.admission
            .tickets()
            .contents()
            .cell((theirs, its.id()), Instant::now())
            .expect("there")
            .get()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn ls7_a_renewal_on_a_slow_path_keeps_the_link() {
    let (gate, rogue) = trusting().await;
    let (first, second) = (ticket(&rogue, START + 100_000), ticket(&rogue, START + 200_000));
    let (one, two) = (first.clone(), second.clone());
    let slowly = move |asked: &TicketId| {
        let at_once = *asked == one.id();
        Some(if at_once { (Duration::ZERO, one.clone()) } else { (2 * SECOND, two.clone()) })
    };
    let _scope = shows(&rogue, &[reference(&first)], Arc::new(slowly)).await;
    heard_of(&gate, rogue.transport.id(), vec![reference(&first)]).await;
    let (answered, asked) = meet(&gate, &rogue, ask_for::<u32>(), Ok(gate_for::<u32>(proof("Desk")))).await;
    asked.expect("admitted");
    let lease = answered.expect("admitted").1.into_parts().2;
    names(&rogue, &[reference(&second)]);
    let cut = timeout(60 * SECOND, lease.revoked()).await;
    assert!(cut.is_err(), "it took two seconds to fetch the new one: {cut:?}");
    names(&rogue, &[(word("plain"), TicketId::from_bytes([9; 32]))]);
    let (took, _) = revoked_after(&lease).await;
    assert!(took <= 10 * SECOND, "one that never comes keeps nothing: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn t1_a_clock_that_is_set_back_lets_nobody_in_again() {
    let (gate, asker) = trusting().await;
    let clock = gate.admission.tickets().clock().clone();
    let start = clock.wall().0 / 1000;
    let (lease, _) = admitted(&gate, &asker, start + 60).await;
    revoked_after(&lease).await;
    clock.jump(-86_400_000);
    sleep(2 * SECOND).await;
    let why = not_proven(try_it(&gate, &asker, proof("Desk")).await);
    assert!(why.contains("expired"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn t4_what_is_known_is_not_fetched_again() {
    let (gate, rogue) = trusting().await;
    let good = ticket(&rogue, START + 100_000);
    let (asked, only) = (Arc::new(AtomicU64::new(0)), good.clone());
    let counter = asked.clone();
    let count = move |_: &TicketId| {
        counter.fetch_add(1, Ordering::Relaxed);
        Some((Duration::ZERO, only.clone()))
    };
    let _scope = shows(&rogue, &[reference(&good)], Arc::new(count)).await;
    heard_of(&gate, rogue.transport.id(), vec![reference(&good)]).await;
    assert_eq!(try_it(&gate, &rogue, proof("Desk")).await, Ok(()));
    for n in 0..40u8 {
        // Whatever else of this peer is asked for pushes out what it showed, but not what is known of it.
        let key = (rogue.transport.id(), TicketId::from_bytes([n; 32]));
        let _ = gate.admission.tickets().contents().cell(key, Instant::now());
    }
    assert_eq!(try_it(&gate, &rogue, proof("Desk")).await, Ok(()));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn t2_a_link_ends_within_a_second_of_an_entry_in_the_revocations() {
    struct Taken(Arc<std::sync::Mutex<Vec<TicketId>>>);
    impl Revocations for Taken {
        fn contains(&self, id: &TicketId) -> bool {
            self.0.lock().expect("whole").contains(id)
        }
    }
    let (gate, asker) = trusting().await;
    let taken = Arc::<std::sync::Mutex<Vec<TicketId>>>::default();
    gate.admission.tickets().revoke_by(Taken(taken.clone()));
    let (lease, id) = admitted(&gate, &asker, START + 1_000_000).await;
    assert!(timeout(60 * SECOND, lease.revoked()).await.is_err());
    taken.lock().expect("whole").push(id);
    let (took, why) = revoked_after(&lease).await;
    assert!(took <= SECOND && why.contains("revoked"), "{took:?} {why}");
}

#[tokio::test(start_paused = true)]
async fn t5_a_validator_without_a_name_is_not_taken_and_what_it_says_is_one_line() {
    let (gate, asker) = trusting().await;
    let loud = validator("Loud", word("plain"), |_| Err(Denial::Unmet { why: "a\nb\u{1b}[31m".into() }));
    gate.admission.tickets().trust(loud).expect("another name");
    asker.admission.tickets().add(ticket(&asker, START + 3600)).expect("room");
    heard(&gate, &asker).await;
    let why = not_proven(try_it(&gate, &asker, proof("Loud")).await);
    assert!(!why.contains(char::is_control), "{why:?}");
}
