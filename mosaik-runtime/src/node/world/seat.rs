//! One node's place in a world, over all of its lives.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    nodes::{Nodes, Program, Surroundings},
    records::Records,
};
#[cfg(feature = "durable")]
use crate::groups::store::sim::SimDisk;
use crate::{
    primitives::{Clock, NetworkId, NodeRng, PeerId, Scope, SecretKey, Wall, scope::panic_text},
    transport::sim::Net,
};

/// Where the wall clocks of a world begin, in milliseconds since the Unix epoch.
const EPOCH: Wall = Wall(1_800_000_000_000);

/// One node's place in a world.
pub(super) struct Seat {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) network: NetworkId,
    key: SecretKey,
    clock: Clock,
    #[cfg(feature = "durable")]
    disk: SimDisk,
    rng: NodeRng,
    /// Decides what a power cut leaves.
    #[cfg(feature = "durable")]
    dice: NodeRng,
    program: Program,
    life: Option<Life>,
    failed: Arc<Notify>,
}

/// One life of a node, from its start to its end.
struct Life {
    scope: Scope,
    stop: CancellationToken,
    outcome: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Seat {
    /// A seat without a life, which tells `failed` when one fails. Call it inside the world's runtime: the clock starts now.
    pub(super) fn new(number: usize, nodes: &Nodes, mut rng: NodeRng, failed: Arc<Notify>) -> Self {
        Self {
            number,
            name: nodes.name.clone(),
            network: nodes.network,
            key: SecretKey::from_bytes(rng.split("key").bytes_32()),
            clock: Clock::simulated(EPOCH),
            #[cfg(feature = "durable")]
            disk: SimDisk::new(),
            #[cfg(feature = "durable")]
            dice: NodeRng::from_seed(number as u64),
            rng,
            program: nodes.program.clone(),
            life: None,
            failed,
        }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.key.peer_id()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a life. Call it inside the world's runtime.
    pub(super) fn start(&mut self, net: &Net, records: &Records) {
        let (scope, stop) = (Scope::new(), CancellationToken::new());
        let outcome = Arc::new(Mutex::new(None));
        let surroundings = Surroundings {
            number: self.number,
            key: self.key.clone(),
            net: net.clone(),
            clock: self.clock.clone(),
            #[cfg(feature = "durable")]
            disk: self.disk.clone(),
            rng: self.rng.split("life"),
            trace: records.recorder(self.number),
            stop: stop.clone(),
        };
        let program = (self.program)(surroundings);
        let (told, failed) = (outcome.clone(), self.failed.clone());
        scope.spawn("simulated node", async move {
            let ended = AssertUnwindSafe(program).catch_unwind().await;
            let ended = match ended {
                Ok(result) => result.map_err(|error| error.to_string()),
                Err(panic) => Err(format!("it panicked: {}", panic_text(&*panic))),
            };
            let is_failure = ended.is_err();
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
            if is_failure {
                failed.notify_one();
            }
        });
        self.life = Some(Life { scope, stop, outcome });
    }

    /// Ends the life at once: its future is dropped at its next await. Its machine loses its power: what was not flushed to its
    /// disk survives by the dice.
    pub(super) fn kill(&mut self) {
        if let Some(life) = self.life.take() {
            life.scope.kill();
            #[cfg(feature = "durable")]
            self.disk.cut_power(&mut self.dice);
        }
    }

    /// Takes the disk out and puts an empty one in.
    #[cfg(feature = "durable")]
    pub(super) fn replace_disk(&mut self) {
        self.disk = SimDisk::new();
    }

    /// From now on each flush of the disk takes so much longer.
    #[cfg(feature = "durable")]
    pub(super) fn slow_disk(&self, by: std::time::Duration) {
        self.disk.set_slow(by);
    }

    /// The disk as it is.
    #[cfg(feature = "durable")]
    pub(super) fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Turns one bit on the disk.
    #[cfg(feature = "durable")]
    pub(super) fn flip_bit(&mut self) -> String {
        self.disk.flip(&mut self.dice)
    }

    pub(super) fn ask_to_stop(&self) {
        if let Some(life) = &self.life {
            life.stop.cancel();
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.ended().is_none())
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.life.as_ref().and_then(Life::ended).and_then(Result::err)
    }
}

impl Life {
    fn ended(&self) -> Option<Result<(), String>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.life.as_ref().map(Life::ended) {
            None => "down".to_owned(),
            Some(None) => "running".to_owned(),
            Some(Some(Ok(()))) => "done".to_owned(),
            Some(Some(Err(why))) => format!("failed: {why}"),
        };
        write!(f, "{} {} ({}) {state}", self.number, self.name, self.peer().short())
    }
}
