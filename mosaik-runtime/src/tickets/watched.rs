//! A small file that is read again when it changes, and that nobody but its owner may change.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A file that was read, or will be.
#[derive(Debug)]
pub(super) struct WatchedFile {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// What tells a change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What was read.
pub(super) struct Content {
    pub(super) text: String,
    /// The permission bits.
    #[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only keys can be secret"))]
    pub(super) mode: u32,
    stamp: Stamp,
}

/// The file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// What the system said, or what is wrong.
    Unreadable(String),
    /// Others may change it; its permission bits.
    TooOpen(u32),
    /// It belongs to somebody else.
    OfAnother { owner: u32, us: u32 },
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Opens a file without waiting for anybody: a pipe without a writer would hold up the thread.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("it is not a file")) }
}

/// Whether a file of `owner` may decide who is trusted by a process of `us`: its own, or one of root's.
fn is_ours(owner: u32, us: u32) -> bool {
    owner == us || owner == 0
}

impl WatchedFile {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seen: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file if it is new or changed since it was last [`kept`](Self::keep); `None` when it is as it was.
    pub(super) fn read(&self, most: u64) -> Result<Option<Content>, Unusable> {
        let unreadable = |error: io::Error| Unusable::Unreadable(error.to_string());
        let (file, metadata) = open(&self.path).map_err(unreadable)?;
        let stamp = Stamp::of(&metadata);
        if self.seen == Some(stamp) {
            return Ok(None);
        }
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if !is_ours(owner, us) {
            return Err(Unusable::OfAnother { owner, us });
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(Unusable::TooOpen(mode));
        }
        let mut text = String::new();
        file.take(most + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > most {
            return Err(Unusable::Unreadable(format!("it is over {most} bytes")));
        }
        Ok(Some(Content { text, mode, stamp }))
    }

    /// What was read is in use: it is not read again until it changes.
    pub(super) fn keep(&mut self, content: &Content) {
        self.seen = Some(content.stamp);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn h8_the_owner_of_a_file_is_looked_at() {
        assert!(is_ours(1000, 1000) && is_ours(0, 1000) && is_ours(0, 0));
        assert!(!is_ours(1001, 1000), "whoever owns the file can add a key");
        assert!(!is_ours(1000, 0), "also where root reads it");
        let path = std::env::temp_dir().join(format!("mosaik-owner-{}", std::process::id()));
        fs::write(&path, "x").expect("written");
        // Only root can give a file away; for everybody else the rule above is all there is to try.
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
            let found = WatchedFile::new(&path).read(10).map(drop);
            assert!(matches!(found, Err(Unusable::OfAnother { owner: 65_534, .. })), "{found:?}");
        }
        fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
        let path = std::env::temp_dir().join(format!("mosaik-pipe-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|made| made.success()), "a pipe can be made");
        let found = WatchedFile::new(&path).read(10).map(drop);
        assert_eq!(found, Err(Unusable::Unreadable("it is not a file".into())));
        fs::remove_file(path).expect("removed");
    }
}
