//! Where tasks live: every task of a node is spawned in its scope.
//!
//! A scope stops in two steps: `stop` asks (tasks finish what they promised), `kill` drops every future at its next
//! await. Scopes form a tree (network → subsystem → link). A panic in a task is caught, logged and counted; it ends that task only.

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

/// A place for tasks that stop together.
#[derive(Clone)]
pub struct Scope {
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
    panics: Arc<AtomicU64>,
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
        }
    }

    /// Runs a task in this scope. `name` stands in the log when it panics.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (kill, panics) = (self.kill.clone(), self.panics.clone());
        self.tasks.spawn(async move {
            let task = AssertUnwindSafe(task).catch_unwind();
            if let Some(Err(panic)) = kill.run_until_cancelled_owned(task).await {
                panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(target: "mosaik::task", task = name, "a task panicked: {}", panic_text(&*panic));
            }
        });
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
    async fn a_killed_child_leaves_its_parent_running() {
        let scope = Scope::new();
        let child = scope.child();
        child.spawn("for ever", std::future::pending());
        child.kill();
        scope.ended().await;
        assert!(!scope.is_stopping());
    }
}
