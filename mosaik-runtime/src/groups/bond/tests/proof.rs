//! Who has a bond, and who is refused.

use std::sync::Arc;

use super::lab::{Echo, Events, Node, group, key, shaped, two, within};
use crate::{
    admission::{Ask, Item, Refusal},
    groups::{
        bond::{BondEvent, BondRefused, BondsSettings},
        wire::{GroupsProtocol, KeyProof, KeyRefusal, Prove, Proved},
    },
    primitives::{PeerId, PeerRole, Policy, policy::tag, schema},
    transport::sim::Net,
};

pub(super) async fn refusal(events: &mut Events) -> (PeerId, BondRefused) {
    events
        .until(|event| match event {
            BondEvent::Refused { peer, why } => Some((*peer, why.clone())),
            BondEvent::Up { .. } => panic!("there must be no bond"),
            _ => None,
        })
        .await
}

/// What the two sides are told: the one with the lower id, which dials first, and the other one.
async fn refused(
    lower: impl FnOnce(BondsSettings) -> BondsSettings,
    higher: impl FnOnce(BondsSettings) -> BondsSettings,
) -> (BondRefused, BondRefused) {
    let net = Net::new(7);
    let (one, two) = two(&net).await;
    let mut first = one.bond_with(lower(one.settings()), Arc::<Echo>::default());
    let mut second = two.bond_with(higher(two.settings()), Arc::<Echo>::default());
    one.bonds().offer(two.id());
    let ((from, here), (by, there)) = futures::join!(refusal(&mut first), refusal(&mut second));
    assert_eq!((from, by), (two.id(), one.id()));
    assert_eq!((one.bonds().peers(), two.bonds().peers()), (Vec::new(), Vec::new()));
    (here, there)
}

fn keyed(n: u8) -> impl FnOnce(BondsSettings) -> BondsSettings {
    move |settings| BondsSettings { key: key(n), ..settings }
}

#[tokio::test(start_paused = true)]
async fn h7_a_wrong_key_and_a_missing_key_are_told_on_both_sides() {
    let told = |here, there| (BondRefused::Key(here), BondRefused::Key(there));
    let other = told(KeyRefusal::OtherKey, KeyRefusal::OtherKey);
    assert_eq!(refused(keyed(1), keyed(2)).await, other);
    let none_there = told(KeyRefusal::NoKeyThere, KeyRefusal::KeyNeeded);
    assert_eq!(refused(keyed(1), |settings| settings).await, none_there);
    let none_here = told(KeyRefusal::KeyNeeded, KeyRefusal::NoKeyThere);
    assert_eq!(refused(|settings| settings, keyed(1)).await, none_here);
}

#[tokio::test(start_paused = true)]
async fn another_schema_is_told_on_both_sides_with_what_differs() {
    let (here, there) = refused(
        |settings| shaped(settings, schema::of::<f64>()),
        |settings| shaped(settings, schema::of::<f32>()),
    )
    .await;
    let mismatch = |difference: &str| Refusal::SchemaMismatch { difference: difference.to_owned() };
    assert_eq!(here, BondRefused::ByThem(mismatch("f64 here, f32 there")));
    assert_eq!(there, BondRefused::ByUs(mismatch("f32 here, f64 there")));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_the_policy_does_not_let_in_has_no_bond() {
    let strict = |settings| BondsSettings { policy: tag("vault"), ..settings };
    let (here, there) = refused(|settings| settings, strict).await;
    let unmet = Refusal::PolicyUnmet { policy: "tag(\"vault\")".to_owned() };
    assert_eq!((here, there), (BondRefused::ByThem(unmet.clone()), BondRefused::ByUs(unmet)));
}

/// Whatever comes first decides: a policy is kept, and a peer that loses what it asks for loses its bond.
#[tokio::test(start_paused = true)]
async fn a_bond_ends_when_the_peer_is_not_admitted_any_more() {
    let net = Net::new(7);
    let (one, two) = (Node::start(&net, 1, 1).await, Node::tagged(&net, 2, 1, &["vault"]).await);
    one.knows(2).await;
    two.knows(2).await;
    let strict = BondsSettings { policy: tag("vault"), ..one.settings() };
    let mut first = one.bond_with(strict, Arc::<Echo>::default());
    let _second = two.bond_with(two.settings(), Arc::<Echo>::default());
    one.bonds().offer(two.id());
    two.bonds().offer(one.id());
    first.up().await;
    two.discovery.tags().remove(&crate::primitives::Tag::new("vault").expect("a tag"));
    first.down().await;
    assert!(matches!(refusal(&mut first).await.1, BondRefused::ByUs(Refusal::PolicyUnmet { .. })));
}

/// Proves what it has seen elsewhere, over a link of its own.
pub(super) async fn says(from: &Node, to: &Node, proof: KeyProof) -> Proved {
    let shape = schema::of::<u32>();
    let ask = Ask {
        item: Item::unknown(group()),
        role: PeerRole::Member,
        schemas: vec![shape.fingerprint()],
        shape: Some(shape),
    };
    let asked = from.admission.ask::<GroupsProtocol>(to.id(), ask, Policy::anyone()).await;
    let (mut sender, mut receiver, _lease) = asked.expect("admitted").into_parts();
    sender.send(&Prove::V1 { proof, extensions: Vec::new() }).await.expect("sent");
    within("an answer", receiver.recv::<Proved>(super::lab::LONG)).await.expect("heard").expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn h7_a_proof_that_was_made_for_another_connection_is_worth_nothing() {
    use crate::groups::bond::key::{Binding, EXPORTER_LABEL, Role, prove};

    let net = Net::new(7);
    let (one, two) = two(&net).await;
    let mut events = two.bond_with(BondsSettings { key: key(1), ..two.settings() }, Arc::<Echo>::default());
    // The one that knows the key proves it on a connection that is gone afterwards.
    let link = one.transport.link::<GroupsProtocol>(two.id()).await.expect("a link");
    let exporter = link.export(EXPORTER_LABEL, group().as_bytes()).expect("key material");
    let binding = Binding { exporter, group: group(), dialler: one.id(), acceptor: two.id() };
    let proof = prove(key(1).as_ref(), Role::Dialler, &binding);
    assert!(
        matches!(says(&one, &two, proof.clone()).await, Proved::V1 { .. }),
        "on this connection it holds"
    );
    net.sever(one.id(), two.id());
    assert_eq!(says(&one, &two, proof.clone()).await, Proved::Refused(KeyRefusal::OtherKey));
    assert_eq!(refusal(&mut events).await, (one.id(), BondRefused::Key(KeyRefusal::OtherKey)));
    assert_eq!(says(&one, &two, KeyProof::NoKey).await, Proved::Refused(KeyRefusal::KeyNeeded));
    assert_eq!(says(&one, &two, KeyProof::Key([0; 32])).await, Proved::Refused(KeyRefusal::OtherKey));
}
