//! The files of a store, behind two small traits: a directory on disk, memory, or a simulated disk.
//!
//! Everything goes through [`Guarded`], which stops at the first error: nothing is tried twice on a disk that failed once.

mod memory;
#[cfg(feature = "durable")]
pub(super) mod real;
#[cfg(feature = "durable")]
mod through;

use std::{fmt, io, sync::Arc};

pub(super) use memory::MemoryFolder;

use super::{error::StoreError, health::Health};

/// An open file that is read and written in place.
pub(super) trait Medium: fmt::Debug + Send + Sync + 'static {
    /// Its length.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `at`.
    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes `bytes` at `at`.
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts it off or adds zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns when all of it is on disk.
    fn sync(&self) -> io::Result<()>;
    /// Writes `bytes` at `at`, and returns when they are on disk. Whole pages may need no flush of their own.
    fn write_through(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(at, bytes)?;
        self.sync()
    }
}

/// A directory. Names are relative, with `/` between parts.
pub(super) trait Folder: fmt::Debug + Send + Sync + 'static {
    /// Opens a file, made empty if it does not exist.
    fn open(&self, name: &str) -> io::Result<Box<dyn Medium>>;
    /// The same, of a file of which most writes are to be on disk when they return.
    fn open_through(&self, name: &str) -> io::Result<Box<dyn Medium>> {
        self.open(name)
    }
    /// Whether there is such a file.
    fn exists(&self, name: &str) -> io::Result<bool>;
    /// All of a file; none if it does not exist.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Writes a whole file, in place of an older one. It is not on disk yet.
    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Returns when the contents of a file are on disk.
    fn sync(&self, name: &str) -> io::Result<()>;
    /// Returns when the name of a file, and of all folders above it, is on disk.
    fn sync_name(&self, name: &str) -> io::Result<()>;
    /// Renames a file, over another one if there is one.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, if it exists.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The names of the files in a folder of it, in order; none if it does not exist.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// A folder that does nothing more after its first failure.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    folder: Arc<dyn Folder>,
    health: Arc<Health>,
}

impl Guarded {
    pub(super) fn new(folder: Arc<dyn Folder>, health: Arc<Health>) -> Self {
        Self { folder, health }
    }

    fn run<T>(
        &self,
        doing: fmt::Arguments<'_>,
        io: impl FnOnce(&dyn Folder) -> io::Result<T>,
    ) -> Result<T, StoreError> {
        self.health.check()?;
        io(&*self.folder).map_err(|error| self.health.fail(StoreError::io(doing, &error)))
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(format_args!("read {name}"), |folder| folder.read(name))
    }

    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.run(format_args!("write {name}"), |folder| folder.create(name, bytes))
    }

    /// Returns when a file is on disk, its name too.
    pub(super) fn sync(&self, name: &str) -> Result<(), StoreError> {
        self.run(format_args!("flush {name}"), |folder| {
            folder.sync(name)?;
            folder.sync_name(name)
        })
    }

    /// Puts a whole file in place of an older one: whatever happens meanwhile, one of the two is there.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let fresh = format!("{name}.new");
        self.run(format_args!("write {name}"), |folder| {
            folder.create(&fresh, bytes)?;
            folder.sync(&fresh)?;
            folder.rename(&fresh, name)?;
            folder.sync_name(name)
        })
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.run(format_args!("remove {name}"), |folder| folder.remove(name))
    }

    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, StoreError> {
        self.run(format_args!("list {name}"), |folder| folder.list(name))
    }
}

/// An open file that does nothing more after the first failure of its store. It keeps its folder, and with it the folder's lock.
#[cfg(feature = "durable")]
#[derive(Debug)]
pub(super) struct GuardedMedium {
    name: &'static str,
    medium: Box<dyn Medium>,
    files: Guarded,
}

#[cfg(feature = "durable")]
impl Guarded {
    pub(super) fn open(&self, name: &'static str) -> Result<GuardedMedium, StoreError> {
        let medium = self.run(format_args!("open {name}"), |folder| folder.open(name))?;
        Ok(GuardedMedium { name, medium, files: self.clone() })
    }

    /// The same, of a file of which most writes are to be on disk when they return.
    pub(super) fn open_through(&self, name: &'static str) -> Result<GuardedMedium, StoreError> {
        let medium = self.run(format_args!("open {name}"), |folder| folder.open_through(name))?;
        Ok(GuardedMedium { name, medium, files: self.clone() })
    }

    pub(super) fn exists(&self, name: &str) -> Result<bool, StoreError> {
        self.run(format_args!("look for {name}"), |folder| folder.exists(name))
    }

    /// Gives a file that is on disk another name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.run(format_args!("rename {from}"), |folder| {
            folder.rename(from, to)?;
            folder.sync_name(to)
        })
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }
}

#[cfg(feature = "durable")]
impl GuardedMedium {
    pub(super) fn run<T>(&self, doing: &str, io: impl FnOnce(&dyn Medium) -> io::Result<T>) -> io::Result<T> {
        self.files.health.check()?;
        io(&*self.medium).inspect_err(|error| {
            self.files.health.fail(StoreError::io(format_args!("{doing} {}", self.name), error));
        })
    }
}
