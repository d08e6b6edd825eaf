//! The files: `<directory>/<network id>/<peer id>`, one signed entry each, locked by the node that it describes.
//!
//! A file is written under another name, locked, and renamed: whoever opens it sees all of it, and a lock on it. So a file that
//! can be locked belongs to a node that is gone, at once. Links are not followed, files of other users are not read.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::primitives::{BootId, NetworkId, PeerId, codec};

use super::{
    super::{
        entry::MAX_ENTRY,
        signed::{Signed, Statement},
    },
    Met, RendezvousError, directory,
};

/// More files than this are not read.
const MOST_FILES: usize = 4096;
/// The largest file that is read: an entry, its signature, the frame around it.
const MOST_BYTES: u64 = MAX_ENTRY as u64 + 256;

/// What a file holds. Variants are only ever appended.
#[derive(serde::Serialize, serde::Deserialize)]
enum Contents {
    V1(Signed),
}

/// Which file it was; a renamed one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    me: PeerId,
    /// This node's file, kept open for its lock.
    mine: Option<(File, Signed)>,
    /// The folder as it was last read, and whether it was read twice since it changed: times are coarse, and a change right
    /// after a look may leave the time as it was.
    folder_stamp: Option<(Stamp, bool)>,
    seen: BTreeMap<PeerId, (Stamp, Option<BootId>)>,
}

impl Files {
    /// Opens the network's folder. `None` when a live process holds this node's file.
    pub(crate) fn open(
        directory: &Path,
        network: NetworkId,
        me: PeerId,
    ) -> Result<Option<Self>, RendezvousError> {
        directory::prepare(directory)?;
        let folder = directory.join(network.to_string());
        directory::prepare(&folder)?;
        let own = folder.join(me.to_string());
        if open_to_read(&own).is_ok_and(|file| is_locked(&file)) {
            return Ok(None);
        }
        Ok(Some(Self { folder, me, mine: None, folder_stamp: None, seen: BTreeMap::new() }))
    }

    /// Writes this node's file in place of the one before.
    pub(crate) fn publish(&mut self, signed: &Signed) -> io::Result<()> {
        let (name, hidden) = (self.own_path(), self.folder.join(format!(".{}.new", self.me)));
        let bytes = codec::encode(&Contents::V1(signed.clone())).map_err(io::Error::other)?;
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let flags = OFlags::NOFOLLOW.bits() as i32;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(&hidden)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(&bytes)?;
        fs::rename(&hidden, &name)?;
        self.mine = Some((file, signed.clone()));
        Ok(())
    }

    /// Removes this node's file.
    pub(crate) fn withdraw(&mut self) {
        if self.is_in_place() {
            let _ = fs::remove_file(self.own_path());
        }
        self.mine = None;
    }

    /// What is new in the folder. Locks are tried only now and then.
    pub(crate) fn look(&mut self, network: &NetworkId, try_locks: bool) -> Vec<Met> {
        match self.look_at_files(network, try_locks) {
            Ok(found) => found,
            Err(error) => {
                self.folder_stamp = None;
                vec![Met::Trouble(format!("{}: {error}", self.folder.display()))]
            }
        }
    }

    fn look_at_files(&mut self, network: &NetworkId, try_locks: bool) -> io::Result<Vec<Met>> {
        if try_locks
            && !self.is_in_place()
            && let Some((_, signed)) = self.mine.take()
        {
            directory::prepare(&self.folder).map_err(io::Error::other)?;
            self.publish(&signed)?;
        }
        let stamp = stamp(&fs::symlink_metadata(&self.folder)?);
        if !try_locks && self.folder_stamp == Some((stamp, true)) {
            return Ok(Vec::new());
        }
        let settled = self.folder_stamp.is_some_and(|(known, _)| known == stamp);
        let mut found = Vec::new();
        let mut there = BTreeMap::new();
        for peer in self.names()? {
            self.look_at(peer, network, &mut there, &mut found);
        }
        for (peer, (_, boot)) in &self.seen {
            let told = found.iter().any(|met| matches!(met, Met::Gone { peer: told, .. } if told == peer));
            if let (false, false, Some(boot)) = (there.contains_key(peer), told, boot) {
                found.push(Met::Gone { peer: *peer, boot: *boot });
            }
        }
        self.seen = there;
        self.folder_stamp = Some((stamp, settled));
        Ok(found)
    }

    fn names(&self) -> io::Result<Vec<PeerId>> {
        let mut names: Vec<PeerId> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST_FILES) {
            let name = entry?.file_name();
            let peer = name.to_str().and_then(|name| name.parse::<PeerId>().ok());
            names.extend(peer.filter(|peer| *peer != self.me));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn look_at(
        &self,
        peer: PeerId,
        network: &NetworkId,
        there: &mut BTreeMap<PeerId, (Stamp, Option<BootId>)>,
        found: &mut Vec<Met>,
    ) {
        let path = self.folder.join(peer.to_string());
        let Ok(mut file) = open_to_read(&path) else { return };
        let Ok(metadata) = file.metadata() else { return };
        if !metadata.is_file() || metadata.uid() != directory::uid() || metadata.len() > MOST_BYTES {
            return;
        }
        if !is_locked(&file) {
            // The node is gone, and this may be the first time that its file is seen. It may also have come back this
            // moment under a new file: remove only the one that was looked at.
            if let Ok(Statement::Entry(entry)) = read(&mut file, network) {
                found.push(Met::Gone { peer, boot: entry.entry.boot });
            }
            if fs::symlink_metadata(&path).is_ok_and(|now| stamp(&now) == stamp(&metadata)) {
                let _ = fs::remove_file(&path);
            }
            return;
        }
        let stamp = stamp(&metadata);
        if let Some(known) = self.seen.get(&peer).filter(|(known, _)| *known == stamp) {
            there.insert(peer, *known);
            return;
        }
        let boot = match read(&mut file, network) {
            Ok(Statement::Entry(entry)) if entry.id == peer => {
                let boot = entry.entry.boot;
                found.push(Met::Entry { statement: Statement::Entry(entry), itself: true });
                Some(boot)
            }
            Ok(_) => None,
            Err(why) => {
                found.push(Met::Trouble(format!("{}: {why}", path.display())));
                None
            }
        };
        there.insert(peer, (stamp, boot));
    }

    fn is_in_place(&self) -> bool {
        let Some((file, _)) = &self.mine else { return false };
        let (Ok(held), Ok(there)) = (file.metadata(), fs::symlink_metadata(self.own_path())) else {
            return false;
        };
        (held.dev(), held.ino()) == (there.dev(), there.ino())
    }

    fn own_path(&self) -> PathBuf {
        self.folder.join(self.me.to_string())
    }
}

fn open_to_read(path: &Path) -> io::Result<File> {
    // A pipe in place of a file must not block the node either.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Whether somebody holds the file. Two who try at once do not disturb each other: they share.
fn is_locked(file: &File) -> bool {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            let _ = flock(file, FlockOperation::Unlock);
            false
        }
        Err(error) => error == rustix::io::Errno::WOULDBLOCK,
    }
}

fn read(file: &mut File, network: &NetworkId) -> Result<Statement, String> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let Contents::V1(signed) = codec::decode(&bytes).map_err(|error| error.to_string())?;
    signed.verify(network).map_err(|error| error.to_string())
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp { inode: metadata.ino(), changed: (metadata.ctime(), metadata.ctime_nsec()) }
}
