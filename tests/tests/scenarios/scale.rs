//! Large networks: nodes by the hundred that come in a short time, with a tenth of the frames lost and no directory to meet in.
//!
//! What they say, by size, is measured by `cargo bench --bench scale`. Here it has bounds.

use std::{collections::BTreeSet, time::Duration};

use mosaik_runtime::node::world::{World, millis, secs};

use crate::fleet::Fleet;

/// Nodes whose addresses all others know.
const SEEDS: usize = 3;

/// Lets the world run until these nodes agree, with a look every quarter of a second; returns how long that took.
fn until_agreed(
    world: &mut World,
    fleet: &Fleet,
    nodes: std::ops::Range<usize>,
    bound: Duration,
) -> Duration {
    let start = world.now();
    while !fleet.agree(world, nodes.clone()) {
        let taken = world.now() - start;
        assert!(taken < bound, "{nodes:?} did not agree within {taken:?}");
        world.run_for(millis(250));
    }
    world.now() - start
}

/// So many nodes start within ten seconds.
fn fleet_of(count: usize) -> (World, Fleet) {
    let fleet = Fleet::default();
    let mut world = World::new(17);
    world.net().close_directory();
    world.set_latency(millis(20)).set_loss(0.1);
    world.join(fleet.nodes(SEEDS));
    fleet.begin_at((0..SEEDS).map(|node| world.peer(node)));
    let (mut started, batch) = (SEEDS, count.div_ceil(10));
    while started < count {
        world.run_for(secs(1));
        let more = batch.min(count - started);
        world.join(fleet.nodes(more));
        started += more;
    }
    (world, fleet)
}

/// All meet, nobody is missed while nothing is wrong, a crash is seen by all, and each node says little.
fn a_fleet_comes_together(count: usize) {
    let (mut world, fleet) = fleet_of(count);
    let met = until_agreed(&mut world, &fleet, 0..count, secs(60));
    let joining = world.net().traffic();
    println!(
        "{count} nodes agreed {met:?} after the last start, and said {} frames and {} kB each",
        joining.frames / count as u64,
        joining.bytes / 1000 / count as u64
    );
    assert!(joining.frames < 1_200 * count as u64, "{joining:?}");

    world.run_for(secs(30));
    let before = world.net().traffic().frames;
    world.run_for(secs(10));
    let said = (world.net().traffic().frames - before) / count as u64;
    assert!(said < 15 * 10, "{said} frames of each node in ten seconds of rest");
    assert!(fleet.agree(&world, 0..count), "nobody went");
    assert!(fleet.losses().is_empty(), "{:?}", fleet.losses());

    let gone = world.peer(count - 1);
    world.crash(count - 1);
    let seen = until_agreed(&mut world, &fleet, 0..count - 1, secs(30));
    println!("a crash was seen by all after {seen:?}");
    let missed: BTreeSet<_> = fleet.losses().into_iter().map(|loss| loss.who).collect();
    assert_eq!(missed, BTreeSet::from([gone]), "nobody else was buried");
}

#[test]
fn d1_two_hundred_nodes_come_together_within_a_minute() {
    a_fleet_comes_together(200);
}

#[test]
#[ignore = "minutes of processor time and some gigabytes: docs/simulator.md says how to run it"]
fn d1_a_thousand_nodes_come_together_within_a_minute() {
    a_fleet_comes_together(1000);
}
