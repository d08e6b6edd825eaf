//! Where tasks live: every task of a node is spawned in its scope.
//!
//! A scope stops in two steps: `stop` asks (tasks finish what they promised), `kill` drops every future at its next
//! await. Scopes form a tree (network → subsystem → link). A panic in a task is caught, logged and counted; it ends that task only.
//! A *worker* is a task without which the node is not what it says it is: when one panics, the whole tree is told, and whoever
//! owns the tree ends the node.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::FutureExt;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

use super::watch;

tokio::task_local! {
    /// The scope of the task that runs.
    static CURRENT: Scope;
}

/// A place for tasks that stop together.
#[derive(Clone)]
pub struct Scope {
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
    panics: Arc<AtomicU64>,
    died: Arc<watch::Sender<Option<WorkerDied>>>,
}

/// A worker of the node is gone, and the node with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the worker `{worker}` of this node died, so the node has stopped: {why}. This is a bug in mosaik: please report it with the log, and start the node again"
)]
pub struct WorkerDied {
    /// The worker's name.
    pub worker: &'static str,
    /// What its panic says.
    pub why: String,
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl Scope {
    /// A scope of its own.
    pub fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
            panics: Arc::default(),
            died: Arc::new(watch::channel(None).0),
        }
    }

    /// A scope that stops with this one, and may stop before it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            stop: self.stop.child_token(),
            kill: self.kill.child_token(),
            tasks: self.tasks.clone(),
            panics: self.panics.clone(),
            died: self.died.clone(),
        }
    }

    /// Runs a task in this scope. `name` stands in the log when it panics.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (kill, panics) = (self.kill.clone(), self.panics.clone());
        // Boxed, because each wrapper around a future that is moved into it is as large as that future once more.
        let task = Box::pin(CURRENT.scope(self.clone(), task));
        self.tasks.spawn(async move {
            let _ = kill.run_until_cancelled_owned(caught(name, &panics, task)).await;
        });
    }

    /// Runs a worker in this scope: a task that the node cannot do without. If it panics, [`died`](Self::died) says so.
    pub fn spawn_worker(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (kill, panics, died) = (self.kill.clone(), self.panics.clone(), self.died.clone());
        let task = Box::pin(CURRENT.scope(self.clone(), task));
        self.tasks.spawn(async move {
            let task = caught(name, &panics, task);
            if let Some(Err(why)) = kill.run_until_cancelled_owned(task).await {
                report(&died, WorkerDied { worker: name, why });
            }
        });
    }

    /// The scope of the task that runs now. `None` outside of all scopes.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a part of a task as if the task were of this scope: what it spawns by way of [`current`](Self::current) lives here.
    pub async fn enter<F: Future>(&self, part: F) -> F::Output {
        CURRENT.scope(self.clone(), part).await
    }

    /// Runs a part of a task whose panic is to be dealt with by the task itself: `Err` is what the panic says.
    ///
    /// # Errors
    ///
    /// When `part` panics. It is logged and counted as well.
    pub fn caught<T>(
        &self,
        name: &'static str,
        part: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, String>> {
        // Boxed before anything waits: a future that takes another one by value holds its size twice.
        let part = Box::pin(part);
        async move { caught(name, &self.panics, part).await }
    }

    /// A worker ended without a panic, and should not have.
    pub fn worker_died(&self, worker: &'static str, why: impl Into<String>) {
        report(&self.died, WorkerDied { worker, why: why.into() });
    }

    /// Waits until a worker of the tree has died; the first one counts. Cancel-safe.
    pub async fn died(&self) -> WorkerDied {
        let mut died = self.died.subscribe();
        match died.wait_for(Option::is_some).await.map(|died| died.clone()) {
            Ok(Some(died)) => died,
            _ => std::future::pending().await,
        }
    }

    /// The worker that has died, if one has.
    pub fn dead_worker(&self) -> Option<WorkerDied> {
        self.died.borrow().clone()
    }

    /// Asks all tasks of this scope to finish.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether the scope was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until the scope is asked to stop.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// Runs `future` unless the scope is asked to stop first.
    pub async fn until_stop<F: Future>(&self, future: F) -> Option<F::Output> {
        self.stop.run_until_cancelled(future).await
    }

    /// Drops all tasks of this scope at their next await.
    pub fn kill(&self) {
        self.stop.cancel();
        self.kill.cancel();
    }

    /// Waits until the tasks of the whole tree have ended. Spawn nothing more first.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many tasks of the tree are running.
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// How many tasks of the tree have panicked.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("running", &self.running()).finish_non_exhaustive()
    }
}

async fn caught<T>(
    name: &'static str,
    panics: &AtomicU64,
    task: impl Future<Output = T>,
) -> Result<T, String> {
    AssertUnwindSafe(task).catch_unwind().await.map_err(|panic| {
        let why = panic_text(&*panic).to_owned();
        panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!(target: "mosaik::task", task = name, "a task panicked: {why}");
        why
    })
}

fn report(died: &watch::Sender<Option<WorkerDied>>, by: WorkerDied) {
    died.send_modify(|died| {
        died.get_or_insert(by);
    });
}

/// The text of a caught panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_its_task_only() {
        let scope = Scope::new();
        scope.spawn("broken", async { panic!("on purpose") });
        let (done, wait) = tokio::sync::oneshot::channel();
        scope.spawn("healthy", async move {
            let _ = done.send(());
        });
        wait.await.expect("the healthy task ends by itself");
        scope.ended().await;
        assert_eq!((scope.panics(), scope.running()), (1, 0));
    }

    #[tokio::test]
    async fn g2_the_panic_of_a_worker_is_told_to_the_whole_tree() {
        let scope = Scope::new();
        let child = scope.child();
        child.spawn("broken", async { panic!("of a task") });
        child.spawn_worker("ends", async {});
        scope.ended().await;
        assert_eq!(scope.dead_worker(), None);
        child.spawn_worker("keeper", async { panic!("on purpose") });
        let died = scope.died().await;
        assert_eq!(died, WorkerDied { worker: "keeper", why: "on purpose".to_owned() });
        scope.worker_died("another", "too late");
        assert_eq!(scope.dead_worker(), Some(died));
        assert_eq!(scope.panics(), 2);
    }

    #[tokio::test]
    async fn a_caught_part_ends_only_itself() {
        let scope = Scope::new();
        assert_eq!(scope.caught("part", async { 1 }).await, Ok(1));
        let broken = async { panic!("on purpose") };
        assert_eq!(scope.caught("part", broken).await, Err::<(), _>("on purpose".to_owned()));
        assert_eq!(scope.panics(), 1);
    }

    #[tokio::test]
    async fn a_task_knows_its_scope() {
        assert!(Scope::current().is_none());
        let (scope, child) = (Scope::new(), Scope::new());
        let inner = child.clone();
        scope.spawn("outer", async move {
            let outer = Scope::current().expect("a scope");
            assert_eq!((outer.running(), inner.running()), (1, 0));
            inner.enter(async { Scope::current().expect("a scope").spawn("inner", async {}) }).await;
            assert_eq!((outer.running(), inner.running()), (1, 1));
        });
        scope.ended().await;
        child.ended().await;
        assert_eq!(scope.panics(), 0);
    }

    #[tokio::test]
    async fn a_killed_child_leaves_its_parent_running() {
        let scope = Scope::new();
        let child = scope.child();
        child.spawn("for ever", std::future::pending());
        child.kill();
        scope.ended().await;
        assert!(!scope.is_stopping());
    }
}
