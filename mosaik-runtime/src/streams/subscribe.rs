//! One attempt at a producer on another node: asks, reads, acknowledges, until it is over.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::BytesMut;
use tokio::time::sleep;

use super::{
    StreamsProtocol,
    core::{
        inbox::{Batch, Left},
        limits::{IN_FLIGHT, MAX_ITEM, READ},
        source::Source,
    },
    hub::Hub,
    inlet::Inlet,
    line::Line,
    serve::STEP,
    wire::{Ack, Blocks, End, Piece, Subscribe, Subscribed, Terms},
};
use crate::{
    admission::{Ask, Item, Lease},
    primitives::{BootId, PeerId, PeerRole},
    transport::{Code, LinkError, LinkReceiver, LinkSender},
};

/// The read buffer of a subscription at first.
const READ_AT_FIRST: usize = 16 * 1024;
/// After so many unacknowledged bytes an acknowledgement cannot wait. Each one takes the producer's connection away from sending.
const URGENT: u64 = IN_FLIGHT as u64 / 4;
/// How long an acknowledgement waits for company.
const GATHER: Duration = Duration::from_millis(2);
/// How long after the loss of the link a reader that waits for room may still take what had arrived. Then the node
/// subscribes again: its place at the producer is held for the lease alone.
const AFTER_LOSS: Duration = Duration::from_secs(1);

/// What became of one attempt.
pub(super) enum Outcome {
    /// It did not begin: why.
    NotBegun(String),
    /// It was up, and is over.
    Over(Left),
    /// It is not wanted any more.
    Done,
}

/// One attempt at a producer on another node.
pub(super) async fn remote(
    hub: &Hub,
    inlet: &Inlet,
    peer: PeerId,
    line: &Line,
    source: &mut Source,
) -> Outcome {
    let subject = &inlet.subject;
    let ask = Ask {
        item: Item::known(subject.item, &subject.intent),
        role: PeerRole::Consumes,
        schemas: inlet.schemas.clone(),
        shape: Some(subject.shape.clone()),
    };
    let asked = hub.admission.ask::<StreamsProtocol>(peer, ask, inlet.options.require.clone());
    let Some(asked) = inlet.scope.until_stop(asked).await else { return Outcome::Done };
    let admitted = match asked {
        Ok(admitted) => admitted,
        Err(error) => return Outcome::NotBegun(error.to_string()),
    };
    let Some(schema) = inlet.schemas.iter().position(|known| *known == admitted.fingerprint()) else {
        return Outcome::NotBegun("the agreed schema is none of ours".to_owned());
    };
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    let terms = match handshake(&mut sender, &mut receiver, source).await {
        Ok(terms) => terms,
        Err(why) => return Outcome::NotBegun(why),
    };
    inlet.begin(peer, line, source, &terms);
    let flow = Flow {
        inlet,
        lease: &lease,
        line,
        peer,
        epoch: terms.epoch,
        schema,
        read: AtomicU64::new(0),
        said: AtomicU64::new(0),
        received: AtomicU64::new(terms.next),
    };
    let left = tokio::select! {
        biased;
        () = inlet.scope.stopping() => None,
        () = line.leave.cancelled() => None,
        refusal = lease.revoked() => Some(Left::Refused(refusal.to_string())),
        why = line.spoils() => Some(Left::Malformed(why)),
        left = flow.acknowledge(&mut sender) => Some(left),
        left = flow.read(&mut receiver, terms.max_item as usize, source) => Some(left),
    };
    part(left.as_ref(), sender, receiver);
    inlet.end_of_line(peer, line, terms.epoch, left)
}

async fn handshake(
    sender: &mut LinkSender<StreamsProtocol>,
    receiver: &mut LinkReceiver<StreamsProtocol>,
    source: &Source,
) -> Result<Terms, String> {
    let subscribe = Subscribe::V1 { had: source.had(), extensions: Vec::new() };
    sender.send(&subscribe).await.map_err(|error| error.to_string())?;
    match receiver.recv::<Subscribed>(STEP).await {
        Ok(Some(Subscribed::V1(terms))) if terms.max_item as usize <= MAX_ITEM => Ok(terms),
        Ok(Some(Subscribed::V1(terms))) => Err(format!("items of {} bytes are over 16 MiB", terms.max_item)),
        Ok(Some(Subscribed::Full { limit })) => {
            Err(format!("the limit of {limit} is reached (`max_consumers`)"))
        }
        Ok(Some(Subscribed::Ended)) | Ok(None) => Err("the stream has ended there".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Says good-bye: a node that does not want the stream any more ends its half in order, and its place is given up.
fn part(
    left: Option<&Left>,
    mut sender: LinkSender<StreamsProtocol>,
    mut receiver: LinkReceiver<StreamsProtocol>,
) {
    let code = match left {
        None | Some(Left::Ended(_) | Left::Unwanted) => {
            sender.finish();
            Code::Done
        }
        Some(Left::Malformed(_)) => Code::Malformed,
        Some(Left::Refused(_)) => Code::Refused,
        Some(Left::Lost(_)) => Code::Abandoned,
    };
    if code != Code::Done {
        sender.reset(code);
    }
    receiver.stop(code);
}

impl Inlet {
    /// Tells consumers how it ended, unless nobody asks any more.
    pub(super) fn end_of_line(
        &self,
        peer: PeerId,
        line: &Line,
        epoch: BootId,
        left: Option<Left>,
    ) -> Outcome {
        let (note, outcome) = match left {
            Some(left) => (left.clone(), Outcome::Over(left)),
            None => (Left::Unwanted, Outcome::Done),
        };
        self.end(peer, line, epoch, note);
        outcome
    }
}

/// A subscription that is up.
struct Flow<'a> {
    inlet: &'a Inlet,
    lease: &'a Lease,
    line: &'a Line,
    peer: PeerId,
    epoch: BootId,
    schema: usize,
    /// Raw bytes read, and how many of them were acknowledged.
    read: AtomicU64,
    said: AtomicU64,
    received: AtomicU64,
}

impl Flow<'_> {
    async fn read(
        &self,
        receiver: &mut LinkReceiver<StreamsProtocol>,
        max_item: usize,
        source: &mut Source,
    ) -> Left {
        let (mut blocks, mut buffer, mut size) = (Blocks::new(max_item), BytesMut::new(), READ_AT_FIRST);
        loop {
            loop {
                match blocks.next_piece(&mut buffer) {
                    Ok(Some(Piece::End(end))) => return Left::Ended(end),
                    Ok(Some(piece)) => self.take(piece, source).await,
                    Ok(None) => break,
                    Err(malformed) => return Left::Malformed(malformed.to_string()),
                }
            }
            if buffer.capacity() - buffer.len() < size / 8 {
                buffer.reserve(size);
            }
            self.line.sets_aside(buffer.capacity(), max_item);
            let room = (buffer.capacity() - buffer.len()).min(READ);
            match receiver.read(&mut buffer, room).await {
                Ok(0) => return Left::Lost("the stream ended without its last block".to_owned()),
                Ok(read) => {
                    if read == room {
                        size = (size * 2).min(READ);
                    }
                    self.progress(read as u64);
                }
                Err(error) => return lost(error),
            }
        }
    }

    /// Counts what was read, and has it acknowledged at once when the producer may wait for that.
    fn progress(&self, read: u64) {
        let read = self.read.fetch_add(read, Ordering::Relaxed) + read;
        self.line.news.notify_one();
        if read - self.said.load(Ordering::Relaxed) >= URGENT {
            self.line.urgent.notify_one();
        }
    }

    async fn take(&self, piece: Piece, source: &mut Source) {
        let (first, count, bytes) = match piece {
            Piece::Items { first, count, bytes } => (first, count, bytes),
            Piece::Gap { first, count } => {
                let (_, before) = source.accept(first, 0);
                self.inlet.lose(self.peer, self.line, self.epoch, before);
                let next = source.had().map_or(first, |(_, next)| next);
                let end = first.saturating_add(count);
                let (_, lost) = source.accept(end.max(next), 0);
                self.inlet.lose(self.peer, self.line, self.epoch, lost);
                self.received.store(end, Ordering::Relaxed);
                self.line.news.notify_one();
                return;
            }
            Piece::End(_) => return,
        };
        // What came from somebody whose proof has ended is not delivered, however early it arrived.
        self.lease.sound().await;
        let batch = Batch { from: self.peer, epoch: self.epoch, schema: self.schema, first, count, bytes };
        self.inlet.put(self.line, source, batch).await;
        self.received.store(first + count, Ordering::Relaxed);
        self.line.news.notify_one();
    }

    /// Tells the producer how far this node is, in few words.
    async fn acknowledge(&self, sender: &mut LinkSender<StreamsProtocol>) -> Left {
        let mut said = (0, 0, 0);
        loop {
            tokio::select! {
                biased;
                () = self.line.news.notified() => {}
                error = link_lost(sender) => {
                    sleep(AFTER_LOSS).await;
                    return lost(error);
                }
            }
            tokio::select! {
                biased;
                () = self.line.urgent.notified() => {}
                () = sleep(GATHER) => {}
            }
            let consumed = self.inlet.inbox().consumed(&self.peer, self.epoch);
            let now = (self.read.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed), consumed);
            if now == said {
                continue;
            }
            self.said.store(now.0, Ordering::Relaxed);
            said = now;
            let (read, received, consumed) = now;
            match sender.send(&Ack::V1 { read, received, consumed }).await {
                Ok(()) => {}
                // The producer has said its last word: the reader will find it.
                Err(LinkError::Stopped(_)) => std::future::pending().await,
                Err(error) => return lost(error),
            }
        }
    }
}

/// Waits until the link is lost. A reader that waits for room in the inbox does not notice.
async fn link_lost(sender: &LinkSender<StreamsProtocol>) -> LinkError {
    match sender.stopped().await {
        Err(error) => error,
        // The producer takes no more acknowledgements: it has said its last word, and the reader will find it.
        Ok(_) => std::future::pending().await,
    }
}

fn lost(error: LinkError) -> Left {
    match error {
        LinkError::Reset(Code::TooSlow) => Left::Ended(End::TooSlow),
        LinkError::Reset(Code::OutOfPatience) => Left::Ended(End::OutOfPatience),
        LinkError::Reset(Code::Refused) => {
            Left::Refused("the producer's node no longer admits this one".to_owned())
        }
        error => Left::Lost(error.to_string()),
    }
}
