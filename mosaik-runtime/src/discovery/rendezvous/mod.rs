//! Where nodes of one machine find each other without an address: a directory of signed files.
//!
//! It is a source like others and may be absent. It says who is there and, because each file is locked while its node lives, who
//! no longer is. It carries no other traffic.

mod claim;
pub mod directory;
mod files;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use crate::primitives::{BootId, NetworkId, PeerId};
#[cfg(feature = "sim")]
use crate::{primitives::codec, transport::sim};

use super::signed::{Signed, Statement};

pub use claim::Claim;
pub use directory::directory;
pub(crate) use files::{Files, Look};

/// Where nodes of one machine meet.
#[derive(Debug, Clone, Default)]
pub enum Rendezvous {
    /// Nowhere: other sources must do.
    #[default]
    Nowhere,
    /// In a directory, as [`directory()`] finds or makes it.
    Directory(PathBuf),
    /// On a simulated network. It says who may be there and not who is alive: partitions do not cut it.
    #[cfg(feature = "sim")]
    Sim(sim::Net),
}

/// The rendezvous directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RendezvousError {
    /// Others could read or write it.
    #[error(
        "the rendezvous directory {path} is open to other users (mode {mode:o}): run `chmod 700 {path}`, or set MOSAIK_RUNTIME_DIR to a directory of your own"
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error(
        "the rendezvous directory {path} belongs to user {owner}, not to you: set MOSAIK_RUNTIME_DIR to a directory of your own"
    )]
    NotYours {
        /// The directory.
        path: PathBuf,
        /// Its owner's id.
        owner: u32,
    },
    /// It is a link or a file.
    #[error(
        "{path} is not a directory (links are not followed): remove it, or set MOSAIK_RUNTIME_DIR to a directory of your own"
    )]
    NotADirectory {
        /// What stands in its place.
        path: PathBuf,
    },
    /// The system refused.
    #[error(
        "the rendezvous directory {path} cannot be used: {source}: set MOSAIK_RUNTIME_DIR to a directory of your own"
    )]
    Io {
        /// The directory or a file in it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What the rendezvous tells.
#[derive(Debug)]
pub(crate) enum Met {
    /// A node's entry. `itself` when the node certainly lives, because its file is locked.
    Entry { statement: Statement, itself: bool },
    /// The process with this entry is gone.
    Gone { peer: PeerId, boot: BootId },
    /// The source could not be used.
    Trouble(String),
}

/// A newcomer is looked for this often …
const EAGER: Duration = Duration::from_millis(100);
/// … for this long, and then …
const EAGER_FOR: Duration = Duration::from_secs(5);
/// … this often, and then locks are tried as well.
const CALM: Duration = Duration::from_secs(2);
/// All files are looked at this often: what went wrong with one is made good.
const ALL: Duration = Duration::from_secs(60);

/// One node's part in a rendezvous.
pub(crate) struct Meeting {
    place: Place,
    network: NetworkId,
    look: Arc<Notify>,
}

enum Place {
    Nowhere,
    Files(Arc<Mutex<Files>>),
    #[cfg(feature = "sim")]
    Sim(sim::Net, PeerId),
}

impl Meeting {
    /// Takes the node's place. Fails when a live process has it already.
    pub(crate) fn open(
        rendezvous: &Rendezvous,
        network: NetworkId,
        me: PeerId,
    ) -> Result<Option<Self>, RendezvousError> {
        let place = match rendezvous {
            Rendezvous::Nowhere => Place::Nowhere,
            Rendezvous::Directory(path) => match Files::open(path, network, me)? {
                Some(files) => Place::Files(Arc::new(Mutex::new(files))),
                None => return Ok(None),
            },
            #[cfg(feature = "sim")]
            Rendezvous::Sim(net) => Place::Sim(net.clone(), me),
        };
        Ok(Some(Self { place, network, look: Arc::default() }))
    }

    /// Shows this node's entry to whoever looks.
    pub(crate) fn publish(&self, signed: &Signed) -> Result<(), String> {
        match &self.place {
            Place::Nowhere => Ok(()),
            Place::Files(files) => lock(files).publish(signed).map_err(|error| error.to_string()),
            #[cfg(feature = "sim")]
            Place::Sim(net, me) => {
                let bytes = codec::encode(signed).map_err(|error| error.to_string())?;
                net.publish(self.network.as_bytes(), *me, bytes.into());
                Ok(())
            }
        }
    }

    /// Takes this node's entry away.
    pub(crate) fn withdraw(&self) {
        match &self.place {
            Place::Nowhere => {}
            Place::Files(files) => lock(files).withdraw(),
            #[cfg(feature = "sim")]
            Place::Sim(net, me) => net.withdraw(self.network.as_bytes(), *me),
        }
    }

    /// Somebody says that this node does not answer: if it has a file here, its lock tells at once whether it lives.
    pub(crate) fn doubt(&self, peer: PeerId) {
        if let Place::Files(files) = &self.place {
            lock(files).doubt(peer);
            self.look.notify_one();
        }
    }

    /// The task that looks for others, until the receiver is gone.
    pub(crate) fn watch(&self, met: mpsc::Sender<Met>) -> Option<BoxFuture<'static, ()>> {
        match &self.place {
            Place::Nowhere => None,
            Place::Files(files) => {
                Some(watch_files(files.clone(), self.network, self.look.clone(), met).boxed())
            }
            #[cfg(feature = "sim")]
            Place::Sim(net, me) => Some(watch_sim(net.clone(), self.network, *me, met).boxed()),
        }
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch_files(
    files: Arc<Mutex<Files>>,
    network: NetworkId,
    doubt: Arc<Notify>,
    met: mpsc::Sender<Met>,
) {
    let start = Instant::now();
    let (mut locks_at, mut all_at) = (start, start + ALL);
    let mut look = Look::Changes;
    loop {
        let now = Instant::now();
        if now >= all_at {
            (look, locks_at, all_at) = (Look::All, now + CALM, now + ALL);
        } else if now >= locks_at {
            (look, locks_at) = (Look::Locks, now + CALM);
        }
        let found = lock(&files).look(&network, look);
        for news in found {
            if met.send(news).await.is_err() {
                return;
            }
        }
        look = Look::Changes;
        let pause = if now.duration_since(start) < EAGER_FOR { now + EAGER } else { locks_at };
        tokio::select! {
            biased;
            () = met.closed() => return,
            () = doubt.notified() => {}
            () = tokio::time::sleep_until(pause) => {}
        }
    }
}

#[cfg(feature = "sim")]
async fn watch_sim(net: sim::Net, network: NetworkId, me: PeerId, met: mpsc::Sender<Met>) {
    let mut seen = 0;
    loop {
        let mut changed = std::pin::pin!(net.directory_changed());
        // From here on no change is missed.
        let _ = changed.as_mut().now_or_never();
        let (now, news) = net.published_since(network.as_bytes(), seen);
        seen = now;
        for (_, bytes) in news.into_iter().filter(|(peer, _)| *peer != me) {
            let signed = codec::decode::<Signed>(&bytes);
            let Ok(Ok(statement)) = signed.map(|signed| signed.verify(&network)) else { continue };
            if met.send(Met::Entry { statement, itself: false }).await.is_err() {
                return;
            }
        }
        tokio::select! {
            biased;
            () = met.closed() => return,
            () = changed => {}
        }
    }
}
