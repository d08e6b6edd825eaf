//! Commands into the log, and the index that a strong read waits for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use openraft::{
    ReadPolicy,
    errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError},
    impls::ProgressResponder,
    raft::ClientWriteResult,
    type_config::alias::OneshotReceiverOf,
};

use super::Instance;
use crate::{
    groups::{
        machine::{Batch, Item, Outcome, Payload, Timestamp},
        raft::{Command, Pace, RaftTypes},
    },
    primitives::PeerId,
};

/// Items were not, or may not have been, taken into the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum ProposeError {
    /// This node cannot propose now. The items are surely not in the log.
    #[error("this node does not lead the group")]
    NotLeader {
        /// Who leads, as far as this node knows; nobody while this node leads and does not reach a majority.
        leader: Option<PeerId>,
    },
    /// The items were in the log of this node, and may yet be committed by another leader.
    #[error("whether the commands were applied is not known")]
    Unknown,
    /// The group met another one of its name and accepts nothing more. The items are surely not in the log.
    #[error("the group has fenced itself")]
    Fenced,
    /// The items cannot be encoded. They are surely not in the log.
    #[error("the commands cannot be encoded: {0}")]
    Encode(String),
    /// The member here has stopped. The items are surely not in the log.
    #[error("the group on this node has stopped")]
    Stopped,
}

/// No read index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum ReadError {
    /// This node does not lead.
    #[error("this node does not lead the group")]
    NotLeader {
        /// Who leads, as far as this node knows.
        leader: Option<PeerId>,
    },
    /// This node leads and does not reach a majority.
    #[error("the leader does not reach a majority of the voters")]
    NoQuorum,
    /// The member here has stopped.
    #[error("the group on this node has stopped")]
    Stopped,
}

/// Items that are on their way: resolves when they are applied here, or cannot be any more.
///
/// A leader that loses its majority after it took the items keeps them open, for as long as nobody has decided. Whoever waits has
/// a deadline of its own, and watches the view's `term` and `is_leader`.
#[must_use = "it says what became of the items"]
pub(in crate::groups) struct Pending(OneshotReceiverOf<RaftTypes, ClientWriteResult<RaftTypes>>);

impl Future for Pending {
    type Output = Result<Vec<Outcome>, ProposeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(match result {
            Ok(Ok(response)) => Outcome::decode_all(&response.data.0).map_err(|_| ProposeError::Unknown),
            Ok(Err(ClientWriteError::ForwardToLeader(forward))) => Err(not_leader(&forward)),
            // Changes of the membership and conditions are not proposed here; whatever else comes says nothing for sure.
            Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
        })
    }
}

fn leader_of(forward: &ForwardToLeader<RaftTypes>) -> Option<PeerId> {
    forward.leader_id.map(|member| member.peer)
}

fn not_leader(forward: &ForwardToLeader<RaftTypes>) -> ProposeError {
    ProposeError::NotLeader { leader: leader_of(forward) }
}

impl Instance {
    /// Puts items into the log as one entry, on the leader. Calls that one task makes one after the other keep their order in the
    /// log. It waits while Raft has too much to do.
    pub(in crate::groups) async fn begin(&self, items: Vec<Item>) -> Result<Pending, ProposeError> {
        {
            let view = self.0.view.borrow();
            if view.stopped || view.failed.is_some() {
                return Err(ProposeError::Stopped);
            }
            if view.fenced {
                return Err(ProposeError::Fenced);
            }
        }
        let Some(running) = self.running() else { return Err(ProposeError::NotLeader { leader: None }) };
        if self.is_too_early(&items) {
            return Err(ProposeError::NotLeader { leader: None });
        }
        running.awake().await;
        let count = items.len() as u64;
        let payload = Payload::V1(Batch { now: self.group_time(), items });
        let body = payload.encode().map_err(|error| ProposeError::Encode(error.to_string()))?;
        let (responder, pending) = ProgressResponder::complete_only();
        let sent = running.raft.client_write_ff(Command(body), Some(responder)).await;
        sent.map_err(|_| ProposeError::Stopped)?;
        let group = self.subject().intent.clone();
        metrics::counter!("mosaik_groups_proposed_batches_total", "group" => group.clone()).increment(1);
        metrics::counter!("mosaik_groups_proposed_items_total", "group" => group).increment(count);
        Ok(Pending(pending))
    }

    /// The time of the group, as this node proposes it.
    fn group_time(&self) -> Timestamp {
        let applied = self.0.applied.borrow().now;
        let mut time = self.0.time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        time.propose(applied, self.clock().now())
    }

    /// Like [`begin`](Self::begin), and waits until the items are applied here.
    pub(in crate::groups) async fn propose(&self, items: Vec<Item>) -> Result<Vec<Outcome>, ProposeError> {
        self.begin(items).await?.await
    }

    /// The index that a reader must have applied to have seen everything that was committed when this was called: one round of
    /// the leader to a majority. Only on the leader.
    pub(in crate::groups) async fn read_index(&self) -> Result<u64, ReadError> {
        let stopped = {
            let view = self.0.view.borrow();
            view.stopped || view.failed.is_some()
        };
        let Some(running) = self.running().filter(|_| !stopped) else {
            return Err(if stopped { ReadError::Stopped } else { ReadError::NotLeader { leader: None } });
        };
        running.server.used();
        if running.server.pace() == Pace::Leads {
            running.server.wake().await;
        }
        match running.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _applied)) => Ok(read.log_id().index),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(ReadError::NotLeader { leader: leader_of(&forward) })
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(ReadError::NoQuorum),
            Err(RaftError::Fatal(_)) => Err(ReadError::Stopped),
        }
    }
}
