//! What a node remembers over restarts, in its data directory: its incarnation, and where peers were.
//!
//! The directory belongs to one running node: a lock says so. Files are replaced whole. A file that is damaged costs what it
//! held and nothing else.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    primitives::PeerId,
    transport::{Address, PeerAddr},
};

use super::settings::StartError;

/// The most peers that are remembered.
pub(crate) const MOST_PEERS: usize = 256;
/// No more of a file is read.
const MOST_BYTES: u64 = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
    kept: u64,
    written: Option<Vec<PeerAddr>>,
}

impl DataDir {
    /// Opens and locks the directory, made with mode 0700 if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::DataDir { path, source }
        };
        DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(failed(path))?;
        let lock_path = path.join("discovery.lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(failed(&lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StartError::DataDirInUse { path: path.to_owned() });
            }
            Err(error) => return Err(failed(&lock_path)(error.into())),
        }
        let mut dir = Self { path: path.to_owned(), _lock: lock, kept: 0, written: None };
        dir.kept = dir.read("incarnation").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Ok(dir)
    }

    /// The incarnation of this start: one above the last, and on disk before anybody hears of it.
    pub(crate) fn next_incarnation(&mut self) -> Result<u64, StartError> {
        let next = self.kept.saturating_add(1);
        self.keep_incarnation(next)
            .map_err(|source| StartError::DataDir { path: self.path.join("incarnation"), source })?;
        Ok(next)
    }

    /// Keeps an incarnation, if it is a higher one.
    pub(crate) fn keep_incarnation(&mut self, incarnation: u64) -> io::Result<()> {
        if incarnation <= self.kept {
            return Ok(());
        }
        self.write("incarnation", &format!("{incarnation}\n"))?;
        self.kept = incarnation;
        Ok(())
    }

    /// The peers of the last life. Lines that do not parse are skipped.
    pub(crate) fn peers(&self) -> Vec<PeerAddr> {
        let text = self.read("peers").unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).take(MOST_PEERS).collect()
    }

    /// Remembers peers, if they are others than before.
    pub(crate) fn keep_peers(&mut self, peers: Vec<(PeerId, Vec<Address>)>) -> io::Result<()> {
        let known = peers.into_iter().filter(|(_, addresses)| !addresses.is_empty());
        let peers: Vec<_> = known.map(|(id, addresses)| PeerAddr { id, addresses }).collect();
        if self.written.as_ref() == Some(&peers) || (peers.is_empty() && self.written.is_none()) {
            return Ok(());
        }
        let text: String = peers.iter().map(|peer| format!("{peer}\n")).collect();
        self.write("peers", &text)?;
        self.written = Some(peers);
        Ok(())
    }

    fn read(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        File::open(self.path.join(name)).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.path.join(format!(".{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.path.join(name))?;
        File::open(&self.path)?.sync_all()
    }
}
