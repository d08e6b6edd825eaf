//! openraft alone, for comparison: members in one process that call each other, nothing encoded, nothing stored but in memory.

mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt};
use openraft::{
    Config, EmptyNode, OptionalSend, Raft, RaftNetworkFactory, RaftNetworkV2, SnapshotPolicy,
    errors::{RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, VoteRequest,
        VoteResponse,
    },
    type_config::alias::{SnapshotOf, VoteOf},
};
use tokio::{task::JoinSet, time::Instant};

use self::store::{Log, Sum};
use super::measure::{Measured, Meter, percentile};
use crate::common::Fallible;

openraft::declare_raft_types!(
    /// Commands and replies are numbers.
    pub(super) Alone: D = u64, R = u64, NodeId = u64, Node = EmptyNode
);

type Member = Raft<Alone, Sum>;

/// The members, each of which finds the others here.
#[derive(Debug, Clone, Default)]
struct Members(Arc<Mutex<BTreeMap<u64, Member>>>);

/// The way to one of them.
struct Way(Members, u64);

impl Members {
    fn get(&self, id: u64) -> Result<Member, Unreachable<Alone>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        found.ok_or_else(|| unreachable("it has not started"))
    }
}

fn unreachable(why: &str) -> Unreachable<Alone> {
    Unreachable::new(&io::Error::other(why.to_owned()))
}

impl RaftNetworkFactory<Alone> for Members {
    type Network = Way;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Way {
        Way(self.clone(), target)
    }
}

type Failed = RPCError<Alone>;

impl RaftNetworkV2<Alone> for Way {
    type SnapshotData = u64;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Alone>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Alone>, Failed> {
        let answered = self.0.get(self.1)?.append_entries(rpc).await;
        answered.map_err(|error| unreachable(&error.to_string()).into())
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> openraft::base::BoxFuture<
        's,
        Result<openraft::base::BoxStream<'s, Result<StreamAppendResult<Alone>, Failed>>, Failed>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Alone>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let answers = self.0.get(self.1)?.stream_append(input);
            let answers =
                answers.map(|answer| answer.map_err(|error| unreachable(&error.to_string()).into()));
            Ok(Box::pin(answers) as _)
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Alone>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Alone>, Failed> {
        let answered = self.0.get(self.1)?.vote(rpc).await;
        answered.map_err(|error| unreachable(&error.to_string()).into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: VoteOf<Alone>,
        _snapshot: SnapshotOf<Alone, u64>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Alone>, StreamingError<Alone>> {
        Err(unreachable("there are no snapshots").into())
    }
}

/// What a group of so many members does.
pub(crate) async fn measure(members: u8, window: Duration) -> Fallible<Vec<Measured>> {
    let config = Config {
        heartbeat_interval: 100,
        election_timeout_min: 120,
        election_timeout_max: 300,
        snapshot_policy: SnapshotPolicy::Never,
        max_payload_entries: 512,
        ..Config::default()
    };
    let (config, all) = (Arc::new(config.validate()?), Members::default());
    let ids: BTreeSet<u64> = (1..=u64::from(members)).collect();
    for id in &ids {
        let member = Raft::new(*id, config.clone(), all.clone(), Log::default(), Sum::default()).await?;
        all.0.lock().unwrap_or_else(PoisonError::into_inner).insert(*id, member);
    }
    let leader = all.get(1)?;
    leader.initialize(ids).await?;
    leader.wait(Some(Duration::from_secs(10))).current_leader(1, "it leads").await?;
    let mut measured = Vec::new();
    let meter = Meter::start()?;
    let mut times = sequential(&leader, window).await?;
    measured.push(of("alone-sequential-p50", percentile(&mut times, 50), "us", &meter)?);
    for callers in [64, 1024] {
        let meter = Meter::start()?;
        let rate = commands(&leader, callers, window).await?;
        measured.push(of(&format!("alone-in-flight-{callers}"), rate, "commands/s", &meter)?);
    }
    let meter = Meter::start()?;
    let rate = many(&leader, window).await?;
    measured.push(of("alone-many-1000", rate, "commands/s", &meter)?);
    let members: Vec<Member> =
        all.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
    for member in members {
        member.shutdown().await?;
    }
    all.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Ok(measured)
}

fn of(name: &str, value: f64, unit: &'static str, meter: &Meter) -> Fallible<Measured> {
    Ok(Measured { name: name.to_owned(), value, unit, cores: meter.cores()? })
}

async fn sequential(leader: &Member, window: Duration) -> Fallible<Vec<Duration>> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < window {
        let asked = Instant::now();
        leader.client_write(1).await?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn commands(leader: &Member, callers: usize, window: Duration) -> Fallible<f64> {
    let (mut tasks, until) = (JoinSet::new(), Instant::now() + window);
    for _ in 0..callers {
        let leader = leader.clone();
        tasks.spawn(async move {
            let mut done = 0_u64;
            while Instant::now() < until {
                leader.client_write(1).await?;
                done += 1;
            }
            Fallible::Ok(done)
        });
    }
    let done: Fallible<Vec<u64>> = tasks.join_all().await.into_iter().collect();
    Ok(done?.into_iter().sum::<u64>() as f64 / window.as_secs_f64())
}

async fn many(leader: &Member, window: Duration) -> Fallible<f64> {
    let (start, mut done) = (Instant::now(), 0_u64);
    while start.elapsed() < window {
        let mut written = leader.client_write_many((0..1000).map(|_| 1)).await?;
        while let Some(written) = written.next().await {
            written??;
            done += 1;
        }
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}
