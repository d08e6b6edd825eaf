//! Groups in a world: whole nodes that give commands while others crash, come back and are cut off.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Nodes, World, millis, secs};
use crate::{
    groups::{Apply, CommandError, Group, StateMachine, Storage, Voters},
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
};

/// All numbers that were given, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Numbers(Vec<u64>);

impl Schema for Numbers {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u64>::shape(seen)
    }
}

impl StateMachine for Numbers {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = Vec<u64>;

    fn apply(&mut self, number: u64, _: &Apply) -> u64 {
        self.0.push(number);
        self.0.len() as u64
    }

    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
}

#[derive(Default)]
struct Book {
    next: u64,
    acknowledged: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    unknown: usize,
    groups: BTreeMap<usize, Group<Numbers>>,
    paused: bool,
}

/// What clerks gave, and what they were told.
#[derive(Clone, Default)]
struct Clerks(Arc<Mutex<Book>>);

impl Clerks {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nodes(&self, count: usize, storage: Storage) -> Nodes {
        let clerks = self.clone();
        let program = move |surroundings: super::Surroundings| {
            let clerks = clerks.clone();
            let work = async move {
                let (node, stop) = (surroundings.number, surroundings.stop.clone());
                let network = surroundings.builder("committee").build().await?;
                let group = network.groups().machine(Numbers::default()).named("lab.numbers");
                let group = group.voters(Voters::Count(3)).storage(storage).evict_after(secs(10));
                let group = group.join().await?.with_deadline(secs(5));
                clerks.book().groups.insert(node, group.clone());
                stop.run_until_cancelled(clerks.work(group)).await;
                clerks.book().groups.remove(&node);
                network.shutdown().await;
                Ok(())
            };
            Box::pin(work) as futures::future::BoxFuture<'static, crate::node::Result<()>>
        };
        Nodes::program("clerk", "committee", program).times(count)
    }

    async fn work(&self, group: Group<Numbers>) {
        loop {
            tokio::time::sleep(millis(100)).await;
            if self.book().paused {
                continue;
            }
            let number = {
                let mut book = self.book();
                book.next += 1;
                book.next
            };
            let told = group.execute(number).await;
            let mut book = self.book();
            match told {
                Ok(_) => drop(book.acknowledged.insert(number)),
                Err(CommandError::Rejected(_)) => drop(book.refused.insert(number)),
                Err(_) => book.unknown += 1,
            }
        }
    }

    fn acknowledged(&self) -> usize {
        self.book().acknowledged.len()
    }

    /// The numbers on each running node.
    fn copies(&self, world: &mut World) -> Vec<Vec<u64>> {
        let groups: Vec<_> = self.book().groups.values().cloned().collect();
        groups.iter().filter_map(|group| world.block_on(group.weak().query(())).ok()).collect()
    }

    /// Pauses, and waits until all running nodes have the same numbers.
    fn settle(&self, world: &mut World, nodes: usize) -> Vec<u64> {
        self.book().paused = true;
        for _ in 0..600 {
            world.run_for(millis(200));
            let copies = self.copies(world);
            let same = copies.windows(2).all(|pair| pair[0] == pair[1]);
            let acknowledged = self.book().acknowledged.clone();
            if let Some(copy) = copies.first()
                && copies.len() == nodes
                && same
                && acknowledged.iter().all(|number| copy.contains(number))
            {
                return copy.clone();
            }
        }
        let status: Vec<_> = self.book().groups.values().map(Group::status).collect();
        panic!("the copies do not become equal: {:?}\n{status:#?}", self.copies(world));
    }

    fn check(&self, numbers: &[u64]) {
        let once: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(once.len(), numbers.len(), "each number once");
        let book = self.book();
        assert!(book.acknowledged.is_subset(&once), "what was acknowledged is there");
        assert!(book.refused.is_disjoint(&once), "what was refused is not there");
    }
}

fn crash(clerks: &Clerks, world: &mut World, node: usize) {
    world.crash(node);
    clerks.book().groups.remove(&node);
}

fn grown(clerks: &Clerks, world: &mut World, by: usize) {
    let before = clerks.acknowledged();
    world.run_until(|_| clerks.acknowledged() >= before + by);
}

/// Four clerks, of whom one after the other is crashed, brought back, and cut off; with `MOSAIK_LONG` again and again.
fn storm(seed: u64, storage: Storage) {
    let clerks = Clerks::default();
    let mut world = World::new(seed).add(clerks.nodes(4, storage)).limit(secs(120));
    grown(&clerks, &mut world, 10);
    let rounds = if std::env::var_os("MOSAIK_LONG").is_some() { 16 } else { 2 };
    for round in 0..rounds {
        let (victim, other) = (round % 4, (round + 2) % 4);
        crash(&clerks, &mut world, victim);
        grown(&clerks, &mut world, 10);
        world.restart(victim);
        world.run_for(secs(5));
        let rest = (0..4).filter(|node| *node != other);
        world.partition([other], rest).run_for(secs(3)).heal();
        grown(&clerks, &mut world, 10);
    }
    let numbers = clerks.settle(&mut world, 4);
    clerks.check(&numbers);
}

#[test]
fn r3_r8_r9_commands_are_applied_once_through_crashes_and_partitions_on_disk() {
    storm(51, Storage::Durable);
}

#[test]
fn r3_r8_r9_commands_are_applied_once_through_crashes_and_partitions_in_memory() {
    storm(52, Storage::Memory);
}

#[test]
fn one_seed_gives_one_trace_with_a_group() {
    let story = |seed| {
        let clerks = Clerks::default();
        let mut world = World::new(seed).add(clerks.nodes(3, Storage::Durable));
        world.run_for(secs(10));
        crash(&clerks, &mut world, 0);
        world.run_for(secs(5)).restart(0).run_for(secs(5));
        (clerks.settle(&mut world, 3), world.trace_hash())
    };
    let (first, again) = (story(53), story(53));
    assert!(first.0.len() > 20, "{first:?}");
    assert_eq!(first, again);
}

#[test]
fn f1_f2_a_power_cut_of_all_loses_nothing_that_was_acknowledged() {
    let clerks = Clerks::default();
    let mut world = World::new(54).add(clerks.nodes(3, Storage::Durable));
    for _ in 0..3 {
        grown(&clerks, &mut world, 30);
        (0..3).for_each(|node| crash(&clerks, &mut world, node));
        world.run_for(secs(1));
        for node in 0..3 {
            world.restart(node);
        }
    }
    grown(&clerks, &mut world, 10);
    let numbers = clerks.settle(&mut world, 3);
    clerks.check(&numbers);
}

#[test]
fn a_committee_that_is_asked_to_stop_stops_in_order() {
    let clerks = Clerks::default();
    let mut world = World::new(55).add(clerks.nodes(4, Storage::Memory));
    grown(&clerks, &mut world, 20);
    world.run_for(secs(5));
    for node in 0..3 {
        world.stop(node);
        let from = world.now();
        world.run_until(|world| !world.is_running(node));
        assert!(world.now() - from < Duration::from_secs(6), "{:?}", world.now() - from);
        grown(&clerks, &mut world, 5);
    }
    let numbers = clerks.settle(&mut world, 1);
    clerks.check(&numbers);
}
