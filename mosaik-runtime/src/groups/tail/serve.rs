//! A member's task for one reader: sends what is committed as the reader takes it, parts of snapshots, and where the member stands.

use std::{sync::atomic::Ordering, time::Duration};

use futures::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval_at};

use super::{
    PART, READERS,
    core::cursor::{Breach, Cursor, Frame, Plan},
    pipe::{Pipe, Sender},
    wire::{Ask, Stand, Tell},
};
use crate::{
    groups::{
        client::read_index,
        instance::Instance,
        status::InstanceView,
        store::{LogReader, Snapshots, StoreError, record::ChunkHash},
        version::Era,
        wire::{ChunkAnswer, ChunkAsk, Why},
    },
    primitives::{
        PeerId,
        canary::{self, Canary},
    },
    transport::{Code, LinkError},
};

/// How often a member says where it stands, if nothing changes.
pub(super) const STANDS: Duration = Duration::from_secs(1);
/// A reader that is served and asks nothing. A lost connection is noticed long before.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// The reader is served no more.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Breach(#[from] Breach),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the log was cut, and there is no snapshot of what was in it")]
    NoSnapshot,
    #[error("two questions at once")]
    TwoQuestions,
}

/// Serves a reader until it leaves, is not admitted any more, or the group ends here.
pub(in crate::groups) async fn serve(instance: Instance, from: PeerId, pipe: Pipe) {
    let Pipe { sender, mut receiver, lease } = pipe;
    let Some(seat) = Seat::take(&instance) else {
        tracing::warn!(target: "mosaik::groups", group = instance.intent(), "{READERS} readers are served here: another one was turned away");
        return;
    };
    let (log, snapshots) = instance.kept();
    let mut serving = Serving {
        cursor: Cursor::default(),
        sender,
        log,
        snapshots,
        chunk: None,
        asked: None,
        stand: None,
        instance: instance.clone(),
    };
    let scope = instance.scope().clone();
    let ended = tokio::select! { biased;
        () = scope.stopping() => Ok(()),
        () = Pipe::revoked(lease.as_ref()) => {
            serving.sender.reset(Code::Refused);
            Ok(())
        }
        ended = serving.run(&mut receiver) => ended,
    };
    drop(seat);
    if let Err(error) = ended {
        let (peer, group) = (from.short(), instance.intent());
        match &error {
            Ended::Breach(Breach::Differs { .. }) | Ended::Store(_) | Ended::NoSnapshot => {
                tracing::error!(target: "mosaik::groups", %peer, group, "a reader is served no more: {error}");
            }
            _ => {
                tracing::debug!(target: "mosaik::groups", %peer, group, "a reader is served no more: {error}");
            }
        }
        if !matches!(error, Ended::Link(_)) {
            serving.sender.reset(Code::Malformed);
        }
    }
}

/// One of the readers that a member serves.
struct Seat(Instance);

impl Seat {
    fn take(instance: &Instance) -> Option<Self> {
        let taken = instance.readers().fetch_add(1, Ordering::AcqRel);
        let seat = Self(instance.clone());
        metrics::gauge!("mosaik_groups_readers").increment(1.0);
        (taken < READERS).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.readers().fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!("mosaik_groups_readers").decrement(1.0);
    }
}

type Asked = (u64, BoxFuture<'static, Option<u64>>);

struct Serving {
    cursor: Cursor,
    sender: Sender,
    log: LogReader,
    snapshots: Snapshots,
    /// The chunk that was read last.
    chunk: Option<(ChunkHash, bytes::Bytes)>,
    /// The question that is being answered.
    asked: Option<Asked>,
    /// Where the reader was told that this member stands.
    stand: Option<Stand>,
    instance: Instance,
}

impl Serving {
    async fn run(&mut self, receiver: &mut super::pipe::Receiver) -> Result<(), Ended> {
        let (mut applied, mut view) = (self.instance.reading().applied(), self.instance.view());
        let start = self.instance.clock().now() + STANDS;
        let mut stands = interval_at(start, STANDS);
        stands.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.say_stand(true).await?;
        loop {
            if self.instance.failure().is_some() {
                return Ok(());
            }
            let sent = self.go_on().await?;
            let ask = tokio::select! { biased;
                ask = receiver.recv::<Ask>(SILENCE) => ask?,
                (id, index) = answered(&mut self.asked) => {
                    self.asked = None;
                    let answer = index.ok_or(Why::NoQuorum);
                    self.sender.send(&Tell::ReadIndex { id, answer }).await?;
                    continue;
                }
                // What else is to be sent, after what was asked meanwhile.
                () = std::future::ready(()), if sent => continue,
                changed = applied.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
                changed = view.changed() => match changed {
                    Ok(()) => {
                        self.say_stand(false).await?;
                        continue;
                    }
                    Err(_) => return Ok(()),
                },
                _ = stands.tick() => {
                    self.say_stand(true).await?;
                    continue;
                }
            };
            match ask {
                Some((ask, _)) => self.hear(ask).await?,
                None => return Ok(()),
            }
        }
    }

    async fn hear(&mut self, ask: Ask) -> Result<(), Ended> {
        match ask {
            Ask::From { round, cluster, after, .. } => {
                if self.instance.running().is_none_or(|running| running.cluster != cluster) {
                    self.sender.send(&Tell::Refused(Why::OtherCluster)).await?;
                    return Ok(());
                }
                self.cursor.from(round, after)?;
            }
            Ask::Taken { round, bytes } => self.cursor.taken(round, bytes)?,
            Ask::Chunk(ChunkAsk::V1 { hash, offset, length }) => {
                let answer = self.part(hash, offset, length).await?;
                self.sender.send(&Tell::Chunk(answer)).await?;
            }
            Ask::ReadIndex { .. } if self.asked.is_some() => return Err(Ended::TwoQuestions),
            Ask::ReadIndex { id } => self.asked = Some((id, read_index(self.instance.clone()))),
        }
        Ok(())
    }

    /// Sends what can be sent; says whether it did.
    async fn go_on(&mut self) -> Result<bool, Ended> {
        let applied = self.instance.reading().applied().borrow().last;
        match self.cursor.plan(self.log.state()?.purged, applied) {
            Plan::Wait => Ok(false),
            Plan::Snapshot => {
                let manifest = self.snapshots.current().await?.ok_or(Ended::NoSnapshot)?;
                if let Some(round) = self.cursor.named_snapshot() {
                    self.sender.send(&Tell::Snapshot { round, manifest }).await?;
                    let group = self.instance.subject().intent.clone();
                    metrics::counter!("mosaik_groups_tail_snapshots_total", "group" => group).increment(1);
                }
                Ok(true)
            }
            Plan::Read { range, limit } => {
                let read = self.log.read(range, limit).await?;
                let before = self.cursor.clone();
                let Some(frame) = self.cursor.read(read)? else {
                    // A log that ends behind a snapshot that was just installed says a moment later that it does: nobody spins until then.
                    return Ok(self.cursor != before);
                };
                let body = self.encode(frame)?;
                if !self.cursor.fits(body.len()) {
                    // A large entry goes alone, once the reader has taken all that is on its way.
                    self.cursor = before;
                    return Ok(false);
                }
                self.cursor.sent(body.len());
                let group = self.instance.subject().intent.clone();
                metrics::counter!("mosaik_groups_tail_bytes_total", "group" => group)
                    .increment(body.len() as u64);
                self.sender.send_frame(body).await?;
                Ok(true)
            }
        }
    }

    fn encode(&self, frame: Frame) -> Result<Vec<u8>, Ended> {
        let Frame { round, before, entries } = frame;
        let (first, last) = (entries.first(), entries.last());
        let indices = first.map_or(0, |entry| entry.id.index)..last.map_or(0, |entry| entry.id.index + 1);
        let panicked = self.instance.reading().panicked(indices);
        let tell = Tell::Entries { round, before, entries, panicked };
        Ok(crate::primitives::codec::encode(&tell).map_err(LinkError::from)?)
    }

    async fn part(&mut self, hash: ChunkHash, offset: u32, length: u32) -> Result<ChunkAnswer, Ended> {
        if self.chunk.as_ref().is_none_or(|(held, _)| *held != hash) {
            self.chunk = self.snapshots.chunk(hash).await?.map(|chunk| (hash, chunk));
        }
        let Some((_, chunk)) = &self.chunk else { return Ok(ChunkAnswer::Missing) };
        let begin = (offset as usize).min(chunk.len());
        let end = begin.saturating_add((length as usize).min(PART)).min(chunk.len());
        let of = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let mut bytes = chunk.slice(begin..end);
        if canary::made(Canary::ChunkDamaged) && !self.instance.view().borrow().is_leader {
            bytes = vec![0; bytes.len()].into();
        }
        Ok(ChunkAnswer::Part { of, bytes })
    }

    /// Says where this member stands, if that has changed, or in any case.
    async fn say_stand(&mut self, in_any_case: bool) -> Result<(), Ended> {
        let stand = stand(&self.instance);
        let is_news = self.stand.as_ref().is_none_or(|told| {
            let told = (told.cluster, told.leader, told.online, told.fenced);
            told != (stand.cluster, stand.leader, stand.online, stand.fenced)
        });
        if is_news || in_any_case {
            self.stand = Some(stand.clone());
            self.sender.send(&Tell::Stand(stand)).await?;
        }
        Ok(())
    }
}

async fn answered(asked: &mut Option<Asked>) -> (u64, Option<u64>) {
    match asked {
        Some((id, answer)) => (*id, answer.await),
        None => std::future::pending().await,
    }
}

/// Where this node's member stands.
fn stand(instance: &Instance) -> Stand {
    let view = instance.view().borrow().clone();
    let applied = *instance.reading().applied().borrow();
    // What is applied must be of the birth that is named.
    let cluster = instance.running().map(|running| running.cluster);
    let cluster = cluster.filter(|cluster| applied.era == Era::of(cluster));
    let InstanceView { leader, fenced, .. } = &view;
    Stand {
        cluster,
        leader: leader.map(|leader| leader.peer),
        online: view.is_online(),
        fenced: *fenced,
        applied: applied.index().unwrap_or(0),
        extensions: Vec::new(),
    }
}
