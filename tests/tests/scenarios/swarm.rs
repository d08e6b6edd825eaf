//! Many seeds, each with faults of its own choosing: first safety while things break, then everything heals and serves.

use mosaik_runtime::{
    node::world::{World, millis, secs},
    primitives::NodeRng,
    topology::Overflow,
    transport::sim::TraceHash,
};

use crate::ledger::Ledger;

const PRODUCERS: usize = 2;
const NODES: usize = 5;

/// Does one thing to the world, or lets it be.
fn disturb(world: &mut World, rng: &mut NodeRng, down: &mut Option<usize>) {
    let (one, other) = (rng.below(NODES), rng.below(NODES));
    match rng.below(9) {
        0 => drop(world.partition([one], (0..NODES).filter(|node| *node != one))),
        1 => drop(world.partition([one], [other])),
        2 => drop(world.cut(one, other)),
        3 | 4 => drop(world.heal()),
        5 => drop(world.set_loss([0.0, 0.02, 0.1, 0.3][rng.below(4)])),
        6 => drop(world.set_latency(millis([1, 5, 40, 200][rng.below(4)]))),
        7 => match down.take() {
            Some(node) => drop(world.restart(node)),
            None => {
                world.crash(one);
                *down = Some(one);
            }
        },
        _ => drop(world.clock_jump(one, 3_600_000)),
    }
}

/// One world from its seed; returns its trace.
fn story(seed: u64) -> TraceHash {
    let overflows = [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest, Overflow::Block];
    let ledger = Ledger::default();
    let mut world = World::new(seed);
    let mut rng = NodeRng::from_seed(world.seed()).split("faults");
    let overflow = overflows[rng.below(overflows.len())];
    world = world
        .add(ledger.producers(PRODUCERS, millis(250), overflow))
        .add(ledger.consumers(NODES - PRODUCERS));
    let mut down = None;
    for _ in 0..12 {
        world.run_for(millis(100 + rng.below(12_000) as u64));
        disturb(&mut world, &mut rng, &mut down);
    }
    world.heal().set_loss(0.0).set_latency(millis(1));
    if let Some(node) = down {
        world.restart(node);
    }
    world.run_for(secs(30));
    ledger.pause(true);
    world.run_until(|world| ledger.is_balanced(world, 0..PRODUCERS));
    world.trace_hash()
}

/// Seeds of every run, in parts that run beside each other.
const SEEDS: u64 = 300;
const PARTS: u64 = 6;
/// Seeds of a long run, with `MOSAIK_LONG` set.
const LONG: u64 = 6000;

/// Runs one part of all seeds; with `MOSAIK_SEED` set, that one alone.
fn part(number: u64) {
    if std::env::var_os("MOSAIK_SEED").is_some() {
        story(0);
        return;
    }
    let seeds = if std::env::var_os("MOSAIK_LONG").is_some() { LONG } else { SEEDS };
    for seed in (number..seeds).step_by(PARTS as usize) {
        story(seed);
    }
}

macro_rules! parts {
    ($($name:ident: $number:literal),*) => {
        $(#[test]
        fn $name() {
            part($number);
        })*
    };
}

// Whatever happens, order holds, every loss is told, and it serves again.
parts!(seeds_1_of_6: 0, seeds_2_of_6: 1, seeds_3_of_6: 2, seeds_4_of_6: 3, seeds_5_of_6: 4, seeds_6_of_6: 5);

#[test]
fn one_seed_gives_one_trace_with_streams_and_faults() {
    for seed in 100..110 {
        assert_eq!(story(seed), story(seed), "seed {seed}");
    }
}
