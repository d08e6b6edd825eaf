//! A group whose programs are replaced by newer ones, whose state has another type: node by node, over power cuts.

mod lab;

use std::{collections::BTreeSet, time::Duration};

use mosaik_runtime::{
    node::world::{World, millis, secs},
    primitives::NodeRng,
};

use self::lab::{Book, Lab};

/// Seeds of the order in which programs are replaced.
const SEEDS: u64 = 6;

fn until(world: &mut World, lab: &Lab, limit: Duration, what: &str, holds: impl Fn(&Book) -> bool) {
    let start = world.now();
    while !holds(&lab.book()) {
        assert!(world.now() - start < limit, "{what}, not within {limit:?}: {:#?}", lab.book());
        world.run_for(millis(50));
    }
}

/// Every number is held at most once, and every one that was acknowledged is held where it belongs.
fn is_right(book: &Book, node: usize) {
    let (before, since) = &book.held[&node];
    assert!(before.values().chain(since.values()).all(|times| *times == 1), "R8: {before:?} {since:?}");
    assert!(before.keys().all(|number| !since.contains_key(number)), "R8: {before:?} {since:?}");
    let (older, newer) = &book.acknowledged;
    let is_held = |given: &BTreeSet<u64>, held: &std::collections::BTreeMap<u64, u64>| {
        given.iter().all(|number| held.contains_key(number))
    };
    assert!(is_held(older, before), "R3: of the older program: {older:?} in {before:?}");
    assert!(is_held(newer, since), "R3: of the newer program: {newer:?} in {since:?}");
}

/// All nodes hold the same, and all of it.
fn agrees(world: &mut World, lab: &Lab, nodes: usize) {
    lab.book().closed = true;
    until(world, lab, secs(60), "R5: all hold the same", |book| {
        let held: BTreeSet<_> = book.held.values().collect();
        book.busy.is_empty() && book.held.len() == nodes && held.len() == 1
    });
    (0..nodes).for_each(|node| is_right(&lab.book(), node));
}

#[test]
fn f21_programs_are_replaced_one_by_one_and_the_older_state_is_taken_over() {
    let lab = Lab::default();
    let mut world = World::new(1).add(lab.members(3));
    until(&mut world, &lab, secs(60), "the older program works", |book| book.acknowledged.0.len() > 100);
    // The first newer one is alone: both sides know why, and the older ones go on.
    lab.book().newer.insert(0);
    world.restart(0);
    let differs = |book: &Book, from: usize| {
        let refused = book.views.get(&from).map(|view| view.refused.clone()).unwrap_or_default();
        refused.values().any(|why| why.code() == "schema_mismatch")
    };
    until(&mut world, &lab, secs(30), "both sides say that they differ", |book| {
        differs(book, 0) && (differs(book, 1) || differs(book, 2))
    });
    let before = lab.book().acknowledged.0.len();
    until(&mut world, &lab, secs(30), "two of three go on", |book| book.acknowledged.0.len() > before + 20);
    assert!(lab.book().acknowledged.1.is_empty());
    // With the second they are a majority, and take the state over.
    lab.book().newer.insert(1);
    world.restart(1);
    until(&mut world, &lab, secs(30), "the newer program works", |book| book.acknowledged.1.len() > 100);
    // The third comes along.
    lab.book().newer.insert(2);
    world.restart(2);
    agrees(&mut world, &lab, 3);
    // Going back is refused, and says why; nothing is lost by trying.
    lab.book().newer.remove(&2);
    world.restart(2);
    until(&mut world, &lab, secs(30), "an older program stops", |book| {
        let failed = book.views.get(&2).and_then(|view| view.failed.clone());
        failed.is_some_and(|why| why.contains("start that version"))
    });
    lab.book().newer.insert(2);
    world.restart(2);
    agrees(&mut world, &lab, 3);
}

#[test]
fn f2_f21_power_cuts_at_any_moment_of_the_change_lose_nothing() {
    for seed in 0..SEEDS {
        let lab = Lab::default();
        let mut world = World::new(seed).add(lab.members(3));
        let mut rng = NodeRng::from_seed(seed).split("upgrade");
        until(&mut world, &lab, secs(60), "the older program works", |book| book.acknowledged.0.len() > 20);
        while lab.book().newer.len() < 3 {
            world.run_for(millis(200 + rng.below(3000) as u64));
            let node = rng.below(3);
            if rng.below(2) == 0 {
                lab.book().newer.insert(node);
            }
            world.restart(node);
        }
        for _ in 0..3 {
            world.run_for(millis(rng.below(1500) as u64));
            world.restart(rng.below(3));
        }
        until(&mut world, &lab, secs(60), "the newer program works", |book| book.acknowledged.1.len() > 20);
        agrees(&mut world, &lab, 3);
    }
}
