//! One seed, from its beginning to its end: a storm while clients write, then all heals, and everybody must have the same.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

use mosaik_runtime::{
    groups::InstanceView,
    node::world::{Canary, World, millis, secs},
    transport::sim::TraceHash,
};

use super::{
    STORY,
    followed::Contents,
    journal::broken,
    lab::{Copy, Lab},
    model::{Model, PARTS},
};
use crate::{
    faults::{plan::Plan, storm::Storm},
    seeds::chosen,
};

/// Things that go wrong in a story.
const STRIKES: usize = 6;
/// Nodes that write, all of which vote.
const WRITERS: usize = 3;
/// The node that reads.
const READER: usize = WRITERS;

thread_local! {
    /// Operations that were compared with the model.
    static OPERATIONS: Cell<usize> = const { Cell::new(0) };
}

/// How many operations the stories on this thread have compared with the model since this was asked last.
pub(super) fn operations() -> usize {
    OPERATIONS.take()
}

/// One seed; `MOSAIK_SEED` stands in for it. Returns the trace.
pub(super) fn story(seed: u64, canary: Option<Canary>) -> TraceHash {
    let seed = chosen(seed);
    let mut plan = Plan::of(seed, STORY);
    (plan.nodes, plan.voters) = (WRITERS, WRITERS as u8);
    let lab = Lab::new(&plan);
    let mut world = World::new(seed);
    if let Some(canary) = canary {
        world = world.canary(canary);
    }
    let mut after = After { world: world.add(lab.members()).add(lab.readers(1)), lab, plan };
    after.is_born();
    let mut storm = Storm::new(&after.plan);
    for strike in 0..STRIKES {
        let pause = storm.pause();
        after.world.run_for(pause);
        storm.strike(&mut after.world, &after.lab);
        if strike % 3 == 1 {
            // The reader begins anew, from nothing.
            after.lab.book().copies.remove(&READER);
            after.world.restart(READER);
        }
    }
    storm.calm(&mut after.world, &after.lab);
    after.serves();
    after.agrees();
    after.balances();
    after.world.trace_hash()
}

/// A story under way.
struct After {
    world: World,
    lab: Lab,
    plan: Plan,
}

impl After {
    fn until(&mut self, limit: Duration, what: &str, condition: impl Fn(&Lab) -> bool) {
        let start = self.world.now();
        while !condition(&self.lab) {
            let views = || format!("{:#?}", self.lab.book().views);
            assert!(
                self.world.now() - start < limit,
                "{what}, not within {limit:?}; {:?}{}",
                self.plan,
                views()
            );
            self.world.run_for(millis(50));
        }
    }

    fn is_born(&mut self) {
        self.until(secs(30), "R10: the group is born", |lab| {
            let book = lab.book();
            book.views.len() == WRITERS && book.views.values().all(InstanceView::is_online)
        });
    }

    fn serves(&mut self) {
        let before = self.lab.book().served.clone();
        self.until(secs(30), "R10: every node's writes succeed after the heal", move |lab| {
            let served = &lab.book().served;
            (0..WRITERS).all(|node| served.get(&node) > before.get(&node))
        });
    }

    /// All copies are the same, on writers and on the reader, and what was followed is what is there.
    fn agrees(&mut self) {
        self.lab.book().closed = true;
        self.until(secs(30), "R10: every call ends", |lab| lab.book().busy == 0);
        // What expires is gone after that.
        self.world.run_for(secs(5));
        self.until(secs(90), "C3: all nodes come to one state", |lab| {
            let book = lab.book();
            let indices: BTreeSet<u64> = book.copies.values().map(|copy| copy.index).collect();
            let applied: BTreeSet<u64> = book.views.values().map(|view| view.applied).collect();
            book.busy == 0 && book.copies.len() == WRITERS + 1 && indices.len() == 1 && applied == indices
        });
        self.world.run_for(secs(1));
    }

    fn balances(&mut self) {
        let checked = {
            let book = self.lab.book();
            book.journal.balances().and_then(|model| {
                for (node, copy) in &book.copies {
                    is_the_same(&model, *node, copy)?;
                }
                let (operations, calls, sights) = book.journal.counts();
                OPERATIONS.set(OPERATIONS.get() + operations);
                let now = self.world.now();
                println!(
                    "{:?}: {operations} operations in {calls} calls, {sights} sights, {now:?}",
                    self.plan
                );
                match calls {
                    0..200 => Err(broken("R10", format!("only {calls} calls were acknowledged"))),
                    _ => Ok(()),
                }
            })
        };
        if let Err(error) = checked {
            panic!("{error}; {:?}", self.plan);
        }
    }
}

/// C3, C5: what a node has is what the log makes of containers of std.
fn is_the_same(model: &Model, node: usize, copy: &Copy) -> mosaik_runtime::node::Result<()> {
    let bytes = model.bytes();
    assert_eq!(copy.bytes.len(), bytes.len());
    for ((has, must), part) in copy.bytes.iter().zip(&bytes).zip(PARTS) {
        if has != must {
            return Err(broken("C3", format!("node {node} has another {part} than the log makes")));
        }
    }
    let must = Contents::of(model);
    if copy.followed != must {
        let followed = &copy.followed;
        return Err(broken(
            "C5",
            format!("node {node} followed to {followed:?}, where the log makes {must:?}"),
        ));
    }
    Ok(())
}
