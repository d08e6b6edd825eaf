//! What Intel publishes about platforms: certificates, revocation lists, status. Signed and dated, so it may come from anywhere.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use dcap_qvl::QuoteCollateralV3;
use serde::Deserialize;

use crate::tickets::watched::{Stamp, open};

/// The largest collateral, in bytes of JSON.
pub(super) const MAX_COLLATERAL: usize = 48 * 1024;
/// The most files that are looked at in a directory.
const MAX_FILES: usize = 256;
/// The most entries of a directory: it is listed about every second.
const MAX_ENTRIES: usize = 4096;

/// Collateral for the platforms of one kind (FMSPC).
#[derive(Clone, PartialEq, Eq)]
pub struct Collateral {
    parsed: Arc<QuoteCollateralV3>,
    fmspc: String,
    issued: String,
}

/// Collateral cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollateralError {
    /// Too large to be any.
    #[error("the collateral has {size} bytes and the limit is {MAX_COLLATERAL}: it is something else")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Not the JSON that the usual tools write.
    #[error("the collateral cannot be read: fetch it again, with `dcap-qvl` or from your provider")]
    Unreadable,
    /// The directory holds too much to be listed again and again.
    #[error(
        "{path} holds over {MAX_ENTRIES} entries: it is no directory of collateral, or something fills it; take out what is not",
        path = .path.display()
    )]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be read from disk.
    #[error("cannot read {path}: {why}: check the path, and that this process may read it", path = .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// What is looked at before anything is verified: to choose, not to believe.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glance {
    fmspc: String,
    issue_date: String,
}

impl Collateral {
    /// Reads collateral as JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, CollateralError> {
        if json.len() > MAX_COLLATERAL {
            return Err(CollateralError::TooLarge { size: json.len() });
        }
        let parsed: QuoteCollateralV3 =
            serde_json::from_slice(json).map_err(|_| CollateralError::Unreadable)?;
        let glance: Glance =
            serde_json::from_str(&parsed.tcb_info).map_err(|_| CollateralError::Unreadable)?;
        let fmspc = glance.fmspc.to_ascii_lowercase();
        Ok(Self { parsed: Arc::new(parsed), fmspc, issued: glance.issue_date })
    }

    /// The collateral as JSON.
    pub fn to_json(&self) -> Bytes {
        // Texts and bytes always encode.
        serde_json::to_vec(&*self.parsed).map(Bytes::from).unwrap_or_default()
    }

    /// The kind of platform that it is for, as 12 hex digits.
    pub fn fmspc(&self) -> &str {
        &self.fmspc
    }

    pub(super) fn parsed(&self) -> &QuoteCollateralV3 {
        &self.parsed
    }
}

impl fmt::Debug for Collateral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collateral({}, issued {})", self.fmspc, self.issued)
    }
}

/// Where a verifier finds collateral. It is verified afterwards, so a source need not be trusted.
pub trait CollateralSource: Send + Sync {
    /// What there is for platforms of this kind (12 lower-case hex digits), the best first.
    fn find(&self, fmspc: &str) -> Vec<Collateral>;

    /// Changes whenever [`find`](Self::find) may give another answer.
    fn generation(&self) -> u64 {
        0
    }

    /// Called about once a second: to look whether a file changed.
    ///
    /// # Errors
    ///
    /// What stands in the way, for the log; the source goes on with what it has.
    fn refresh(&self) -> Result<(), String> {
        Ok(())
    }
}

impl<S: CollateralSource + ?Sized> CollateralSource for Arc<S> {
    fn find(&self, fmspc: &str) -> Vec<Collateral> {
        (**self).find(fmspc)
    }

    fn generation(&self) -> u64 {
        (**self).generation()
    }

    fn refresh(&self) -> Result<(), String> {
        (**self).refresh()
    }
}

impl CollateralSource for Vec<Collateral> {
    fn find(&self, fmspc: &str) -> Vec<Collateral> {
        newest(self.iter(), fmspc)
    }
}

/// Those for platforms of this kind, the newest first.
fn newest<'a>(all: impl Iterator<Item = &'a Collateral>, fmspc: &str) -> Vec<Collateral> {
    let mut found: Vec<_> = all.filter(|collateral| collateral.fmspc == fmspc).cloned().collect();
    // Dates are written so that they sort.
    found.sort_by(|a, b| b.issued.cmp(&a.issued));
    found
}

/// Collateral in the `.json` files of a directory, in the order of their names, at most 256 of them, those first that were of use before. The directory is read again when a
/// file in it changes. A file that cannot be used any more, say because the disk was full when it was written over, stands for what it
/// held before: collateral is dated, and ends by itself.
#[derive(Debug)]
pub struct CollateralDirectory {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<(PathBuf, Option<Stamp>)>,
    generation: u64,
    good: BTreeMap<PathBuf, Collateral>,
    bad: Vec<(PathBuf, CollateralError)>,
}

impl CollateralDirectory {
    /// Reads a directory. A file that cannot be used is left out, and told by [`bad`](Self::bad).
    ///
    /// # Errors
    ///
    /// When the directory cannot be read, or has over 4 096 entries.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, CollateralError> {
        let path = path.into();
        let mut state = State::default();
        state.read(&path)?;
        Ok(Self { path, state: Mutex::new(state) })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that were left out, and why.
    pub fn bad(&self) -> Vec<(PathBuf, CollateralError)> {
        self.state().bad.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Reads the directory, if a file in it is not as it was.
    fn read(&mut self, path: &Path) -> Result<(), CollateralError> {
        let mut names = names(path)?;
        if names.len() > MAX_FILES {
            // However many come, what was of use stays.
            names.sort_by_key(|name| !self.good.contains_key(name));
            names.truncate(MAX_FILES);
            names.sort();
        }
        let stamp = |name: &PathBuf| fs::metadata(name).ok().map(|metadata| Stamp::of(&metadata));
        let seen: Vec<_> = names.iter().map(|name| (name.clone(), stamp(name))).collect();
        if seen == self.seen {
            return Ok(());
        }
        let (mut good, mut bad) = (BTreeMap::new(), Vec::new());
        for name in names {
            match read_file(&name) {
                Ok(collateral) => drop(good.insert(name, collateral)),
                Err(error) => {
                    good.extend(self.good.remove_entry(&name));
                    bad.push((name, error));
                }
            }
        }
        *self = Self { seen, generation: self.generation + 1, good, bad };
        Ok(())
    }
}

/// The files of a directory that may be collateral.
fn names(path: &Path) -> Result<Vec<PathBuf>, CollateralError> {
    let error = |why: std::io::Error| CollateralError::File { path: path.into(), why: why.to_string() };
    let mut names = Vec::new();
    for (at, entry) in fs::read_dir(path).map_err(error)?.enumerate() {
        if at >= MAX_ENTRIES {
            return Err(CollateralError::TooMany { path: path.into() });
        }
        let name = entry.map_err(error)?.path();
        if name.extension().is_some_and(|extension| extension == "json") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

impl CollateralSource for CollateralDirectory {
    fn find(&self, fmspc: &str) -> Vec<Collateral> {
        newest(self.state().good.values(), fmspc)
    }

    fn generation(&self) -> u64 {
        self.state().generation
    }

    fn refresh(&self) -> Result<(), String> {
        self.state().read(&self.path).map_err(|error| error.to_string())
    }
}

fn read_file(path: &Path) -> Result<Collateral, CollateralError> {
    let error = |why: std::io::Error| CollateralError::File { path: path.into(), why: why.to_string() };
    let mut json = Vec::new();
    let (file, _) = open(path).map_err(error)?;
    file.take(MAX_COLLATERAL as u64 + 1).read_to_end(&mut json).map_err(error)?;
    Collateral::from_json(&json)
}
