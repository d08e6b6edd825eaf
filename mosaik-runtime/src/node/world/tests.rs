//! Worlds of nodes that are built by hand.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use crate::node::Error;

/// A node that is there until it is told to stop.
fn idler() -> Nodes {
    Nodes::program("idler", "fleet", |surroundings| {
        Box::pin(async move {
            let stop = surroundings.stop.clone();
            let network = surroundings.builder("fleet").build().await?;
            stop.cancelled().await;
            network.shutdown().await;
            Ok(())
        })
    })
}

/// A node that counts whom it knows, itself included.
fn census(seen: &Arc<AtomicUsize>) -> Nodes {
    let seen = seen.clone();
    Nodes::program("census", "fleet", move |surroundings| {
        let seen = seen.clone();
        Box::pin(async move {
            let network = surroundings.builder("fleet").build().await?;
            let mut catalog = network.discovery().watch();
            loop {
                seen.store(catalog.borrow_and_update().len(), Ordering::Relaxed);
                catalog.changed().await?;
            }
        })
    })
}

fn panic_of(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    crate::primitives::scope::panic_text(&*panic).to_owned()
}

#[test]
fn nodes_find_each_other_lose_a_crashed_one_and_find_it_again() {
    let seen = Arc::new(AtomicUsize::new(0));
    let mut world = World::new(7).add(census(&seen)).add(idler().times(4));
    let count = |expected| {
        let seen = seen.clone();
        move |_: &World| seen.load(Ordering::Relaxed) == expected
    };
    world.run_until(count(5));
    assert!(world.now() < secs(3), "{:?}", world.now());
    world.crash(4).run_until(count(4));
    assert!(!world.is_running(4));
    world.restart(4).run_until(count(5));
    world.partition([0, 1, 2], [3, 4]).run_until(count(3)).heal().run_until(count(5));
    world.stop(1).run_until(count(4)).run_until(|world| !world.is_running(1));
    assert_eq!(world.failure(1), None);
}

#[test]
fn one_seed_gives_one_trace_through_all_faults() {
    let story = |seed| {
        let mut world = World::new(seed).add(idler().times(5));
        world.run_for(secs(10)).set_loss(0.1).partition([0, 1], [2, 3, 4]).run_for(secs(20)).heal();
        world.crash(2).run_for(secs(30)).restart(2).clock_jump(3, -86_400_000).run_for(secs(20));
        world.trace_hash()
    };
    let (first, again, other) = (story(7), story(7), story(8));
    assert!(first.events > 500, "{first:?}");
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn a_condition_that_never_holds_fails_at_the_limit() {
    let mut world = World::new(7).add(idler()).limit(secs(30));
    let text = panic_of(|| {
        world.run_until(|_| false);
    });
    assert!(text.contains("did not hold within 30s") && text.contains("0 idler"), "{text}");
    assert!((30_000..30_010).contains(&world.now().as_millis()), "{:?}", world.now());
}

#[test]
fn a_node_that_fails_fails_the_test_unless_it_may() {
    let broken =
        || Nodes::program("broken", "fleet", |_| Box::pin(async { Err(Error::msg("out of paper")) }));
    let mut world = World::new(7).add(broken());
    let text = panic_of(|| {
        world.run_for(secs(1));
    });
    assert_eq!(text, "broken (node 0) failed: out of paper");
    assert!(world.now() < millis(10), "the test ends when the node fails: {:?}", world.now());
    let mut world = World::new(7).add(broken()).failures_pass();
    world.run_for(secs(1));
    assert_eq!(world.failure(0).as_deref(), Some("out of paper"));
}

#[test]
fn a_node_keeps_its_key_over_its_lives_and_no_two_share_one() {
    let mut world = World::new(7).add(idler().times(2));
    let before = world.peer(0);
    assert_ne!(before, world.peer(1));
    world.run_for(secs(1)).restart(0).run_for(secs(1));
    assert_eq!(world.peer(0), before);
}
