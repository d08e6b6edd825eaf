//! A directory on disk, locked while it is open.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::{Folder, Medium, through::Through};
use crate::groups::store::error::OpenError;

/// A directory that this process alone has open.
#[derive(Debug)]
pub(in crate::groups::store) struct RealFolder {
    path: PathBuf,
    _lock: File,
}

impl RealFolder {
    /// Opens and locks a directory, made with mode 0700 if it does not exist.
    pub(in crate::groups::store) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { place: path.to_owned(), source };
        DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = lock.map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::InUse { place: path.to_owned() }),
            Err(error) => return Err(failed(error.into())),
        }
        // The directory itself must not vanish in a power cut.
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Folder for RealFolder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Medium>> {
        Ok(Box::new(RealFile::open(&self.at(name))?))
    }

    fn open_through(&self, name: &str) -> io::Result<Box<dyn Medium>> {
        let path = self.at(name);
        Ok(Box::new(Through::new(RealFile::open(&path)?, &path)))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        fs::exists(self.at(name))
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        absent_is_none(fs::read(self.at(name)))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.at(name);
        if let Some(parent) = path.parent() {
            DirBuilder::new().mode(0o700).recursive(true).create(parent)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600).open(path)?.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        File::open(self.at(name))?.sync_all()
    }

    fn sync_name(&self, name: &str) -> io::Result<()> {
        let folders = Path::new(name).ancestors().skip(1);
        folders.map(|folder| self.path.join(folder)).try_for_each(|folder| File::open(folder)?.sync_all())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        absent_is_none(fs::remove_file(self.at(name))).map(|_| ())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let Some(found) = absent_is_none(fs::read_dir(self.at(folder)))? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in found {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that is written through the system's cache.
#[derive(Debug)]
pub(super) struct RealFile(File);

impl RealFile {
    /// Opens it, made empty if it does not exist.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(path).map(Self)
    }
}

impl Medium for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, at)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
