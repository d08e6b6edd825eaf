//! What one seed chooses: which classes of faults it has, and what the group is like.

use std::{collections::BTreeSet, fmt, time::Duration};

use mosaik_runtime::{groups::timing::Timing, node::world::millis, primitives::NodeRng};

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
    /// The longest round trip that the group stands, where its members are far apart.
    pub(crate) round_trip: Option<Duration>,
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
        Self { seed, faults, durable, nodes, voters, rests, round_trip: None, rng }
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

    /// The choices of a seed for stories of members that are far apart, as far as the group declares.
    pub(crate) fn of_long_ways(seed: u64, story: &str) -> Self {
        let mut plan = Self::of(seed, story);
        let choose = plan.rng.clone().split("round trip").below(4);
        plan.round_trip = Some(millis([100, 200, 400, 800][choose]));
        plan
    }

    /// How long a frame takes when nothing is wrong; it strays by a fifth, within what the group declares.
    pub(crate) fn way(&self) -> Duration {
        self.round_trip.map_or(millis(1), |round_trip| round_trip.mul_f64(0.5 / 1.2))
    }

    /// What is slow among members that are far apart takes so much longer.
    pub(crate) fn longer(&self) -> Duration {
        self.round_trip.map_or(Duration::ZERO, |round_trip| Timing::of(round_trip).phase() * 4)
    }

    /// How many times as long a story takes.
    pub(crate) fn slower(&self) -> u32 {
        self.round_trip.map_or(1, |round_trip| 1 + u32::try_from(round_trip.as_millis() / 200).unwrap_or(0))
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
        let Self { seed, faults, durable, nodes, voters, rests, round_trip, .. } = self;
        let far = round_trip.map(|round_trip| format!(", {round_trip:?} apart")).unwrap_or_default();
        write!(
            f,
            "seed {seed}: {nodes} nodes, {voters} voters, durable {durable}, rests {rests}{far}, {faults:?}"
        )
    }
}
