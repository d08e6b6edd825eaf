//! H15: code of users that panics, and what goes on beside it.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, StreamExt};
use mosaik::primitives::{
    Schema, policy,
    schema::{Seen, Shape},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::timeout;

use super::scene::Scene;

const SOON: Duration = Duration::from_secs(20);

/// A value whose code panics: 666 when it is written, 13 when it is read.
#[derive(Debug, PartialEq)]
struct Touchy(u32);

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 666, "on purpose");
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = u32::deserialize(from)?;
        assert_ne!(value, 13, "on purpose");
        Ok(Self(value))
    }
}

impl Schema for Touchy {
    fn shape(seen: &mut Seen) -> Shape {
        u32::shape(seen)
    }
}

/// Whether this panics.
async fn panics<T>(what: impl Future<Output = T>) -> bool {
    AssertUnwindSafe(what).catch_unwind().await.is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h15_a_panic_in_a_codec_is_that_calls_own() {
    let scene = Scene::new().await;
    let producer = scene.friend.streams().producer::<Touchy>().named("touchy.items");
    let mut producer = producer.build().expect("a producer");
    let mut consumer =
        scene.target.streams().consumer::<Touchy>().named("touchy.items").build().expect("a consumer");
    timeout(SOON, producer.when().subscribed().minimum_of(1)).await.expect("they meet");
    for round in 0..20 {
        producer.send(Touchy(1000 + round)).await.expect("sent");
        assert!(panics(producer.send(Touchy(666))).await, "the call that is at fault");
        producer.send(Touchy(13)).await.expect("nothing is wrong with it here");
        producer.send(Touchy(2000 + round)).await.expect("the next call is sound");
        let next = timeout(SOON, consumer.next()).await.expect("it arrives");
        assert_eq!(next, Some(Touchy(1000 + round)));
        let poisoned = timeout(SOON, panics(consumer.next())).await.expect("it arrives");
        assert!(poisoned, "the call that is at fault");
        let next = timeout(SOON, consumer.next()).await.expect("it arrives");
        assert_eq!(next, Some(Touchy(2000 + round)), "the call after it goes on with the next item");
    }
    drop((producer, consumer));
    scene.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h15_a_policy_or_a_condition_that_panics_refuses_and_harms_nobody_else() {
    let scene = Scene::new().await;
    let gate = policy::peer(|_| panic!("on purpose"));
    let producer = scene.target.streams().producer::<u64>().named("gated.items").require(gate);
    let mut producer = producer.build().expect("a producer");
    let mut consumer =
        scene.friend.streams().consumer::<u64>().named("gated.items").build().expect("a consumer");
    let panicked = async {
        while scene.target.tasks().panicked == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, panicked).await.expect("it is counted, and in the log");
    producer.send(1).await.expect("sent");
    let heard = timeout(Duration::from_secs(1), consumer.next()).await;
    assert!(heard.is_err(), "a policy that panics admits nobody");
    assert!(producer.subscribers().is_empty());
    // A condition of a program is the program's own task.
    let condition = scene.target.discovery().when(|_| panic!("on purpose"));
    assert!(panics(async { condition.await }).await);
    let sound = scene.target.discovery().when(|catalog| catalog.len() >= 2);
    timeout(SOON, sound).await.expect("others go on");
    drop((producer, consumer));
    let panicked = scene.target.tasks().panicked;
    scene.settles_with(panicked).await;
}
