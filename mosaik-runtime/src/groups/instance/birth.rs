//! The birth on this node: its effects are done here, in order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use openraft::errors::{InitializeError, RaftError};

use super::{driver::Driver, notes::Part};
use crate::groups::{
    MemberId,
    birth::{ClusterId, Effect, Genesis, Input, Missing, Phase, Report},
    status::GroupConflict,
    wire::{BirthMessage, Hello},
};
use crate::primitives::PeerId;

/// The birth was strict, and its deadline passed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the group was not born before its deadline, and its birth is strict: {missing}. Start what is missing, then start this node again"
)]
struct BirthEnded {
    missing: Missing,
}

/// How long Raft may take to end when its member has failed.
const END: Duration = Duration::from_secs(2);

impl Driver {
    /// Gives one input to the birth and does what it wants done.
    pub(super) async fn step(&mut self, input: Input) {
        let step = match self.recorder.step(input) {
            Ok(step) => step,
            Err(rejected) => {
                let group = &*self.instance.subject().intent;
                tracing::trace!(target: "mosaik::groups", group, "not taken by the birth: {rejected}");
                return;
            }
        };
        for effect in step.effects {
            if self.instance.has_failed() {
                return;
            }
            self.effect(effect).await;
        }
        let view = self.recorder.birth().view();
        let ended = (view.phase == Phase::TimedOut).then(|| view.missing.clone());
        self.show_birth(view);
        if let Some(missing) = ended {
            // Whoever waits for the group is told now, and not that it may still come.
            self.instance.fail(&BirthEnded { missing });
        }
    }

    async fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(record) => {
                if let Err(error) = self.notes.set_record(record).await {
                    self.instance.fail(&error);
                }
            }
            Effect::SendHello => self.offers = true,
            Effect::SendReady(peer) => self.tell(peer, BirthMessage::Ready),
            Effect::SendPromise { to, genesis, by } => self.tell(to, BirthMessage::Promise(genesis, by)),
            Effect::SendRefusal { to, hash } => self.tell(to, BirthMessage::Refusal(hash)),
            Effect::SendInitialised { to, cluster } => self.tell(to, BirthMessage::Initialised(cluster)),
            Effect::Arm(timer, after) => drop(self.timers.insert(timer, self.instance.clock().now() + after)),
            Effect::Disarm(timer) => drop(self.timers.remove(&timer)),
            Effect::Initialise(genesis) => self.initialise(&genesis).await,
            Effect::AwaitLeader(genesis) => self.start_as_first(&genesis).await,
            Effect::RequestJoin { peer, cluster } => self.join(peer, cluster),
            Effect::StopAsking => self.stop_asking(),
            Effect::Report(report) => self.report(report),
        }
    }

    fn tell(&self, peer: PeerId, message: BirthMessage) {
        // Whoever has no bond any more is told again when there is one.
        if let Some(bond) = self.instance.bonds().get(peer) {
            let _ = bond.tell(message);
        }
    }

    /// Starts Raft as a member of the first committee.
    async fn start_as_first(&mut self, genesis: &Genesis) {
        let Some(member) = genesis.member(&self.instance.me()) else { return };
        let (member, cluster) = (MemberId::from(*member), genesis.cluster());
        if self.raft.as_ref().is_some_and(|(running, _)| running.member == member) {
            return;
        }
        if let Err(error) = self.notes.set_part(Part { member, cluster, first: true }).await {
            return self.instance.fail(&error);
        }
        self.start(member, cluster).await;
    }

    async fn initialise(&mut self, genesis: &Genesis) {
        self.start_as_first(genesis).await;
        let Some((running, _)) = &self.raft else { return };
        let members: BTreeSet<MemberId> =
            genesis.members.iter().map(|member| MemberId::from(*member)).collect();
        match running.raft.initialize(members).await {
            // Somebody else began the same list, and its log is here already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(error) => self.instance.fail(&error),
        }
        self.right.used(genesis.cluster(), self.instance.settings());
    }

    /// Starts Raft as this member.
    pub(super) async fn start(&mut self, member: MemberId, cluster: ClusterId) {
        match Box::pin(self.instance.start_raft(member, cluster)).await {
            Ok(running) => {
                let metrics = running.raft.server_metrics();
                self.parking.begin(running.server.paces(), self.instance.clock().now());
                self.raft = Some((running, metrics));
            }
            Err(error) => self.instance.fail(&error),
        }
    }

    fn report(&mut self, report: Report) {
        let group = &*self.instance.subject().intent;
        match &report {
            Report::Conflict { peer, mine, theirs } => {
                let conflict = GroupConflict { peer: *peer, mine: *mine, theirs: *theirs };
                let known = self.instance.0.view.borrow().conflict.as_ref() == Some(&conflict);
                if !known {
                    metrics::counter!("mosaik_groups_conflicts_total").increment(1);
                    tracing::error!(target: "mosaik::groups", group, "{report}");
                }
                self.instance.change_view(|view| view.conflict = Some(conflict));
            }
            Report::TimedOut { .. } => {
                tracing::warn!(target: "mosaik::groups", group, "{report}");
                self.instance.change_view(|view| view.timed_out = true);
            }
            Report::TooManyEligible { .. } | Report::RightSpent => {
                tracing::warn!(target: "mosaik::groups", group, "{report}");
            }
            // Who was away for long still knows the voters of then: it hears of those of now first.
            Report::StorageLost { durable: false, .. } if self.raft.is_some() => {
                let since =
                    self.lost.as_ref().map_or_else(|| self.instance.clock().now(), |(since, _)| *since);
                self.lost = Some((since, report));
                return;
            }
            Report::StorageLost { .. } => self.say_lost(&report),
            Report::Sealed(_) | Report::Resuming(_) | Report::Joining(_) => {
                tracing::info!(target: "mosaik::groups", group, "{report}");
            }
        }
        self.instance.change_view(|view| view.report = Some(report));
    }
}

impl super::Instance {
    /// Whether the member here has stopped for good.
    pub(super) fn has_failed(&self) -> bool {
        self.0.view.borrow().failed.is_some()
    }

    /// The member here stops for good: nothing more is promised, voted or acknowledged by it.
    pub(super) fn fail(&self, error: &dyn std::fmt::Display) {
        if self.has_failed() {
            return;
        }
        let why: Arc<str> = error.to_string().into();
        tracing::error!(target: "mosaik::groups", group = &*self.subject().intent, "this member has stopped: {why}");
        metrics::counter!("mosaik_groups_failed_total").increment(1);
        if let Some(running) = self.running() {
            self.scope().spawn("groups end of raft", async move {
                // It may have ended by itself; what it still has to say nobody needs.
                let _ = tokio::time::timeout(END, running.raft.shutdown()).await;
            });
        }
        self.set_running(None);
        let hello = self.bonds().hello();
        self.bonds().set_hello(Hello { member: None, ..hello });
        self.change_view(|view| {
            view.failed.get_or_insert(why);
            (view.leader, view.is_leader) = (None, false);
        });
        self.show_parked(false);
    }
}
