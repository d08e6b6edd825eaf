//! Real nodes on loopback, built without attributes: start, meet, refuse, stop.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use futures::StreamExt;
use mosaik::{
    admission::AdmissionEvent,
    node::{BuildError, Network, NetworkBuilder},
    primitives::{NetworkSecret, Policy, policy},
    transport::{Event, PeerAddr},
};
use mosaik_tests::scratch::Scratch;
use tokio::sync::broadcast;

/// Long enough for a busy machine; nothing here waits for it when all is well.
const SOON: Duration = Duration::from_secs(20);

fn builder(name: &str, meet: &Scratch) -> NetworkBuilder {
    Network::builder(name).runtime_dir(meet.path())
}

async fn soon<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(SOON, future.into_future()).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {SOON:?}"),
    }
}

async fn met(network: &Network, nodes: usize) {
    soon("meeting", network.discovery().when(move |catalog| catalog.len() == nodes)).await;
}

async fn first_refusal(events: &mut broadcast::Receiver<Event>) -> String {
    loop {
        if let Ok(Event::Refused { reason, .. }) = events.recv().await {
            return format!("{reason:?} {reason}").to_lowercase();
        }
    }
}

#[tokio::test]
async fn ld1_a_start_waits_for_nothing() {
    let meet = Scratch::new();
    let nowhere: PeerAddr = format!("{}@127.0.0.1:9", "5".repeat(64)).parse().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "the bound is in real seconds")]
    let start = Instant::now();
    let network = builder("lonely", &meet).bootstrap(nowhere).build().await.expect("it starts");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "a start takes a second at most, this one took {took:?}");
    network.shutdown().await;
}

#[tokio::test]
async fn two_nodes_of_one_machine_meet_without_an_address() {
    let meet = Scratch::new();
    let one = builder("fleet", &meet).tags(["sensor"]).build().await.expect("it starts");
    let two = builder("fleet", &meet).build().await.expect("it starts");
    met(&two, 2).await;
    let catalog = two.discovery().catalog();
    let peer = catalog.get(&one.local().id()).expect("one is known");
    assert!(peer.entry.tags.iter().any(|tag| tag.as_str() == "sensor"));
    futures::join!(one.shutdown(), two.shutdown());
}

#[tokio::test]
async fn a_seed_is_enough_and_networks_of_another_name_stay_apart() {
    let (here, there, elsewhere) = (Scratch::new(), Scratch::new(), Scratch::new());
    let seed = builder("fleet", &here).build().await.expect("it starts");
    let address = seed.local().peer_addr();
    let joiner = builder("fleet", &there).bootstrap(address.clone()).build().await.expect("it starts");
    met(&joiner, 2).await;
    let stranger = builder("other", &elsewhere).build().await.expect("it starts");
    let mut events = seed.transport().events();
    stranger.discovery().add_peer(address).await;
    let reason = soon("the refusal", first_refusal(&mut events)).await;
    assert!(reason.contains("network"), "{reason}");
    assert_eq!(stranger.discovery().catalog().len(), 1);
    futures::join!(seed.shutdown(), joiner.shutdown(), stranger.shutdown());
}

#[tokio::test]
async fn items_flow_between_two_real_nodes_and_none_is_lost_under_block() {
    use mosaik::topology::Overflow;
    let meet = Scratch::new();
    let (one, two) = (builder("fleet", &meet).build().await, builder("fleet", &meet).build().await);
    let (one, two) = (one.expect("it starts"), two.expect("it starts"));
    let lines = one.streams().producer::<String>().named("log.lines");
    let mut lines = lines.overflow(Overflow::Block).build().expect("a producer");
    let mut heard = two.streams().consumer::<String>().named("log.lines").build().expect("a consumer");
    soon("the subscription", lines.when().subscribed().minimum_of(1)).await;
    let send = async {
        for n in 0..5_000 {
            lines.send(format!("line {n}")).await.expect("sent");
        }
    };
    let receive = async {
        for n in 0..5_000 {
            assert_eq!(heard.next().await, Some(format!("line {n}")));
        }
    };
    soon("delivery", async { futures::join!(send, receive) }).await;
    futures::join!(one.shutdown(), two.shutdown());
    assert_eq!(heard.next().await, None, "a stop ends the consumer");
    assert!(lines.send("late".to_owned()).await.is_err(), "a stop ends the producer");
}

#[tokio::test]
async fn ld5_without_the_secret_nothing_is_learnt() {
    let meet = Scratch::new();
    let secret = |byte| NetworkSecret::new(&[byte; 32]).expect("long enough");
    let inside =
        builder("vault", &meet).network_secret(secret(1)).tags(["gold"]).build().await.expect("it starts");
    let mut events = inside.transport().events();
    let outside = builder("vault", &meet).network_secret(secret(2)).build().await.expect("it starts");
    outside.discovery().add_peer(inside.local().peer_addr()).await;
    let reason = soon("the refusal", first_refusal(&mut events)).await;
    assert!(reason.contains("secret"), "{reason}");
    // The directory of one user is no secret to that user; the catalog behind the handshake is.
    assert_eq!(outside.transport().sessions(&inside.local().id()), 0);
    futures::join!(inside.shutdown(), outside.shutdown());
}

#[tokio::test]
async fn one_data_directory_belongs_to_one_node() {
    let (meet, data) = (Scratch::new(), Scratch::new());
    let first = builder("fleet", &meet).data_dir(data.path()).build().await.expect("it starts");
    let second = builder("fleet", &meet).data_dir(data.path()).build().await;
    let text = second.expect_err("refused").to_string();
    assert!(text.contains("data directory") && text.contains("--data-dir"), "{text}");
    let id = first.local().id();
    first.shutdown().await;
    let again = builder("fleet", &meet).data_dir(data.path()).build().await.expect("it starts again");
    assert_eq!(again.local().id(), id, "the key is kept");
    again.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let meet = Scratch::new();
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("an address");
    let text = builder("fleet", &meet).bind(address).build().await.expect_err("refused").to_string();
    assert!(text.contains(&address.port().to_string()), "{text}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_at_the_start() {
    let meet = Scratch::new();
    let far: PeerAddr = format!("{}@192.0.2.1:4000", "5".repeat(64)).parse().expect("an address");
    let refused = builder("fleet", &meet).bootstrap(far).build().await.expect_err("refused");
    assert!(refused.to_string().contains("--reach lan"), "{refused}");
    let refused = builder("Not A Name", &meet).build().await.expect_err("refused");
    assert!(matches!(refused, BuildError::Name(_)), "{refused}");
    let refused = builder("fleet", &meet).tags(["two words"]).build().await.expect_err("refused");
    assert!(matches!(refused, BuildError::Tag(_)), "{refused}");
}

#[tokio::test]
async fn a_refused_consumer_learns_why_and_gets_in_when_it_changes() {
    let meet = Scratch::new();
    let gate = builder("dark", &meet).build().await.expect("it starts");
    let desk = builder("dark", &meet).build().await.expect("it starts");
    let orders = gate.streams().producer::<u64>().named("dark.orders").require(policy::tag("matcher"));
    let mut orders = orders.build().expect("a producer");
    let mut refusals = desk.admission().events();
    let reader = desk.streams().consumer::<u64>().named("dark.orders").require(Policy::anyone());
    let mut reader = reader.build().expect("a consumer");
    let refused = async {
        loop {
            if let Ok(AdmissionEvent::Refused { item, refusal, .. }) = refusals.recv().await {
                return (item.to_string(), refusal.to_string());
            }
        }
    };
    let (item, text) = soon("the refusal", refused).await;
    assert_eq!(item, "dark.orders");
    assert!(text.contains("tag(\"matcher\")"), "{text}");
    desk.discovery().tags().insert("matcher".parse().expect("a tag")).expect("it fits");
    soon("the subscription", orders.when().subscribed().minimum_of(1)).await;
    orders.send(7).await.expect("sent");
    assert_eq!(soon("delivery", reader.next()).await, Some(7));
    futures::join!(gate.shutdown(), desk.shutdown());
}

#[tokio::test]
async fn ld13_a_departure_is_announced() {
    let meet = Scratch::new();
    let (stays, leaves) = (builder("fleet", &meet).build().await, builder("fleet", &meet).build().await);
    let (stays, leaves) = (stays.expect("it starts"), leaves.expect("it starts"));
    met(&stays, 2).await;
    met(&leaves, 2).await;
    let id = leaves.local().id();
    leaves.shutdown().await;
    soon("the departure", stays.discovery().when(move |catalog| catalog.get(&id).is_none())).await;
    stays.shutdown().await;
    stays.shutdown().await;
}

#[tokio::test]
async fn dropping_the_last_network_ends_its_handles() {
    let meet = Scratch::new();
    let network = builder("fleet", &meet).build().await.expect("it starts");
    let lines = network.streams().producer::<String>().named("log.lines");
    let mut lines = lines.build().expect("a producer");
    let mut heard = network.streams().consumer::<String>().named("log.lines").build().expect("a consumer");
    drop(network);
    assert_eq!(soon("the end", heard.next()).await, None);
    assert!(lines.send("late".to_owned()).await.is_err());
}
