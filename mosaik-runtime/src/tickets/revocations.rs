//! Tickets that were taken back before their end, by the hash of their content.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    TicketId,
    watched::{Unusable, WatchedFile},
};
use crate::primitives::ids;

/// The largest file of revocations, in bytes: about 64 000 of them.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// A name that is gone from the file counts until the file was found unchanged so often: one that is being written over is short for a
/// moment.
const CALM: u32 = 20;

/// Which tickets were taken back. It is asked at every look at a peer, about once a second, and must answer from memory: a ticket that
/// is in here proves nothing from the next look on.
pub trait Revocations: Send + Sync + 'static {
    /// Whether the ticket of this name was taken back.
    fn contains(&self, id: &TicketId) -> bool;

    /// Called about once a second: to look whether a file changed.
    ///
    /// # Errors
    ///
    /// What stands in the way, for the log; what was revoked stays so.
    fn refresh(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A file with the name of one ticket (64 hex digits) on each line. What follows `#` is a note. What is added counts at the next look;
/// what is taken out counts until the file was looked at twenty times without a change, which takes about two seconds while there are
/// links to look at.
#[derive(Debug)]
pub struct RevocationFile(Mutex<State>);

#[derive(Debug)]
struct State {
    file: WatchedFile,
    revoked: Arc<BTreeSet<TicketId>>,
    /// What the file says, where that is less than what is revoked, and how often it said so.
    less: Option<(Arc<BTreeSet<TicketId>>, u32)>,
}

/// A file of revocations cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// It cannot be read.
    #[error("cannot read {path}: {why}: check the path, and that the file belongs to you", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Others may change it.
    #[error("{path} can be changed by others (mode {mode:03o}): run `chmod go-w {path}`", path = .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line that names no ticket.
    #[error("line {line} of {path} names no ticket: write the 64 hex digits of its hash", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

impl RevocationFile {
    /// Reads a file, which must be there; it may be empty.
    ///
    /// # Errors
    ///
    /// When it cannot be read, others may change it, or a line names no ticket.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RevocationError> {
        let mut state = State { file: WatchedFile::new(path), revoked: Arc::default(), less: None };
        state.read()?;
        Ok(Self(Mutex::new(state)))
    }

    /// How many are revoked.
    pub fn len(&self) -> usize {
        self.state().revoked.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read(&mut self) -> Result<(), RevocationError> {
        let path = self.file.path().to_owned();
        let content = self.file.read(MAX_FILE).map_err(|unusable| match unusable {
            Unusable::Unreadable(why) => RevocationError::File { path: path.clone(), why },
            Unusable::TooOpen(mode) => RevocationError::TooOpen { path: path.clone(), mode },
            Unusable::OfAnother { owner, us } => {
                let why = format!("it belongs to user {owner}, and this process runs as {us}");
                RevocationError::File { path: path.clone(), why }
            }
        })?;
        match content {
            Some(content) => {
                let says = parse(&content.text, &path)?;
                self.file.keep(&content);
                let gone = self.revoked.difference(&says).next().is_some();
                self.revoked = Arc::new(self.revoked.union(&says).copied().collect());
                self.less = gone.then(|| (Arc::new(says), 0));
            }
            None => {
                if let Some((says, looks)) = &mut self.less {
                    *looks += 1;
                    if *looks >= CALM {
                        self.revoked = says.clone();
                        self.less = None;
                    }
                }
            }
        }
        Ok(())
    }
}

fn parse(text: &str, path: &Path) -> Result<BTreeSet<TicketId>, RevocationError> {
    let mut revoked = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let word = line.split('#').next().unwrap_or_default().trim();
        if word.is_empty() {
            continue;
        }
        let id = ids::from_hex(word)
            .ok_or_else(|| RevocationError::Line { path: path.to_owned(), line: at + 1 })?;
        revoked.insert(TicketId::from_bytes(id));
    }
    Ok(revoked)
}

impl Revocations for RevocationFile {
    fn contains(&self, id: &TicketId) -> bool {
        self.state().revoked.contains(id)
    }

    fn refresh(&self) -> Result<(), String> {
        self.state().read().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_file_of_revocations_is_read_again_and_a_broken_one_takes_nothing_back() {
        let path = std::env::temp_dir().join(format!("mosaik-revoked-{}", std::process::id()));
        let write = |text: String| {
            let fresh = path.with_extension("new");
            fs::write(&fresh, text).expect("written");
            fs::rename(fresh, &path).expect("renamed");
        };
        let _ = fs::remove_file(&path);
        assert!(matches!(RevocationFile::open(&path), Err(RevocationError::File { .. })));
        write("# nobody yet\n".to_owned());
        let file = RevocationFile::open(&path).expect("read");
        let (one, two) = (TicketId::from_bytes([1; 32]), TicketId::from_bytes([2; 32]));
        assert!(file.is_empty() && !file.contains(&one));
        write(format!("{one}  # lost\n\n{two}\n"));
        file.refresh().expect("read");
        assert!(file.contains(&one) && file.contains(&two) && file.len() == 2);
        write(format!("{one}\nnonsense\n"));
        let why = file.refresh().expect_err("a broken line");
        assert!(why.contains("line 2") && file.contains(&two), "{why}");
        write(format!("{one}\n"));
        for _ in 0..CALM {
            file.refresh().expect("read");
            assert!(file.contains(&two), "a file that is being written over is short for a moment");
        }
        file.refresh().expect("read");
        assert!(file.contains(&one) && !file.contains(&two), "now it is taken back");
        write(String::new());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("changed");
        assert!(file.refresh().expect_err("too open").contains("chmod go-w") && file.contains(&one));
        fs::remove_file(path).expect("removed");
    }
}
