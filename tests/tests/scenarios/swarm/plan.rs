//! What one seed chooses: which classes of faults it has, and what the nodes are like.

use std::{collections::BTreeSet, fmt, time::Duration};

use mosaik_runtime::{node::world::millis, primitives::NodeRng, topology::Overflow};

/// A class of faults, on or off for a whole story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Frames are lost, 2 to 30 %.
    Loss,
    /// Frames take up to 200 ms, and stray.
    Delay,
    /// Nodes are cut off from others, both ways.
    Partition,
    /// One direction is cut.
    Cut,
    /// Connections end at once, at both ends: what was sent last is sent again.
    Sever,
    /// Nodes crash, and start again some time later.
    Crash,
    /// A node crashes for good.
    Death,
    /// A node leaves in order.
    Leave,
    /// Wall clocks are wrong from the start, and jump.
    Clock,
    /// Consumers are slower than producers.
    Slow,
    /// Consumers stop to read.
    Stall,
    /// What nodes signed before is shown again: old entries, also of those that left.
    Echo,
    /// Statements are shown that nobody signed like that.
    Forge,
    /// Only nodes with a tag may consume, and they lose it now and then.
    Revoke,
    /// Nodes change what they say of themselves.
    Retag,
}

impl Fault {
    pub(super) const ALL: [Self; 15] = [
        Self::Loss,
        Self::Delay,
        Self::Partition,
        Self::Cut,
        Self::Sever,
        Self::Crash,
        Self::Death,
        Self::Leave,
        Self::Clock,
        Self::Slow,
        Self::Stall,
        Self::Echo,
        Self::Forge,
        Self::Revoke,
        Self::Retag,
    ];
    /// Those after which a node may be thought dead that is not.
    const WILD: [Self; 6] = [Self::Partition, Self::Cut, Self::Sever, Self::Crash, Self::Death, Self::Leave];
}

/// One seed's choices.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    faults: BTreeSet<Fault>,
    /// Clock faults are drawn, so that all else stays as it is, and not done.
    pub(super) clocks_stand: bool,
    pub(super) overflow: Overflow,
    /// Whether items are large, and come faster.
    pub(super) bulky: bool,
    /// Items of the past that a newcomer gets.
    pub(super) replay: usize,
    pub(super) rng: NodeRng,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = NodeRng::from_seed(seed).split("plan");
        let wild = rng.below(8) > 0;
        let on = Fault::ALL.into_iter().filter(|fault| {
            let on = rng.below(2) == 0;
            on && (wild || !Fault::WILD.contains(fault))
        });
        let faults = on.collect();
        let overflows = [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest, Overflow::Block];
        let overflow = overflows[rng.below(overflows.len())];
        let bulky = rng.below(4) == 0;
        let replay = [0, 0, 10][rng.below(3)];
        Self { seed, faults, clocks_stand: false, overflow, bulky, replay, rng }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The classes that are on.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.faults.iter().copied().collect()
    }

    /// Whether nobody has a reason to think that somebody is gone.
    pub(super) fn is_calm(&self) -> bool {
        Fault::WILD.iter().all(|fault| !self.has(*fault))
    }

    /// Whether nothing may be lost to any consumer.
    pub(super) fn loses_nothing(&self) -> bool {
        let slow = self.has(Fault::Slow) || self.has(Fault::Stall) || self.has(Fault::Revoke);
        self.is_calm() && !slow && !self.bulky
    }

    pub(super) fn stop_clocks(&mut self) {
        self.clocks_stand = true;
    }

    /// The time between two items of a producer.
    pub(super) fn pace(&self) -> Duration {
        if self.bulky { millis(100) } else { millis(250) }
    }

    /// The bytes of an item, beside its number.
    pub(super) fn size(&self) -> usize {
        if self.bulky { 16 * 1024 } else { 8 }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, overflow, bulky, replay, .. } = self;
        write!(f, "{overflow:?}, bulky {bulky}, replay {replay}, {faults:?}")
    }
}
