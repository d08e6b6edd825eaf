//! What one seed chooses: which classes of faults it has, and what the group is like.

use std::{collections::BTreeSet, fmt};

use mosaik_runtime::primitives::NodeRng;

/// A class of faults, on or off for a whole story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
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
    /// A disk fails, is full, or has one bit turned. Only in stories of sick disks.
    Sick,
}

impl Fault {
    /// All that a seed chooses from.
    pub(crate) const ALL: [Self; 11] = [
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
pub(crate) struct Plan {
    pub(crate) seed: u64,
    faults: BTreeSet<Fault>,
    /// Whether the group is kept on disks that lose what was not flushed.
    pub(crate) durable: bool,
    /// Nodes that may vote.
    pub(crate) nodes: usize,
    pub(crate) voters: u8,
    /// Whether clients pause so long that the group is parked in between.
    pub(crate) rests: bool,
    pub(crate) rng: NodeRng,
}

impl Plan {
    /// The choices of a seed for the stories of this name.
    pub(crate) fn of(seed: u64, story: &str) -> Self {
        let mut rng = NodeRng::from_seed(seed).split(story);
        let faults = Fault::ALL.into_iter().filter(|_| rng.below(2) == 0).collect();
        let durable = rng.below(2) == 0;
        let (nodes, voters) = [(3, 3), (3, 3), (4, 3), (5, 5)][rng.below(4)];
        let rests = rng.clone().split("rests").below(4) == 0;
        Self { seed, faults, durable, nodes, voters, rests, rng }
    }

    /// The choices of a seed for stories of sick disks: all nodes have disks, and these do not work as they should.
    pub(crate) fn of_sick_disks(seed: u64, story: &str) -> Self {
        let mut plan = Self::of(seed, story);
        plan.durable = true;
        // What has nothing to do with disks is rarer, so that they get their turn.
        let spared = [Fault::Delay, Fault::Clock, Fault::Panic, Fault::Sever, Fault::Disk];
        plan.faults.retain(|fault| !spared.contains(fault));
        plan.faults.insert(Fault::Sick);
        plan
    }

    /// Whether a class is on.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The classes that are on.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.faults.iter().copied().collect()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, durable, nodes, voters, rests, .. } = self;
        write!(f, "seed {seed}: {nodes} nodes, {voters} voters, durable {durable}, rests {rests}, {faults:?}")
    }
}
