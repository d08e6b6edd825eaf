//! The files: `<directory>/<network id>/<peer id>`, one signed entry each, locked by the node that it describes.
//!
//! A file is written under another name, locked, and renamed: whoever opens it sees all of it, and a lock on it. So a file that
//! can be locked belongs to a node that is gone, at once. Links are not followed, files of other users are not read.
//!
//! Looking is cheap while nothing changes: the folder's time says so. A file is opened when it is new. Of the locks, each node
//! tries those of the few nodes that follow it in the order of ids, in a ring; whoever finds one free removes the file, and
//! all others see the folder change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    ops::Bound,
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
/// Live nodes whose locks one node tries: the next ones in the order of ids.
const WATCHED: usize = 3;
/// Nodes in doubt that wait for a look.
const MOST_DOUBTED: usize = 256;
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
    seen: Seen,
    /// Nodes whose locks are tried at the next look, whoever follows whom.
    doubted: BTreeSet<PeerId>,
}

/// The files as they were last looked at, and whose process each describes.
type Seen = BTreeMap<PeerId, (Stamp, Option<BootId>)>;

/// How much of the folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// What changed, and the locks of nodes in doubt.
    Changes,
    /// That, and the locks of the nodes that follow this one.
    Locks,
    /// Every file and every lock.
    All,
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
        Ok(Some(Self {
            folder,
            me,
            mine: None,
            folder_stamp: None,
            seen: Seen::new(),
            doubted: BTreeSet::new(),
        }))
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

    /// At the next look this node's lock is tried.
    pub(crate) fn doubt(&mut self, peer: PeerId) {
        if self.doubted.len() < MOST_DOUBTED && self.seen.contains_key(&peer) {
            self.doubted.insert(peer);
        }
    }

    /// What is new in the folder.
    pub(crate) fn look(&mut self, network: &NetworkId, look: Look) -> Vec<Met> {
        match self.look_at_files(network, look) {
            Ok(found) => found,
            Err(error) => {
                self.folder_stamp = None;
                vec![Met::Trouble(format!("{}: {error}", self.folder.display()))]
            }
        }
    }

    fn look_at_files(&mut self, network: &NetworkId, look: Look) -> io::Result<Vec<Met>> {
        if look != Look::Changes
            && !self.is_in_place()
            && let Some((_, signed)) = self.mine.take()
        {
            directory::prepare(&self.folder).map_err(io::Error::other)?;
            self.publish(&signed)?;
        }
        let mut found = Vec::new();
        self.try_locks(network, look, &mut found);
        let stamp = stamp(&fs::symlink_metadata(&self.folder)?);
        if look == Look::All || self.folder_stamp != Some((stamp, true)) {
            let settled = self.folder_stamp.is_some_and(|(known, _)| known == stamp);
            self.list(network, look, &mut found)?;
            self.folder_stamp = Some((stamp, settled));
        }
        Ok(found)
    }

    /// Looks at the files that are new or others than they were.
    fn list(&mut self, network: &NetworkId, look: Look, found: &mut Vec<Met>) -> io::Result<()> {
        let mut there = Seen::new();
        for peer in self.names()? {
            let known = self.seen.get(&peer).copied().filter(|(known, _)| {
                fs::symlink_metadata(self.path(&peer)).is_ok_and(|now| stamp(&now) == *known)
            });
            match known.filter(|_| look != Look::All) {
                Some(known) => there.extend([(peer, known)]),
                None => self.look_at(peer, network, &mut there, found),
            }
        }
        for (peer, (_, boot)) in &self.seen {
            let told = found.iter().any(|met| matches!(met, Met::Gone { peer: told, .. } if told == peer));
            if let (false, false, Some(boot)) = (there.contains_key(peer), told, boot) {
                found.push(Met::Gone { peer: *peer, boot: *boot });
            }
        }
        self.seen = there;
        Ok(())
    }

    /// Tries the locks of the nodes in doubt, and of those that follow this one until enough of them live.
    fn try_locks(&mut self, network: &NetworkId, look: Look, found: &mut Vec<Met>) {
        for peer in std::mem::take(&mut self.doubted) {
            self.try_lock(peer, network, found);
        }
        if look != Look::Locks {
            return;
        }
        let after = self.seen.range((Bound::Excluded(self.me), Bound::Unbounded));
        let ring: Vec<PeerId> = after.chain(self.seen.range(..self.me)).map(|(peer, _)| *peer).collect();
        let mut live = 0;
        for peer in ring {
            live += usize::from(self.try_lock(peer, network, found));
            if live == WATCHED {
                break;
            }
        }
    }

    /// Whether the node of a known file lives. A file that is not there any more is left to the listing.
    fn try_lock(&mut self, peer: PeerId, network: &NetworkId, found: &mut Vec<Met>) -> bool {
        let (mut there, told) = (Seen::new(), found.len());
        self.look_at(peer, network, &mut there, found);
        if found[told..].iter().any(|met| matches!(met, Met::Gone { .. })) {
            self.seen.remove(&peer);
        }
        let lives = there.contains_key(&peer);
        self.seen.append(&mut there);
        lives
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

    fn look_at(&self, peer: PeerId, network: &NetworkId, there: &mut Seen, found: &mut Vec<Met>) {
        let path = self.path(&peer);
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
        self.path(&self.me)
    }

    fn path(&self, peer: &PeerId) -> PathBuf {
        self.folder.join(peer.to_string())
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
