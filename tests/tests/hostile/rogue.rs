//! A peer that takes part as others do, but for its tickets: it names what it likes, and answers about them as it likes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use mosaik::{
    Network,
    admission::{AdmissionEvent, Side},
    discovery::TICKETS,
    primitives::{PeerId, Policy, Scope, Wall},
    streams::{Consumer, Event, Left, Producer},
    tickets::{Class, Reference, Ticket, TicketId, pack},
    transport::Protocol,
};
use tokio::time::timeout;

use super::{
    attacker::key,
    scene::Scene,
    wire::{TicketAnswer, TicketAsk},
};

/// What a test waits at most for what should come at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What is said of a ticket that was not fetched and checked in time.
const NOT_YET: &str = "the peer or the check takes its time";

/// The protocol of tickets, without the bound on its frames that nodes keep.
struct Unbounded;

impl Protocol for Unbounded {
    const NAME: &'static str = "tickets";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 4 << 20;
}

/// A ticket that a rogue names, and what it says when it is asked for it; nothing, if there is no answer.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    reference: Reference,
    says: Option<Vec<u8>>,
}

impl Named {
    /// A ticket that it has.
    pub(crate) fn honest(ticket: &Ticket) -> Self {
        Self::saying(ticket, ticket.bytes().to_vec())
    }

    /// A ticket in whose place it says something else.
    pub(crate) fn saying(ticket: &Ticket, bytes: Vec<u8>) -> Self {
        Self { reference: (ticket.class().clone(), ticket.id()), says: Some(bytes) }
    }

    /// A ticket about which it never says anything.
    pub(crate) fn silent(ticket: &Ticket) -> Self {
        Self { reference: (ticket.class().clone(), ticket.id()), says: None }
    }
}

type Answers = Arc<Mutex<BTreeMap<TicketId, (Class, Option<Vec<u8>>)>>>;

/// The rogue, with a key of its own. It runs where attackers run.
pub(crate) struct Rogue {
    pub(crate) network: Network,
    target: Network,
    answers: Answers,
    serving: Scope,
}

/// What became of a consumer at the target.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Admitted,
    Refused(String),
    Cut(String),
}

impl Rogue {
    pub(crate) async fn new(scene: &Scene, seed: u64) -> Arc<Self> {
        let (meet, target) = (scene.meet.path().to_owned(), scene.target.clone());
        let builds = async move {
            let builder = Network::builder("under-fire").runtime_dir(meet).secret_key(key(seed));
            let network = builder.build().await.expect("it starts");
            let (answers, serving) = (Answers::default(), Scope::new());
            let rogue = Self { network, target, answers, serving };
            rogue.serve();
            let all = rogue.network.discovery().when(|catalog| catalog.len() >= 3);
            timeout(SOON, all).await.expect("it meets the others");
            Arc::new(rogue)
        };
        scene.attack(builds).await
    }

    pub(crate) fn id(&self) -> PeerId {
        self.network.local().id()
    }

    /// What the target's clock says.
    pub(crate) fn now(&self) -> Wall {
        self.target.clock().wall()
    }

    fn serve(&self) {
        let mut listener = self.network.transport().listen::<Unbounded>(64);
        let (answers, scope) = (self.answers.clone(), self.serving.clone());
        self.serving.spawn("rogue", async move {
            while let Some(mut link) = listener.accept().await {
                let answers = answers.clone();
                scope.spawn("rogue answer", async move {
                    let Ok(Some(TicketAsk::V1 { id, .. })) = link.recv::<TicketAsk>(SOON).await else {
                        return;
                    };
                    let says = answers.lock().expect("whole").get(&id).cloned();
                    let Some((class, Some(bytes))) = says else { return std::future::pending().await };
                    let (class, extensions) = (class.to_string(), Vec::new());
                    let _ = link.send(&TicketAnswer::Here { class, bytes, extensions }).await;
                    let _ = link.recv::<TicketAsk>(SOON).await;
                });
            }
        });
    }

    /// Names these tickets and no others. Returns when the target has heard of it.
    pub(crate) async fn shows(&self, named: &[Named]) {
        let references: Vec<Reference> = named.iter().map(|one| one.reference.clone()).collect();
        let answers = named.iter().map(|one| (one.reference.1, (one.reference.0.clone(), one.says.clone())));
        *self.answers.lock().expect("whole") = answers.collect();
        let (id, packed) = (self.id(), pack(&references));
        self.network.discovery().set_extension(TICKETS, packed.clone()).expect("it fits");
        let heard = self.target.discovery().when(move |catalog| {
            let says =
                catalog.get(&id).map(|peer| peer.entry.extension(TICKETS).cloned().unwrap_or_default());
            says.as_ref() == Some(&packed)
        });
        timeout(SOON, heard).await.expect("the target hears of it");
    }

    /// A consumer of a stream of the target's.
    pub(crate) fn consumer(&self, stream: &str) -> Consumer<u64> {
        self.network.streams().consumer().named(stream).build().expect("a consumer")
    }

    /// What the target says next about a consumer of this node.
    pub(crate) async fn told(&self, consumer: &mut Consumer<u64>) -> Told {
        let target = self.target.local().id();
        let mut events = consumer.events();
        let next = async {
            loop {
                match events.next().await.expect("the rogue runs") {
                    Event::Joined { from, .. } if from == target => return Told::Admitted,
                    Event::Refused { from, why } if from == target => return Told::Refused(why),
                    Event::Left { from, why: Left::Refused(why), .. } if from == target => {
                        return Told::Cut(why);
                    }
                    Event::Item { .. } => panic!("a stream that is gated lets nothing out"),
                    _ => {}
                }
            }
        };
        timeout(SOON, next).await.expect("the target says something")
    }

    /// Shows these tickets and asks for the stream: it is refused, and both sides are told this.
    pub(crate) async fn is_refused(&self, stream: &str, named: &[Named], because: &str) {
        self.shows(named).await;
        let mut events = self.target.admission().events();
        let mut consumer = self.consumer(stream);
        let why = loop {
            let told = self.told(&mut consumer).await;
            let Told::Refused(why) = told else { panic!("{because}: {told:?}") };
            if why.contains(because) {
                break why;
            }
            // Where others use the processors, the rogue's answer may not be there yet: it asks again.
            assert!(why.contains(NOT_YET), "{because}: {why}");
        };
        let us = self.id();
        let operator = async {
            loop {
                if let Ok(AdmissionEvent::Refused { peer, by: Side::Us, refusal, .. }) = events.recv().await
                    && peer == us
                    && why.contains(&refusal.to_string())
                {
                    return;
                }
            }
        };
        timeout(SOON, operator).await.expect("the operator is told the same");
    }

    pub(crate) async fn leave(&self) {
        self.serving.kill();
        timeout(SOON, self.network.shutdown()).await.expect("it stops");
    }
}

/// A stream of the target's that only those get whom the policy lets in. Nothing is sent on it.
pub(crate) fn gated(scene: &Scene, stream: &str, policy: Policy) -> Producer<u64> {
    let producer = scene.target.streams().producer::<u64>().named(stream).require(policy);
    producer.build().expect("a producer")
}

/// The friend shows this ticket, asks for a gated stream, and is let in.
pub(crate) async fn let_in(
    scene: &Scene,
    producer: &Producer<u64>,
    stream: &str,
    shown: Ticket,
) -> Consumer<u64> {
    scene.friend.tickets().add(shown).expect("room");
    let consumer = scene.friend.streams().consumer().named(stream).build().expect("a consumer");
    timeout(SOON, producer.when().subscribed().minimum_of(1)).await.expect("a good ticket is enough");
    consumer
}

/// A ticket from its bytes.
pub(crate) fn ticket(class: Class, bytes: impl Into<Vec<u8>>) -> Ticket {
    Ticket::new(class, bytes.into()).expect("it fits")
}
