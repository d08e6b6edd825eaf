//! Whole networks in one test: the user's nodes, unchanged, on a simulated network and a virtual clock.
//!
//! A [`World`] owns a runtime whose time is virtual, a [`Net`], and one seat per node. Everything follows from its seed: the same
//! seed and the same program give the same trace. A failure prints the seed and the command that repeats it.
//!
//! It is a tool for tests: its methods panic where a test should fail.

#[cfg(all(test, feature = "durable"))]
mod committees;
mod faults;
mod nodes;
mod records;
mod seat;
mod seed;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    runtime::Runtime,
    sync::Notify,
    task::yield_now,
    time::{Instant, sleep},
};

use self::{records::Records, seat::Seat, seed::Repeat};
use crate::{
    discovery::{SharedStatements, lend_statements},
    primitives::{NodeRng, PeerId, StreamId, canary},
    streams::Datum,
    transport::sim::{Net, TraceHash},
};

pub use self::{
    nodes::{Nodes, Program, Surroundings},
    records::StreamTrace,
};
pub use crate::{primitives::canary::Canary, transport::sim::LinkSettings};

/// How long [`World::run_until`] goes on, in virtual time, unless [`World::limit`] says otherwise.
pub const LIMIT: Duration = Duration::from_secs(600);

/// Conditions of [`World::run_until`] are looked at this often.
const STEP: Duration = Duration::from_millis(5);

/// Seconds, for short.
pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Milliseconds, for short.
pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A network of nodes in a test. Nodes are numbered from 0 in the order in which they were added.
pub struct World {
    runtime: Runtime,
    net: Net,
    seats: Vec<Seat>,
    records: Records,
    rng: NodeRng,
    start: Instant,
    limit: Duration,
    failures_pass: bool,
    failed: Arc<Notify>,
    repeat: Repeat,
    canary: Option<Canary>,
    verified: SharedStatements,
}

impl World {
    /// An empty world. `MOSAIK_SEED` in the environment stands in for `seed`.
    ///
    /// # Panics
    /// When `MOSAIK_SEED` is not a number, and inside of another runtime: a world has its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let repeat = Repeat::from_environment(seed);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for a world: {error}"));
        let (net, start) = {
            let _inside = runtime.enter();
            (Net::new(repeat.seed()), Instant::now())
        };
        let rng = NodeRng::from_seed(repeat.seed());
        Self {
            runtime,
            records: Records::new(net.clone()),
            net,
            seats: Vec::new(),
            rng,
            start,
            limit: LIMIT,
            failures_pass: false,
            failed: Arc::default(),
            repeat,
            canary: None,
            verified: SharedStatements::default(),
        }
    }

    /// Adds nodes and starts them: `sim_node!(sensor)`, `sim_node!(sensor).times(3)`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "nodes are added to a world, not summed")]
    pub fn add(mut self, nodes: Nodes) -> Self {
        for copy in 0..nodes.count {
            self.seat(&nodes, copy);
        }
        self
    }

    /// Adds nodes while the world runs; returns the number of the first.
    pub fn join(&mut self, nodes: Nodes) -> usize {
        let first = self.seats.len();
        (0..nodes.count).for_each(|copy| self.seat(&nodes, copy));
        first
    }

    fn seat(&mut self, nodes: &Nodes, copy: usize) {
        let number = self.seats.len();
        let _inside = self.runtime.enter();
        let rng = self.rng.split(&format!("{} {copy}", nodes.name));
        let mut seat = Seat::new(number, nodes, rng, self.failed.clone());
        self.records.add(number, &seat);
        seat.start(&self.net, &self.records);
        self.seats.push(seat);
    }

    /// Puts a known mistake back into this world's nodes: a test that its checks would find it.
    #[must_use]
    pub fn canary(mut self, canary: Canary) -> Self {
        self.canary = Some(canary);
        self
    }

    /// Sets how long [`run_until`](Self::run_until) goes on, in virtual time.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets nodes fail without failing the test; look at [`failure`](Self::failure).
    #[must_use]
    pub fn failures_pass(mut self) -> Self {
        self.failures_pass = true;
        self
    }

    /// Sets the travel time of all frames from now on, one way.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        self.net.adjust_links(|link| link.latency = latency);
        self
    }

    /// Lets the world run for so long, in virtual time.
    ///
    /// # Panics
    /// When a node's function fails meanwhile.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) -> &mut Self {
        let deadline = self.now() + time;
        while self.now() < deadline {
            let (left, failed) = (deadline - self.now(), self.failed.clone());
            let made = (canary::make(self.canary), lend_statements(&mut self.verified));
            self.runtime.block_on(async {
                tokio::select! { biased;
                    () = sleep(left) => {}
                    () = failed.notified() => {}
                }
            });
            drop(made);
            self.check_nodes();
        }
        self
    }

    /// Lets the world run until the condition holds.
    ///
    /// # Panics
    /// When the condition does not hold within the limit of virtual time, or a node's function fails.
    #[track_caller]
    pub fn run_until(&mut self, condition: impl Fn(&Self) -> bool) -> &mut Self {
        let deadline = self.now() + self.limit;
        while !condition(self) {
            let (now, limit) = (self.now(), self.limit);
            assert!(now < deadline, "the condition did not hold within {limit:?} of virtual time\n{self:#?}");
            self.run_for(STEP.min(deadline - now));
        }
        self
    }

    /// Runs a future inside the world, on its virtual time.
    pub fn block_on<T>(&mut self, future: impl Future<Output = T>) -> T {
        let _made = (canary::make(self.canary), lend_statements(&mut self.verified));
        self.runtime.block_on(future)
    }

    /// Lets what is due happen, without time passing.
    fn settle(&mut self) {
        let _made = (canary::make(self.canary), lend_statements(&mut self.verified));
        self.runtime.block_on(async {
            for _ in 0..16 {
                yield_now().await;
            }
        });
    }

    #[track_caller]
    fn check_nodes(&self) {
        if self.failures_pass {
            return;
        }
        for seat in &self.seats {
            if let Some(why) = seat.failure() {
                panic!("{} (node {}) failed: {why}", seat.name, seat.number);
            }
        }
    }

    /// Virtual time since the world was made.
    pub fn now(&self) -> Duration {
        let _inside = self.runtime.enter();
        self.start.elapsed()
    }

    /// The seed: `World::new`'s, or `MOSAIK_SEED`.
    pub fn seed(&self) -> u64 {
        self.repeat.seed()
    }

    /// What happened to a stream so far.
    pub fn trace<T: Datum>(&self) -> StreamTrace {
        self.records.of(&T::DESCRIPTOR.id())
    }

    /// What happened so far to the stream of this name.
    pub fn trace_of(&self, intent: &str) -> StreamTrace {
        self.records.of(&StreamId::derive(intent))
    }

    /// How much happened on the network so far, and its hash: equal for equal seeds.
    pub fn trace_hash(&self) -> TraceHash {
        self.net.trace_hash()
    }

    /// The network under the nodes, for what has no word here.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The id of a node.
    #[track_caller]
    pub fn peer(&self, node: usize) -> PeerId {
        self.at(node).peer()
    }

    /// Whether a node's function is running.
    #[track_caller]
    pub fn is_running(&self, node: usize) -> bool {
        self.at(node).is_running()
    }

    /// Why a node's function failed, if it did.
    #[track_caller]
    pub fn failure(&self, node: usize) -> Option<String> {
        self.at(node).failure()
    }

    #[track_caller]
    fn at(&self, node: usize) -> &Seat {
        let known = self.seats.len();
        self.seats
            .get(node)
            .unwrap_or_else(|| panic!("there is no node {node}: they are numbered 0 to {}", known - 1))
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("World");
        out.field("seed", &self.seed()).field("now", &self.now());
        out.field("nodes", &self.seats).field("streams", &self.records);
        out.field("trace", &self.trace_hash()).finish()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.repeat.print();
        }
        let _inside = self.runtime.enter();
        // Nobody says goodbye: the world ends for all at once.
        self.seats.iter().for_each(|seat| self.net.crash(seat.peer()));
        self.seats.iter_mut().for_each(Seat::kill);
    }
}
