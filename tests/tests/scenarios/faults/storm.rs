//! The first phase of a story: one thing after the other goes wrong.

use std::{collections::BTreeSet, io::ErrorKind, time::Duration};

use mosaik_runtime::{
    node::world::{World, millis, secs},
    primitives::NodeRng,
};

use super::plan::{Fault, Plan};

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

/// What a storm must know of the nodes that it breaks.
pub(crate) trait Stage {
    /// The node that leads, as those that are up see it.
    fn leader(&self) -> Option<usize>;
    /// A node is down: it sees nothing.
    fn is_down(&self, node: usize);
    /// A node loses all that it knew.
    fn forgets(&self, node: usize);
    /// Whether a group in memory survives the loss of one more node.
    fn may_lose_one(&self, nodes: usize) -> bool;
    /// Why the member on a node stopped in this life of the node, if it did.
    fn stopped(&self, _node: usize) -> Option<String> {
        None
    }
}

/// What is broken now, and what can be broken.
pub(crate) struct Storm {
    plan: Plan,
    rng: NodeRng,
    down: BTreeSet<usize>,
    /// The node whose disk does not work, or will not.
    sick: Option<usize>,
}

impl Storm {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut plan = plan.clone();
        let rng = plan.rng.split("storm");
        Self { plan, rng, down: BTreeSet::new(), sick: None }
    }

    /// How long it takes until the next thing happens.
    pub(crate) fn pause(&mut self) -> Duration {
        let near = millis([50, 300, 1000, 2500, 6000][self.rng.below(5)] + self.rng.below(500) as u64);
        near * self.plan.slower()
    }

    /// Does one thing to the world.
    pub(crate) fn strike(&mut self, world: &mut World, stage: &impl Stage) {
        let faults = self.plan.faults();
        let (one, other) = (self.rng.below(self.plan.nodes), self.rng.below(self.plan.nodes));
        let dice = self.rng.below(12);
        let Some(fault) = faults.get(self.rng.below(faults.len())) else { return };
        match fault {
            Fault::Loss => _ = world.set_loss([0.0, 0.02, 0.05, 0.1, 0.3][dice % 5]),
            Fault::Delay => {
                world.set_latency(millis([1, 5, 40, 200][dice % 4]) * self.plan.slower());
                let jitter = [0.0, 0.2, 0.5][dice % 3];
                world.net().adjust_links(|link| link.jitter = jitter);
            }
            Fault::Partition => self.part(world, stage, one, dice),
            Fault::Cut if dice < 4 => _ = world.heal(),
            Fault::Cut => _ = world.cut(one, other),
            Fault::Sever => self.sever(world, dice),
            Fault::Crash => self.crash(world, stage, one),
            Fault::Regicide => {
                if let Some(leader) = stage.leader() {
                    self.crash(world, stage, leader);
                }
            }
            Fault::Blackout if self.plan.durable => self.blackout(world, stage),
            Fault::Blackout => self.crash(world, stage, one),
            Fault::Disk if dice < 8 => {
                let by = millis([0, 5, 50, 200][dice % 4]);
                (0..self.plan.nodes).for_each(|node| _ = world.slow_disk(node, by));
            }
            Fault::Disk => self.lose(world, stage, one),
            Fault::Clock => _ = world.clock_jump(one, [-DAY, -3_600_000, 3_600_000, DAY][dice % 4]),
            // The clients do that.
            Fault::Panic => {}
            Fault::Sick => match self.sick.take() {
                Some(sick) => self.cure(world, stage, sick),
                None => self.sicken(world, stage, one, dice),
            },
        }
    }

    fn part(&mut self, world: &mut World, stage: &impl Stage, one: usize, dice: usize) {
        let alone = match dice {
            0..3 => {
                world.heal();
                return;
            }
            3..7 => stage.leader().unwrap_or(one),
            7..9 => one,
            _ => {
                let nodes = self.plan.nodes;
                world.partition((0..nodes).step_by(2), (1..nodes).step_by(2));
                return;
            }
        };
        world.partition([alone], (0..self.plan.nodes).filter(|node| *node != alone));
    }

    /// Some pairs lose their connections; half of the time it is all of them.
    fn sever(&mut self, world: &mut World, dice: usize) {
        for one in 0..self.plan.nodes {
            for other in one + 1..self.plan.nodes {
                if dice.is_multiple_of(2) || self.rng.below(4) == 0 {
                    world.sever(one, other);
                }
            }
        }
    }

    fn crash(&mut self, world: &mut World, stage: &impl Stage, one: usize) {
        if let Some(node) = self.down.pop_first() {
            world.restart(node);
        } else if self.plan.durable || stage.may_lose_one(self.plan.nodes) {
            world.crash(one);
            stage.is_down(one);
            self.down.insert(one);
        }
    }

    /// A node comes back with an empty disk.
    fn lose(&mut self, world: &mut World, stage: &impl Stage, one: usize) {
        if self.plan.durable && self.down.is_empty() && stage.may_lose_one(self.plan.nodes) {
            stage.forgets(one);
            world.lose_disk(one).restart(one);
        }
    }

    /// One disk of a group that is whole fails soon, or has a turned bit at once.
    fn sicken(&mut self, world: &mut World, stage: &impl Stage, one: usize, dice: usize) {
        if !self.down.is_empty() || !stage.may_lose_one(self.plan.nodes) {
            return;
        }
        self.sick = Some(one);
        let soon = self.rng.below(30) as u64;
        match dice % 3 {
            0 => _ = world.fail_disk(one, soon, ErrorKind::Other),
            1 => _ = world.fail_disk(one, soon, ErrorKind::StorageFull),
            _ => {
                stage.is_down(one);
                world.flip_bit(one);
            }
        }
    }

    /// R12, F16, F17: whoever has a sick disk has stopped, wrote nothing more, and says why. A disk that failed and works again keeps its
    /// contents; a damaged one is replaced.
    fn cure(&mut self, world: &mut World, stage: &impl Stage, sick: usize) {
        if !self.down.contains(&sick) {
            world.run_for(secs(2));
            // A member that is parked looks at itself every two seconds.
            for _ in 0..30 {
                if world.disk_failure(sick).is_some() && stage.stopped(sick).is_none() {
                    world.run_for(millis(100));
                }
            }
            let (failure, stopped) = (world.disk_failure(sick), stage.stopped(sick));
            match (failure, &stopped) {
                (Some(tried), _) if tried > 0 => {
                    panic!("R12: node {sick} wrote {tried} times on a disk that had failed")
                }
                (Some(_), None) => panic!("R12: the disk of node {sick} failed, and its member goes on"),
                _ => {}
            }
            if stopped.is_some_and(|why| why.contains("damaged")) {
                stage.forgets(sick);
                world.lose_disk(sick).restart(sick);
                return;
            }
        }
        self.down.remove(&sick);
        stage.is_down(sick);
        // Who writes little has not come to the failure yet.
        world.mend_disk(sick).restart(sick);
    }

    fn blackout(&mut self, world: &mut World, stage: &impl Stage) {
        for node in 0..self.plan.nodes {
            if !self.down.contains(&node) {
                world.crash(node);
                stage.is_down(node);
            }
        }
        self.down.clear();
        for node in 0..self.plan.nodes {
            world.restart(node);
        }
    }

    /// Everything heals.
    pub(crate) fn calm(&mut self, world: &mut World, stage: &impl Stage) {
        if let Some(sick) = self.sick.take() {
            self.cure(world, stage, sick);
        }
        world.heal().set_loss(0.0).set_latency(self.plan.way());
        world.net().adjust_links(|link| link.jitter = 0.2);
        for node in std::mem::take(&mut self.down) {
            world.restart(node);
        }
        for node in 0..self.plan.nodes {
            world.slow_disk(node, Duration::ZERO);
        }
    }
}
