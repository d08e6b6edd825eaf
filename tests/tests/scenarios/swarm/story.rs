//! One seed, from its beginning to its end: a storm under which nothing may be broken that was promised, then all
//! heals, and everything must work again within its time.

use std::{collections::BTreeSet, time::Duration};

use mosaik_runtime::{
    node::world::{Canary, World, millis, secs},
    primitives::PeerId,
    streams::Holds,
    topology::Overflow,
    transport::sim::TraceHash,
};
use tokio::time::Instant;

use super::{
    lab::{BUFFER, Lab, Lesson, READER, Temper},
    plan::{Fault, Plan},
    storm::Storm,
};
use crate::seeds::chosen;

const PRODUCERS: usize = 2;
const NODES: usize = 6;
/// Things that go wrong in a story.
const STRIKES: usize = 12;
/// S4: what a node holds of a stream beside its buffer, in bytes. A producer: 3 MiB on their way, as much that was read and is
/// not acknowledged as placed, and ends of segments; a consumer: a batch that waits for its place.
const BESIDE: [(Holds, u64); 2] = [(Holds::Produced, 7 * 1024 * 1024), (Holds::Received, 1024 * 1024)];
/// D7: frames that a node sends in a second while nothing happens.
const QUIET: f64 = 10.0;

/// One seed; `MOSAIK_SEED` stands in for it. Returns the trace.
pub(super) fn story(seed: u64, canary: Option<Canary>) -> TraceHash {
    let seed = chosen(seed);
    of(Plan::of(seed), canary).0
}

/// One plan. Returns the trace, and what happened.
pub(super) fn of(plan: Plan, canary: Option<Canary>) -> (TraceHash, BTreeSet<Fault>) {
    let lab = Lab::new(&plan);
    for node in PRODUCERS..NODES {
        lab.retag(node, |tags| {
            tags.insert(READER.to_owned());
        });
    }
    let mut world = World::new(plan.seed);
    if let Some(canary) = canary {
        world = world.canary(canary);
    }
    world = world.add(lab.producers(PRODUCERS)).add(lab.consumers(NODES - PRODUCERS));
    let mut storm = Storm::new(&plan, PRODUCERS, NODES);
    storm.begin(&mut world);
    for _ in 0..STRIKES {
        world.run_for(storm.pause());
        storm.strike(&mut world, &lab);
    }
    storm.calm(&mut world, &lab);
    let nodes = storm.survivors();
    let mut after = After { world, lab, plan, nodes };
    after.agrees();
    after.serves();
    after.balances();
    after.rests();
    after.notices();
    (after.world.trace_hash(), storm.struck)
}

/// The second phase.
struct After {
    world: World,
    lab: Lab,
    plan: Plan,
    /// Who is there.
    nodes: Vec<usize>,
}

impl After {
    /// Lets the world run until the condition holds; it must within `limit`.
    fn until(&mut self, limit: Duration, what: &str, condition: impl Fn(&Lab, &[usize]) -> bool) {
        let start = self.world.now();
        while !condition(&self.lab, &self.nodes) {
            let known = || self.lab.book().members.describe(&self.nodes);
            assert!(
                self.world.now() - start < limit,
                "{what}, not within {limit:?}; {:?}{}",
                self.plan,
                known()
            );
            self.world.run_for(millis(100));
        }
    }

    /// D8: catalogs are equal soon after the heal; D1: and soon after a change, with a tenth of the frames lost.
    fn agrees(&mut self) {
        self.until(secs(60), "D8: catalogs are equal after the heal", |lab, nodes| {
            lab.book().members.agree(nodes)
        });
        self.world.set_loss(0.1);
        let last = self.nodes[self.nodes.len() - 1];
        self.lab.retag(last, |tags| {
            tags.insert("news".to_owned());
        });
        self.until(secs(15), "D1: catalogs are equal after a change", |lab, nodes| {
            let book = lab.book();
            book.members.all_know(nodes, last, "news") && book.members.agree(nodes)
        });
        self.world.set_loss(0.0);
    }

    fn producers(&self) -> Vec<PeerId> {
        let producers = self.nodes.iter().filter(|node| **node < PRODUCERS);
        producers.map(|node| self.world.peer(*node)).collect()
    }

    /// S5: who reads gets at least 90 % of what is produced, whatever the others do. A producer that blocks is held up by
    /// those that do not read, so there nobody sleeps.
    fn serves(&mut self) {
        if self.plan.overflow == Overflow::Block {
            self.wake();
        }
        self.world.run_for(secs(20));
        let producers = self.producers();
        let before = self.lab.book().items.progress(&producers);
        self.world.run_for(secs(15));
        let after = self.lab.book().items.progress(&producers);
        for (pair, (items, sent)) in after {
            let (items_before, sent_before) = before.get(&pair).copied().unwrap_or_default();
            let (got, of) = (items.saturating_sub(items_before), sent.saturating_sub(sent_before));
            let enough = got as f64 >= 0.9 * of as f64 - 2.0 && of > 0;
            let node = pair.0;
            let now = self.world.block_on(async { Instant::now() });
            let diary = || self.lab.book().items.diary(node, now);
            assert!(
                enough || self.lab.is_stalled(node),
                "S5: node {node} got {got} of {of} items of {}; {:?}{}",
                pair.1.short(),
                self.plan,
                diary()
            );
        }
    }

    fn wake(&mut self) {
        (PRODUCERS..NODES).for_each(|node| self.lab.set_temper(node, Temper::Brisk));
    }

    /// S3: in the end everything that was sent is accounted for. S4: and nobody ever held more than it may.
    fn balances(&mut self) {
        self.wake();
        self.lab.pause();
        let producers = self.producers();
        self.until(secs(60), "S3: all is accounted for", move |lab, _| {
            lab.book().items.is_balanced(&producers)
        });
        let trace = self.world.trace::<Lesson>();
        for (place, beside) in BESIDE {
            let held = trace.most_held(place);
            let cap = BUFFER as u64 + beside;
            assert!(held <= cap, "S4: {held} bytes were held ({place:?}), the cap is {cap}; {:?}", self.plan);
        }
    }

    /// D7: while nothing happens, little is said, and over few connections.
    fn rests(&mut self) {
        let (start, before) = (self.world.now(), self.world.net().traffic());
        self.world.run_for(secs(20));
        let frames = self.world.net().traffic().frames - before.frames;
        let seconds = (self.world.now() - start).as_secs_f64();
        let each = frames as f64 / seconds / self.nodes.len() as f64;
        assert!(
            each <= QUIET,
            "D7: {each:.1} frames a second and node while nothing happens; {:?}",
            self.plan
        );
        let (connections, pairs) = (self.world.net().connections(), NODES * (NODES - 1) / 2);
        assert!(connections <= 4 * pairs, "D7: {connections} connections between {NODES} nodes");
    }

    /// D2: a crash is seen by all within half a minute. In a third of the stories: it takes time.
    fn notices(&mut self) {
        if !self.plan.seed.is_multiple_of(3) || self.plan.has(Fault::Death) {
            return;
        }
        if let Some(victim) = self.nodes.pop() {
            self.lab.book().members.calm = false;
            self.world.crash(victim);
            self.until(secs(30), "D2: a crash is seen by all", |lab, nodes| lab.book().members.agree(nodes));
        }
    }
}
