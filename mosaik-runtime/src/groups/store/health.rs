//! Whether the store may still be used: the first failure is the last thing that happens.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::error::StoreError;
use crate::primitives::canary::{self, Canary};

/// The health of one store, shared by all that touch its disk.
#[derive(Debug, Default)]
pub(super) struct Health {
    failure: OnceLock<StoreError>,
    failed: CancellationToken,
}

impl Health {
    /// The failure, if there was one.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// Notes a failure; returns the first one.
    pub(super) fn fail(&self, error: StoreError) -> StoreError {
        if canary::made(Canary::FailureIgnored) {
            return error;
        }
        let mut is_first = false;
        let first = self.failure.get_or_init(|| {
            is_first = true;
            error
        });
        if is_first {
            tracing::error!(target: "mosaik::groups", "{first}");
            self.failed.cancel();
        }
        first.clone()
    }

    /// Waits for a failure.
    pub(super) async fn failed(&self) -> StoreError {
        self.failed.cancelled().await;
        self.failure.get().cloned().unwrap_or(StoreError::Closed)
    }
}
