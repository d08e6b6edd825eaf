//! Strong reads: the task that asks the leader how far this node has to be.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{Shared, core::Rounds, lock};
use crate::{
    groups::{
        error::ReadError,
        instance::Instance,
        wire::{Request, Response},
    },
    primitives::{
        PeerId, Stopped,
        canary::{self, Canary},
    },
};

/// Who waits for a strong read.
pub(super) struct Reader {
    pub(super) deadline: Instant,
    pub(super) within: Duration,
    pub(super) done: oneshot::Sender<Result<(), ReadError>>,
}

/// How far a round came before a reader's time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The leader has not answered.
    Asking,
    /// The leader has answered, and this node has not applied so much.
    Applying,
}

/// The round under way.
enum Round {
    None,
    Asking(BoxFuture<'static, Option<u64>>),
    Applying(BoxFuture<'static, bool>),
}

impl Round {
    const fn stage(&self) -> Stage {
        match self {
            Self::None | Self::Asking(_) => Stage::Asking,
            Self::Applying(_) => Stage::Applying,
        }
    }

    /// Goes on to the end of the round; says whether it succeeded. Pending without a round. Cancel-safe.
    async fn end(&mut self, instance: &Instance) -> bool {
        loop {
            match self {
                Self::None => std::future::pending().await,
                Self::Asking(asking) => match asking.as_mut().await {
                    Some(index) => *self = Self::Applying(applied(instance.clone(), index)),
                    None => return false,
                },
                Self::Applying(applying) => return applying.as_mut().await,
            }
        }
    }
}

/// Nobody answers any more, also when the task panics or is dropped: whoever waits is told.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let asked = {
            let mut asked = lock(&self.0.asked);
            asked.closed = true;
            std::mem::take(&mut asked.entries)
        };
        asked.into_iter().for_each(|reader| tell(reader, Err(ReadError::Stopped(Stopped))));
    }
}

/// Answers strong reads until the group ends on this node.
pub(super) async fn run(instance: Instance, shared: Arc<Shared>) {
    let _ending = Ending(shared.clone());
    let (scope, mut view) = (instance.scope().clone(), instance.view());
    let mut rounds: Rounds<Reader> = Rounds::default();
    let mut round = Round::None;
    let mut leader = None;
    let mut timer: Pin<Box<Sleep>> = Box::pin(sleep_until(shared.clock.now()));
    let mut armed: Option<Instant> = None;
    loop {
        take(&shared, &mut rounds);
        let now = shared.clock.now();
        let stage = round.stage();
        rounds.overdue(now).into_iter().for_each(|reader| late(reader, stage));
        if rounds.begin(now) {
            round = Round::Asking(read_index(instance.clone()));
        }
        if let Some(wake) = rounds.wake()
            && armed.is_none_or(|armed| armed > wake)
        {
            timer.as_mut().reset(wake);
            armed = Some(wake);
        }
        tokio::select! { biased;
            () = scope.stopping() => break,
            succeeded = round.end(&instance) => {
                round = Round::None;
                if succeeded {
                    rounds.succeeded().for_each(|reader| tell(reader, Ok(())));
                } else {
                    rounds.failed(shared.clock.now());
                }
            }
            () = shared.more_asked.notified() => {}
            changed = view.changed(), if rounds.is_waiting() => {
                let (leads, stopped, failed) = {
                    let view = view.borrow();
                    (view.leader, view.stopped, view.failed.clone())
                };
                if changed.is_err() || stopped {
                    break;
                }
                if let Some(why) = failed {
                    let failed = |reader| tell(reader, Err(ReadError::Failed { why: why.to_string() }));
                    rounds.end().into_iter().for_each(failed);
                }
                if leads.is_some() && leads != leader {
                    rounds.hurry();
                }
                leader = leads;
            }
            () = &mut timer, if armed.is_some() => armed = None,
        }
    }
    lock(&shared.asked).closed = true;
    take(&shared, &mut rounds);
    rounds.end().into_iter().for_each(|reader| tell(reader, Err(ReadError::Stopped(Stopped))));
}

fn take(shared: &Shared, rounds: &mut Rounds<Reader>) {
    let asked: VecDeque<Reader> = std::mem::take(&mut lock(&shared.asked).entries);
    asked.into_iter().for_each(|reader| rounds.ask(reader.deadline, reader));
}

fn tell(reader: Reader, told: Result<(), ReadError>) {
    // Who does not wait any more is not told.
    let _ = reader.done.send(told);
}

fn late(reader: Reader, stage: Stage) {
    let within = reader.within;
    let error = match stage {
        Stage::Asking => ReadError::NoQuorum { within },
        Stage::Applying => ReadError::Behind { within },
    };
    tell(reader, Err(error));
}

/// Asks whoever leads for the index that a reader must have applied.
pub(in crate::groups) fn read_index(instance: Instance) -> BoxFuture<'static, Option<u64>> {
    Box::pin(async move {
        if canary::made(Canary::ReadWithoutIndex) {
            return Some(0);
        }
        let leader: PeerId = instance.view().borrow().leader?.peer;
        let within = instance.settings().timing().round();
        if leader == instance.me() {
            timeout(within, instance.read_index()).await.ok()?.ok()
        } else {
            let bond = instance.bonds().get(leader).filter(|_| instance.is_of_one_birth(leader))?;
            match bond.call(Request::ReadIndex, within).await {
                Ok(Response::ReadIndex { index }) => Some(index),
                _ => None,
            }
        }
    })
}

/// Waits until this node has applied so much.
fn applied(instance: Instance, index: u64) -> BoxFuture<'static, bool> {
    Box::pin(async move {
        let mut applied = instance.reading().applied();
        applied.wait_for(|applied| applied.has(index)).await.is_ok()
    })
}
