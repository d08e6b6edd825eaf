//! A group of one member on a disk that loses its power again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use openraft::{
    Config, EmptyNode, Raft, RaftNetworkFactory, RaftNetworkV2, SnapshotPolicy,
    async_runtime::watch::WatchReceiver,
    errors::{RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse},
    type_config::alias::{SnapshotOf, VoteOf},
};

use crate::{
    groups::{
        MemberId,
        machine::{
            Item, MachineSettings, Outcome, Replica, SessionId,
            tests::toy::{Deed, SMALL, Toy, command, open, payload},
        },
        raft::{Command, Machine, RaftLog, RaftTypes},
        store::{Store, record::Manifest, sim::SimDisk},
    },
    primitives::{NodeRng, PeerId, Scope, WireId},
};

pub(super) const OWNER: PeerId = PeerId::from_bytes([1; 32]);
pub(super) const GROUP: WireId = WireId::from_bytes([2; 32]);

/// Nobody else is there.
pub(super) struct Nobody;

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
    let snapshot_policy = SnapshotPolicy::Never;
    let config = Config { snapshot_policy, max_in_snapshot_log_to_keep: 5, ..Config::default() };
    Arc::new(config.validate().expect("a valid configuration"))
}

/// Snapshots every twenty entries or so.
pub(super) const SETTINGS: MachineSettings =
    MachineSettings { snapshot_entries: 20, outstanding: 1024, kept: 8 << 20, ..SMALL };

struct Life {
    scope: Scope,
    raft: Raft<RaftTypes, Machine>,
    replica: Replica<Toy>,
}

impl Life {
    async fn begin(disk: &SimDisk, rng: &mut NodeRng) -> Self {
        let scope = Scope::new();
        let flush = Duration::from_millis(2);
        let store = Store::simulated(disk, OWNER, rng, &scope, flush).expect("opens");
        let me = MemberId::new(OWNER, store.id().0);
        let log = RaftLog::new(store.log(GROUP).await.expect("opens"));
        let (snapshots, reader) = (store.snapshots(GROUP), store.reader(GROUP));
        let (machine, replica) = Machine::open(Toy::default(), snapshots, reader, SETTINGS).expect("opens");
        let mut due = machine.due();
        let raft = Raft::new(me, config(), Nobody, log, machine).await.expect("starts");
        let triggers = raft.clone();
        scope.spawn("snapshots", async move {
            while due.wait_for(Option::is_some).await.is_ok() {
                let _ = triggers.trigger().snapshot().await;
                if due.changed().await.is_err() {
                    return;
                }
            }
        });
        if !raft.is_initialized().await.expect("runs") {
            raft.initialize(BTreeSet::from([me])).await.expect("is new");
        }
        let wait = raft.wait(Some(Duration::from_secs(30)));
        wait.current_leader(me, "it elects itself").await.expect("it leads");
        Self { scope, raft, replica }
    }

    async fn write(&self, item: Item) -> Outcome {
        let written = self.raft.client_write(Command(payload(0, vec![item]))).await.expect("it leads");
        Outcome::decode_all(&written.data.0).expect("decodes").remove(0)
    }

    /// Whatever it was doing, it does no more.
    async fn end(self, disk: &SimDisk, rng: &mut NodeRng) {
        self.scope.kill();
        disk.cut_power(rng);
        let _ = self.raft.shutdown().await;
        self.scope.ended().await;
    }
}

/// Who sends commands, and sends them again until there is an answer.
#[derive(Default)]
struct Client {
    session: Option<SessionId>,
    next: u64,
    waiting: BTreeMap<u64, Deed>,
    done: BTreeSet<u32>,
    again: usize,
    panicked: usize,
}

impl Client {
    fn think_of(&mut self, count: u64) {
        for serial in self.next..self.next + count {
            let number = serial as u32;
            let deed = if number % 17 == 3 { Deed::Tear(number) } else { Deed::Do(number) };
            self.waiting.insert(serial, deed);
        }
        self.next += count;
    }

    /// Sends everything that has no answer, not all of it in one batch.
    async fn send(&mut self, life: &Life) {
        let session = match self.session {
            Some(session) => session,
            None => match life.write(open(1)).await {
                Outcome::Opened(session) => *self.session.insert(session),
                other => panic!("{other:?}"),
            },
        };
        let acked = self.waiting.keys().next().copied().unwrap_or(self.next);
        let mut writes: FuturesUnordered<_> = self
            .waiting
            .clone()
            .into_iter()
            .map(|(serial, deed)| async move {
                tokio::time::sleep(Duration::from_millis(serial % 20)).await;
                (serial, deed, life.write(command(session, serial, acked, deed)).await)
            })
            .collect();
        while let Some((serial, deed, outcome)) = writes.next().await {
            self.waiting.remove(&serial);
            match (deed, outcome) {
                (Deed::Do(number), Outcome::Replied(_)) => assert!(self.done.insert(number)),
                (Deed::Do(number), Outcome::Again(_)) => {
                    assert!(self.done.insert(number));
                    self.again += 1;
                }
                (Deed::Tear(_), Outcome::Panicked(_)) => self.panicked += 1,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f2_r3_r8_lc9_a_member_keeps_what_it_acknowledged_once_through_power_cuts() {
    let (mut cut, mut again, mut panicked) = (0, 0, 0);
    for seed in 0..6 {
        let (disk, mut rng) = (SimDisk::new(), NodeRng::from_seed(seed));
        let (mut client, mut term) = (Client::default(), 0);
        for _life in 0..4 {
            let life = Life::begin(&disk, &mut rng).await;
            let now = life.raft.metrics().borrow_watched().current_term;
            assert!(now >= term, "seed {seed}: the term never goes back");
            term = now;
            client.think_of(60);
            let patience = Duration::from_millis(rng.next_u64() % 30);
            let _ = tokio::time::timeout(patience, client.send(&life)).await;
            cut += client.waiting.len();
            // What is on its way may still arrive, without an answer.
            tokio::time::sleep(Duration::from_millis(rng.next_u64() % 8)).await;
            life.end(&disk, &mut rng).await;
        }
        let life = Life::begin(&disk, &mut rng).await;
        client.send(&life).await;
        let found = life.replica.read(|toy, _| toy.done.clone()).await.expect("runs");
        let once: BTreeSet<u32> = found.iter().copied().collect();
        assert_eq!(found.len(), once.len(), "seed {seed}: each command once");
        assert_eq!(once, client.done, "seed {seed}: what it acknowledged, and nothing else");
        (again, panicked) = (again + client.again, panicked + client.panicked);
        life.end(&disk, &mut rng).await;
    }
    let counts =
        format!("{cut} cut off, {again} of them applied before, {panicked} panicked: all must happen");
    assert!(cut > 100 && again > 20 && panicked > 20, "{counts}");
}
