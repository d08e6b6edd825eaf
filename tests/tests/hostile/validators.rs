//! T5 on the real transport: validators of users that panic or hang.

use std::{future::pending, time::Duration};

use mosaik::{
    primitives::policy::proof,
    tickets::{Class, Shown, Validation, Validator, validator},
};
use tokio::time::timeout;

use super::{
    panics::quiet_on_purpose,
    rogue::{Named, Rogue, SOON, gated, ticket},
    scene::Scene,
    tokens::{claims, desk, house, token},
};

fn plain() -> Class {
    Class::new("plain").expect("a word")
}

/// Never answers.
struct Hangs;

impl Validator for Hangs {
    fn name(&self) -> &str {
        "Hangs"
    }

    fn class(&self) -> Class {
        plain()
    }

    fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
        Box::pin(pending())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h15_t5_validators_that_panic_or_hang_refuse_and_hold_nobody_else_up() {
    quiet_on_purpose();
    let mut scene = Scene::new().await;
    let tickets = scene.target.tickets();
    tickets.trust(validator("Panics", plain(), |_| panic!("on purpose"))).expect("the first");
    tickets.trust(Hangs).expect("another name");
    tickets.trust(desk()).expect("another name");
    let panics = gated(&scene, "gated.panics", proof("Panics"));
    let hangs = gated(&scene, "gated.hangs", proof("Hangs"));
    let sound = gated(&scene, "gated.desk", proof("Desk"));
    let (friend, now) = (scene.friend.local().id(), scene.target.clock().wall());
    scene.friend.tickets().add(token(&house(), &claims(friend, now, 3600, 0))).expect("room");
    let rogue = Rogue::new(&scene, 110).await;
    scene.begins_now().await;
    let (with, other) = (rogue.clone(), scene.friend.clone());
    let target = scene.target.local().id();
    scene
        .under_fire(move |nonce| {
            let (rogue, friend) = (with.clone(), other.clone());
            async move {
                let shown = Named::honest(&ticket(plain(), nonce.to_be_bytes()));
                let shown = std::slice::from_ref(&shown);
                rogue.is_refused("gated.panics", shown, "the check of the ticket failed inside").await;
                let (hanging, begun) = (rogue.consumer("gated.hangs"), tokio::time::Instant::now());
                // While the check of the one hangs another one is admitted by a validator that is sound.
                let consumer = friend.streams().consumer::<u64>().named("gated.desk");
                let mut consumer = consumer.build().expect("a consumer");
                let joined = async {
                    use futures::StreamExt;
                    use mosaik::streams::Event;
                    let mut events = consumer.events();
                    while !matches!(events.next().await, Some(Event::Joined { from, .. }) if from == target) {
                    }
                };
                timeout(SOON, joined).await.expect("a sound validator lets it in");
                assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
                drop((hanging, consumer));
                let again = Named::honest(&ticket(plain(), (!nonce).to_be_bytes()));
                rogue.is_refused("gated.hangs", &[again], "the check of the ticket took more than").await;
            }
        })
        .await;
    assert!(panics.subscribers().is_empty() && hangs.subscribers().is_empty());
    rogue.leave().await;
    drop((panics, hangs, sound));
    scene.settles().await;
}
