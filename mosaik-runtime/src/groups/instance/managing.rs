//! Raft is looked at; and while this node leads, the membership is managed and the better of two groups is told from the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use openraft::{
    ChangeMembers, EmptyNode,
    async_runtime::watch::WatchReceiver,
    errors::{ClientWriteError, RaftError},
};
use tokio::time::{Instant, timeout};

use super::{
    Instance,
    again::Strangers,
    driver::{Done, Driver},
    forced::{is_fenced, standing},
    running::{Metrics, Running},
};
use crate::{
    groups::{
        MemberId,
        birth::{Input, Member, Report, StoreId},
        machine::{Fence, Item},
        manage::{Change, Manager, Seen, Situation},
        settings::Leads,
        wire::Hello,
    },
    primitives::PeerId,
};

/// How long one change of the membership may take.
pub(super) const CHANGE: Duration = Duration::from_secs(10);
/// How long another group must look like the better one before this one fences itself.
const OUTDONE: Duration = Duration::from_secs(2);
/// How long no member of another group must be there, before it counts as gone.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// How long most voters must look as if they had lost the group, before that is said.
const LOST: Duration = Duration::from_secs(5);
/// How long a reluctant leader waits before it hands over, so that a group is not without a leader again and again.
const RELUCTANCE: Duration = Duration::from_secs(5);

/// What a leader keeps while it leads.
pub(super) struct Managing {
    manager: Manager,
    since: Instant,
    pub(super) is_changing: bool,
    pub(super) strangers: Strangers,
    handed_over: Option<Instant>,
}

impl Driver {
    /// Looks at what Raft says of itself.
    pub(super) async fn look_at_raft(&mut self) {
        if self.instance.has_failed() {
            (self.raft, self.managing) = (None, None);
            self.ends_parking();
            return;
        }
        let Some((running, _)) = self.raft.clone() else { return };
        let metrics = running.raft.metrics().borrow_watched().clone();
        if let Err(error) = &metrics.running_state {
            self.raft = None;
            self.ends_parking();
            return self.instance.fail(error);
        }
        let leads = metrics.current_leader == Some(running.member) && metrics.state.is_leader();
        match (leads, &self.managing) {
            (true, None) => {
                let manager = Manager::new(self.instance.settings().management());
                let since = self.instance.clock().now();
                self.managing = Some(Managing {
                    manager,
                    since,
                    is_changing: false,
                    strangers: Strangers::default(),
                    handed_over: None,
                });
            }
            (false, Some(_)) => self.managing = None,
            _ => {}
        }
        self.show_raft(&running, &metrics, leads);
        self.remember_voters(&metrics).await;
        running.bound_log(&self.log, &metrics).await;
    }

    fn show_raft(&self, running: &Running, metrics: &Metrics, leads: bool) {
        let committed = metrics.committed_membership_config.membership();
        // While one set of voters replaces another, it is the later one.
        let voters = committed.get_joint_config().last().cloned().unwrap_or_default();
        let learners: BTreeSet<MemberId> =
            committed.nodes().map(|(id, _)| *id).filter(|id| !voters.contains(id)).collect();
        let index = |id: &Option<super::running::LogId>| id.as_ref().map_or(0, |id| id.index);
        let committed = index(&metrics.local_committed);
        let before = self.instance.0.view.borrow().leader;
        // Raft takes itself for the leader for as long as nobody tells it of another one.
        let leads = leads && !running.server.is_cut_off();
        let leader = metrics.current_leader.filter(|leader| leads || *leader != running.member);
        let fenced = is_fenced(&self.instance.reading().system(), metrics.current_term);
        let reverted = running.reverted.members();
        self.instance.change_view(|view| {
            (view.leader, view.is_leader, view.term) = (leader, leads, metrics.current_term);
            if *view.voters != voters {
                view.voters = Arc::new(voters);
            }
            if *view.learners != learners {
                view.learners = Arc::new(learners);
            }
            if *view.reverted != reverted {
                view.reverted = Arc::new(reverted);
            }
            (view.applied, view.committed) = (index(&metrics.last_applied), committed);
            view.fenced = fenced;
        });
        if leader != before && leader.is_some() {
            let group = self.instance.subject().intent.clone();
            metrics::counter!("mosaik_groups_leader_changes_total", "group" => group).increment(1);
        }
        let group = || self.instance.subject().intent.clone();
        let applied = index(&metrics.last_applied);
        metrics::gauge!("mosaik_groups_term", "group" => group()).set(metrics.current_term as f64);
        metrics::gauge!("mosaik_groups_applied", "group" => group()).set(applied as f64);
        metrics::gauge!("mosaik_groups_pending", "group" => group())
            .set(metrics.last_log_index.unwrap_or(0).saturating_sub(applied) as f64);
        metrics::gauge!("mosaik_groups_leads", "group" => group()).set(f64::from(u8::from(leads)));
        let hello = self.instance.bonds().hello();
        // A group that has fenced itself gets no farther in the eyes of its rival, or the two would fence each other. Nor does one that
        // lost its majority for good: it is born again beside those who hold what is left of it.
        let is_over = fenced || self.instance.0.view.borrow().storage_lost;
        let committed = if is_over { 0 } else { standing(metrics.current_term, committed) };
        self.instance.bonds().set_hello(Hello { member: Some(running.member), committed, ..hello });
        self.show_quorum();
    }

    /// Shows whether a majority of the voters is there.
    pub(super) fn show_quorum(&self) {
        let me = self.raft.as_ref().map(|(running, _)| running.member);
        let is_there = |voter: &&MemberId| {
            Some(**voter) == me || self.peers.get(&voter.peer).and_then(|hello| hello.member) == Some(**voter)
        };
        self.instance.change_view(|view| {
            let there = view.voters.iter().filter(is_there).count();
            view.quorum = 2 * there > view.voters.len();
        });
    }

    /// The birth remembers who votes: they may hold the group.
    async fn remember_voters(&mut self, metrics: &Metrics) {
        let committed = metrics.committed_membership_config.membership();
        let welcomed: BTreeMap<MemberId, StoreId> =
            self.instance.reading().system().welcomed.into_iter().collect();
        let said = |member: &MemberId| {
            self.peers
                .get(&member.peer)
                .filter(|hello| hello.member == Some(*member))
                .map(|hello| hello.store)
        };
        let store_of = |member: &MemberId| {
            welcomed.get(member).copied().or_else(|| said(member)).unwrap_or(StoreId(member.generation))
        };
        let member = |id: MemberId| Member { peer: id.peer, store: store_of(&id) };
        let voters: Vec<Member> = committed.voter_ids().map(member).collect();
        if !voters.is_empty() && self.remembered != voters {
            self.remembered.clone_from(&voters);
            self.step(Input::Voters(voters)).await;
        }
    }

    /// Makes the next change of the membership, if one is due.
    pub(super) fn manage(&mut self) {
        let Some((running, _)) = self.raft.clone() else { return };
        let now = self.instance.clock().now();
        let metrics = running.raft.metrics().borrow_watched().clone();
        let Some(situation) = self.situation(&running, &metrics) else { return };
        self.tell_strangers(&situation);
        let Some(managing) = &mut self.managing else { return };
        if managing.is_changing {
            return;
        }
        let elapsed = now.saturating_duration_since(managing.since);
        if let Some(change) = managing.manager.next(elapsed, &situation) {
            managing.is_changing = true;
            let (instance, reports) = (self.instance.clone(), self.reports.clone());
            self.instance.scope().spawn("groups change", async move {
                let made = make(&instance, &running, &situation, change).await;
                let _ = reports.send(Done::Changed { made }).await;
            });
            return;
        }
        let rests = self.instance.settings().leads != Leads::Normal;
        let last = managing.handed_over.unwrap_or(managing.since);
        if rests && now.saturating_duration_since(last) >= RELUCTANCE {
            managing.handed_over = Some(now);
            let next = match self.instance.settings().leads {
                Leads::Never => situation.best_successor(),
                _ => situation.willing_successor(),
            };
            if let Some(next) = next {
                self.instance.scope().spawn("groups hand over", async move {
                    let _ = running.raft.trigger().transfer_leader(next).await;
                });
            }
        }
    }

    /// What the leader sees; nothing while a change is under way.
    pub(super) fn situation(&self, running: &Running, metrics: &Metrics) -> Option<Situation> {
        let (effective, committed) = (&metrics.membership_config, &metrics.committed_membership_config);
        if effective.log_id() != committed.log_id() {
            return None;
        }
        let membership = committed.membership();
        let configs = membership.get_joint_config();
        let voters = configs.last()?.clone();
        let learners: BTreeSet<MemberId> =
            membership.nodes().map(|(id, _)| *id).filter(|id| !voters.contains(id)).collect();
        let cluster = running.cluster;
        let same = |hello: &Hello| hello.cluster.is_none_or(|theirs| theirs == cluster);
        let seen =
            |hello: &Hello| Seen { member: hello.member, eligible: hello.eligible, leads: hello.leads };
        let bonds = self.peers.iter().filter(|(_, hello)| same(hello));
        let matched = metrics.replication.iter().flatten();
        let welcomed = self.instance.reading().system().welcomed.into_iter().map(|(member, _)| member);
        let mut leaving = self.instance.0.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has left and has no bond is not taken in again, and need not be remembered for that.
        let there =
            |member: &MemberId| self.peers.get(&member.peer).and_then(|hello| hello.member) == Some(*member);
        leaving.retain(|member| voters.contains(member) || learners.contains(member) || there(member));
        Some(Situation {
            me: running.member,
            voters,
            learners,
            joint: configs.len() > 1,
            bonds: bonds.map(|(peer, hello)| (*peer, seen(hello))).collect::<BTreeMap<PeerId, Seen>>(),
            matched: matched.filter_map(|(id, log)| log.as_ref().map(|log| (*id, log.index))).collect(),
            last: metrics.last_log_index.unwrap_or(0),
            leaving: leaving.clone(),
            welcomed: welcomed.collect(),
        })
    }

    /// Most voters held the group in memory and came back empty: that is so if it stays so, and no majority is there.
    pub(super) fn look_at_losses(&mut self) {
        let (goes_on, said) = {
            let view = self.instance.0.view.borrow();
            (view.quorum && view.leader.is_some(), view.storage_lost)
        };
        if goes_on {
            self.lost = None;
            if said {
                self.instance.change_view(|view| view.storage_lost = false);
            }
            return;
        }
        let now = self.instance.clock().now();
        if let Some((since, report)) = &self.lost
            && now.saturating_duration_since(*since) >= LOST
            && !said
        {
            let report = report.clone();
            self.say_lost(&report);
            self.instance.change_view(|view| view.report = Some(report));
        }
    }

    pub(super) fn say_lost(&self, report: &Report) {
        let group = &*self.instance.subject().intent;
        metrics::counter!("mosaik_groups_storage_lost_total").increment(1);
        tracing::error!(target: "mosaik::groups", group, "{report}");
        // On disk those who are away may still come back with what they had.
        let holds = self.raft.is_some() && matches!(report, Report::StorageLost { durable: false, .. });
        self.instance.change_view(|view| view.storage_lost |= holds);
    }

    /// A rival that nobody is there of is forgotten after a while.
    fn forget_rival(&mut self, is_gone: bool, now: Instant) {
        if !is_gone {
            self.rival_gone_since = None;
            return;
        }
        let since = *self.rival_gone_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= FORGOTTEN {
            self.rival_gone_since = None;
            self.instance.change_view(|view| view.conflict = None);
        }
    }

    /// Of two groups of one name, the one with less in its log stops accepting commands.
    pub(super) fn look_at_rival(&mut self) {
        let (conflict, fenced) = {
            let view = self.instance.0.view.borrow();
            let Some(conflict) = view.conflict.clone() else { return };
            (conflict, view.fenced)
        };
        let Some((running, _)) = self.raft.clone() else { return };
        let now = self.instance.clock().now();
        let mine = (self.instance.bonds().hello().committed, running.cluster);
        let rivals = self.peers.values().filter(|hello| hello.cluster == Some(conflict.theirs));
        let theirs = rivals.map(|hello| (hello.committed, conflict.theirs)).max();
        // One that this group fenced itself for is remembered.
        self.forget_rival(theirs.is_none() && !fenced, now);
        if theirs.is_none_or(|theirs| theirs <= mine) || fenced {
            self.outdone_since = None;
            return;
        }
        let since = *self.outdone_since.get_or_insert(now);
        if now.saturating_duration_since(since) < OUTDONE || self.managing.is_none() || self.is_fencing {
            return;
        }
        self.is_fencing = true;
        let (instance, reports) = (self.instance.clone(), self.reports.clone());
        self.instance.scope().spawn("groups fence", async move {
            let rival_committed = theirs.map_or(0, |(committed, _)| committed);
            let fence = Item::Fence(Fence { rival: conflict.theirs, rival_committed });
            let _ = timeout(CHANGE, instance.propose(vec![fence])).await;
            let _ = reports.send(Done::Fenced).await;
        });
    }
}

impl Driver {
    /// Who would lead best if this node stopped.
    pub(super) fn successor(&self, running: &Running) -> Option<MemberId> {
        let metrics = running.raft.metrics().borrow_watched().clone();
        self.situation(running, &metrics).and_then(|situation| situation.best_successor())
    }
}

/// Makes one change, and says whether it came about. What does not work is decided anew from what is then committed.
async fn make(instance: &Instance, running: &Running, situation: &Situation, change: Change) -> bool {
    let one = |member: MemberId| BTreeSet::from([member]);
    let raft = &running.raft;
    running.awake().await;
    let gone = match change {
        Change::Replace { lost: gone, .. } | Change::Release(gone) | Change::Forget(gone) => Some(gone),
        Change::Dismiss(gone) => return say_goodbye(instance, gone).await,
        Change::Finish | Change::Add(_) | Change::Promote(_) => None,
    };
    let (changes, retain) = match change {
        Change::Finish => (ChangeMembers::ReplaceAllVoters(situation.voters.clone()), false),
        Change::Add(member) => (ChangeMembers::AddNodes([(member, EmptyNode {})].into()), true),
        Change::Promote(member) => (ChangeMembers::AddVoterIds(one(member)), true),
        Change::Replace { lost, by } => {
            let others = situation.voters.iter().copied().filter(|voter| *voter != lost);
            (ChangeMembers::ReplaceAllVoters(others.chain([by]).collect()), false)
        }
        Change::Release(member) => (ChangeMembers::RemoveVoters(one(member)), false),
        Change::Forget(member) => (ChangeMembers::RemoveNodes(one(member)), true),
        Change::Dismiss(_) => return false,
    };
    let (label, group) = (instance.subject().intent.clone(), instance.intent());
    match timeout(CHANGE, raft.change_membership(changes, retain)).await {
        Ok(Ok(_)) => {
            metrics::counter!("mosaik_groups_membership_changes_total", "group" => label).increment(1);
            tracing::info!(target: "mosaik::groups", group, "the committee: {change}");
            if let Some(gone) = gone {
                say_goodbye(instance, gone).await;
            }
            true
        }
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => false,
        Ok(Err(error)) => {
            tracing::debug!(target: "mosaik::groups", group, "could not {change}: {error}");
            false
        }
        Err(_) => {
            tracing::warn!(target: "mosaik::groups", group, "could not {change} within {CHANGE:?}");
            false
        }
    }
}

/// The place of a member that is gone is given to nobody any more. What fails is tried again later.
async fn say_goodbye(instance: &Instance, member: MemberId) -> bool {
    matches!(timeout(CHANGE, instance.propose(vec![Item::Goodbye { member }])).await, Ok(Ok(_)))
}
