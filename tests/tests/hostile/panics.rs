//! H15: code of users that panics, and what goes on beside it.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Once},
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use mosaik::{
    primitives::{
        Schema, policy,
        schema::{Seen, Shape},
    },
    streams::{Consumer, Producer},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::{sync::Mutex, time::timeout};

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

/// Items whose code panics, between sound ones.
async fn poison(producer: &mut Producer<Touchy>, consumer: &mut Consumer<Touchy>, round: u32) {
    producer.send(Touchy(1000 + round)).await.expect("sent");
    assert!(panics(producer.send(Touchy(666))).await, "the call that is at fault");
    producer.send(Touchy(13)).await.expect("nothing is wrong with it here");
    producer.send(Touchy(9000 + round)).await.expect("the next call is sound");
    let next = timeout(SOON, consumer.next()).await.expect("it arrives");
    assert_eq!(next, Some(Touchy(1000 + round)));
    let poisoned = timeout(SOON, panics(consumer.next())).await.expect("it arrives");
    assert!(poisoned, "the call that is at fault");
    let next = timeout(SOON, consumer.next()).await.expect("it arrives");
    assert_eq!(next, Some(Touchy(9000 + round)), "the call after it goes on with the next item");
}

/// What panics on purpose, again and again, fills no page.
pub(crate) fn quiet_on_purpose() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.contains("on purpose")) {
                others(info);
            }
        }));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h15_a_panic_in_a_codec_is_that_calls_own() {
    quiet_on_purpose();
    let scene = Scene::new().await;
    let producer = scene.friend.streams().producer::<Touchy>().named("touchy.items");
    let producer = producer.build().expect("a producer");
    let consumer =
        scene.target.streams().consumer::<Touchy>().named("touchy.items").build().expect("a consumer");
    timeout(SOON, producer.when().subscribed().minimum_of(1)).await.expect("they meet");
    let ends = Arc::new(Mutex::new((producer, consumer)));
    let with = ends.clone();
    scene
        .under_fire(move |round| {
            let ends = with.clone();
            async move {
                let (producer, consumer) = &mut *ends.lock().await;
                poison(producer, consumer, u32::try_from(round & 0xfff).expect("small")).await;
            }
        })
        .await;
    drop(ends);
    scene.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h15_a_policy_or_a_condition_that_panics_refuses_and_harms_nobody_else() {
    quiet_on_purpose();
    let scene = Scene::new().await;
    let gate = policy::peer(|_| panic!("on purpose"));
    let producer = scene.target.streams().producer::<u64>().named("gated.items").require(gate);
    let mut producer = producer.build().expect("a producer");
    producer.send(1).await.expect("sent");
    let (target, friend) = (scene.target.clone(), scene.friend.clone());
    scene
        .under_fire(move |_| {
            let (target, friend) = (target.clone(), friend.clone());
            async move {
                let before = target.tasks().panicked;
                let consumer = friend.streams().consumer::<u64>().named("gated.items");
                let mut consumer = consumer.build().expect("a consumer");
                let panicked = async {
                    while target.tasks().panicked == before {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    biased;
                    heard = consumer.next() => panic!("a policy that panics admits nobody, but for {heard:?}"),
                    ended = timeout(SOON, panicked) => ended.expect("it is counted, and in the log"),
                }
                // A condition of a program is the program's own task.
                let condition = target.discovery().when(|_| panic!("on purpose"));
                assert!(panics(async { condition.await }).await);
            }
        })
        .await;
    assert!(producer.subscribers().is_empty());
    let sound = scene.target.discovery().when(|catalog| catalog.len() >= 2);
    timeout(SOON, sound).await.expect("others go on");
    drop(producer);
    let panicked = scene.target.tasks().panicked;
    scene.settles_with(panicked).await;
}
