//! The receiving side: answers what other members' Rafts ask of this one.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future::BoxFuture};
use openraft::{
    Raft, ReadPolicy, Snapshot,
    async_runtime::WatchReceiver,
    errors::{LinearizableReadError, RaftError},
    storage::RaftStateMachine,
};

use super::{
    convert,
    network::RaftNetwork,
    pace::{Pace, Pacer},
    probe::Probe,
    sane, translate,
    types::RaftTypes,
};
use crate::{
    groups::{
        MemberId,
        bond::{BondError, Bonds},
        pull::{self, Install, Pulls},
        store::{
            Snapshots,
            record::{Manifest, Vote},
        },
        wire::{
            Append, AppendAnswer, Appended, ChannelKind, GroupsProtocol, ParkAsk, Request, Response,
            VoteAnswer, VoteAsk, Why,
        },
    },
    primitives::{PeerId, watch},
    transport::{Link, LinkReceiver},
};

/// Longer than a leader is silent.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// Serves the Raft of one group on this node. Clones share it.
pub struct RaftServer<SM: RaftStateMachine<RaftTypes>> {
    raft: Raft<RaftTypes, SM>,
    me: MemberId,
    bonds: Bonds,
    snapshots: Snapshots,
    pulls: Arc<Pulls>,
    pacer: Arc<Pacer>,
    probe: Probe,
}

impl<SM: RaftStateMachine<RaftTypes>> Clone for RaftServer<SM> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            me: self.me,
            bonds: self.bonds.clone(),
            snapshots: self.snapshots.clone(),
            pulls: self.pulls.clone(),
            pacer: self.pacer.clone(),
            probe: self.probe.clone(),
        }
    }
}

impl<SM> RaftServer<SM>
where
    SM: RaftStateMachine<RaftTypes, SnapshotData = Manifest>,
{
    /// Serves `raft`, which speaks over `network` and has its snapshots in `snapshots`.
    pub fn new(raft: Raft<RaftTypes, SM>, network: RaftNetwork, snapshots: Snapshots) -> Self {
        let RaftNetwork { bonds, me, probe, .. } = network;
        probe.watch(raft.metrics());
        let pacer = Arc::new(Pacer::new(bonds.timing().contested()));
        Self { raft, me, bonds, snapshots, pulls: Arc::default(), pacer, probe }
    }

    /// Answers a question. Joining and leaving are not Raft's matter.
    pub async fn answer(&self, from: PeerId, request: Request) -> Response {
        let answered = match request {
            Request::Ping => Ok(Response::Pong),
            Request::Vote(ask) => self.vote(from, ask, false).await,
            Request::PreVote(ask) => self.vote(from, ask, true).await,
            Request::Append(append) => self.append(from, append).await,
            Request::TransferLeader(ask) => self.transfer(from, ask).await,
            Request::ReadIndex => self.read_index().await.map(|index| Response::ReadIndex { index }),
            Request::Park(ask) => self.park(from, ask),
            Request::Snapshot { to, from: leader, vote, manifest } => match self.check(from, to, leader) {
                Ok(()) => self.snapshot(from, vote, manifest).await,
                Err(why) => Err(why),
            },
            Request::Join { .. } | Request::Leave { .. } | Request::Digest { .. } => Err(Why::Unsupported),
        };
        answered.unwrap_or_else(Response::Refused)
    }

    /// Serves a channel that is Raft's: entries and chunks. Others are closed.
    pub async fn channel(&self, from: PeerId, kind: ChannelKind, link: Link<GroupsProtocol>) {
        match kind {
            ChannelKind::Append { to, from: leader } => self.appends(from, (to, leader), link).await,
            ChannelKind::Chunks => pull::serve(&self.snapshots, link).await,
            ChannelKind::Commands => link.close(crate::transport::Code::Refused),
        }
    }

    /// How far the present or last pull of a snapshot is.
    pub fn progress(&self) -> Option<pull::Progress> {
        self.pulls.progress()
    }

    /// How far a reader must have applied to have seen all that is committed now.
    ///
    /// # Errors
    ///
    /// When this member does not lead, or does not reach a majority.
    pub async fn read_index(&self) -> Result<u64, Why> {
        match self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(Why::NotLeader { leader: forward.leader_id })
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(Why::NoQuorum),
            Err(error) => Err(translate::failed(&error)),
        }
    }

    /// Whether a question is for this member, and from the one that the bond proved.
    fn check(&self, from: PeerId, to: MemberId, sender: MemberId) -> Result<(), Why> {
        if to != self.me {
            Err(Why::NotMe)
        } else if sender.peer != from {
            Err(Why::NotYou)
        } else {
            Ok(())
        }
    }

    async fn vote(&self, from: PeerId, ask: VoteAsk, pre: bool) -> Result<Response, Why> {
        self.check(from, ask.to, ask.vote.member)?;
        sane::vote(&ask)?;
        self.pacer.contested(self.bonds.clock().now());
        let pace = self.pace();
        match pace {
            // Whoever asks may have lost the leader alone. It sleeps on, until it knows better.
            Pace::Follows(leader) if pre => self.doubt(leader),
            _ => drop(self.wake().await),
        }
        if pre && matches!(pace, Pace::Leads | Pace::Follows(_)) {
            let vote = convert::vote(&self.raft.metrics().borrow_watched().vote);
            return Ok(Response::Vote(VoteAnswer { vote, granted: false, last: None }));
        }
        let request = translate::raft_vote_ask(ask);
        let answered = if pre { self.raft.pre_vote(request).await } else { self.raft.vote(request).await };
        let answer = answered.map_err(|error| translate::failed(&error))?;
        Ok(Response::Vote(translate::vote_answer(&answer)))
    }

    async fn append(&self, from: PeerId, append: Append) -> Result<Response, Why> {
        let Append { to, from: leader, appended } = append;
        self.check(from, to, leader)?;
        self.check(from, to, appended.vote.member)?;
        sane::appended(&appended)?;
        let range = translate::range(&appended);
        let request = translate::raft_appended(appended).map_err(|error| Why::Failed(error.to_string()))?;
        let answered = self.raft.append_entries(request).await;
        // Only now: the entries have put the next election off.
        self.wake().await;
        let answer = answered.map_err(|error| translate::failed(&error))?;
        Ok(Response::Append(translate::append_answer(answer, range)))
    }

    async fn transfer(&self, from: PeerId, ask: crate::groups::wire::TransferAsk) -> Result<Response, Why> {
        self.check(from, ask.to, ask.vote.member)?;
        self.wake().await;
        let answered = self.raft.handle_transfer_leader(translate::raft_transfer_ask(ask)).await;
        let answer = answered.map_err(|error| translate::failed(&RaftError::<_>::Fatal(error)))?;
        Ok(Response::TransferLeader(translate::transfer_answer(&answer)))
    }

    /// Takes entries from a leader until the channel ends.
    async fn appends(&self, from: PeerId, (to, leader): (MemberId, MemberId), link: Link<GroupsProtocol>) {
        let (mut sender, receiver) = link.split();
        if let Err(why) = self.check(from, to, leader) {
            let _ = sender.send(&AppendAnswer::Refused(why)).await;
            return;
        }
        let requests = futures::stream::unfold(receiver, move |mut receiver| async move {
            let request = next_request(&mut receiver, leader).await?;
            Some((request, receiver))
        });
        let mut answers = Box::pin(self.raft.stream_append(requests));
        while let Some(answer) = answers.next().await {
            self.wake().await;
            let answer = match answer {
                Ok(answer) => translate::stream_answer(answer),
                Err(fatal) => AppendAnswer::Refused(translate::failed(&RaftError::<_>::Fatal(fatal))),
            };
            if sender.send(&answer).await.is_err() {
                return;
            }
        }
    }

    async fn snapshot(&self, from: PeerId, vote: Vote, manifest: Manifest) -> Result<Response, Why> {
        sane::snapshot(&vote, &manifest)?;
        self.wake().await;
        let (applied, ours) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.last_applied.as_ref().map(convert::log_id), convert::vote(&metrics.vote))
        };
        let has_it =
            manifest.last.is_some_and(|last| applied.is_some_and(|applied| last.index <= applied.index));
        // Who was deposed learns it from the vote, and takes the place of no pull.
        if has_it || vote.term < ours.term {
            return Ok(Response::Installed { vote: ours });
        }
        let install: Arc<dyn Install> = Arc::new(Installer { raft: self.raft.clone(), vote });
        self.pulls.pull(&self.bonds, &self.snapshots, from, (vote, manifest), install).await
    }
}

/// The pace of the member.
impl<SM> RaftServer<SM>
where
    SM: RaftStateMachine<RaftTypes, SnapshotData = Manifest>,
{
    /// Whether the member keeps time.
    pub fn pace(&self) -> Pace {
        self.pacer.pace()
    }

    /// The same, as it changes.
    pub fn paces(&self) -> watch::Receiver<Pace> {
        self.pacer.watch()
    }

    /// Somebody uses the group over this member.
    pub fn used(&self) {
        self.pacer.used();
    }

    /// How often that was.
    pub fn uses(&self) -> u64 {
        self.pacer.uses()
    }

    /// What the leader asks the others when it parks the group; `to` is to be filled in.
    pub fn park_ask(&self) -> ParkAsk {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let last = metrics.last_applied.as_ref().map(convert::log_id);
        ParkAsk { to: self.me, vote: convert::vote(&metrics.vote), last }
    }

    /// Parks the leader.
    pub fn park_leader(&self) {
        self.pacer.set(Pace::Leads, |on| self.raft.runtime_config().tick(on));
    }

    /// The leader of this parked member is lost.
    pub fn lost(&self) {
        self.pacer.lost(None);
    }

    /// The member keeps time again. A leader says at once that it is there. Says whether the member was parked.
    pub async fn wake(&self) -> bool {
        match self.pace() {
            Pace::Awake => return false,
            Pace::Leads => self.probe.wakes(),
            Pace::Follows(_) | Pace::Lost => {}
        }
        let before = self.pacer.set(Pace::Awake, |on| self.raft.runtime_config().tick(on));
        if before == Pace::Leads {
            // It fails when Raft has stopped, which is seen elsewhere.
            let _ = self.raft.trigger().heartbeat().await;
        }
        before != Pace::Awake
    }

    /// Whether this member, as leader, heard no majority for so long that others can have elected somebody. While it is parked it asks nobody.
    pub fn is_cut_off(&self) -> bool {
        self.pace() == Pace::Awake && self.probe.is_cut_off()
    }

    /// Whether this member woke as a leader, and has not heard from a majority since that it leads.
    pub fn is_unsure(&self) -> bool {
        self.pacer.is_unsure()
    }

    /// It has, or does not lead.
    pub fn is_sure(&self) {
        self.pacer.is_sure();
    }

    /// Whether somebody stood for election a moment ago: this is no time to park.
    pub fn is_contested(&self) -> bool {
        self.pacer.is_contested(self.bonds.clock().now())
    }

    /// Asks the leader of this parked member whether it leads, which wakes all that it reaches. If it does not say so, it is lost.
    fn doubt(&self, leader: MemberId) {
        if !self.pacer.begins_to_doubt() {
            return;
        }
        let server = self.clone();
        self.bonds.scope().spawn("groups doubt", async move {
            let answered = match server.bonds.get(leader.peer) {
                Some(bond) => bond.call(Request::ReadIndex, server.bonds.timing().doubt()).await,
                None => Err(BondError::Down),
            };
            if !matches!(answered, Ok(Response::ReadIndex { .. })) {
                server.pacer.lost(Some(leader));
            }
            server.pacer.doubts_no_more();
        });
    }

    /// The leader wants to park this member. It agrees if it has all that the leader has.
    fn park(&self, from: PeerId, ask: ParkAsk) -> Result<Response, Why> {
        self.check(from, ask.to, ask.vote.member)?;
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let is_same = !self.is_contested()
            && convert::vote(&metrics.vote) == ask.vote
            && metrics.current_leader == Some(ask.vote.member)
            && !metrics.state.is_leader()
            && metrics.last_applied.as_ref().map(convert::log_id) == ask.last
            && metrics.last_log_index == ask.last.map(|last| last.index);
        if !is_same {
            return Err(Why::Busy);
        }
        let pace = Pace::Follows(ask.vote.member);
        self.pacer.set(pace, |on| self.raft.runtime_config().tick(on));
        Ok(Response::Parked)
    }
}

async fn next_request(
    receiver: &mut LinkReceiver<GroupsProtocol>,
    leader: MemberId,
) -> Option<openraft::raft::AppendEntriesRequest<RaftTypes>> {
    let appended = receiver.recv::<Appended>(SILENCE).await.ok()??;
    if appended.vote.member != leader || sane::appended(&appended).is_err() {
        return None;
    }
    translate::raft_appended(appended).ok()
}

/// Installs a snapshot whose chunks are all here.
struct Installer<SM: RaftStateMachine<RaftTypes>> {
    raft: Raft<RaftTypes, SM>,
    vote: Vote,
}

impl<SM> Install for Installer<SM>
where
    SM: RaftStateMachine<RaftTypes, SnapshotData = Manifest>,
{
    fn install(&self, manifest: Manifest) -> BoxFuture<'_, Result<Vote, Why>> {
        Box::pin(async move {
            let meta = convert::snapshot_meta(&manifest).map_err(|error| Why::Failed(error.to_string()))?;
            let snapshot = Snapshot { meta, snapshot: manifest };
            let vote = convert::raft_vote(self.vote);
            let installed = self.raft.install_full_snapshot(vote, snapshot).await;
            let answer = installed.map_err(|fatal| translate::failed(&RaftError::<_>::Fatal(fatal)))?;
            Ok(convert::vote(&answer.vote))
        })
    }
}
