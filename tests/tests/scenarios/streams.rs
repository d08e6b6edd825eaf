//! Items flow between nodes that found each other; what is lost is told.

use mosaik_runtime::{
    node::world::{World, millis, secs},
    topology::Overflow,
};

use crate::ledger::{Ledger, STREAM};

#[test]
fn items_flow_from_every_producer_to_every_consumer() {
    let ledger = Ledger::default();
    let mut world = World::new(1);
    world = world.add(ledger.producers(3, millis(100), Overflow::Disconnect)).add(ledger.consumers(2));
    world.run_until(|world| world.trace_of(STREAM).received_by("consumer") >= 300);
    assert!(world.now() < secs(12), "{:?}", world.now());
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, 0..3));
    let trace = world.trace_of(STREAM);
    assert_eq!(trace.received_at(3) + trace.received_at(4), ledger.items());
}

#[test]
fn a_partition_shorter_than_the_lease_loses_nothing() {
    let ledger = Ledger::default();
    let mut world = World::new(2);
    world = world.add(ledger.producers(1, millis(200), Overflow::Disconnect)).add(ledger.consumers(1));
    world.run_until(|world| world.trace_of(STREAM).received_by("consumer") >= 10);
    for _ in 0..3 {
        world.partition([0], [1]).run_for(secs(8)).heal().run_for(secs(10));
    }
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, [0]));
    assert_eq!(ledger.missed(), 0);
}

#[test]
fn ls6_a_long_partition_is_an_explicit_gap() {
    let ledger = Ledger::default();
    let mut world = World::new(3);
    world = world.add(ledger.producers(1, millis(100), Overflow::Disconnect)).add(ledger.consumers(1));
    world.run_until(|world| world.trace_of(STREAM).received_by("consumer") >= 10);
    world.partition([0], [1]).run_for(secs(60)).heal();
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, [0]));
    let trace = world.trace_of(STREAM);
    assert!(ledger.missed() > 0 && trace.gaps() > 0);
    assert_eq!(trace.missed(), ledger.missed());
}

#[test]
fn a_restarted_producer_is_a_new_epoch_and_is_heard_again() {
    let ledger = Ledger::default();
    let mut world = World::new(4);
    world = world.add(ledger.producers(2, millis(100), Overflow::Disconnect)).add(ledger.consumers(2));
    world.run_until(|world| world.trace_of(STREAM).received_by("consumer") >= 40);
    world.crash(0).run_for(secs(1)).restart(0).run_for(secs(5));
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, 0..2));
}

#[test]
fn consumers_hear_a_restarted_producer_long_before_its_former_connections_fall_silent() {
    const CONSUMERS: usize = 12;
    for seed in 7..10 {
        let ledger = Ledger::default();
        let mut world = World::new(seed);
        world = world.add(ledger.producers(1, millis(100), Overflow::Disconnect));
        world = world.add(ledger.consumers(CONSUMERS));
        let received = |world: &World| {
            let trace = world.trace_of(STREAM);
            (1..=CONSUMERS).map(|node| trace.received_at(node)).collect::<Vec<_>>()
        };
        world.run_until(|world| received(world).iter().all(|items| *items >= 10));
        world.crash(0).run_for(millis(300)).restart(0);
        let before = received(&world);
        world.run_for(secs(5));
        let deaf = received(&world).into_iter().zip(before).filter(|(now, before)| now == before).count();
        assert_eq!(deaf, 0, "consumers that hear nothing of the new process (seed {seed})");
    }
}

#[test]
fn f18_a_consumer_that_does_not_read_costs_the_others_nothing() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
        let ledger = Ledger::default();
        let mut world = World::new(5);
        world = world
            .add(ledger.producers(1, millis(5), overflow))
            .add(ledger.consumers(2))
            .add(Ledger::sleeper());
        world.run_for(secs(40));
        ledger.pause(true);
        world.run_until(|world| ledger.is_balanced(world, [0]));
        assert!(world.trace_of(STREAM).produced() > 5_000, "{overflow:?}");
        assert_eq!(ledger.missed(), 0, "{overflow:?}");
    }
}

#[test]
fn f10_items_flow_over_a_slow_and_lossy_link() {
    let ledger = Ledger::default();
    let mut world = World::new(6).latency(millis(800));
    world.set_loss(0.05);
    world = world.add(ledger.producers(2, millis(100), Overflow::Block)).add(ledger.consumers(2));
    world.run_until(|world| world.trace_of(STREAM).received_by("consumer") >= 1000);
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, 0..2));
    assert_eq!(ledger.missed(), 0);
}
