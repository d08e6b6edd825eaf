//! A file on disk whose writes go past the system's cache, and are safe when they return.
//!
//! A write into the cache and a flush are two waits: the cache looks for what is to be written, and the disk is asked twice. A write of
//! whole pages from a place in memory that is one too needs no cache, and the disk gets it and the flush with one call, on some as
//! one command. Where a file system knows no such writes, and for all that is not whole pages, it is a write and a flush.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{Medium, real::RealFile};

/// Of places and lengths, in the file and in memory. What disks ask for divides it.
const PAGE: usize = 4096;
/// What is longer goes through the cache, which costs little beside so many bytes.
const LONGEST: usize = 1 << 20;

/// A file with a way past the cache.
#[derive(Debug)]
pub(super) struct Through {
    file: RealFile,
    /// None where there is no such way.
    direct: Mutex<Option<Direct>>,
}

/// The way, and where in memory the pages are that take it.
#[derive(Debug)]
struct Direct {
    file: File,
    room: Vec<u8>,
}

impl Through {
    /// The file, which is at this place.
    pub(super) fn new(file: RealFile, path: &Path) -> Self {
        let direct = open(path).ok().map(|file| Direct { file, room: Vec::new() });
        Self { file, direct: Mutex::new(direct) }
    }

    /// Whether it was written past the cache.
    fn write_past(&self, at: u64, bytes: &[u8]) -> io::Result<bool> {
        let is_whole = at.is_multiple_of(PAGE as u64) && bytes.len().is_multiple_of(PAGE);
        if !is_whole || bytes.len() > LONGEST {
            return Ok(false);
        }
        let mut way = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(direct) = way.as_mut() else { return Ok(false) };
        match direct.write(at, bytes) {
            Ok(()) => Ok(true),
            // It is never right here. That is no failure of the disk, which has done nothing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                *way = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl Direct {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let room = &mut self.room;
        if room.len() < bytes.len() + PAGE {
            room.resize(bytes.len() + PAGE, 0);
        }
        let begin = room.as_ptr().align_offset(PAGE);
        let pages = room.get_mut(begin..).and_then(|room| room.get_mut(..bytes.len()));
        let pages = pages.ok_or(io::ErrorKind::InvalidInput)?;
        pages.copy_from_slice(bytes);
        self.file.write_all_at(pages, at)
    }
}

/// Opens a file for writes of pages that are safe when they return.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let flags = OFlags::DIRECT | OFlags::DSYNC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    OpenOptions::new().write(true).custom_flags(flags).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Medium for Through {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(at, out)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write(at, bytes)
    }

    fn write_through(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.write_past(at, bytes)? {
            return Ok(());
        }
        self.write(at, bytes)?;
        self.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::store::{
        files::{Folder as _, real::RealFolder},
        tests::Folder,
    };

    fn opened(folder: &Folder) -> (RealFolder, Through) {
        let real = RealFolder::open(folder.path()).expect("a folder");
        real.create("journal", &[0; 8 * PAGE]).expect("written");
        let file = RealFile::open(&folder.path().join("journal")).expect("there");
        let through = Through::new(file, &folder.path().join("journal"));
        (real, through)
    }

    #[test]
    fn pages_and_all_else_are_read_as_they_were_written() {
        let folder = Folder::new("through");
        let (real, through) = opened(&folder);
        let mut expected = vec![0; 8 * PAGE];
        let writes =
            [(PAGE, 2 * PAGE, 1), (0, PAGE, 2), (2 * PAGE, PAGE, 3), (4 * PAGE, 100, 4), (7, PAGE, 5)];
        for (at, length, byte) in writes {
            through.write_through(at as u64, &vec![byte; length]).expect("the disk works");
            expected[at..at + length].fill(byte);
            let mut read = vec![0; expected.len()];
            through.read(0, &mut read).expect("the disk works");
            assert!(read == expected, "after {length} bytes of {byte} at {at}");
        }
        assert!(real.read("journal").expect("the disk works").as_deref() == Some(expected.as_slice()));
    }

    #[test]
    fn without_a_way_past_the_cache_it_goes_through_it() {
        let folder = Folder::new("through");
        let (real, through) = opened(&folder);
        // It takes no writes: only what goes through the cache arrives.
        let deaf = File::open(folder.path().join("journal")).expect("there");
        *through.direct.lock().expect("whole") = Some(Direct { file: deaf, room: Vec::new() });
        assert!(through.write_through(0, &[1; PAGE]).is_err(), "a failure is not hidden");
        *through.direct.lock().expect("whole") = None;
        through.write_through(0, &[2; PAGE]).expect("the disk works");
        assert_eq!(real.read("journal").expect("the disk works").map(|bytes| bytes[PAGE - 1]), Some(2));
    }
}
