//! A group of one member on a disk that loses its power again and again.

use std::{collections::BTreeSet, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use openraft::{
    Config, EmptyNode, Raft, RaftNetworkFactory, RaftNetworkV2, SnapshotPolicy,
    async_runtime::watch::WatchReceiver,
    errors::{RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse},
    type_config::alias::{SnapshotOf, VoteOf},
};

use super::machine::Machine;
use crate::{
    groups::{
        MemberId,
        raft::{Command, RaftLog, RaftTypes},
        store::{Store, record::Manifest, sim::SimDisk},
    },
    primitives::{NodeRng, PeerId, Scope, WireId},
};

const OWNER: PeerId = PeerId::from_bytes([1; 32]);
const GROUP: WireId = WireId::from_bytes([2; 32]);

/// Nobody else is there.
struct Nobody;

fn unreachable() -> Unreachable<RaftTypes> {
    Unreachable::new(&io::Error::other("nobody else is there"))
}

impl RaftNetworkFactory<RaftTypes> for Nobody {
    type Network = Nobody;

    async fn new_client(&mut self, _target: MemberId, _node: &EmptyNode) -> Nobody {
        Nobody
    }
}

impl RaftNetworkV2<RaftTypes> for Nobody {
    type SnapshotData = Manifest;

    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<RaftTypes>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<RaftTypes>, RPCError<RaftTypes>> {
        Err(unreachable().into())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<RaftTypes>,
        _option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RPCError<RaftTypes>> {
        Err(unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: VoteOf<RaftTypes>,
        _snapshot: SnapshotOf<RaftTypes, Manifest>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        Err(unreachable().into())
    }
}

fn config() -> Arc<Config> {
    let snapshot_policy = SnapshotPolicy::LogsSinceLast(20);
    let config = Config { snapshot_policy, max_in_snapshot_log_to_keep: 5, ..Config::default() };
    Arc::new(config.validate().expect("a valid configuration"))
}

struct Life {
    scope: Scope,
    raft: Raft<RaftTypes, Machine>,
}

impl Life {
    async fn begin(disk: &SimDisk, rng: &mut NodeRng) -> Self {
        let scope = Scope::new();
        let flush = Duration::from_millis(2);
        let store = Store::simulated(disk, OWNER, rng, &scope, flush).expect("opens");
        let me = MemberId::new(OWNER, store.id().0);
        let log = RaftLog::new(store.log(GROUP).await.expect("opens"));
        let machine = Machine::new(store.snapshots(GROUP)).await.expect("restores");
        let raft = Raft::new(me, config(), Nobody, log, machine).await.expect("starts");
        if !raft.is_initialized().await.expect("runs") {
            raft.initialize(BTreeSet::from([me])).await.expect("is new");
        }
        let wait = raft.wait(Some(Duration::from_secs(30)));
        wait.current_leader(me, "it elects itself").await.expect("it leads");
        Self { scope, raft }
    }

    /// Whatever it was doing, it does no more.
    async fn end(self, disk: &SimDisk, rng: &mut NodeRng) {
        self.scope.kill();
        disk.cut_power(rng);
        let _ = self.raft.shutdown().await;
        self.scope.ended().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f2_r3_a_member_keeps_what_it_acknowledged_through_power_cuts() {
    let (mut acknowledged, mut open) = (0, 0);
    for seed in 0..6 {
        let (disk, mut rng) = (SimDisk::new(), NodeRng::from_seed(seed));
        let (mut next, mut must, mut term) = (0u32, BTreeSet::new(), 0);
        for _life in 0..4 {
            let life = Life::begin(&disk, &mut rng).await;
            let now = life.raft.metrics().borrow_watched().current_term;
            assert!(now >= term, "seed {seed}: the term never goes back");
            term = now;
            let mut writes: FuturesUnordered<_> = (next..next + 60)
                .map(|number| {
                    let raft = &life.raft;
                    async move {
                        // Not all in one batch.
                        tokio::time::sleep(Duration::from_millis(u64::from(number % 60))).await;
                        let command = Command(Bytes::copy_from_slice(&number.to_be_bytes()));
                        raft.client_write(command).await.map(|_| number)
                    }
                })
                .collect();
            next += 60;
            let patience = Duration::from_millis(rng.next_u64() % 90);
            let _ = tokio::time::timeout(patience, async {
                while let Some(done) = writes.next().await {
                    must.insert(done.expect("it leads"));
                }
            })
            .await;
            open += writes.len();
            drop(writes);
            life.end(&disk, &mut rng).await;
        }
        let life = Life::begin(&disk, &mut rng).await;
        life.raft.client_write(Command::default()).await.expect("it still works");
        let state = life.raft.with_state_machine(|machine| {
            let state = machine.state().to_vec();
            Box::pin(async move { state })
        });
        let state = state.await.expect("runs");
        let found: Vec<u32> = state
            .chunks(4)
            .map(|number| u32::from_be_bytes(number.try_into().expect("four bytes")))
            .collect();
        let once: BTreeSet<u32> = found.iter().copied().collect();
        assert_eq!(found.len(), once.len(), "seed {seed}: each command once");
        assert!(once.is_superset(&must), "seed {seed}: {} acknowledged, {} found", must.len(), once.len());
        acknowledged += must.len();
        life.end(&disk, &mut rng).await;
    }
    assert!(
        acknowledged > 100 && open > 100,
        "{acknowledged} acknowledged, {open} cut off: both must happen"
    );
}
