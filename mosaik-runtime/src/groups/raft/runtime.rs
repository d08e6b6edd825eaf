//! Where openraft's tasks live and its dice come from: the scope of the task that starts them, and the node's generator.
//!
//! Time, channels and locks are tokio's, except for watched values: tokio wakes those who watch in an order that no seed decides.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use openraft::impls::TokioRuntime;
use openraft::{
    OptionalSend, OptionalSync,
    async_runtime::{AsyncRuntime, RecvError, Watch, WatchReceiver, WatchSender, watch::SendError},
};
use rand_chacha::ChaCha12Rng;
use tokio::sync::oneshot;

use crate::primitives::{NodeRng, Scope, watch};

tokio::task_local! {
    /// The dice of the group whose task runs.
    static DICE: Arc<Mutex<NodeRng>>;
}

type Tokio = TokioRuntime;

/// Tokio, with tasks in scopes and seeded dice.
#[derive(Debug)]
pub struct ScopeRuntime(Tokio);

impl ScopeRuntime {
    /// Runs what starts a Raft: its tasks, and those that they start, live in `scope` and throw the dice of `rng`.
    pub async fn within<F: Future>(scope: &Scope, rng: NodeRng, start: F) -> F::Output {
        DICE.scope(Arc::new(Mutex::new(rng)), scope.enter(start)).await
    }
}

/// A task did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskLost {
    /// It panicked.
    #[error("a task panicked: {0}")]
    Panicked(String),
    /// Its scope was killed.
    #[error("a task was stopped with its node")]
    Killed,
}

/// Waits for a task.
pub struct TaskHandle<T>(oneshot::Receiver<Result<T, String>>);

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, TaskLost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|ended| match ended {
            Ok(output) => output.map_err(TaskLost::Panicked),
            Err(_) => Err(TaskLost::Killed),
        })
    }
}

impl AsyncRuntime for ScopeRuntime {
    type JoinError = TaskLost;
    type JoinHandle<T: OptionalSend + 'static> = TaskHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = ChaCha12Rng;
    type Mpsc = <Tokio as AsyncRuntime>::Mpsc;
    type Watch = Watched;
    type Oneshot = <Tokio as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> TaskHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let (done, wait) = oneshot::channel();
        // Outside of all scopes, in tests, a task has one of its own.
        let scope = Scope::current().unwrap_or_default();
        let here = scope.clone();
        // What is moved into the task would be there once more.
        let future = Box::pin(future);
        let task = async move {
            let _ = done.send(here.caught("raft", future).await);
        };
        match DICE.try_with(Arc::clone) {
            Ok(dice) => scope.spawn("raft", DICE.scope(dice, task)),
            Err(_) => scope.spawn("raft", task),
        }
        TaskHandle(wait)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(lost: &TaskLost) -> bool {
        matches!(lost, TaskLost::Panicked(_))
    }

    fn thread_rng() -> ChaCha12Rng {
        let throw = |dice: &Arc<Mutex<NodeRng>>| {
            let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
            dice.split("raft")
        };
        // Outside of `within`, in tests, they are the system's.
        DICE.try_with(throw).unwrap_or_else(|_| NodeRng::from_system()).get().clone()
    }

    fn new(threads: usize) -> Self {
        Self(Tokio::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

/// Watched values that wake their watchers in order.
#[derive(Debug)]
pub struct Watched;

/// Publishes a watched value.
pub struct WatchedSender<T>(watch::Sender<T>);

/// Watches a value.
pub struct WatchedReceiver<T>(watch::Receiver<T>);

impl Watch for Watched {
    type Sender<T: OptionalSend + OptionalSync> = WatchedSender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = WatchedReceiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = watch::Ref<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (WatchedSender<T>, WatchedReceiver<T>) {
        let (sender, receiver) = watch::channel(init);
        (WatchedSender(sender), WatchedReceiver(receiver))
    }
}

impl<T> Clone for WatchedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for WatchedReceiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for WatchedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedSender")
    }
}

impl<T> fmt::Debug for WatchedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedReceiver")
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<Watched, T> for WatchedSender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.0.send(value).map_err(|unwatched| SendError(unwatched.0))
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.0.send_if_modified(modify)
    }

    fn borrow_watched(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    fn subscribe(&self) -> WatchedReceiver<T> {
        WatchedReceiver(self.0.subscribe())
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<Watched, T> for WatchedReceiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        self.0.changed().await.map_err(|_| RecvError(()))
    }

    fn borrow_watched(&self) -> watch::Ref<'_, T> {
        self.0.borrow()
    }

    fn borrow_and_update(&mut self) -> watch::Ref<'_, T> {
        self.0.borrow_and_update()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_what_openraft_expects_of_a_runtime() {
        openraft::testing::runtime::Suite::<ScopeRuntime>::test_all();
    }

    #[tokio::test]
    async fn tasks_live_in_the_scope_that_starts_them_and_throw_its_dice() {
        let throw = |seed| async move {
            let scope = Scope::new();
            let start = async {
                let grandchild = ScopeRuntime::spawn(async {
                    ScopeRuntime::spawn(async { rand::Rng::next_u64(&mut ScopeRuntime::thread_rng()) }).await
                });
                grandchild.await.expect("it runs").expect("it runs")
            };
            let thrown = ScopeRuntime::within(&scope, NodeRng::from_seed(seed), start).await;
            let hang = async { Some(ScopeRuntime::spawn(std::future::pending::<()>())) };
            let hangs = ScopeRuntime::within(&scope, NodeRng::from_seed(seed), hang).await.expect("a task");
            assert_eq!(scope.running(), 1);
            scope.kill();
            assert_eq!(hangs.await, Err(TaskLost::Killed));
            thrown
        };
        assert_eq!(throw(7).await, throw(7).await);
        assert_ne!(throw(7).await, throw(8).await);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_counted() {
        let scope = Scope::new();
        let panicked = scope.enter(async { ScopeRuntime::spawn(async { panic!("on purpose") }).await }).await;
        let lost = panicked.map(|(): ()| ()).expect_err("it panicked");
        assert!(ScopeRuntime::is_panic(&lost));
        assert_eq!(scope.panics(), 1);
    }
}
