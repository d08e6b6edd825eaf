//! openraft's network, over the bonds of a group.
//!
//! What is small and urgent (votes, heartbeats, a transfer of leadership) is a question on the bond itself. Entries go over a channel of
//! their own, many messages at a time, so that no heartbeat waits behind them. Of a snapshot only the manifest is sent: the follower
//! pulls what it lacks of it.

use std::{iter, pin::Pin, time::Duration};

use futures::{Stream, StreamExt};
use openraft::{
    EmptyNode, OptionalSend,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    network::{Backoff, RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
        TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    type_config::alias::{SnapshotOf, VoteOf},
};

use super::{
    convert,
    probe::Probe,
    reverted::{Matched, Reverted},
    stream, translate,
    types::RaftTypes,
};
use crate::groups::{
    MemberId,
    bond::{Bond, BondError, Bonds},
    store::record::{LogId, Manifest},
    wire::{Append, AppendAnswer, Request, Response, VoteAsk, Why},
};
use crate::primitives::canary::{self, Canary};

/// How long a follower may take to say how far it is with a snapshot.
const SAYS: Duration = Duration::from_secs(5);
/// How long a follower may take to get any further with a snapshot.
const NO_FURTHER: Duration = Duration::from_secs(30);

/// Makes openraft's clients for the members of a group.
#[derive(Debug, Clone)]
pub struct RaftNetwork {
    pub(super) bonds: Bonds,
    pub(super) me: MemberId,
    pub(super) probe: Probe,
    reverted: Reverted,
}

/// openraft's client for one member.
#[derive(Debug, Clone)]
pub struct RaftPeer {
    pub(super) bonds: Bonds,
    me: MemberId,
    target: MemberId,
    /// Whether entries have a channel of their own.
    bulk: bool,
    probe: Probe,
    matched: Matched,
    reverted: Reverted,
}

/// A heartbeat was kept back.
#[derive(Debug, thiserror::Error)]
#[error("this leader is silent for a while, since it does not reach a majority")]
struct Silent;

/// How a question to a peer ended otherwise than with the answer to it.
type Failed = RPCError<RaftTypes>;

impl RaftNetwork {
    /// The network as the member `me` sees it.
    pub fn new(bonds: Bonds, me: MemberId) -> Self {
        let probe = Probe::new(bonds.clock().clone(), bonds.timing());
        Self { bonds, me, probe, reverted: Reverted::default() }
    }

    fn peer(&self, target: MemberId, bulk: bool) -> RaftPeer {
        let (probe, reverted) = (self.probe.clone(), self.reverted.clone());
        let (bonds, matched) = (self.bonds.clone(), Matched::default());
        RaftPeer { bonds, me: self.me, target, bulk, probe, matched, reverted }
    }

    /// Members that lost what they had acknowledged.
    pub fn reverted(&self) -> Reverted {
        self.reverted.clone()
    }
}

impl RaftNetworkFactory<RaftTypes> for RaftNetwork {
    type Network = RaftPeer;

    async fn new_client(&mut self, target: MemberId, _node: &EmptyNode) -> RaftPeer {
        self.peer(target, true)
    }

    async fn new_heartbeat_client(&mut self, target: MemberId, _node: &EmptyNode) -> RaftPeer {
        self.peer(target, false)
    }
}

impl RaftPeer {
    /// The mistake of counting those that are not there.
    fn is_taken_for_granted(&self) -> bool {
        canary::made(Canary::ReachableQuorum) && self.bond().is_err()
    }

    fn bond(&self) -> Result<Bond, Failed> {
        self.bonds.get(self.target.peer).ok_or_else(|| unreachable(&BondError::Down))
    }

    async fn call(&self, action: RPCTypes, request: Request, within: Duration) -> Result<Response, Failed> {
        let called = self.bond()?.call(request, within).await;
        called.map_err(|error| self.failed(action, &error))
    }

    /// Asks for a vote, or whether there would be one.
    async fn ask_vote(
        &self,
        question: fn(VoteAsk) -> Request,
        rpc: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, Failed> {
        if self.is_taken_for_granted() {
            return Ok(VoteResponse::new(rpc.vote, rpc.last_log_id, true));
        }
        let ask = question(translate::vote_ask(self.target, &rpc));
        match self.call(RPCTypes::Vote, ask, option.soft_ttl()).await? {
            Response::Vote(answer) => Ok(translate::raft_vote_answer(answer)),
            response => Err(unexpected(response)),
        }
    }

    /// An answer to a message that began behind `before` was heard.
    pub(super) fn heard(&self, answer: &AppendAnswer, before: Option<LogId>) {
        if self.matched.goes_back(answer, before) {
            self.reverted.insert(self.target);
        }
    }

    pub(super) fn failed(&self, action: RPCTypes, error: &BondError) -> Failed {
        match error {
            BondError::Deadline { within } => self.late(action, *within).into(),
            BondError::Busy => NetworkError::new(error).into(),
            BondError::Down | BondError::Link(_) => unreachable(error),
        }
    }

    pub(super) fn late(&self, action: RPCTypes, timeout: Duration) -> Timeout<RaftTypes> {
        Timeout { action, id: self.me, target: self.target, timeout }
    }
}

/// It makes no sense to try again at once.
pub(super) fn unreachable<E: std::error::Error + 'static>(why: &E) -> Failed {
    Unreachable::new(why).into()
}

/// The peer answered something else.
fn unexpected(response: Response) -> Failed {
    match response {
        Response::Refused(why) => unreachable(&why),
        _ => unreachable(&Why::Failed("the answer is to another question".to_owned())),
    }
}

impl RaftNetworkV2<RaftTypes> for RaftPeer {
    type SnapshotData = Manifest;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<RaftTypes>, Failed> {
        if self.is_taken_for_granted() {
            return Ok(AppendEntriesResponse::Success);
        }
        if !self.bulk && self.probe.is_silent() {
            return Err(unreachable(&Silent));
        }
        let appended = translate::appended(rpc);
        let (_, last) = translate::range(&appended);
        let append = Append { to: self.target, from: self.me, appended };
        match self.call(RPCTypes::AppendEntries, Request::Append(append), option.soft_ttl()).await? {
            Response::Append(answer) => {
                translate::raft_append_answer(answer, last).map_err(|why| unreachable(&why))
            }
            response => Err(unexpected(response)),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> openraft::base::BoxFuture<
        's,
        Result<openraft::base::BoxStream<'s, Result<StreamAppendResult<RaftTypes>, Failed>>, Failed>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<RaftTypes>> + OptionalSend + Unpin + 'static,
    {
        if !self.bulk || self.is_taken_for_granted() {
            return stream_append_sequential(self, input, option);
        }
        // Longer than a slow disk takes.
        let within = option.soft_ttl().max(self.bonds.timing().stalled());
        Box::pin(async move {
            // openraft waits out its back-off where it gives the first request. A refusal before that would be tried again at once.
            let mut input = input.peekable();
            let _ = Pin::new(&mut input).peek().await;
            let bond = self.bond()?;
            stream::append(self, bond, (self.me, self.target), input, within).await
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, Failed> {
        self.ask_vote(Request::Vote, rpc, option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, Failed> {
        self.ask_vote(Request::PreVote, rpc, option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<RaftTypes>,
        snapshot: SnapshotOf<RaftTypes, Manifest>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        let request = Request::Snapshot {
            to: self.target,
            from: self.me,
            vote: convert::vote(&vote),
            manifest: snapshot.snapshot,
        };
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            installed = self.installed(request) => installed,
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<RaftTypes>, Failed> {
        let ask = Request::TransferLeader(translate::transfer_ask(self.target, &req));
        match self.call(RPCTypes::TransferLeader, ask, option.soft_ttl()).await? {
            Response::TransferLeader(answer) => Ok(translate::raft_transfer_answer(answer, &req)),
            response => Err(unexpected(response)),
        }
    }

    /// Short: a bond that comes back is worth a try, and one that is not there costs nothing.
    fn backoff(&self) -> Option<Backoff> {
        let waits = [20, 50, 100].map(Duration::from_millis).into_iter();
        Some(Backoff::new(waits.chain(iter::repeat(Duration::from_millis(200)))))
    }
}

impl RaftPeer {
    /// Asks the follower to install a snapshot, again and again until it has.
    async fn installed(
        &self,
        request: Request,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        let clock = self.bonds.clock();
        let (mut furthest, mut at) = (None, clock.now());
        loop {
            let called = match self.bonds.get(self.target.peer) {
                Some(bond) => bond.call(request.clone(), SAYS).await,
                None => Err(BondError::Down),
            };
            match called {
                Ok(Response::Installed { vote }) => {
                    return Ok(SnapshotResponse::new(convert::raft_vote(vote)));
                }
                Ok(Response::Pulling { here, .. }) => {
                    if furthest.is_none_or(|furthest| here > furthest) {
                        (furthest, at) = (Some(here), clock.now());
                    } else if clock.now() - at > NO_FURTHER {
                        return Err(self.late(RPCTypes::InstallSnapshot, NO_FURTHER).into());
                    }
                }
                Ok(Response::Refused(why)) => return Err(Unreachable::new(&why).into()),
                Ok(_) => return Err(NetworkError::from_string("the answer is to another question").into()),
                Err(BondError::Deadline { within }) => {
                    return Err(self.late(RPCTypes::InstallSnapshot, within).into());
                }
                Err(error) => return Err(Unreachable::new(&error).into()),
            }
        }
    }
}
