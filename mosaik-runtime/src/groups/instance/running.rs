//! Raft while it runs on this node, as one member.

use std::{
    io,
    sync::{Arc, PoisonError},
    time::Duration,
};

use openraft::{Config, Raft, RaftMetrics, ReadPolicy, SnapshotPolicy, type_config::alias::WatchReceiverOf};
use tokio::{sync::Mutex, time::timeout};

use super::Instance;
use crate::groups::{
    MemberId,
    birth::ClusterId,
    raft::{Home, Housed, Pace, RaftLog, RaftNetwork, RaftServer, RaftTypes, Reverted, ScopeRuntime},
    settings::Leads,
    store::LogReader,
    timing::Timing,
    version::Era,
};
use crate::primitives::watch;

/// What Raft says of itself.
pub(super) type Metrics = RaftMetrics<RaftTypes>;
/// What changes seldom of that.
pub(super) type ServerMetrics = WatchReceiverOf<RaftTypes, openraft::metrics::RaftServerMetrics<RaftTypes>>;
pub(super) type LogId = openraft::type_config::alias::LogIdOf<RaftTypes>;

/// Bytes of entries that are kept behind a snapshot.
const KEPT_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };
/// Most entries in one message to a follower; their bytes are bounded where the log is read.
const ENTRIES: u64 = 512;

/// A snapshot that was not made is asked for again after this.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(1);

/// Raft as one member.
pub(in crate::groups) struct Running {
    /// As which member this node takes part.
    pub(in crate::groups) member: MemberId,
    /// The birth of the group.
    pub(in crate::groups) cluster: ClusterId,
    /// Raft.
    pub(in crate::groups) raft: Raft<RaftTypes, Housed>,
    /// Where the machine comes back to.
    pub(super) home: Home,
    /// Answers for it.
    pub(in crate::groups) server: RaftServer<Housed>,
    /// Members that lost what they had acknowledged to this one.
    pub(super) reverted: Reverted,
    /// How long members wait for each other.
    timing: Timing,
    /// Held while a leader that was parked asks whether it still leads.
    waking: Mutex<()>,
}

impl Running {
    /// Somebody uses the group over this member. A leader that was parked wakes, and hears first from a majority that it leads: without
    /// that it takes no commands. All that come meanwhile wait for the same answer.
    pub(in crate::groups) async fn awake(&self) {
        self.server.used();
        if self.server.pace() != Pace::Leads && !self.server.is_unsure() {
            return;
        }
        let _one = self.waking.lock().await;
        if self.server.pace() == Pace::Leads {
            self.server.wake().await;
        }
        if self.server.is_unsure() {
            let _ = timeout(self.timing.wake(), self.raft.get_read_log_id(ReadPolicy::ReadIndex)).await;
            self.server.is_sure();
        }
    }
}

fn config(name: &str, kept: u64, timing: Timing) -> Result<Config, openraft::ConfigError> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let config = Config {
        cluster_name: name.to_owned(),
        heartbeat_interval: millis(timing.heartbeat()),
        // openraft takes the longest timeout for the lease too, and adds the two.
        election_timeout_min: millis(timing.wait()),
        election_timeout_max: millis(timing.lease()),
        // `raft::Probe` does that: a leader that was parked must not wake into silence.
        quorum_loss_probe_interval: None,
        enable_pre_vote: Some(true),
        // A leader that restarts stands for election like anybody: entries that it replicated and had not flushed itself are gone, and
        // in its old term it would write others at their places.
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: kept,
        replication_lag_threshold: kept.saturating_mul(2).max(ENTRIES),
        max_payload_entries: ENTRIES,
        // A bit that turned in what was written last looks like a write that was torn: the store goes back by one commit, and the member
        // comes back without its last entries. It gets them again; a leader that gave up for it would take the group down.
        allow_log_reversion: Some(true),
        // Of statistics that nobody asks for.
        log_stage_capacity: Some(1),
        ..Config::default()
    };
    config.validate()
}

impl Instance {
    /// Starts Raft as this member.
    pub(super) async fn start_raft(&self, member: MemberId, cluster: ClusterId) -> io::Result<Arc<Running>> {
        let taken = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (log, mut machine) = taken.ok_or_else(|| io::Error::other("the member here runs already"))?;
        let snapshots = self.0.parts.store.snapshots(self.subject().item);
        let timing = self.settings().timing();
        let config = Arc::new(config(self.intent(), self.settings().kept, timing).map_err(io::Error::other)?);
        let network = RaftNetwork::new(self.bonds().clone(), member);
        let (due, digested) = (machine.due(), machine.digested());
        machine.begin(Era::of(&cluster));
        let rng = self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split("raft");
        let (machine, home) = Housed::new(machine);
        let starting = Raft::new(member, config, network.clone(), RaftLog::new(log), machine);
        let raft = ScopeRuntime::within(self.scope(), rng, starting).await.map_err(io::Error::other)?;
        if self.settings().leads == Leads::Never {
            raft.runtime_config().elect(false);
        }
        let group = self.subject().intent.clone();
        self.scope().spawn("groups snapshots", make_snapshots(group, raft.clone(), due));
        let reverted = network.reverted();
        let server = RaftServer::new(raft.clone(), network, snapshots);
        let running = Arc::new(Running {
            member,
            cluster,
            raft,
            home,
            server,
            reverted,
            timing,
            waking: Mutex::default(),
        });
        let comparing = super::digests::compare_all(self.clone(), running.clone(), digested);
        self.scope().spawn("groups digests", comparing);
        self.set_running(Some(running.clone()));
        self.change_view(|view| view.member = Some(member));
        Ok(running)
    }
}

impl Running {
    /// Lets the beginning of the log go when there is too much of it behind the last snapshot.
    pub(super) async fn bound_log(&self, log: &LogReader, metrics: &Metrics) {
        let Some(snapshot) = &metrics.snapshot else { return };
        let purged = metrics.purged.as_ref().map(|purged| purged.index);
        let beyond = log.beyond(snapshot.index, KEPT_BYTES);
        if let Some(upto) = beyond.filter(|upto| purged.is_none_or(|purged| purged < *upto)) {
            // It fails when Raft has stopped, which is seen elsewhere.
            let _ = self.raft.trigger().purge_log(upto).await;
        }
    }
}

/// Asks for a snapshot whenever the machine says that one is due, again if it was not made.
async fn make_snapshots(
    group: Arc<str>,
    raft: Raft<RaftTypes, Housed>,
    mut due: watch::Receiver<Option<u64>>,
) {
    let mut asked = None;
    loop {
        let now = *due.borrow_and_update();
        let Some(index) = now else {
            if due.changed().await.is_err() {
                return;
            }
            continue;
        };
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
        if asked.replace(index) != Some(index) {
            metrics::counter!("mosaik_groups_snapshots_total", "group" => group.clone()).increment(1);
        }
        let _ = timeout(SNAPSHOT_AGAIN, due.changed()).await;
    }
}
