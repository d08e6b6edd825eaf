//! A member that was let go while it was away: another one took its place. Its log and its vote go, and its node asks for a new place.
//!
//! What it had applied was committed, so the state stays as it is, in a snapshot: the new member gets only what came after. The id of the
//! old one is never used again.

use std::{collections::BTreeMap, sync::PoisonError, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{Instance, driver::Driver};
use crate::{
    groups::{
        MemberId,
        birth::Input,
        hub::CONTRACT,
        machine::Applied,
        manage::Situation,
        raft::Machine,
        store::{GroupLog, StoreError},
        wire::BirthMessage,
    },
    primitives::PeerId,
};

/// How long each step may take: Raft lets go of what it has, the log is opened again, the leader knows that it leads.
const LETS_GO: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long a leader sees somebody who has no place before it says so.
const STRANGE: Duration = Duration::from_secs(2);

/// Nodes that take part as members that were let go: since when the leader sees each, and up to where the log went then.
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<MemberId, (Instant, u64)>);

impl Strangers {
    /// Those who shall be told. The leader has applied the log up to `applied`: it knows who was given a place before.
    fn due(&mut self, now: Instant, situation: &Situation, applied: u64) -> Vec<MemberId> {
        let seen = situation.bonds.values().filter_map(|seen| seen.member);
        let is_strange = |member: &MemberId| {
            !situation.is_member(member)
                && !situation.welcomed.contains(member)
                && !situation.leaving.contains(member)
        };
        let strange: Vec<_> = seen.filter(is_strange).collect();
        self.0.retain(|member, _| strange.contains(member));
        let mut told = Vec::new();
        for member in strange {
            let (since, last) = *self.0.entry(member).or_insert((now, situation.last));
            if now.saturating_duration_since(since) >= STRANGE && applied >= last {
                self.0.insert(member, (now, situation.last));
                told.push(member);
            }
        }
        told
    }
}

/// Tells one, if this node still leads: another leader may have given it a place. It is told again if this does not arrive.
async fn tell_stranger(instance: Instance, member: MemberId) {
    let Ok(Ok(index)) = timeout(LETS_GO, instance.read_index()).await else { return };
    let mut applied = instance.0.applied.clone();
    let is_there = |applied: &Applied| applied.last.is_some_and(|last| last.index >= index);
    if !timeout(LETS_GO, applied.wait_for(is_there)).await.is_ok_and(|found| found.is_ok()) {
        return;
    }
    let has_place = instance.reading().system().welcomed.iter().any(|(welcomed, _)| *welcomed == member);
    if let Some(bond) = instance.bonds().get(member.peer).filter(|_| !has_place) {
        let _ = bond.tell(BirthMessage::Gone(member));
    }
}

impl Driver {
    /// Tells those who were let go while they were away, on the leader.
    pub(super) fn tell_strangers(&mut self, situation: &Situation) {
        let (now, applied) = (self.instance.clock().now(), self.instance.0.view.borrow().applied);
        let Some(managing) = &mut self.managing else { return };
        for member in managing.strangers.due(now, situation, applied) {
            self.instance.scope().spawn("groups gone", tell_stranger(self.instance.clone(), member));
        }
    }

    /// A peer says that the member here was let go.
    pub(super) async fn gone(&mut self, peer: PeerId, member: MemberId) {
        let Some((running, _)) = &self.raft else { return };
        let cluster = self.peers.get(&peer).and_then(|hello| hello.cluster);
        if running.member != member || cluster != Some(running.cluster) {
            return;
        }
        let group = &*self.instance.subject().intent;
        tracing::warn!(target: "mosaik::groups", group, "another member took the place of {member} while it was away: this node begins again as a new one");
        match self.let_go_of_raft().await {
            Ok((log, machine)) => {
                let mut waiting = self.instance.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                *waiting = Some((log, machine));
            }
            Err(why) => {
                let why = format!(
                    "its place was given to another member, and it could not begin again ({why}): start the node again"
                );
                return self.instance.fail(&why);
            }
        }
        self.step(Input::Evicted(peer)).await;
    }

    /// Ends Raft, and removes what its member wrote; the state stays.
    async fn let_go_of_raft(&mut self) -> Result<(GroupLog, Machine), String> {
        let Some((running, metrics)) = self.raft.take() else { return Err("it does not run".to_owned()) };
        drop(metrics);
        self.managing = None;
        self.instance.set_running(None);
        self.instance.change_view(|view| {
            (view.leader, view.is_leader, view.member) = (None, false, None);
        });
        let home = running.home.clone();
        home.want();
        let ended = timeout(LETS_GO, running.raft.shutdown()).await;
        drop(running);
        if ended.is_err() {
            return Err("Raft did not end".to_owned());
        }
        let machine = timeout(LETS_GO, home.machine()).await;
        let mut machine = machine.map_err(|_| "Raft did not give the state back".to_owned())?;
        let log = self.log_anew().await.map_err(|error| error.to_string())?;
        // Only now: without a log and a vote the store lets go of a snapshot when it opens the log.
        machine.keep().await.map_err(|error| error.to_string())?;
        Ok((log, machine))
    }

    /// Removes what the member wrote, and opens the log again.
    async fn log_anew(&self) -> Result<GroupLog, StoreError> {
        let (store, item) = (&self.instance.0.parts.store, self.instance.subject().item);
        let contract = self.log.note(CONTRACT)?;
        let begin = self.instance.clock().now();
        loop {
            match store.log(item).await {
                Ok(log) => {
                    drop(log);
                    break;
                }
                Err(StoreError::Busy) if self.instance.clock().now() - begin < LETS_GO => sleep(LOOK).await,
                Err(error) => return Err(error),
            }
        }
        store.forget_member(item).await?;
        store.set_note(item, CONTRACT, contract).await?;
        store.log(item).await
    }
}
