//! A file of measurements that is read again when it changes.

use std::path::{Path, PathBuf};

use super::Variants;
use crate::tickets::watched::{Unusable, WatchedFile};

/// The largest file of measurements, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A file of measurements, as `mosaik tdx measure` writes it.
#[derive(Debug)]
pub struct MeasurementsFile(WatchedFile);

/// A file of measurements cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasurementsFileError {
    /// It cannot be read, or holds something else.
    #[error(
        "cannot read the measurements in {path}: {why}: write them with `mosaik tdx measure`, or with what your image builder measured",
        path = .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Others may change it.
    #[error(
        "{path} can be changed by others, who could add an image of theirs (mode {mode:03o}): run `chmod go-w {path}`",
        path = .path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error(
        "{path} belongs to user {owner}, who could add an image of theirs, and this process runs as {us}: run `chown {us} {path}`",
        path = .path.display()
    )]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// As whom this process runs.
        us: u32,
    },
}

impl MeasurementsFile {
    /// A file that was not read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(WatchedFile::new(path))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Reads the file if it is new or changed since the last call; `None` when it is as it was. It must belong to the user of this
    /// process or to root, and nobody but the owner may write it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may change it.
    pub fn read(&mut self) -> Result<Option<Variants>, MeasurementsFileError> {
        let path = || self.0.path().to_owned();
        let content = self.0.read(MAX_FILE).map_err(|unusable| match unusable {
            Unusable::Unreadable(why) => MeasurementsFileError::Unreadable { path: path(), why },
            Unusable::TooOpen(mode) => MeasurementsFileError::TooOpen { path: path(), mode },
            Unusable::OfAnother { owner, us } => MeasurementsFileError::OfAnother { path: path(), owner, us },
        })?;
        let Some(content) = content else { return Ok(None) };
        let variants = content.text.parse::<Variants>();
        let variants = variants
            .map_err(|error| MeasurementsFileError::Unreadable { path: path(), why: error.to_string() })?;
        self.0.keep(&content);
        Ok(Some(variants))
    }
}
