//! Ways to members that give chunks of a snapshot, beside the way to the member that is read from. Each has a task of its own, which lives
//! as long as it is of use.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{sync::mpsc, time::sleep_until};

use super::{
    core::{event::Help, pull::PARTS},
    dial::NoWay,
    driver::SILENCE,
    pipe::Pipe,
    reader::Reader,
    wire::{Ask, Tell},
};
use crate::{
    groups::wire::ChunkAsk,
    primitives::{Clock, PeerId},
    transport::Code,
};

/// How long a member may take to give one part.
const GIVES: Duration = Duration::from_secs(5);

/// What comes of a member, in which life of the way to it.
type Came = (PeerId, u64, Help, usize);

/// The ways that there are.
pub(super) struct Helpers {
    open: BTreeMap<PeerId, (u64, mpsc::Sender<ChunkAsk>)>,
    lives: u64,
    tell: mpsc::Sender<Came>,
    told: mpsc::Receiver<Came>,
}

impl Helpers {
    pub(super) fn new() -> Self {
        let (tell, told) = mpsc::channel(PARTS);
        Self { open: BTreeMap::new(), lives: 0, tell, told }
    }

    /// Finds a way to a member.
    pub(super) fn dial(
        &mut self,
        reader: &Reader,
        peer: PeerId,
        dialling: BoxFuture<'static, Result<Pipe, NoWay>>,
    ) {
        self.lives += 1;
        // The core asks for no more parts at a time than fit.
        let (asks, asked) = mpsc::channel(PARTS);
        self.open.insert(peer, (self.lives, asks));
        let (group, clock) = (reader.name().clone(), reader.clock().clone());
        let way = Way { peer, life: self.lives, tell: self.tell.clone(), group, clock };
        reader.scope().spawn("group reader's help", way.live(dialling, asked));
    }

    /// Asks a member for a part. When the way is gone, that is on its way here.
    pub(super) fn ask(&mut self, peer: PeerId, ask: ChunkAsk) {
        if let Some((_, asks)) = self.open.get(&peer) {
            _ = asks.try_send(ask);
        }
    }

    /// Lets a way go: its task ends.
    pub(super) fn end(&mut self, peer: PeerId) {
        self.open.remove(&peer);
    }

    /// What comes next, and how many bytes it had. Cancel-safe.
    pub(super) async fn next(&mut self) -> (PeerId, Help, usize) {
        loop {
            match self.told.recv().await {
                Some((peer, life, help, bytes))
                    if self.open.get(&peer).is_some_and(|(now, _)| *now == life) =>
                {
                    return (peer, help, bytes);
                }
                Some(_) => {}
                // `tell` is here.
                None => std::future::pending().await,
            }
        }
    }
}

/// One way.
struct Way {
    peer: PeerId,
    life: u64,
    tell: mpsc::Sender<Came>,
    group: Arc<str>,
    clock: Clock,
}

impl Way {
    async fn live(
        self,
        dialling: BoxFuture<'static, Result<Pipe, NoWay>>,
        mut asked: mpsc::Receiver<ChunkAsk>,
    ) {
        let dialled = tokio::select! { biased;
            // Nothing is asked before there is a way: it is not wanted any more.
            _ = asked.recv() => return,
            dialled = dialling => dialled,
        };
        let ended = match dialled {
            Ok(pipe) => {
                self.tells(Help::Opened, 0).await;
                self.gives(pipe, &mut asked).await
            }
            Err(NoWay { why, .. }) => Some(why.to_string()),
        };
        if let Some(why) = ended {
            let (group, peer) = (&*self.group, self.peer.short());
            tracing::debug!(target: "mosaik::groups", group, %peer, "a member does not help with a snapshot: {why}");
            self.tells(Help::Lost, 0).await;
        }
    }

    async fn tells(&self, help: Help, bytes: usize) {
        // The reader may have ended.
        _ = self.tell.send((self.peer, self.life, help, bytes)).await;
    }

    /// Asks and tells until the way is not wanted any more, or why it is gone.
    async fn gives(&self, pipe: Pipe, asked: &mut mpsc::Receiver<ChunkAsk>) -> Option<String> {
        let Pipe { mut sender, mut receiver, lease } = pipe;
        let (mut due, mut late) = (0_usize, self.clock.now());
        loop {
            tokio::select! { biased;
                () = Pipe::revoked(lease.as_ref()) => return Some("it is not admitted any more".to_owned()),
                ask = asked.recv() => {
                    let Some(ask) = ask else {
                        sender.reset(Code::Done);
                        return None;
                    };
                    if let Err(error) = sender.send(&Ask::Chunk(ask)).await {
                        return Some(error.to_string());
                    }
                    if due == 0 {
                        late = self.clock.now() + GIVES;
                    }
                    due += 1;
                }
                told = receiver.recv::<Tell>(SILENCE) => match told {
                    Ok(Some((Tell::Chunk(answer), bytes))) => {
                        due = due.saturating_sub(1);
                        late = self.clock.now() + GIVES;
                        self.tells(Help::Told(answer), bytes).await;
                    }
                    // Where it stands: that it is there.
                    Ok(Some(_)) => {}
                    Ok(None) => return Some("it ended the link".to_owned()),
                    Err(error) => return Some(error.to_string()),
                },
                () = sleep_until(late), if due > 0 => {
                    return Some(format!("it gave no part within {GIVES:?}"));
                }
            }
        }
    }
}
