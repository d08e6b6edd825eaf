//! A member that stops in order: it hands over, and leaves if its log ends with it.

use std::{sync::PoisonError, time::Duration};

use openraft::async_runtime::watch::WatchReceiver;
use tokio::{
    sync::oneshot,
    time::{timeout, timeout_at},
};

use super::{
    Instance,
    driver::{Driver, Order},
    running::Running,
};
use crate::groups::{
    MemberId,
    birth::BirthLog,
    settings::Storage,
    wire::{Request, Response},
};

/// How long handing over may take.
const HAND_OVER: Duration = Duration::from_millis(900);
/// How long leaving may take, after that.
const LEAVE: Duration = Duration::from_millis(800);
/// How long Raft may take to end. All three fit into what the hub waits.
const END: Duration = Duration::from_millis(250);

impl Instance {
    /// Nothing more is accepted.
    pub(in crate::groups) fn stop(&self) {
        self.change_view(|view| view.stopped = true);
    }

    /// The log of the birth on this node; none when the node stops, or its member failed before it began.
    pub(in crate::groups) async fn birth_log(&self) -> Option<BirthLog> {
        let (told, log) = oneshot::channel();
        self.0.orders.send(Order::BirthLog(told)).await.ok()?;
        log.await.ok()
    }

    /// Stops in order: hands over, leaves if its log ends with it, and ends the bonds. The caller bounds the wait.
    pub(in crate::groups) async fn shutdown(&self) {
        self.stop();
        let (told, ended) = oneshot::channel();
        if self.0.orders.send(Order::Stop(told)).await.is_ok() {
            let _ = ended.await;
        }
        drop(self.0.advert.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.bonds().close();
        self.scope().stop();
    }
}

impl Driver {
    pub(super) async fn stop(&mut self) {
        let Some((running, _)) = self.raft.take() else { return };
        running.server.wake().await;
        let now = self.instance.clock().now();
        let successor = self.successor(&running);
        let _ = timeout_at(now + HAND_OVER, hand_over(&running, successor)).await;
        if self.instance.settings().storage == Storage::Memory {
            let _ = timeout(LEAVE, leave(&self.instance, &running)).await;
        }
        self.instance.set_running(None);
        self.instance.change_view(|view| (view.leader, view.is_leader) = (None, false));
        self.ends_parking();
        let _ = timeout(END, running.raft.shutdown()).await;
    }
}

/// Makes the next leader lead, if this one does.
async fn hand_over(running: &Running, successor: Option<MemberId>) {
    let mut metrics = running.raft.server_metrics();
    let leads = |leader: Option<MemberId>| leader == Some(running.member);
    let Some(successor) = successor.filter(|_| leads(metrics.borrow_watched().current_leader)) else {
        return;
    };
    if running.raft.trigger().transfer_leader(successor).await.is_err() {
        return;
    }
    loop {
        let leader = metrics.borrow_watched().current_leader;
        if leader.is_some() && !leads(leader) || metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Asks the leader to be let go. Who does not get an answer is replaced later, when a spare is there.
async fn leave(instance: &Instance, running: &Running) {
    let metrics = running.raft.metrics().borrow_watched().clone();
    let voters = metrics.committed_membership_config.membership();
    let others = voters.voter_ids().filter(|voter| *voter != running.member).count();
    let Some(leader) = metrics.current_leader.filter(|leader| *leader != running.member) else { return };
    let Some(bond) = instance.bonds().get(leader.peer).filter(|_| others > 0) else { return };
    let asked = bond.call(Request::Leave { member: running.member }, LEAVE).await;
    if !matches!(asked, Ok(Response::Left)) {
        tracing::debug!(target: "mosaik::groups", group = &*instance.subject().intent, "left without an answer");
    }
}
