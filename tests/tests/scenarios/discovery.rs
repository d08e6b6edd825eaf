//! Catalogs converge, crashes are seen, and nobody is buried alive.

use std::{collections::BTreeSet, time::Duration};

use mosaik_runtime::{
    discovery::LeftReason,
    node::world::{World, millis, secs},
    primitives::NodeRng,
};

use crate::fleet::Fleet;

/// Runs until the nodes agree; returns how long that took in virtual time.
fn until_agreed(
    world: &mut World,
    fleet: &Fleet,
    nodes: impl IntoIterator<Item = usize> + Clone,
) -> Duration {
    let start = world.now();
    world.run_until(|world| fleet.agree(world, nodes.clone()));
    world.now() - start
}

#[test]
fn d1_catalogs_are_equal_soon_with_a_tenth_of_the_frames_lost() {
    for (count, bound) in [(5, secs(15)), (30, secs(30))] {
        let fleet = Fleet::default();
        let mut world = World::new(11).add(fleet.nodes(count));
        world.set_latency(millis(20)).set_loss(0.1);
        let taken = until_agreed(&mut world, &fleet, 0..count);
        assert!(taken <= bound, "{count} nodes took {taken:?}");
    }
}

/// Nodes come, leave, crash and come back for four seconds, with a tenth of the frames lost and no directory to meet in. Returns
/// how long catalogs took to be equal after that.
fn after_churn(count: usize, seed: u64, crashes: bool) -> Duration {
    let fleet = Fleet::default();
    let mut world = World::new(seed);
    world.net().close_directory();
    world.set_latency(millis(20)).set_loss(0.1);
    world.join(fleet.nodes(3));
    fleet.begin_at((0..3).map(|node| world.peer(node)));
    world.join(fleet.nodes(count - 3));
    let mut rng = NodeRng::from_seed(world.seed()).split("churn");
    let mut down = BTreeSet::new();
    for _ in 0..8 {
        world.run_for(millis(500));
        let node = 3 + rng.below(count - 3);
        if down.remove(&node) {
            world.restart(node);
        } else {
            down.insert(node);
            if crashes && rng.below(2) == 0 {
                world.crash(node)
            } else {
                world.stop(node)
            };
        }
    }
    until_agreed(&mut world, &fleet, (0..count).filter(|node| !down.contains(node)))
}

#[test]
fn d1_catalogs_are_equal_soon_after_the_last_of_many_changes() {
    for (count, crashes, bound) in [(5, false, secs(15)), (30, false, secs(30)), (100, true, secs(60))] {
        // A hundred take ten seconds of processor time.
        for seed in 12..if count < 100 { 15 } else { 13 } {
            let taken = after_churn(count, seed, crashes);
            println!("{count} nodes agreed {taken:?} after the last change, with seed {seed}");
            assert!(taken <= bound, "{count} nodes with seed {seed} took {taken:?}");
        }
    }
}

/// From the crash of one of `count` nodes until all others have noticed, in each of the seeds, sorted.
fn times_of_crashes(count: usize, seeds: std::ops::Range<u64>) -> Vec<Duration> {
    let mut taken: Vec<Duration> = seeds
        .map(|seed| {
            let fleet = Fleet::default();
            let mut world = World::new(seed).add(fleet.nodes(count));
            world.set_latency(millis(20));
            until_agreed(&mut world, &fleet, 0..count);
            // Not always at the same moment of a round of questions.
            world.run_for(secs(10) + millis(170 * seed));
            until_agreed(world.crash(count - 1), &fleet, 0..count - 1)
        })
        .collect();
    taken.sort_unstable();
    taken
}

#[test]
fn d2_a_crash_is_seen_by_all_within_ten_seconds_in_half_of_the_cases_and_thirty_in_all() {
    for (count, seeds) in [(2, 0..20), (3, 0..20), (8, 0..20), (32, 0..8)] {
        let taken = times_of_crashes(count, seeds);
        let (median, most) = (taken[taken.len() / 2], taken[taken.len() - 1]);
        println!("{count} nodes: median {median:?}, most {most:?}");
        assert!(median <= secs(10) && most <= secs(30), "{count} nodes: {taken:?}");
    }
}

/// A day with `MOSAIK_LONG`, else an hour.
#[test]
fn d3_nobody_is_missed_while_nothing_is_wrong() {
    let fleet = Fleet::default();
    let mut world = World::new(3).add(fleet.nodes(5));
    let hours = if std::env::var_os("MOSAIK_LONG").is_some() { 24 } else { 1 };
    world.run_for(secs(hours * 3600));
    assert!(fleet.agree(&world, 0..5));
    assert!(fleet.losses().is_empty(), "{:?}", fleet.losses());
}

#[test]
fn f9_a_loss_of_one_in_twenty_is_no_departure() {
    let fleet = Fleet::default();
    let mut world = World::new(5).add(fleet.nodes(5));
    until_agreed(&mut world, &fleet, 0..5);
    world.set_loss(0.05).run_for(secs(600));
    assert!(fleet.losses().is_empty(), "{:?}", fleet.losses());
}

#[test]
fn d4_who_departed_does_not_come_back_from_a_third_node() {
    let fleet = Fleet::default();
    let mut world = World::new(9).add(fleet.nodes(5));
    until_agreed(&mut world, &fleet, 0..5);
    // One node is cut off while another says goodbye, and then tells everyone of it.
    world.partition([4], [0, 1, 2, 3]).run_for(secs(1)).stop(0);
    until_agreed(&mut world, &fleet, 1..4);
    world.heal();
    until_agreed(&mut world, &fleet, 1..5);
    let gone = world.peer(0);
    world.run_for(secs(120));
    assert!(fleet.agree(&world, 1..5));
    let burials = fleet.losses().into_iter().filter(|loss| loss.who == gone);
    let mut seen: Vec<usize> = burials.map(|loss| loss.seen_by).filter(|node| *node != 0).collect();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4], "each saw it leave once");
    assert!(fleet.losses().iter().any(|loss| loss.who == gone && loss.why == LeftReason::Departed));
}

#[test]
fn d8_two_halves_merge_within_a_minute_of_the_heal() {
    for seed in 0..5 {
        let fleet = Fleet::default();
        let mut world = World::new(seed).add(fleet.nodes(10));
        until_agreed(&mut world, &fleet, 0..10);
        world.partition(0..5, 5..10).run_until(|world| fleet.agree(world, 0..5) && fleet.agree(world, 5..10));
        let taken = until_agreed(world.run_for(secs(60)).heal(), &fleet, 0..10);
        assert!(taken <= secs(60), "seed {seed}: {taken:?}");
    }
}

#[test]
fn f8_flapping_links_leave_no_connections_behind() {
    let fleet = Fleet::default();
    let mut world = World::new(21).add(fleet.nodes(5));
    until_agreed(&mut world, &fleet, 0..5);
    let before = world.run_for(secs(120)).net().connections();
    for _ in 0..20 {
        world.partition([0, 1], [2, 3, 4]).run_for(secs(20)).heal().run_for(secs(5));
    }
    until_agreed(&mut world, &fleet, 0..5);
    let after = world.run_for(secs(180)).net().connections();
    assert!(after <= before + 4, "{before} connections before, {after} after");
}

#[test]
fn f14_a_wall_clock_that_jumps_a_day_hides_nobody() {
    let fleet = Fleet::default();
    let mut world = World::new(13).add(fleet.nodes(4));
    world.clock_jump(1, -86_400_000);
    until_agreed(&mut world, &fleet, 0..4);
    world.clock_jump(2, 86_400_000).run_for(secs(60)).restart(1);
    until_agreed(&mut world, &fleet, 0..4);
}
