//! The ways to a leader: this node's own Raft, or a channel to another node.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{sync::mpsc, time::timeout};

use super::{
    core::{BatchId, FLIGHTS, Input, LaneId, NotTaken},
    wire::{Ask, Fate, Parts, Told, TooMany},
};
use crate::{
    groups::{
        instance::{Instance, Pending, ProposeError},
        machine::{Item, Outcome},
        wire::{ChannelKind, GroupsProtocol},
    },
    primitives::{PeerId, Scope},
    transport::{Link, LinkReceiver, LinkSender},
};

/// How long the leader may be silent. A channel ends with its bond, which notices a lost peer long before.
pub(super) const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// What became of items that were proposed here.
pub(super) type Proposed = Result<Vec<Outcome>, ProposeError>;

/// Puts batches into the log of this node, in their order, and tells what became of each.
pub(super) struct Proposer {
    instance: Instance,
    queue: VecDeque<(u64, Vec<Item>)>,
    beginning: Option<BoxFuture<'static, (u64, Result<Pending, ProposeError>)>>,
    flying: FuturesUnordered<Flying>,
}

struct Flying {
    batch: u64,
    pending: Pending,
}

impl Future for Flying {
    type Output = (u64, Proposed);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let batch = self.batch;
        Pin::new(&mut self.pending).poll(context).map(|proposed| (batch, proposed))
    }
}

impl Proposer {
    pub(super) fn new(instance: Instance) -> Self {
        Self { instance, queue: VecDeque::new(), beginning: None, flying: FuturesUnordered::new() }
    }

    /// One more batch, behind the others. The caller bounds how many there are.
    pub(super) fn push(&mut self, batch: u64, items: Vec<Item>) {
        self.queue.push_back((batch, items));
    }

    /// How many batches are not told of yet.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + usize::from(self.beginning.is_some()) + self.flying.len()
    }

    /// The next batch of which something can be told. Pending while there is none.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<(u64, Proposed)> {
        loop {
            if self.beginning.is_none()
                && let Some((batch, items)) = self.queue.pop_front()
            {
                let instance = self.instance.clone();
                self.beginning = Some(Box::pin(async move { (batch, instance.begin(items).await) }));
            }
            let Some(beginning) = &mut self.beginning else { break };
            let Poll::Ready((batch, begun)) = beginning.as_mut().poll(context) else { break };
            self.beginning = None;
            match begun {
                Ok(pending) => self.flying.push(Flying { batch, pending }),
                Err(error) => return Poll::Ready((batch, Err(error))),
            }
        }
        match self.flying.poll_next_unpin(context) {
            Poll::Ready(Some(told)) => Poll::Ready(told),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// What the pump is told of a batch that was proposed here.
pub(super) fn proposed(lane: LaneId, batch: BatchId, proposed: Proposed) -> Input {
    match proposed {
        Ok(outcomes) => Input::Answered(lane, batch, outcomes),
        Err(ProposeError::NotLeader { leader }) => {
            Input::Refused(lane, batch, NotTaken::NotLeader { leader })
        }
        Err(ProposeError::Fenced) => Input::Refused(lane, batch, NotTaken::Fenced),
        // Neither is in the log. It is tried again until the deadline: the member may come back, or another node lead.
        Err(ProposeError::Stopped | ProposeError::Encode(_)) => {
            Input::Refused(lane, batch, NotTaken::NotLeader { leader: None })
        }
        Err(ProposeError::Unknown) => Input::Unsure(lane, batch),
    }
}

/// What another node is told of a batch that was proposed here.
pub(super) fn fate(proposed: Proposed) -> Fate {
    match proposed {
        Ok(outcomes) => Fate::Applied(outcomes),
        Err(ProposeError::NotLeader { leader }) => Fate::NotLeader { leader },
        Err(ProposeError::Fenced) => Fate::Fenced,
        Err(ProposeError::Stopped | ProposeError::Encode(_)) => Fate::NotLeader { leader: None },
        Err(ProposeError::Unknown) => Fate::Unknown,
    }
}

/// A channel to another node, until it is dropped.
pub(super) struct Remote {
    batches: mpsc::Sender<(BatchId, Vec<Item>)>,
    scope: Scope,
}

impl Remote {
    /// Makes the channel; what comes of it is told to `events`.
    pub(super) fn open(instance: &Instance, lane: LaneId, to: PeerId, events: mpsc::Sender<Input>) -> Self {
        let (batches, inbox) = mpsc::channel(FLIGHTS);
        let scope = instance.scope().child();
        let instance = instance.clone();
        scope.spawn("group commands to leader", async move {
            run(&instance, lane, to, inbox, &events).await;
            let _ = events.send(Input::Lost(lane)).await;
        });
        Self { batches, scope }
    }

    /// Sends a batch. When the channel is gone, that is told as an event.
    pub(super) fn push(&self, batch: BatchId, items: Vec<Item>) {
        let _ = self.batches.try_send((batch, items));
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.scope.kill();
    }
}

async fn run(
    instance: &Instance,
    lane: LaneId,
    to: PeerId,
    inbox: mpsc::Receiver<(BatchId, Vec<Item>)>,
    events: &mpsc::Sender<Input>,
) {
    let opens = instance.settings().timing().opens();
    let Ok(bond) = timeout(opens, instance.bonds().bonded(to)).await else { return };
    if !instance.is_of_one_birth(to) {
        return;
    }
    let Ok(Ok(link)) = timeout(opens, bond.channel(ChannelKind::Commands)).await else { return };
    if events.send(Input::Ready(lane)).await.is_err() {
        return;
    }
    let (sender, receiver) = Link::<GroupsProtocol>::split(link);
    tokio::select! { biased;
        () = bond.ended() => {}
        () = read(receiver, lane, events) => {}
        () = write(sender, inbox) => {}
    }
}

async fn write(mut sender: LinkSender<GroupsProtocol>, mut inbox: mpsc::Receiver<(BatchId, Vec<Item>)>) {
    while let Some((batch, items)) = inbox.recv().await {
        let ask = Ask::V1 { id: batch.0, items, extensions: Vec::new() };
        if let Err(error) = sender.send(&ask).await {
            tracing::debug!(target: "mosaik::groups", "a channel of commands ended: {error}");
            return;
        }
    }
}

async fn read(mut receiver: LinkReceiver<GroupsProtocol>, lane: LaneId, events: &mpsc::Sender<Input>) {
    let mut parts = Parts::default();
    loop {
        let told = match receiver.recv::<Told>(SILENCE).await {
            Ok(Some(told)) => told,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(target: "mosaik::groups", "a channel of commands ended: {error}");
                return;
            }
        };
        let (id, fate) = match parts.take(told) {
            Ok(Some((id, fate))) => (BatchId(id), fate),
            Ok(None) => continue,
            Err(TooMany) => {
                tracing::warn!(target: "mosaik::groups", "a channel of commands ended: the leader tells of more than was sent to it");
                return;
            }
        };
        let input = match fate {
            Fate::Applied(outcomes) => Input::Answered(lane, id, outcomes),
            Fate::NotLeader { leader } => Input::Refused(lane, id, NotTaken::NotLeader { leader }),
            Fate::Fenced => Input::Refused(lane, id, NotTaken::Fenced),
            Fate::Unknown | Fate::Some(_) => Input::Unsure(lane, id),
        };
        if events.send(input).await.is_err() {
            return;
        }
    }
}
