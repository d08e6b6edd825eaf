//! The commands and strong reads of one node in one group.
//!
//! All handles of a group on a node share one [`Client`]: one session, so that a command which has to be sent again is applied once, one
//! task that sends batches to whoever leads, and one that asks the leader how far a strong read has to wait. What goes where, and what
//! may be said of a command, is decided by the pure [`core`]. The rest is input and output.
//!
//! | file | what lives there |
//! |---|---|
//! | `core/` | the decisions: batches, serials, lanes, verdicts; and the rounds of strong reads |
//! | `prepared` | commands, encoded |
//! | `driver` | the task around the core |
//! | `lanes` | the ways to a leader: this node's own Raft, or a channel to another node |
//! | `serve` | the leader's end of such a channel |
//! | `reads` | the task of strong reads |
//! | `wire` | the frames of a channel |

mod core;
mod driver;
mod lanes;
mod prepared;
mod reads;
mod serve;
mod wire;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot},
    time::{Instant, timeout_at},
};

pub(super) use prepared::{Prepared, encoded};
pub(super) use reads::read_index;
pub(super) use serve::serve;

use self::core::{Body, Done, OUTSTANDING, Parcel};
use super::{
    error::{CommandError, ReadError, Rejected, Unknown},
    instance::Instance,
};
use crate::primitives::{Clock, Stopped};

/// The largest command, in bytes of encoded arguments.
pub(super) const MAX_COMMAND: usize = 1024 * 1024;

/// Commands that are given and have no answer; who gives more waits. As many as are on their way, and as many again that are ready to
/// follow them.
const ROOM: usize = 2 * OUTSTANDING as usize;

/// What is given and asked on this node. Clones share it.
#[derive(Clone)]
pub(super) struct Client(Arc<Shared>);

/// What callers and tasks share.
struct Shared {
    clock: Clock,
    room: Arc<Semaphore>,
    given: Mutex<Queue<Given>>,
    /// Something was given.
    more: Notify,
    asked: Mutex<Queue<reads::Reader>>,
    /// Somebody asked.
    more_asked: Notify,
}

/// What callers leave for a task.
struct Queue<T> {
    entries: VecDeque<T>,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), closed: false }
    }
}

/// Commands that were given, and who waits for them.
struct Given {
    parcel: Parcel,
    caller: Caller,
}

/// Who waits for a parcel. The place in the room is given back with it.
struct Caller {
    done: oneshot::Sender<Done>,
    _place: OwnedSemaphorePermit,
}

/// Commands that somebody waits for.
pub(super) struct Entered(Entrance);

enum Entrance {
    /// The task has them.
    Given(oneshot::Receiver<Done>),
    /// There was no room; they are given when there is.
    Later(BoxFuture<'static, Result<oneshot::Receiver<Done>, Rejected>>),
    /// They will not be given.
    Never(Rejected),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Starts the tasks for a group, which end with it.
    pub(super) fn start(instance: &Instance) -> Self {
        let shared = Arc::new(Shared {
            clock: instance.clock().clone(),
            room: Arc::new(Semaphore::new(ROOM)),
            given: Mutex::default(),
            more: Notify::new(),
            asked: Mutex::default(),
            more_asked: Notify::new(),
        });
        let scope = instance.scope();
        scope.spawn_worker("group commands", driver::run(instance.clone(), shared.clone()));
        scope.spawn_worker("group reads", reads::run(instance.clone(), shared.clone()));
        Self(shared)
    }

    /// Gives one command that is encoded already.
    pub(super) fn give_one(&self, method: u64, bytes: Bytes, within: Duration) -> Entered {
        let deadline = self.0.clock.now() + within;
        self.enter(Parcel { bodies: vec![Body { method, bytes }], within, deadline })
    }

    /// Gives commands in their order, and stops at the first batch that does not go through.
    pub(super) async fn execute_many(
        &self,
        commands: Prepared,
        within: Duration,
    ) -> Vec<Result<Bytes, CommandError>> {
        let deadline = self.0.clock.now() + within;
        let mut results = Vec::with_capacity(commands.len());
        let mut whole = true;
        for parcel in commands.parcels(within, deadline) {
            let count = parcel.bodies.len();
            let failed = |error: CommandError| std::iter::repeat_n(Err(error), count);
            if !whole {
                results.extend(failed(Rejected::NotReached.into()));
                continue;
            }
            match self.enter(parcel).done().await {
                Done::Results(some) => results.extend(some),
                Done::Rejected(rejected) => {
                    results.extend(failed(rejected.into()));
                    whole = false;
                }
                Done::Unknown(unknown) => {
                    results.extend(failed(unknown.into()));
                    whole = false;
                }
            }
        }
        results
    }

    /// How the client ends, however it ends.
    fn close(shared: &Shared) {
        shared.room.close();
        let given = {
            let mut given = lock(&shared.given);
            given.closed = true;
            std::mem::take(&mut given.entries)
        };
        // Nobody has looked at these.
        for Given { caller, .. } in given {
            let _ = caller.done.send(Done::Rejected(Rejected::Stopped(Stopped)));
        }
    }

    /// Gives commands, if there is room for them.
    fn enter(&self, parcel: Parcel) -> Entered {
        let count = u32::try_from(parcel.bodies.len()).unwrap_or(u32::MAX);
        Entered(match self.0.room.clone().try_acquire_many_owned(count) {
            Ok(place) => self.leave(parcel, place).map_or_else(Entrance::Never, Entrance::Given),
            Err(TryAcquireError::Closed) => Entrance::Never(Rejected::Stopped(Stopped)),
            // Callers are many, and most of them never wait here: what that takes is not kept for each of them.
            Err(TryAcquireError::NoPermits) => {
                Entrance::Later(Box::pin(self.clone().enter_later(parcel, count)))
            }
        })
    }

    /// Waits until there is room, and gives the commands then.
    async fn enter_later(self, parcel: Parcel, count: u32) -> Result<oneshot::Receiver<Done>, Rejected> {
        match timeout_at(parcel.deadline, self.0.room.clone().acquire_many_owned(count)).await {
            Ok(Ok(place)) => self.leave(parcel, place),
            Ok(Err(_)) => Err(Rejected::Stopped(Stopped)),
            Err(_) => Err(Rejected::Busy { within: parcel.within, limit: ROOM }),
        }
    }

    /// Leaves commands for the task.
    fn leave(
        &self,
        parcel: Parcel,
        place: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Done>, Rejected> {
        let (done, outcome) = oneshot::channel();
        {
            let mut given = lock(&self.0.given);
            if given.closed {
                return Err(Rejected::Stopped(Stopped));
            }
            given.entries.push_back(Given { parcel, caller: Caller { done, _place: place } });
        }
        self.0.more.notify_one();
        Ok(outcome)
    }

    /// Waits until this node has applied everything that was acknowledged to anybody before this call.
    pub(super) async fn read(&self, within: Duration) -> Result<(), ReadError> {
        let deadline: Instant = self.0.clock.now() + within;
        let (done, outcome) = oneshot::channel();
        {
            let mut asked = lock(&self.0.asked);
            if asked.closed {
                return Err(ReadError::Stopped(Stopped));
            }
            asked.entries.push_back(reads::Reader { deadline, within, done });
        }
        self.0.more_asked.notify_one();
        outcome.await.unwrap_or(Err(ReadError::Stopped(Stopped)))
    }
}

impl Entered {
    /// What came of all of them.
    async fn done(self) -> Done {
        let outcome = match self.0 {
            Entrance::Given(outcome) => outcome,
            Entrance::Never(rejected) => return Done::Rejected(rejected),
            Entrance::Later(later) => match later.await {
                Ok(outcome) => outcome,
                Err(rejected) => return Done::Rejected(rejected),
            },
        };
        // The task that would know is gone.
        outcome.await.unwrap_or(Done::Unknown(Unknown::Stopped(Stopped)))
    }

    /// The reply of the only one.
    pub(super) async fn reply(self) -> Result<Bytes, CommandError> {
        match self.done().await {
            Done::Results(results) => {
                let none = || Err(Unknown::Reply { why: "the answer is empty".to_owned() }.into());
                results.into_iter().next().unwrap_or_else(none)
            }
            Done::Rejected(rejected) => Err(rejected.into()),
            Done::Unknown(unknown) => Err(unknown.into()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
