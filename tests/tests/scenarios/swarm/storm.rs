//! The first phase of a story: one thing after the other goes wrong.

use std::collections::BTreeSet;

use bytes::Bytes;
use mosaik_runtime::{
    node::world::{World, millis},
    primitives::{NetworkId, NodeRng, PeerId, SecretKey},
};

use super::{
    lab::{Lab, NETWORK, READER, Temper},
    plan::{Fault, Plan},
};

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;
/// Signed statements that are kept to be shown again.
const ARCHIVE: usize = 256;

/// What is broken now, and what can be broken.
pub(super) struct Storm {
    plan: Plan,
    rng: NodeRng,
    producers: usize,
    nodes: usize,
    /// Those that come back.
    down: BTreeSet<usize>,
    /// Those that do not.
    gone: BTreeSet<usize>,
    died: bool,
    /// What has happened.
    pub(super) struck: BTreeSet<Fault>,
    archive: Vec<(PeerId, Bytes)>,
}

impl Storm {
    pub(super) fn new(plan: &Plan, producers: usize, nodes: usize) -> Self {
        let mut plan = plan.clone();
        let rng = plan.rng.split("storm");
        let (down, gone, struck) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { plan, rng, producers, nodes, down, gone, died: false, struck, archive: Vec::new() }
    }

    /// What is so from the start.
    pub(super) fn begin(&mut self, world: &mut World) {
        for node in 0..self.nodes {
            let by = self.a_jump();
            self.jump(world, node, by);
        }
    }

    /// How long it takes until the next thing happens.
    pub(super) fn pause(&mut self) -> std::time::Duration {
        millis([100, 500, 2000, 8000, 20_000][self.rng.below(5)] + self.rng.below(2000) as u64)
    }

    /// Does one thing to the world.
    pub(super) fn strike(&mut self, world: &mut World, lab: &Lab) {
        self.remember(world);
        let faults = self.plan.faults();
        let (one, other) = (self.rng.below(self.nodes), self.rng.below(self.nodes));
        let consumer = self.producers + self.rng.below(self.nodes - self.producers);
        let dice = self.rng.below(12);
        let Some(fault) = faults.get(self.rng.below(faults.len())) else { return };
        let happened = match fault {
            Fault::Loss => {
                let most = if self.plan.is_calm() { 3 } else { 5 };
                let loss = [0.0, 0.02, 0.05, 0.1, 0.3][dice % most];
                world.set_loss(loss);
                loss > 0.0
            }
            Fault::Delay => {
                world.set_latency(millis([1, 5, 40, 200][dice % 4]));
                let jitter = [0.0, 0.2, 0.5][dice % 3];
                world.net().adjust_links(|link| link.jitter = jitter);
                !dice.is_multiple_of(4)
            }
            Fault::Partition => self.part(world, one, dice),
            Fault::Cut if dice < 4 => {
                world.heal();
                false
            }
            Fault::Cut => {
                world.cut(one, other);
                one != other
            }
            Fault::Sever => self.sever(world, dice),
            Fault::Crash => self.crash(world, lab, one),
            Fault::Death | Fault::Leave => self.end(world, lab, one, *fault, dice),
            Fault::Clock => {
                let by = self.a_jump();
                self.jump(world, one, by)
            }
            Fault::Slow => tempered(lab, consumer, [Temper::Brisk, Temper::Slow][dice % 2]),
            Fault::Stall if dice < 4 => tempered(lab, consumer, Temper::Brisk),
            Fault::Stall => tempered(lab, consumer, Temper::Stalled),
            Fault::Echo => self.echo(world),
            Fault::Forge => self.forge(world, one),
            Fault::Revoke => {
                let mut revoked = false;
                lab.retag(consumer, |tags| {
                    revoked = tags.remove(READER);
                    if !revoked {
                        tags.insert(READER.to_owned());
                    }
                });
                revoked
            }
            Fault::Retag => {
                lab.retag(one, |tags| {
                    tags.retain(|tag| tag == READER);
                    tags.insert(format!("v{dice}"));
                });
                true
            }
        };
        if happened {
            self.struck.insert(*fault);
        }
    }

    fn part(&mut self, world: &mut World, one: usize, dice: usize) -> bool {
        let others = |one: usize| (0..self.nodes).filter(move |node| *node != one);
        match dice {
            0..3 => world.heal(),
            3..7 => world.partition([one], others(one)),
            _ => world.partition((0..self.nodes).step_by(2), (1..self.nodes).step_by(2)),
        };
        dice >= 3
    }

    /// Some pairs lose their connections; half of the time it is all of them.
    fn sever(&mut self, world: &mut World, dice: usize) -> bool {
        let mut severed = false;
        for one in 0..self.nodes {
            for other in one + 1..self.nodes {
                if dice.is_multiple_of(2) || self.rng.below(4) == 0 {
                    world.sever(one, other);
                    severed = true;
                }
            }
        }
        severed
    }

    fn crash(&mut self, world: &mut World, lab: &Lab, one: usize) -> bool {
        match self.down.pop_first() {
            Some(node) => {
                world.restart(node);
                false
            }
            None if !self.gone.contains(&one) => {
                world.crash(one);
                lab.book().items.silent(one);
                self.down.insert(one)
            }
            None => false,
        }
    }

    /// One node ends, in order or not. Half of those that left come back in the end.
    fn end(&mut self, world: &mut World, lab: &Lab, one: usize, how: Fault, dice: usize) -> bool {
        let ended = if how == Fault::Death { self.died } else { self.gone.len() >= 2 };
        if ended || self.down.contains(&one) || self.gone.contains(&one) || one == 0 {
            return false;
        }
        lab.book().items.silent(one);
        if how == Fault::Death {
            self.died = true;
            world.crash(one);
            self.gone.insert(one);
        } else {
            world.stop(one);
            if dice.is_multiple_of(2) {
                self.gone.insert(one)
            } else {
                self.down.insert(one)
            };
        }
        true
    }

    fn a_jump(&mut self) -> i64 {
        [-DAY, -3_600_000, 3_600_000, DAY][self.rng.below(4)]
    }

    fn jump(&self, world: &mut World, node: usize, by: i64) -> bool {
        let jumps = self.plan.has(Fault::Clock) && !self.plan.clocks_stand;
        if jumps {
            world.clock_jump(node, by);
        }
        jumps
    }

    /// Keeps what is signed now.
    fn remember(&mut self, world: &World) {
        let published = world.net().published(NetworkId::derive(NETWORK).as_bytes());
        for (peer, bytes) in published {
            // What is shown in a place of nobody's is an echo itself.
            if !(0..self.nodes).any(|node| world.peer(node) == peer) {
                continue;
            }
            let known = self.archive.iter().any(|(_, kept)| *kept == bytes);
            if !known && self.archive.len() < ARCHIVE {
                self.archive.push((peer, bytes));
            }
        }
    }

    /// Shows something in a place that nobody else uses.
    fn show(&mut self, world: &World, bytes: Bytes) {
        let nobody = SecretKey::from_bytes(self.rng.bytes_32()).peer_id();
        world.net().publish(NetworkId::derive(NETWORK).as_bytes(), nobody, bytes);
    }

    fn echo(&mut self, world: &World) -> bool {
        let at = self.rng.below(self.archive.len());
        let Some((_, bytes)) = self.archive.get(at).cloned() else { return false };
        self.show(world, bytes);
        true
    }

    /// What one node signed, under the name of another, or of one that never was.
    fn forge(&mut self, world: &World, victim: usize) -> bool {
        let at = self.rng.below(self.archive.len());
        let Some((signer, bytes)) = self.archive.get(at).cloned() else { return false };
        let nobody = SecretKey::from_bytes(self.rng.bytes_32()).peer_id();
        let victim = if self.rng.below(2) == 0 { world.peer(victim) } else { nobody };
        let found = bytes.windows(32).position(|window| window == signer.as_bytes());
        let at = found.expect("an entry says whose it is");
        let mut forged = bytes.to_vec();
        forged[at..at + 32].copy_from_slice(victim.as_bytes());
        self.show(world, forged.into());
        true
    }

    /// Everything heals: links, nodes that come back, tags, consumers that are slow. Those that do not read go on like that.
    pub(super) fn calm(&mut self, world: &mut World, lab: &Lab) {
        world.heal().set_loss(0.0).set_latency(millis(1));
        world.net().adjust_links(|link| link.jitter = 0.2);
        for node in std::mem::take(&mut self.down) {
            world.restart(node);
        }
        for node in self.producers..self.nodes {
            lab.retag(node, |tags| {
                tags.insert(READER.to_owned());
            });
            if !lab.is_stalled(node) {
                lab.set_temper(node, Temper::Brisk);
            }
        }
    }

    /// The nodes that are there after the storm.
    pub(super) fn survivors(&self) -> Vec<usize> {
        (0..self.nodes).filter(|node| !self.gone.contains(node)).collect()
    }
}

/// Whether the consumer is worse to its producers than before.
fn tempered(lab: &Lab, consumer: usize, temper: Temper) -> bool {
    lab.set_temper(consumer, temper);
    temper != Temper::Brisk
}
