//! A directory for a node that was not given one.

use std::path::{Path, PathBuf};

use crate::primitives::NodeRng;

/// A directory that is removed with this.
#[derive(Debug)]
pub(super) struct Temporary(PathBuf);

impl Temporary {
    /// The name of a directory that nobody uses; whoever uses it makes it.
    pub(super) fn new(rng: &mut NodeRng) -> Self {
        let name = format!("mosaik-groups-{}-{:016x}", std::process::id(), rng.next_u64());
        Self(std::env::temp_dir().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(target: "mosaik::groups", "{} was not removed: {error}", self.0.display());
            }
            _ => {}
        }
    }
}
