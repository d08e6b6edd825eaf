//! Serves one subscription of a peer: a task that takes runs from the ring and writes them to the link.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    StreamsProtocol,
    core::{
        cursor::Cut,
        subscribe::{AttachError, Attached, Take},
    },
    hub::Hub,
    outlet::{Outlet, Wake},
    wire::{self, Ack, End, Subscribe, Subscribed},
};
use crate::{
    admission::{Ask, Gate, Lease, Refusal},
    primitives::{PeerId, PeerRole},
    transport::{Code, Link, LinkError, LinkReceiver, LinkSender},
};

/// How long one step of the handshake may take.
pub(super) const STEP: Duration = Duration::from_secs(5);
/// How long the last block may take to be written, and the peer to read all that came before it.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a silent peer is waited for; the transport notices a lost link long before.
pub(super) const SILENCE: Duration = Duration::from_secs(24 * 3600);

type Sender = LinkSender<StreamsProtocol>;
type Receiver = LinkReceiver<StreamsProtocol>;

/// How a subscription ended. What it holds is for the log.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
enum Over {
    /// The peer does not want it any more.
    Left,
    /// The link broke.
    Lost(LinkError),
    /// Everything was written and the stream has ended here.
    Ended,
    /// The ring ended it.
    Cut(Cut),
    /// Another link took its place.
    Superseded,
    /// The peer is no longer admitted.
    Revoked(Refusal),
}

/// Answers a link from a peer: admission, the subscription's handshake, then items until it is over.
pub(super) async fn answer(hub: Arc<Hub>, link: Link<StreamsProtocol>) {
    let peer = link.peer();
    let Ok((ask, admitted)) = hub.admission.answer(link, |ask| gate(&hub, ask)).await else { return };
    let Some(outlet) = hub.outlet(&ask.item.id) else { return };
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    let wake = Wake::default();
    let attached = match handshake(&outlet, peer, &mut sender, &mut receiver, wake.clone()).await {
        Ok(Some(attached)) => attached.attachment,
        Ok(None) => return,
        Err(error) => {
            return tracing::debug!(target: "mosaik::streams", peer = %peer.short(), "no subscription: {error}");
        }
    };
    let service = Service { outlet: &outlet, peer, attachment: attached, wake: &wake };
    let over = service.run(&mut sender, &mut receiver, &lease).await;
    tracing::debug!(target: "mosaik::streams", peer = %peer.short(), stream = outlet.subject.intent, "a subscription is over: {over:?}");
    let (gone, ended) = (matches!(over, Over::Left | Over::Revoked(_)), matches!(over, Over::Ended));
    let end = if hub.is_stopped() { End::Stopping } else { End::Dropped };
    part(over, end, sender, receiver).await;
    // A stream that was produced again while its end was told holds the new items for the peer's return.
    outlet.detach(&peer, attached, gone || ended && !outlet.has_handles());
}

fn gate(hub: &Hub, ask: &Ask) -> Result<Gate, Refusal> {
    if hub.is_stopped() {
        return Err(Refusal::Stopping);
    }
    let outlet = (ask.role == PeerRole::Consumes).then(|| hub.outlet(&ask.item.id)).flatten();
    let outlet = outlet.filter(|outlet| outlet.has_handles()).ok_or(Refusal::NoSuchItem)?;
    let (policy, subject) = (outlet.options().require, &outlet.subject);
    let name = subject.intent.as_str().into();
    Ok(Gate { name, policy, schema: subject.schema, shape: subject.shape.clone() })
}

async fn handshake(
    outlet: &Outlet,
    peer: PeerId,
    sender: &mut Sender,
    receiver: &mut Receiver,
    wake: Wake,
) -> Result<Option<Attached>, LinkError> {
    let Some(Subscribe::V1 { had, .. }) = receiver.recv(STEP).await? else { return Ok(None) };
    let answer = match outlet.attach(peer, had, wake) {
        Ok(attached) => {
            let terms = outlet.terms(attached.next);
            let sent = sender.send(&Subscribed::V1(terms)).await;
            if sent.is_err() {
                outlet.detach(&peer, attached.attachment, false);
            }
            return sent.map(|()| Some(attached));
        }
        Err(AttachError::Full { limit }) => {
            Subscribed::Full { limit: u32::try_from(limit).unwrap_or(u32::MAX) }
        }
        Err(AttachError::Closed) => Subscribed::Ended,
    };
    sender.send(&answer).await?;
    sender.finish();
    Ok(None)
}

struct Service<'a> {
    outlet: &'a Outlet,
    peer: PeerId,
    attachment: u64,
    wake: &'a Wake,
}

impl Service<'_> {
    /// Writes and listens at once, until one of the many ends comes.
    async fn run(&self, sender: &mut Sender, receiver: &mut Receiver, lease: &Lease) -> Over {
        tokio::select! {
            biased;
            refusal = lease.revoked() => Over::Revoked(refusal),
            () = self.wake.cut.cancelled() => self.cut(),
            over = self.listen(receiver) => over,
            over = self.write(sender) => over,
        }
    }

    /// Why the ring ended it.
    fn cut(&self) -> Over {
        match self.outlet.ring().take(&self.peer, self.attachment) {
            Take::Cut(reason) => Over::Cut(reason),
            _ => Over::Superseded,
        }
    }

    async fn listen(&self, receiver: &mut Receiver) -> Over {
        loop {
            match receiver.recv::<Ack>(SILENCE).await {
                Ok(Some(Ack::V1 { read, received, consumed })) => {
                    self.outlet.acknowledge(&self.peer, self.attachment, (read, received, consumed));
                }
                Ok(None) => return Over::Left,
                Err(LinkError::Deadline { .. }) => {}
                Err(error) => return Over::Lost(error),
            }
        }
    }

    async fn write(&self, sender: &mut Sender) -> Over {
        let items = self.outlet.counter("mosaik_streams_items_sent_total");
        let bytes = self.outlet.counter("mosaik_streams_bytes_sent_total");
        loop {
            let taken = self.outlet.ring().take(&self.peer, self.attachment);
            let written = match taken {
                Take::Run(run) => {
                    self.outlet.after_take();
                    sleep_if(self.outlet.pace(run.len())).await;
                    items.increment(run.count());
                    bytes.increment(run.len() as u64);
                    let head = wire::run_head(run.len(), run.first.seq, run.count());
                    let mut chunks: Vec<_> = std::iter::once(head)
                        .chain(run.chunks.into_iter().map(|chunk| chunk.bytes))
                        .collect();
                    sender.write_chunks(&mut chunks).await
                }
                Take::Gap { first, count } => sender.write_chunks(&mut [wire::gap(first, count)]).await,
                Take::Wait => {
                    self.wake.items.notified().await;
                    continue;
                }
                Take::End => return Over::Ended,
                Take::Cut(reason) => return Over::Cut(reason),
                Take::Superseded => return Over::Superseded,
            };
            match written {
                Ok(()) => self.outlet.wrote(&self.peer, self.attachment),
                Err(LinkError::Stopped(Code::Done)) => return Over::Left,
                Err(error) => return Over::Lost(error),
            }
        }
    }
}

async fn sleep_if(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// Tells the peer why it is over, as far as the link still carries words.
async fn part(over: Over, end: End, mut sender: Sender, mut receiver: Receiver) {
    match over {
        Over::Ended => {
            let last = async {
                if sender.write_chunks(&mut [wire::end(end)]).await.is_ok() {
                    sender.finish();
                    // All of it has arrived, or the peer is gone.
                    let _ = sender.stopped().await;
                }
            };
            let _ = timeout(LAST_WORDS, last).await;
        }
        Over::Cut(_) => sender.reset(Code::TooSlow),
        Over::Revoked(_) => sender.reset(Code::Refused),
        Over::Superseded => sender.reset(Code::Superseded),
        Over::Left | Over::Lost(_) => sender.reset(Code::Done),
    }
    receiver.stop(Code::Done);
}
