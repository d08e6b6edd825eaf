//! What one seed chooses: which classes of faults it has, and what the group is like.

use std::{collections::BTreeSet, fmt};

use mosaik_runtime::primitives::NodeRng;

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
    /// Connections end at once, at both ends.
    Sever,
    /// Nodes crash, and start again some time later.
    Crash,
    /// The node that leads crashes.
    Regicide,
    /// All nodes lose their power at once, and start again. In memory, one of them does.
    Blackout,
    /// Disks are slow, and one is lost with all that was on it.
    Disk,
    /// Wall clocks are wrong from the start, and jump.
    Clock,
    /// A command panics now and then.
    Panic,
}

impl Fault {
    pub(super) const ALL: [Self; 11] = [
        Self::Loss,
        Self::Delay,
        Self::Partition,
        Self::Cut,
        Self::Sever,
        Self::Crash,
        Self::Regicide,
        Self::Blackout,
        Self::Disk,
        Self::Clock,
        Self::Panic,
    ];
}

/// One seed's choices.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    faults: BTreeSet<Fault>,
    /// Whether the group is kept on disks that lose what was not flushed.
    pub(super) durable: bool,
    /// Nodes that may vote.
    pub(super) nodes: usize,
    pub(super) voters: u8,
    pub(super) rng: NodeRng,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = NodeRng::from_seed(seed).split("committee");
        let faults = Fault::ALL.into_iter().filter(|_| rng.below(2) == 0).collect();
        let durable = rng.below(2) == 0;
        let (nodes, voters) = [(3, 3), (3, 3), (4, 3), (5, 5)][rng.below(4)];
        Self { seed, faults, durable, nodes, voters, rng }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The classes that are on.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.faults.iter().copied().collect()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, durable, nodes, voters, .. } = self;
        write!(f, "seed {seed}: {nodes} nodes, {voters} voters, durable {durable}, {faults:?}")
    }
}
