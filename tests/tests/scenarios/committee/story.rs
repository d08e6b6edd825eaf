//! One seed, from its beginning to its end: a storm under which nothing may be broken that was promised, then all heals, and
//! everything must work again within its time.

use std::time::Duration;

use mosaik_runtime::{
    groups::InstanceView,
    node::world::{Canary, World, millis, secs},
    transport::sim::TraceHash,
};

use super::{history::broken, lab::Lab};
use crate::{
    faults::{plan::Plan, storm::Storm},
    seeds::chosen,
};

/// Things that go wrong in a story.
const STRIKES: usize = 9;
/// R10: with all healed, every node's writes succeed within this; three times the 10 s that are promised.
const SERVES: Duration = secs(30);

/// One seed; `MOSAIK_SEED` stands in for it. Returns the trace.
pub(super) fn story(seed: u64, canary: Option<Canary>) -> TraceHash {
    tell(Plan::of(chosen(seed), super::STORY), canary)
}

/// The same with disks that fail, fill up and forget.
pub(super) fn sick(seed: u64, canary: Option<Canary>) -> TraceHash {
    tell(Plan::of_sick_disks(chosen(seed), super::SICK), canary)
}

/// The same with members that are as far apart as the group declares.
pub(super) fn far(seed: u64, canary: Option<Canary>) -> TraceHash {
    tell(Plan::of_long_ways(chosen(seed), super::FAR), canary)
}

fn tell(plan: Plan, canary: Option<Canary>) -> TraceHash {
    let lab = Lab::new(&plan);
    let mut world = World::new(plan.seed);
    if let Some(canary) = canary {
        world = world.canary(canary);
    }
    world.set_latency(plan.way());
    let mut after = After { world: world.add(lab.members()), lab, plan };
    after.is_born();
    let mut storm = Storm::new(&after.plan);
    for _ in 0..STRIKES {
        let pause = storm.pause();
        after.world.run_for(pause);
        storm.strike(&mut after.world, &after.lab);
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
    /// Lets the world run until the condition holds; it must within this, or longer where members are far apart.
    fn until(&mut self, near: Duration, what: &str, condition: impl Fn(&Lab) -> bool) {
        let limit = near + self.plan.longer();
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
        let nodes = self.plan.nodes;
        self.until(secs(30), "R10: the group is born", move |lab| {
            let book = lab.book();
            book.views.len() == nodes && book.views.values().all(InstanceView::is_online)
        });
    }

    /// R10: every node gets something done.
    fn serves(&mut self) {
        let before = self.lab.book().served.clone();
        let nodes = self.plan.nodes;
        self.until(SERVES, "R10: every node's writes succeed after the heal", move |lab| {
            let book = lab.book();
            let count = |served: &std::collections::BTreeMap<usize, u64>, node| {
                served.get(&node).copied().unwrap_or(0)
            };
            (0..nodes).all(|node| count(&book.served, node) > count(&before, node))
        });
    }

    /// All come to the same state, with the wanted number of voters.
    fn agrees(&mut self) {
        self.lab.book().closed = true;
        let (nodes, voters) = (self.plan.nodes, usize::from(self.plan.voters));
        self.until(secs(90), "R5: all members come to one state", move |lab| {
            let book = lab.book();
            let indices: std::collections::BTreeSet<u64> =
                book.views.values().map(|view| view.applied).collect();
            let whole = book.views.values().all(|view| view.voters.len() == voters && view.is_online());
            book.busy == 0 && book.views.len() == nodes && indices.len() == 1 && whole
        });
        // The onlookers see the last state too.
        self.world.run_for(secs(1));
    }

    fn balances(&mut self) {
        let book = self.lab.book();
        let last = book.history.last_journal();
        let checked = book.history.balances(&last).and_then(|()| book.history.is_linearizable());
        let done = book.history.acknowledged;
        // Clients of a group that rests write less: one write of each node is all that was waited for.
        let least = if self.plan.rests { self.plan.nodes as u64 } else { 10 };
        let checked = checked.and_then(|()| match done {
            done if done < least => {
                Err(broken("R10", format!("only {done} writes were acknowledged in the whole story")))
            }
            _ => Ok(()),
        });
        assert!(
            checked.is_ok(),
            "{}; {:?}",
            checked.map(|()| String::new()).unwrap_or_else(|e| e.to_string()),
            self.plan
        );
    }
}
