//! Forty whole nodes with tokens that are renewed every minute, at one that lets nobody in without; and nodes that sleep while their
//! tickets end.
//!
//! The forty run for minutes. A day of two hundred would be 58 million entries by gossip: `admission::proofs::crowd` runs it, with a
//! whole gatekeeper, and of the others what it sees of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mosaik::{
    Network,
    primitives::{NodeRng, Wall, policy::proof},
    streams::{Event, Left},
    tickets::{
        Class, Denial, Shown, Ticket, Valid,
        jwt::{Algorithm, Claims, Jwt, KeySet, NumericDate, Signer},
        validator,
    },
};
use mosaik_runtime::{
    admission::AdmissionEvent,
    node::{
        Result,
        world::{Nodes, Surroundings, World, millis, secs},
    },
};
use tokio::time::sleep;

const PEERS: usize = 40;
/// A token is good for so many seconds, and renewed when three quarters of that are over.
const GOOD_FOR: u64 = 80;
const RENEWED: Duration = Duration::from_secs(60);

/// What the nodes tell.
#[derive(Default)]
struct Told {
    asked: AtomicU64,
    subscribed: AtomicU64,
    revoked: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    made: AtomicU64,
}

fn signer() -> Signer {
    Signer::generate(Algorithm::Es256, &mut NodeRng::from_seed(3)).expect("a key").named("house")
}

/// Lets in who has a token of the house, and says how often it looked at one.
async fn gatekeeper(surroundings: Surroundings, told: Arc<Told>) -> Result<()> {
    let stop = surroundings.stop.clone();
    let network = surroundings.builder("fleet").build().await?;
    let keys = KeySet::new([signer().key()]).expect("one");
    network.tickets().trust(Jwt::new("Desk", keys).issuer("house")).expect("the first");
    let mut events = network.admission().events();
    let producer = network.streams().producer::<u64>().named("gated").require(proof("Desk"));
    let producer = producer.build().expect("a producer");
    loop {
        tokio::select! { biased;
            () = stop.cancelled() => break,
            event = events.recv() => match event {
                Ok(AdmissionEvent::Revoked { .. }) => told.revoked.fetch_add(1, Ordering::Relaxed),
                Ok(AdmissionEvent::Refused { .. }) => told.refused.fetch_add(1, Ordering::Relaxed),
                _ => continue,
            },
            () = sleep(secs(1)) => {
                told.asked.store(network.tickets().asked(), Ordering::Relaxed);
                told.subscribed.swap(producer.subscribers().len() as u64, Ordering::Relaxed)
            }
        };
    }
    network.shutdown().await;
    Ok(())
}

fn token(network: &Network, signer: &Signer) -> Ticket {
    let now = NumericDate::from(network.clock().wall());
    let claims = Claims {
        issuer: Some("house".to_owned()),
        subject: Some(network.local().id().to_string()),
        audience: vec!["fleet".to_owned()],
        issued_at: Some(now),
        expires: Some(NumericDate(now.0 + GOOD_FOR)),
        ..Claims::default()
    };
    Ticket::new(Class::jwt(), signer.issue(&claims).expect("issued")).expect("fits")
}

/// Reads what is gated, with a token that it renews every minute.
async fn desk(surroundings: Surroundings, told: Arc<Told>, signer: Arc<Signer>) -> Result<()> {
    let stop = surroundings.stop.clone();
    let apart = RENEWED / PEERS as u32 * u32::try_from(surroundings.number).unwrap_or_default();
    let network = surroundings.builder("fleet").build().await?;
    let mut id = network.tickets().add(token(&network, &signer)).expect("room");
    told.made.fetch_add(1, Ordering::Relaxed);
    let mut consumer = network.streams().consumer::<u64>().named("gated").build().expect("a consumer");
    let renewing = async {
        // Not all in the same moment.
        sleep(RENEWED / 2 + apart / 2).await;
        loop {
            id = network.tickets().replace(&id, token(&network, &signer)).expect("room");
            told.made.fetch_add(1, Ordering::Relaxed);
            sleep(RENEWED).await;
        }
    };
    let watching = async {
        let mut events = consumer.events();
        while let Some(event) = events.next().await {
            if matches!(event, Event::Left { why: Left::Refused(_) | Left::Lost(_), .. }) {
                told.cut.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    tokio::select! { biased;
        () = stop.cancelled() => {}
        () = watching => {}
        () = renewing => {}
    }
    network.shutdown().await;
    Ok(())
}

#[test]
fn t4_ls7_40_nodes_whose_tokens_renew_every_minute_are_let_in_once_and_stay() {
    let (told, signer) = (Arc::<Told>::default(), Arc::new(signer()));
    let gate = {
        let told = told.clone();
        Nodes::program("gate", "fleet", move |surroundings| Box::pin(gatekeeper(surroundings, told.clone())))
    };
    let desks = {
        let told = told.clone();
        Nodes::program("desk", "fleet", move |surroundings| {
            Box::pin(desk(surroundings, told.clone(), signer.clone()))
        })
    };
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut world = World::new(11).add(gate).add(desks.times(PEERS));
    world.run_until(|_| read(&told.subscribed) == PEERS as u64);
    world.run_for(secs(150));
    let (made, asked) = (read(&told.made), read(&told.asked));
    println!("{made} tokens, {asked} validations, {} entries changed for them", made);
    assert!(made >= 3 * PEERS as u64, "{made} tokens were made");
    assert!(asked <= made && asked + PEERS as u64 / 10 >= made, "{asked} validations of {made} tokens");
    let counts = [&told.revoked, &told.cut].map(read);
    assert_eq!((counts, read(&told.subscribed)), ([0, 0], PEERS as u64), "nobody was cut off");
}

/// How long a visitor's badge is good for.
const VISIT: Duration = Duration::from_secs(10);

fn badge() -> Class {
    Class::new("badge").expect("a word")
}

/// A badge is the millisecond in which it ends.
fn decide(shown: Shown<'_>) -> std::result::Result<Valid, Denial> {
    let text = std::str::from_utf8(shown.ticket.bytes()).unwrap_or_default();
    let until = Wall(text.parse().map_err(|_| Denial::OtherPeer)?);
    if until > shown.now {
        Ok(Valid { until })
    } else {
        Err(Denial::Expired { ago: shown.now.distance(until) })
    }
}

/// Sends a number every ten milliseconds, with a badge for ten seconds.
async fn visitor(surroundings: Surroundings) -> Result<()> {
    let stop = surroundings.stop.clone();
    let network = surroundings.builder("fleet").build().await?;
    let until = network.clock().wall().later(VISIT).0.to_string();
    network.tickets().add(Ticket::new(badge(), until).expect("fits")).expect("room");
    let mut producer = network.streams().producer::<u64>().named("visits").build().expect("a producer");
    let sending = async {
        for number in 0.. {
            producer.send(number).await?;
            sleep(millis(10)).await;
        }
        Ok(())
    };
    tokio::select! { biased; () = stop.cancelled() => Ok(()), sent = sending => sent }
}

/// Reads what those send who have a badge.
async fn host(surroundings: Surroundings) -> Result<()> {
    let stop = surroundings.stop.clone();
    let network = surroundings.builder("fleet").build().await?;
    network.tickets().trust(validator("Badge", badge(), decide)).expect("the first");
    let consumer = network.streams().consumer::<u64>().named("visits").require(proof("Badge"));
    let mut consumer = consumer.build().expect("a consumer");
    let reading = async { while consumer.next().await.is_some() {} };
    tokio::select! { biased; () = stop.cancelled() => {}, () = reading => {} }
    Ok(())
}

/// What was on its way when everybody fell asleep arrives in the moment in which they wake, when the badge is over.
#[test]
fn f13_s6_who_wakes_from_a_pause_takes_nothing_from_those_whose_tickets_lapsed_meanwhile() {
    let host = Nodes::program("host", "fleet", |surroundings| Box::pin(host(surroundings)));
    let visitor = Nodes::program("visitor", "fleet", |surroundings| Box::pin(visitor(surroundings)));
    let mut world = World::new(13).add(host).add(visitor).latency(millis(150));
    let received = |world: &World| world.trace_of("visits").received_by("host");
    world.run_until(|world| received(world) >= 300);
    let before = received(&world);
    world.suspend(VISIT);
    world.run_for(secs(5));
    let after = received(&world);
    assert_eq!(after, before, "{} items were taken from one whose badge was over", after - before);
}
