//! One pull: looks what is here, asks members for the rest, verifies, installs.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{Install, LANES, MAX_CHUNK, PART, Progress, plan::Plan};
use crate::{
    groups::{
        bond::Bonds,
        store::{
            Snapshots, StoreError,
            record::{ChunkHash, Manifest, Vote},
        },
        wire::{ChannelKind, ChunkAnswer, ChunkAsk, GroupsProtocol, Why},
    },
    primitives::{PeerId, watch},
    transport::{Link, LinkError},
};

/// How long a member may take to give one part.
const GIVES: Duration = Duration::from_secs(5);
/// How often members that have come meanwhile are looked for.
const LOOK: Duration = Duration::from_secs(1);

struct Pulling {
    bonds: Bonds,
    snapshots: Snapshots,
    plan: Mutex<Plan>,
    /// Told when chunks are wanted again, or none is.
    changed: Notify,
    said: watch::Sender<Progress>,
}

/// Why a part did not come.
enum Failed {
    Missing,
    Lied,
    Lost,
}

impl From<LinkError> for Failed {
    fn from(_: LinkError) -> Self {
        Self::Lost
    }
}

/// Pulls all chunks that are not here, then installs.
pub(super) async fn run(
    bonds: Bonds,
    snapshots: Snapshots,
    leader: PeerId,
    manifest: Manifest,
    install: Arc<dyn Install>,
    said: watch::Sender<Progress>,
) {
    let pulling = Pulling { bonds, snapshots, plan: Mutex::default(), changed: Notify::new(), said };
    let ended = pulling.all(leader, manifest, install).await;
    if let Err(why) = &ended {
        tracing::warn!(target: "mosaik::groups", leader = %leader.short(), "a snapshot was not installed: {why}");
    }
    pulling.said.send_modify(|progress| progress.ended = Some(ended));
}

fn store(error: StoreError) -> Why {
    Why::Failed(error.to_string())
}

impl Pulling {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn all(&self, leader: PeerId, manifest: Manifest, install: Arc<dyn Install>) -> Result<Vote, Why> {
        let mut absent = Vec::new();
        self.snapshots.receive(&manifest.chunks);
        for chunk in &manifest.chunks {
            match self.snapshots.chunk(*chunk).await.map_err(store)? {
                // Kept until this snapshot is sealed.
                Some(bytes) => {
                    let size = bytes.len() as u64;
                    self.snapshots.put_pulled(bytes).await.map_err(store)?;
                    self.said.send_modify(|progress| progress.here += size);
                }
                None => absent.push(*chunk),
            }
        }
        *self.plan() = Plan::new(absent);
        self.pull(leader).await?;
        install.install(manifest).await
    }

    /// Pulls from the leader and all others that may have chunks, until everything is here or nobody has the rest.
    async fn pull(&self, leader: PeerId) -> Result<(), Why> {
        let mut lanes = FuturesUnordered::new();
        let mut used = BTreeSet::new();
        loop {
            for peer in self.members(leader) {
                if used.insert(peer) {
                    self.plan().opening(LANES);
                    (0..LANES).for_each(|_| lanes.push(self.lane(peer).boxed()));
                }
            }
            let changed = self.changed.notified();
            {
                let plan = self.plan();
                if plan.is_done() {
                    return Ok(());
                }
                if let Some(chunk) = plan.stuck() {
                    let why = format!("no member that can be reached gives chunk {chunk} of the snapshot");
                    return Err(Why::Failed(why));
                }
            }
            tokio::select! {
                biased;
                Some(()) = lanes.next() => {}
                () = changed => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Members that may have chunks, the leader first.
    fn members(&self, leader: PeerId) -> Vec<PeerId> {
        let mut members = vec![leader];
        let bonded = self.bonds.peers().into_iter().filter(|peer| *peer != leader);
        members.extend(
            bonded.filter(|peer| self.bonds.get(*peer).is_some_and(|bond| bond.hello().member.is_some())),
        );
        members
    }

    /// Asks one member for one chunk after the other over a channel of its own.
    async fn lane(&self, peer: PeerId) {
        let opened = match self.bonds.get(peer) {
            Some(bond) => timeout(GIVES, bond.channel(ChannelKind::Chunks)).await.ok().and_then(Result::ok),
            None => None,
        };
        self.plan().opened(peer, opened.is_some());
        self.changed.notify_waiters();
        let Some(mut link) = opened else { return };
        let unfinished = loop {
            let changed = self.changed.notified();
            let Some(chunk) = self.plan().next(&peer) else {
                if !self.plan().asks(&peer) {
                    break None;
                }
                // Another member's chunk may come back.
                changed.await;
                continue;
            };
            match self.chunk(&mut link, chunk).await {
                Ok(()) => self.plan().got(chunk),
                Err(Failed::Missing) => self.plan().lacks(peer, chunk),
                Err(Failed::Lied) => {
                    metrics::counter!("mosaik_groups_chunks_refused_total").increment(1);
                    tracing::warn!(target: "mosaik::groups", peer = %peer.short(), %chunk, "a chunk of a snapshot is not what its hash says: it is pulled from another member");
                    self.plan().lied(peer, chunk);
                }
                Err(Failed::Lost) => break Some(chunk),
            }
            self.changed.notify_waiters();
        };
        self.plan().closed(peer, unfinished);
        self.changed.notify_waiters();
    }

    /// Gets one chunk part by part, and keeps it if it is what its hash says.
    async fn chunk(&self, link: &mut Link<GroupsProtocol>, hash: ChunkHash) -> Result<(), Failed> {
        let mut chunk = BytesMut::new();
        loop {
            let offset = u32::try_from(chunk.len()).map_err(|_| Failed::Lied)?;
            link.send(&ChunkAsk::V1 { hash, offset, length: PART }).await?;
            let (of, bytes) = match link.recv::<ChunkAnswer>(GIVES).await? {
                Some(ChunkAnswer::Part { of, bytes }) => (of as usize, bytes),
                Some(ChunkAnswer::Missing) => return Err(Failed::Missing),
                None => return Err(Failed::Lost),
            };
            chunk.extend_from_slice(&bytes);
            if chunk.len() >= of {
                break;
            }
            if of > MAX_CHUNK || bytes.is_empty() {
                return Err(Failed::Lied);
            }
        }
        if chunk.len() > MAX_CHUNK || ChunkHash::of(&chunk) != hash {
            return Err(Failed::Lied);
        }
        let size = chunk.len() as u64;
        // A store that fails stops the node.
        self.snapshots.put_pulled(chunk.freeze()).await.map_err(|_| Failed::Lost)?;
        self.said.send_modify(|progress| progress.here += size);
        Ok(())
    }
}
