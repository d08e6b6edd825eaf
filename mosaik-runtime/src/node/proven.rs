//! Tests of proofs over whole nodes: members, learners, writers and readers that have them, and that have them no more.

use std::time::Duration;

use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, sleep, timeout},
};

use super::Network;
use crate::{
    admission::{AdmissionEvent, Refusal, Side},
    collections::{Map, SingleBuilder},
    groups::{BondRefused, Group, GroupBuilder, Learner, StateMachine, Voters},
    primitives::{Clock, NodeRng, PeerId, Schema, SecretKey, Wall, policy::proof, schema},
    tickets::{Class, Denial, Shown, Ticket, TicketId, Valid, validator},
    transport::sim::Net,
};

/// Longer than anything here takes on the virtual clock.
pub(super) const LONG: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);
/// Where clocks begin, in milliseconds.
const BEGINS: u64 = 1_000_000_000_000;

/// A sum.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Sum(u64);

impl Schema for Sum {
    fn shape(seen: &mut schema::Seen) -> schema::Shape {
        u64::shape(seen)
    }
}

impl StateMachine for Sum {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, number: u64, _: &crate::groups::Apply) -> u64 {
        self.0 += number;
        self.0
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }
}

fn badge() -> Class {
    Class::new("badge").expect("a word")
}

/// Reads badges: the peer's id, and the millisecond in which it ends.
fn decide(shown: Shown<'_>) -> Result<Valid, Denial> {
    let text = std::str::from_utf8(shown.ticket.bytes()).unwrap_or_default();
    let (peer, until) = text.split_once(' ').ok_or(Denial::OtherPeer)?;
    let until = Wall(until.parse().map_err(|_| Denial::OtherPeer)?);
    match peer == shown.peer.to_string() {
        true if until > shown.now => Ok(Valid { until }),
        true => Err(Denial::Expired { ago: shown.now.distance(until) }),
        false => Err(Denial::OtherPeer),
    }
}

/// A node that checks badges.
pub(super) async fn network(net: &Net, n: u8) -> Network {
    let (clock, rng) = (Clock::simulated(Wall(BEGINS)), NodeRng::from_seed(n.into()));
    let builder = Network::builder("proven").secret_key(SecretKey::from_bytes([n; 32]));
    let network = builder.simulated(net.clone(), clock, rng).build().await.expect("starts");
    network.tickets().trust(validator("Badge", badge(), decide)).expect("the first");
    network
}

fn a_badge(network: &Network, until: Wall) -> Ticket {
    Ticket::new(badge(), format!("{} {}", network.local().id(), until.0)).expect("fits")
}

/// Shows a badge that is good for so long, and says when it ends.
pub(super) fn show(network: &Network, good_for: Duration) -> (TicketId, Wall) {
    let until = network.clock().wall().later(good_for);
    (network.tickets().add(a_badge(network, until)).expect("room"), until)
}

fn sum(network: &Network, voters: u8) -> GroupBuilder<Sum> {
    let group = network.groups().machine(Sum::default()).named("sum").voters(Voters::Count(voters));
    group.require(proof("Badge"))
}

/// Waits until something is there.
pub(super) async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, found).await.expect("in time")
}

/// The next admission that `events` tell of that was taken back, and the time of it.
pub(super) async fn revoked(
    network: &Network,
    events: &mut Receiver<AdmissionEvent>,
    peer: PeerId,
) -> (Wall, Refusal) {
    let found = async {
        loop {
            match events.recv().await {
                Ok(AdmissionEvent::Revoked { peer: of, refusal, .. }) if of == peer => return refusal,
                _ => {}
            }
        }
    };
    let refusal = timeout(LONG, found).await.expect("in time");
    (network.clock().wall(), refusal)
}

/// How often an admission was taken back so far.
fn revocations(events: &mut Receiver<AdmissionEvent>) -> usize {
    let mut count = 0;
    while let Ok(event) = events.try_recv() {
        count += usize::from(matches!(event, AdmissionEvent::Revoked { .. }));
    }
    count
}

/// Shows another badge in the place of the last one for so many rounds of 50 s; each is good for a minute.
async fn renew(network: &Network, mut id: TicketId, rounds: usize) -> Wall {
    let mut until = Wall(0);
    for _ in 0..rounds {
        sleep(50 * SECOND).await;
        until = network.clock().wall().later(60 * SECOND);
        id = network.tickets().replace(&id, a_badge(network, until)).expect("room");
    }
    until
}

#[tokio::test(start_paused = true)]
async fn h9_a_member_without_the_proof_is_refused_and_both_sides_say_why() {
    let net = Net::new(1);
    let (one, two) = (network(&net, 1).await, network(&net, 2).await);
    show(&one, 3600 * SECOND);
    let (a, b) = (sum(&one, 2).join().await.expect("joins"), sum(&two, 2).join().await.expect("joins"));
    let of = |group: &Group<Sum>, other: &Network| group.status().refused.get(&other.local().id()).cloned();
    let here = until(|| of(&a, &two)).await;
    let there = until(|| of(&b, &one)).await;
    let (BondRefused::ByUs(here), BondRefused::ByThem(there)) = (here, there) else {
        panic!("the other way round")
    };
    assert_eq!(here, there, "both sides say the same");
    assert!(here.to_string().contains("`Badge`: the peer shows no ticket of class `badge`"), "{here}");
    assert!(!a.status().is_born() && !b.status().is_born());
    let lapsed = two.tickets().add(a_badge(&two, Wall(BEGINS - 1))).expect("room");
    until(|| of(&a, &two).filter(|why| why.to_string().contains("expired"))).await;
    two.tickets().replace(&lapsed, a_badge(&two, Wall(BEGINS + 3_600_000))).expect("room");
    for group in [&a, &b] {
        timeout(LONG, group.when().online()).await.expect("with its badge it is a member");
    }
    assert_eq!(b.execute(5).await, Ok(5));
}

#[tokio::test(start_paused = true)]
async fn t2_a_bond_stands_across_renewals_and_ends_within_a_second_of_the_last_badge() {
    let net = Net::new(2);
    let (one, two) = (network(&net, 1).await, network(&net, 2).await);
    show(&one, 86_400 * SECOND);
    let (id, _) = show(&two, 60 * SECOND);
    let (a, b) = (sum(&one, 2).join().await.expect("joins"), sum(&two, 2).join().await.expect("joins"));
    for group in [&a, &b] {
        timeout(LONG, group.when().online()).await.expect("online");
    }
    let (term, mut events) = (a.status().term, one.admission().events());
    let until_then = renew(&two, id, 20).await;
    assert_eq!((revocations(&mut events), a.status().term), (0, term), "a thousand seconds of renewals");
    assert_eq!(b.execute(5).await, Ok(5));
    let (at, why) = revoked(&one, &mut events, two.local().id()).await;
    assert!(at >= until_then && at < until_then.later(SECOND), "{at:?} {until_then:?}");
    assert!(why.to_string().contains("expired"), "{why}");
    let refused = until(|| b.status().refused.get(&one.local().id()).cloned()).await;
    assert!(refused.to_string().contains("expired"), "{refused}");
    let alone = a.with_deadline(3 * SECOND).execute(1).await;
    assert!(alone.is_err(), "the other one is no member any more: {alone:?}");
    show(&two, 3600 * SECOND);
    let back = async { while b.with_deadline(3 * SECOND).execute(1).await.is_err() {} };
    timeout(LONG, back).await.expect("with a new badge it is");
}

async fn learn(network: &Network) -> Learner<Sum> {
    let group = network.groups().machine(Sum::default()).named("sum").require(proof("Badge"));
    group.learn().await.expect("begins")
}

#[tokio::test(start_paused = true)]
async fn t2_h9_a_learner_is_let_in_and_put_out_by_its_badge() {
    let net = Net::new(3);
    let (member, reader) = (network(&net, 1).await, network(&net, 2).await);
    show(&member, 86_400 * SECOND);
    let group = sum(&member, 1).join().await.expect("joins");
    timeout(LONG, group.when().online()).await.expect("online");
    group.execute(7).await.expect("acknowledged");
    let mut events = member.admission().events();
    let learner = learn(&reader).await;
    let why = until(|| learner.status().refused).await;
    assert!(why.contains("shows no ticket of class `badge`"), "{why}");
    let told = until(|| match events.try_recv() {
        Ok(AdmissionEvent::Refused { peer, by: Side::Us, refusal, .. }) if peer == reader.local().id() => {
            Some(refusal.to_string())
        }
        _ => None,
    });
    let told = told.await;
    assert!(why.contains(&told), "{why}; {told}");
    let (id, _) = show(&reader, 60 * SECOND);
    timeout(LONG, learner.when().online()).await.expect("with its badge it reads");
    assert_eq!(learner.query(()).await, Ok(7));
    revocations(&mut events);
    let ends = renew(&reader, id, 20).await;
    assert_eq!(revocations(&mut events), 0, "a thousand seconds of renewals");
    assert!(learner.when().online().holds());
    let (at, why) = revoked(&member, &mut events, reader.local().id()).await;
    assert!(
        at >= ends && at < ends.later(SECOND) && why.to_string().contains("expired"),
        "{at:?} {ends:?} {why}"
    );
    timeout(LONG, learner.when().offline()).await.expect("it reads no more");
}

fn prices(network: &Network) -> SingleBuilder<Map<String, u64>> {
    let prices = network.collections().map::<String, u64>("exchange.prices");
    prices.require_of_writers(proof("Badge")).require_of_readers(proof("Badge"))
}

#[tokio::test(start_paused = true)]
async fn t2_h9_readers_and_writers_of_a_collection_are_let_in_and_put_out_by_their_badges() {
    let net = Net::new(4);
    let (one, two, three) = (network(&net, 1).await, network(&net, 2).await, network(&net, 3).await);
    show(&one, 86_400 * SECOND);
    let writer = prices(&one).voters(Voters::Count(1)).writer().await.expect("opens");
    timeout(LONG, writer.when().online()).await.expect("online");
    let version = writer.insert("ETH".into(), 1).await.expect("written").version;
    let (second, reader) = (
        prices(&two).voters(Voters::Count(1)).writer().await.expect("opens"),
        prices(&three).reader().await.expect("opens"),
    );
    let refused = until(|| second.status().refused.get(&one.local().id()).cloned()).await;
    assert!(refused.to_string().contains("shows no ticket of class `badge`"), "{refused}");
    let refused = until(|| reader.status().refused).await;
    assert!(refused.contains("shows no ticket of class `badge`"), "{refused}");
    assert!(!reader.when().online().holds() && !second.when().online().holds());
    let (id, _) = show(&two, 3600 * SECOND);
    let (_, ends) = show(&three, 60 * SECOND);
    timeout(LONG, reader.when().reaches(version)).await.expect("in time").expect("it reads with its badge");
    timeout(LONG, second.when().online()).await.expect("it writes with its badge");
    second.insert("BTC".into(), 2).await.expect("written");
    let mut events = one.admission().events();
    let (at, why) = revoked(&one, &mut events, three.local().id()).await;
    assert!(
        at >= ends && at < ends.later(SECOND) && why.to_string().contains("expired"),
        "{at:?} {ends:?} {why}"
    );
    timeout(LONG, reader.when().offline()).await.expect("it reads no more");
    let begun = Instant::now();
    assert!(two.tickets().remove(&id));
    let (_, why) = revoked(&one, &mut events, two.local().id()).await;
    assert!(begun.elapsed() <= SECOND, "{:?} {why}", begun.elapsed());
    let put_out = second.with_deadline(3 * SECOND).insert("BTC".into(), 3).await;
    assert!(put_out.is_err(), "{put_out:?}");
    drop(writer);
}
