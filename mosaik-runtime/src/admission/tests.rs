//! Admission between two nodes of a simulated network.

use std::time::Duration;

use super::{AdmissionEvent, Admitted, AnswerError, Ask, AskError, Gate, Item, Refusal, Side, stand::Stand};
use crate::{
    discovery::{Rendezvous, Settings},
    primitives::{
        BootId, NetworkId, NodeRng, PeerRole, Policy, Schema, SecretKey, StreamId, Tag,
        policy::{rtt_below, tag},
        schema,
    },
    transport::{Backend, Protocol, sim::Net},
};

#[derive(Debug)]
pub(super) struct Lab;

impl Protocol for Lab {
    const NAME: &'static str = "lab";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 64 * 1024;
}

fn network() -> NetworkId {
    NetworkId::derive("lab")
}

pub(super) fn item() -> Item {
    Item::known(StreamId::derive("lab.item").on(&network()), "lab.item")
}

async fn node(net: &Net, n: u8, tags: &[&str]) -> Stand {
    let key = SecretKey::from_bytes([n; 32]);
    let backend = Backend::Sim(net.port(key.peer_id()));
    let change = |settings: &mut Settings| {
        settings.rendezvous = Rendezvous::Sim(net.clone());
        settings.tags = tags.iter().filter_map(|text| Tag::new(text).ok()).collect();
    };
    let life = (network(), BootId(n.into()));
    Stand::start(backend, key, life, NodeRng::from_seed(n.into()), change).await
}

/// A gatekeeper and an asker that have met.
pub(super) async fn pair(tags: &[&str]) -> (Stand, Stand) {
    let net = Net::new(7);
    let (gate, asker) = (node(&net, 1, &[]).await, node(&net, 2, tags).await);
    gate.discovery.when(|catalog| catalog.len() == 2).await;
    asker.discovery.when(|catalog| catalog.len() == 2).await;
    (gate, asker)
}

pub(super) fn ask_for<T: Schema>() -> Ask {
    let shape = schema::of::<T>();
    Ask { item: item(), role: PeerRole::Consumes, schemas: vec![shape.fingerprint()], shape: Some(shape) }
}

pub(super) fn gate_for<T: Schema>(policy: Policy) -> Gate {
    let shape = schema::of::<T>();
    Gate { name: "lab.item".into(), policy, schema: shape.fingerprint(), shape }
}

pub(super) type Answered = Result<(Ask, Admitted<Lab>), AnswerError>;

pub(super) async fn meet(
    gate: &Stand,
    asker: &Stand,
    ask: Ask,
    offer: Result<Gate, Refusal>,
) -> (Answered, Result<Admitted<Lab>, AskError>) {
    let mut listener = gate.transport.listen::<Lab>(4);
    let answer = async {
        let link = listener.accept().await.expect("a link arrives");
        gate.admission.answer(link, |_| offer).await
    };
    let asked = asker.admission.ask::<Lab>(gate.transport.id(), ask, Policy::anyone());
    futures::join!(answer, asked)
}

#[tokio::test(start_paused = true)]
async fn an_admitted_link_carries_what_was_agreed() {
    let (gate, asker) = pair(&["matcher"]).await;
    let (answered, asked) = meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(tag("matcher")))).await;
    let (ask, there) = answered.expect("admitted here");
    let here = asked.expect("admitted there");
    assert_eq!((ask.role, there.fingerprint()), (PeerRole::Consumes, here.fingerprint()));
    assert_eq!((there.peer(), here.peer()), (asker.transport.id(), gate.transport.id()));
    let ((mut send, ..), (_, mut receive, _)) = (here.into_parts(), there.into_parts());
    send.send(&5u32).await.expect("sent");
    assert_eq!(receive.recv::<u32>(Duration::from_secs(1)).await.expect("received"), Some(5));
}

#[tokio::test(start_paused = true)]
async fn ls10_different_schemas_are_refused_on_both_sides_with_what_differs() {
    let (gate, asker) = pair(&[]).await;
    let mut events = gate.admission.events();
    let (answered, asked) =
        meet(&gate, &asker, ask_for::<f64>(), Ok(gate_for::<f32>(Policy::anyone()))).await;
    let text = asked.expect_err("refused").to_string();
    assert_eq!(text, "the peer refused: the schemas differ: f64 here, f32 there");
    let refusal = Refusal::SchemaMismatch { difference: "f32 here, f64 there".to_owned() };
    assert!(matches!(answered, Err(AnswerError::Refused(found)) if found == refusal));
    let event = events.recv().await.expect("an event");
    let expected = AdmissionEvent::Refused {
        peer: asker.transport.id(),
        item: item(),
        role: PeerRole::Consumes,
        by: Side::Us,
        refusal,
    };
    assert_eq!(event, expected);
}

#[tokio::test(start_paused = true)]
async fn ld15_a_refused_peer_learns_why_and_so_does_the_operator() {
    let (gate, asker) = pair(&["desk"]).await;
    let (mut events, mut events_of_gate) = (asker.admission.events(), gate.admission.events());
    let (answered, asked) = meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(tag("matcher")))).await;
    assert!(matches!(answered, Err(AnswerError::Refused(Refusal::PolicyUnmet { .. }))));
    assert!(asked.expect_err("refused").to_string().contains("tag(\"matcher\")"));
    let event = events.recv().await.expect("an event");
    assert!(matches!(event, AdmissionEvent::Refused { by: Side::Them, .. }), "{event:?}");
    let told = events_of_gate.recv().await.expect("an event");
    assert!(
        matches!(&told, AdmissionEvent::Refused { item, by: Side::Us, .. } if item.to_string() == "lab.item"),
        "the side that refuses names the item: {told:?}"
    );
    let (_, asked) = meet(&gate, &asker, ask_for::<u32>(), Err(Refusal::Full { limit: 4 })).await;
    assert!(matches!(asked, Err(AskError::Refused(Refusal::Full { limit: 4 }))));
}

#[tokio::test(start_paused = true)]
async fn ls8_a_peer_that_loses_a_required_tag_loses_its_admission() {
    let (gate, asker) = pair(&["matcher"]).await;
    let (answered, _asked) = meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(tag("matcher")))).await;
    let (_, _, lease) = answered.expect("admitted").1.into_parts();
    assert_eq!(lease.refusal(), None);
    asker.discovery.tags().remove(&Tag::new("matcher").expect("a tag"));
    let refusal = lease.revoked().await;
    assert_eq!(refusal, Refusal::PolicyUnmet { policy: "tag(\"matcher\")".to_owned() });
}

/// The ground of an admission may be replaced while the link lives (tickets are renewed in the same way): what ends with
/// the old ground must not take the link with it.
#[tokio::test(start_paused = true)]
async fn ls7_an_admission_follows_the_newest_entry_and_not_the_one_it_began_with() {
    let (gate, asker) = pair(&["shift-one"]).await;
    let either = tag("shift-one") | tag("shift-two");
    let (answered, _asked) = meet(&gate, &asker, ask_for::<u32>(), Ok(gate_for::<u32>(either))).await;
    let (_, _, lease) = answered.expect("admitted").1.into_parts();
    let (one, two) = (Tag::new("shift-one").expect("a tag"), Tag::new("shift-two").expect("a tag"));
    asker.discovery.tags().insert(two.clone()).expect("it fits");
    asker.discovery.tags().remove(&one);
    let id = asker.transport.id();
    let seen = gate
        .discovery
        .when(move |catalog| catalog.get(&id).is_some_and(|peer| !peer.entry.tags.contains(&one)));
    seen.await;
    let cut = tokio::time::timeout(Duration::from_secs(10), lease.revoked()).await;
    assert!(cut.is_err(), "the newer tag keeps the link: {cut:?}");
    asker.discovery.tags().remove(&two);
    assert!(matches!(lease.revoked().await, Refusal::PolicyUnmet { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_askers_own_policy_keeps_unwanted_peers_out_before_a_link_is_opened() {
    let (gate, asker) = pair(&[]).await;
    let wanted = tag("trusted");
    let asked = asker.admission.ask::<Lab>(gate.transport.id(), ask_for::<u32>(), wanted).await;
    assert!(matches!(asked, Err(AskError::NotWanted(Refusal::PolicyUnmet { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_the_round_trip_waits_for_a_measurement() {
    let (gate, asker) = pair(&[]).await;
    let offer = |limit| Ok(gate_for::<u32>(rtt_below(limit)));
    let (answered, _) = meet(&gate, &asker, ask_for::<u32>(), offer(Duration::from_secs(1))).await;
    assert!(answered.is_ok());
    let (answered, _) = meet(&gate, &asker, ask_for::<u32>(), offer(Duration::from_micros(1))).await;
    assert!(matches!(answered, Err(AnswerError::Refused(Refusal::PolicyUnmet { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_question_of_garbage_is_an_error_and_no_admission() {
    let (gate, asker) = pair(&[]).await;
    let mut listener = gate.transport.listen::<Lab>(4);
    let mut link = asker.transport.link::<Lab>(gate.transport.id()).await.expect("a link");
    link.send(&"not a question").await.expect("sent");
    let link = listener.accept().await.expect("a link arrives");
    let answered = gate.admission.answer(link, |_| Ok(gate_for::<u32>(Policy::anyone()))).await;
    assert!(matches!(answered, Err(AnswerError::Link(_))));
}
