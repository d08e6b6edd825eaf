//! A thread for what may block, one thing after the other; in a simulation the caller does it.

use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// How many jobs may wait.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

pub(super) enum Lane {
    #[cfg(any(test, feature = "sim"))]
    Inline,
    Thread(mpsc::Sender<Job>),
}

impl Lane {
    /// A thread that lives as long as the lane.
    pub(super) fn thread(name: &str) -> std::io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let run = move || {
            while let Some(job) = waiting.blocking_recv() {
                job();
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self::Thread(jobs))
    }

    /// Does something and returns its result.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            #[cfg(any(test, feature = "sim"))]
            Self::Inline => job(),
            Self::Thread(jobs) => {
                let (done, wait) = oneshot::channel();
                let job: Job = Box::new(move || drop(done.send(job())));
                jobs.send(job).await.map_err(|_| StoreError::Closed)?;
                wait.await.unwrap_or(Err(StoreError::Closed))
            }
        }
    }
}
