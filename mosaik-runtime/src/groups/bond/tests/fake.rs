//! Somebody who answers as a member would and does not hold the key: the dialler and the reader find out. And proofs over real QUIC.

use std::sync::Arc;

use super::{
    lab::{Echo, Events, LONG, Node, group, key, two, within},
    proof::{refusal, says},
};
use crate::{
    admission::{Ask, Gate, Item},
    groups::{
        bond::{
            BondEvent, BondRefused, BondsSettings,
            key::{Binding, EXPORTER_LABEL, Role, prove},
            prove_as_reader,
            readers::binding,
        },
        tail::wire::Shown,
        wire::{GroupsProtocol, KeyProof, KeyRefusal, Prove, Proved},
    },
    primitives::{PeerRole, Policy, schema},
    transport::{LinkSender, sim::Net},
};

type Says = Box<dyn Fn(&LinkSender<GroupsProtocol>, KeyProof) -> KeyProof + Send + Sync>;

/// From now on the node lets everybody in, and answers each proof with what `says` makes of it.
fn pretend(node: &Node, says: Says) {
    let mut listener = node.transport.listen::<GroupsProtocol>(64);
    let (admission, hello) = (node.admission.clone(), node.hello());
    let shape = schema::of::<u32>();
    let gate =
        Gate { name: "lab.group".into(), policy: Policy::anyone(), schema: shape.fingerprint(), shape };
    node.scope.spawn("lab pretender", async move {
        let mut held = Vec::new();
        while let Some(link) = listener.accept().await {
            let Ok((ask, admitted)) = admission.answer(link, |_| Ok(gate.clone())).await else { continue };
            let (mut sender, mut receiver, lease) = admitted.into_parts();
            let Ok(Some(Prove::V1 { proof, .. })) = receiver.recv(LONG).await else { continue };
            let (proof, extensions) = (says(&sender, proof), Vec::new());
            let said = match ask.role {
                PeerRole::Reads => sender.send(&Shown::V1 { proof, extensions }).await,
                _ => sender.send(&Proved::V1 { proof, hello, extensions }).await,
            };
            said.expect("the other side listens");
            held.push((sender, receiver, lease));
        }
    });
}

fn ask(role: PeerRole) -> Ask {
    let shape = schema::of::<u32>();
    Ask { item: Item::unknown(group()), role, schemas: vec![shape.fingerprint()], shape: Some(shape) }
}

/// What a node with the key makes of a member that answers like this: as a member, and as a reader.
async fn told(says: impl FnOnce(&Node, &Node) -> Says) -> (Option<BondRefused>, Result<(), String>) {
    let net = Net::new(7);
    let (one, two) = two(&net).await;
    pretend(&two, says(&one, &two));
    let mut events: Events =
        one.bond_with(BondsSettings { key: key(1), ..one.settings() }, Arc::<Echo>::default());
    one.bonds().offer(two.id());
    let as_member = events
        .until(|event| match event {
            BondEvent::Refused { why, .. } => Some(Some(why.clone())),
            BondEvent::Up { .. } => Some(None),
            _ => None,
        })
        .await;
    let asked = one.admission.ask::<GroupsProtocol>(two.id(), ask(PeerRole::Reads), Policy::anyone()).await;
    let (mut sender, mut receiver, _lease) = asked.expect("admitted").into_parts();
    let key = key(1);
    let shown = prove_as_reader(key.as_ref(), (one.id(), group()), &mut sender, &mut receiver);
    let as_reader = within("an answer", shown).await.map_err(|(why, _may_pass)| why);
    (as_member, as_reader)
}

fn refused(why: KeyRefusal) -> (Option<BondRefused>, Result<(), String>) {
    (Some(BondRefused::Key(why)), Err(why.to_string()))
}

/// So that the refusals below are for the proof, and for nothing else.
#[tokio::test(start_paused = true)]
async fn h7_a_member_that_holds_the_key_is_believed_by_the_dialler_and_by_a_reader() {
    let (me, them) = (Role::Acceptor, key(1));
    let honest = told(|_, two| {
        let acceptor = two.id();
        Box::new(move |sender, _| {
            let binding = binding(sender, (sender.peer(), acceptor), group()).expect("key material");
            prove(them.as_ref(), me, &binding)
        })
    });
    assert_eq!(honest.await, (None, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn h7_a_member_without_the_key_is_refused_by_the_dialler_and_by_a_reader() {
    let nothing = told(|_, _| Box::new(|_, _| KeyProof::NoKey)).await;
    assert_eq!(nothing, refused(KeyRefusal::NoKeyThere));
    let reflected = told(|_, _| Box::new(|_, proof| proof)).await;
    assert_eq!(reflected, refused(KeyRefusal::OtherKey), "the dialler's own proof");
    let guessed = told(|_, _| Box::new(|_, _| KeyProof::Key([7; 32]))).await;
    assert_eq!(guessed, refused(KeyRefusal::OtherKey));
}

#[tokio::test(start_paused = true)]
async fn h7_a_members_proof_of_another_connection_is_refused_by_the_dialler_and_by_a_reader() {
    // As a member that held the key once, on a connection that is gone, would have proved it.
    let net = Net::new(7);
    let (one, two) = self::two(&net).await;
    let link = one.transport.link::<GroupsProtocol>(two.id()).await.expect("a link");
    let exporter = link.export(EXPORTER_LABEL, group().as_bytes()).expect("key material");
    let stale = Binding { exporter, group: group(), dialler: one.id(), acceptor: two.id() };
    let proof = prove(key(1).as_ref(), Role::Acceptor, &stale);
    net.sever(one.id(), two.id());
    let mut events = one.bond_with(BondsSettings { key: key(1), ..one.settings() }, Arc::<Echo>::default());
    let kept = proof.clone();
    pretend(&two, Box::new(move |_, _| kept.clone()));
    one.bonds().offer(two.id());
    assert_eq!(refusal(&mut events).await, (two.id(), BondRefused::Key(KeyRefusal::OtherKey)));
    let asked = one.admission.ask::<GroupsProtocol>(two.id(), ask(PeerRole::Reads), Policy::anyone()).await;
    let (mut sender, mut receiver, _lease) = asked.expect("admitted").into_parts();
    let shown = prove_as_reader(key(1).as_ref(), (one.id(), group()), &mut sender, &mut receiver).await;
    assert_eq!(shown, Err((KeyRefusal::OtherKey.to_string(), false)));
}

/// The simulated network makes up the key material of a connection; here TLS does.
#[cfg(all(feature = "iroh", feature = "durable"))]
#[tokio::test]
async fn h7_over_quic_a_proof_holds_on_its_connection_and_on_no_other() {
    use crate::{discovery::Rendezvous, groups::store::tests::Folder, transport::Backend};

    let folder = Folder::new("proofs");
    let meet = || Rendezvous::Directory(folder.path().to_owned());
    let start = |number, life| Node::start_on(Backend::Iroh, meet(), (number, life), &[]);
    let (one, two) = (start(1, 1).await, start(2, 1).await);
    one.knows(2).await;
    two.knows(2).await;
    let settings = BondsSettings { key: key(1), ..two.settings() };
    let mut events = two.bond_with(settings, Arc::<Echo>::default());
    let link = one.transport.link::<GroupsProtocol>(two.id()).await.expect("a link");
    let exporter = link.export(EXPORTER_LABEL, group().as_bytes()).expect("key material");
    let binding = Binding { exporter, group: group(), dialler: one.id(), acceptor: two.id() };
    let proof = prove(key(1).as_ref(), Role::Dialler, &binding);
    assert!(
        matches!(says(&one, &two, proof.clone()).await, Proved::V1 { .. }),
        "on this connection it holds"
    );
    drop(link);
    one.discovery.depart().await;
    one.transport.shutdown().await;
    one.scope.kill();
    one.scope.ended().await;
    drop(one);
    let again = start(1, 2).await;
    again.knows(2).await;
    assert_eq!(
        says(&again, &two, proof).await,
        Proved::Refused(KeyRefusal::OtherKey),
        "the next one has other keys"
    );
    assert_eq!(refusal(&mut events).await, (again.id(), BondRefused::Key(KeyRefusal::OtherKey)));
    again.transport.shutdown().await;
    two.transport.shutdown().await;
}
