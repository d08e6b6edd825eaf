//! A lock that at most one node of a machine holds: the right to begin something that must begin once.
//!
//! It is a file beside the nodes' own, locked while its holder lives. What is written into it stays when the lock is gone.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::{Rendezvous, directory};
use crate::primitives::{PeerId, WireId};

/// The most that a mark may hold.
const MOST_BYTES: u64 = 4096;

/// The lock, held as long as this lives.
pub struct Claim(Held);

enum Held {
    File(File),
    #[cfg(feature = "sim")]
    Sim(crate::transport::sim::Net, WireId, PeerId),
}

impl Rendezvous {
    /// Takes the lock of this item, if nobody holds it; `None` when somebody does, or nodes of this machine meet nowhere.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used.
    #[cfg_attr(
        not(feature = "sim"),
        expect(unused_variables, reason = "a directory's lock is the process's")
    )]
    pub fn claim(&self, item: &WireId, by: PeerId) -> io::Result<Option<Claim>> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Directory(path) => {
                directory::prepare(path).map_err(io::Error::other)?;
                let flags = OFlags::NOFOLLOW.bits() as i32;
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
                let file = options.open(path.join(format!("{item}.founder")))?;
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => Ok(Some(Claim(Held::File(file)))),
                    Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            #[cfg(feature = "sim")]
            Self::Sim(net) => {
                Ok(net.claim(item.as_bytes(), by).then(|| Claim(Held::Sim(net.clone(), *item, by))))
            }
        }
    }
}

impl Claim {
    /// What was written by this holder or one before.
    pub fn marked(&self) -> Option<Vec<u8>> {
        let mark = match &self.0 {
            Held::File(file) => {
                let mut mark = Vec::new();
                file.take(MOST_BYTES).read_to_end(&mut mark).ok()?;
                mark
            }
            #[cfg(feature = "sim")]
            Held::Sim(net, item, _) => net.claim_mark(item.as_bytes()).to_vec(),
        };
        (!mark.is_empty()).then_some(mark)
    }

    /// Writes what later holders should know.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn mark(&self, mark: &[u8]) -> io::Result<()> {
        match &self.0 {
            Held::File(file) => {
                let mut file = file;
                file.set_len(0)?;
                io::Seek::rewind(&mut file)?;
                file.write_all(mark)?;
                file.sync_all()
            }
            #[cfg(feature = "sim")]
            Held::Sim(net, item, _) => {
                net.mark_claim(item.as_bytes(), mark);
                Ok(())
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        match &self.0 {
            // Closing the file gives the lock back.
            Held::File(_) => {}
            #[cfg(feature = "sim")]
            Held::Sim(net, item, by) => net.release_claim(item.as_bytes(), *by),
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: WireId = WireId::from_bytes([7; 32]);

    fn peer(number: u8) -> PeerId {
        PeerId::from_bytes([number; 32])
    }

    fn check(rendezvous: &Rendezvous) {
        let claim = |number| rendezvous.claim(&ITEM, peer(number)).expect("works");
        let first = claim(1).expect("nobody has it");
        assert!(claim(2).is_none(), "one holder");
        assert_eq!(first.marked(), None);
        first.mark(b"born").expect("written");
        drop(first);
        let second = claim(2).expect("given back");
        assert_eq!(second.marked().as_deref(), Some(&b"born"[..]));
        let other = rendezvous.claim(&WireId::from_bytes([8; 32]), peer(1)).expect("works");
        assert_eq!(other.expect("another item").marked(), None);
    }

    #[test]
    fn one_node_of_a_machine_holds_a_claim_and_its_mark_stays() {
        let path = std::env::temp_dir().join(format!("mosaik-claim-{}", std::process::id()));
        check(&Rendezvous::Directory(path.clone()));
        let _ = std::fs::remove_dir_all(path);
        assert!(Rendezvous::Nowhere.claim(&ITEM, peer(1)).expect("works").is_none());
    }

    #[cfg(feature = "sim")]
    #[tokio::test(start_paused = true)]
    async fn the_simulated_claim_is_the_same_and_a_crash_gives_it_back() {
        let net = crate::transport::sim::Net::new(1);
        let rendezvous = Rendezvous::Sim(net.clone());
        check(&rendezvous);
        let held = rendezvous.claim(&ITEM, peer(1)).expect("works").expect("free");
        net.crash(peer(1));
        let after = rendezvous.claim(&ITEM, peer(2)).expect("works").expect("free after the crash");
        drop(held);
        assert!(rendezvous.claim(&ITEM, peer(3)).expect("works").is_none(), "a late release is not one");
        drop(after);
    }
}
