//! Our files as the database's storage.

use std::io;

use redb::StorageBackend;

use crate::groups::store::files::GuardedMedium;

impl StorageBackend for GuardedMedium {
    fn len(&self) -> io::Result<u64> {
        self.run("read", |file| file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.run("read", |file| file.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.run("grow or cut", |file| file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.run("flush", |file| file.sync())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.run("write", |file| file.write(offset, data))
    }
}
