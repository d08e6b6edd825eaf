//! H9: tickets of others, and tickets that end.

use std::time::Duration;

use mosaik::{
    Network,
    primitives::{NetworkSecret, Wall, policy::proof},
    tickets::{Class, Denial, validator},
};
use tokio::time::{Instant, interval, timeout};

use super::{
    attacker::{Attacker, Mark},
    rogue::{Named, Rogue, SOON, Told, gated, let_in, ticket},
    scene::Scene,
    tokens::{claims, desk, house, token},
};

/// A stated bound of a second, on a machine that is busy.
const A_SECOND: Duration = Duration::from_secs(3);

/// Seconds of the wall clock.
fn seconds(wall: Wall) -> u64 {
    wall.0 / 1000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h9_tickets_of_others_and_those_that_end_meanwhile_admit_nobody() {
    let mut scene = Scene::new().await;
    scene.target.tickets().trust(desk()).expect("the first");
    let producer = gated(&scene, "gated.desk", proof("Desk"));
    let seal = Class::new("seal").expect("a word");
    let nobody = validator("Seal", seal.clone(), |_| Err(Denial::OtherPeer));
    scene.target.tickets().trust(nobody).expect("another name");
    let either = gated(&scene, "gated.either", proof("Desk") | proof("Seal"));
    let (friend, now) = (scene.friend.local().id(), scene.target.clock().wall());
    let its = token(&house(), &claims(friend, now, 3600, 0));
    let admitted = let_in(&scene, &producer, "gated.desk", its.clone()).await;
    let rogue = Rogue::new(&scene, 90).await;
    scene.begins_now().await;
    let with = rogue.clone();
    scene
        .under_fire(move |nonce| {
            let (rogue, its, seal) = (with.clone(), its.clone(), seal.clone());
            async move {
                // The friend's own, word for word; by its name alone; and a new one that was made for it.
                rogue.is_refused("gated.desk", &[Named::honest(&its)], "another peer").await;
                let fresh = token(&house(), &claims(friend, rogue.now(), 3600, nonce));
                rogue.is_refused("gated.desk", &[Named::honest(&fresh)], "another peer").await;
                // One that is good when it is looked at, and over when the other one was waited for.
                let short = token(&house(), &claims(rogue.id(), rogue.now(), 2, nonce));
                let never = ticket(seal, nonce.to_be_bytes());
                let both = [Named::honest(&short), Named::silent(&never)];
                rogue.is_refused("gated.either", &both, "asks for the proof `Desk`").await;
                rogue.shows(&[]).await;
            }
        })
        .await;
    assert_eq!(producer.subscribers(), [friend]);
    lives_and_ends(&scene, &rogue).await;
    rogue.leave().await;
    drop((admitted, producer, either));
    scene.settles().await;
}

/// A link that stands on a ticket: renewed it stays, taken away or ended it goes within a second.
async fn lives_and_ends(scene: &Scene, rogue: &std::sync::Arc<Rogue>) {
    let rogue = rogue.clone();
    let run = async move {
        let of = |good_for, nonce| {
            Named::honest(&token(&house(), &claims(rogue.id(), rogue.now(), good_for, nonce)))
        };
        let mut consumer = {
            rogue.shows(&[of(4, 1 << 60)]).await;
            rogue.consumer("gated.desk")
        };
        assert_eq!(rogue.told(&mut consumer).await, Told::Admitted);
        rogue.shows(&[of(3600, 2 << 60)]).await;
        let stands = timeout(Duration::from_secs(6), rogue.told(&mut consumer)).await;
        assert!(stands.is_err(), "a renewed ticket keeps the link: {stands:?}");
        let begun = Instant::now();
        rogue.shows(&[]).await;
        let told = rogue.told(&mut consumer).await;
        assert!(matches!(told, Told::Cut(_)) && begun.elapsed() < A_SECOND, "{told:?} {:?}", begun.elapsed());
        drop(consumer);
        let end = seconds(rogue.now()) + 4;
        rogue.shows(&[of(end - seconds(rogue.now()), 3 << 60)]).await;
        let mut consumer = rogue.consumer("gated.desk");
        assert_eq!(rogue.told(&mut consumer).await, Told::Admitted);
        let told = rogue.told(&mut consumer).await;
        let over = rogue.now().0.saturating_sub(end * 1000);
        assert!(
            matches!(told, Told::Cut(_)) && over < A_SECOND.as_millis() as u64,
            "{told:?}, {over} ms after"
        );
    };
    scene.attack(run).await;
}

/// It has the bytes of a ticket of the friend's, and neither the friend's key nor the network's secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h9_an_outsider_with_a_captured_ticket_gets_no_further_than_any_other() {
    let scene = Scene::new().await;
    let secret = NetworkSecret::new(&[7; 32]).expect("long enough");
    let builder = || {
        let builder = Network::builder("under-fire").runtime_dir(scene.meet.join("closed"));
        builder.network_secret(secret.clone())
    };
    let closed = builder().build().await.expect("it starts");
    let member = builder().build().await.expect("it starts");
    closed.tickets().trust(desk()).expect("the first");
    let producer = closed.streams().producer::<u64>().named("gated.desk").require(proof("Desk"));
    let producer = producer.build().expect("a producer");
    let its = token(&house(), &claims(member.local().id(), member.clock().wall(), 3600, 0));
    member.tickets().add(its.clone()).expect("room");
    let admitted = member.streams().consumer::<u64>().named("gated.desk").build().expect("a consumer");
    timeout(SOON, producer.when().subscribed().minimum_of(1)).await.expect("the member is let in");
    let outsider = Attacker::new(91, Mark::at(&closed)).await;
    let (with, fetched) = (outsider.clone(), closed.tickets().asked());
    scene
        .under_fire(move |_| {
            let outsider = with.clone();
            async move {
                for protocol in ["tickets", "streams", "catalog", "gossip", "groups"] {
                    assert!(
                        outsider.join(protocol).await.is_none(),
                        "an outsider is told nothing on {protocol}"
                    );
                }
            }
        })
        .await;
    assert_eq!(producer.subscribers(), [member.local().id()]);
    assert_eq!(closed.tickets().asked(), fetched, "no validator is asked for an outsider");
    assert!(closed.discovery().catalog().get(&outsider.id()).is_none());
    outsider.close().await;
    drop((admitted, producer));
    let mut looks = interval(Duration::from_millis(50));
    let settled = async {
        while closed.transport().usage().handshakes > 0 {
            looks.tick().await;
        }
    };
    timeout(SOON, settled).await.expect("no handshake is left");
    assert_eq!(closed.tasks().panicked, 0);
    futures::join!(closed.shutdown(), member.shutdown());
    scene.settles().await;
}
