//! Serves one subscription of a peer: a task that takes runs from the ring and writes them to the link.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{
    StreamsProtocol,
    core::{
        chunks::Chunk,
        cursor::{Cut, Parting},
        subscribe::{AttachError, Take},
    },
    hub::Hub,
    outlet::{Outlet, Seat, Wake},
    wire::{self, Ack, End, Subscribe, Subscribed},
};
use crate::{
    admission::{Ask, Gate, Lease, Refusal},
    primitives::{PeerId, PeerRole},
    transport::{Code, Link, LinkError, LinkReceiver, LinkSender},
};

/// How long one step of the handshake may take.
pub(super) const STEP: Duration = Duration::from_secs(5);
/// How long a silent peer is waited for; the transport notices a lost link long before.
pub(super) const SILENCE: Duration = Duration::from_secs(24 * 3600);

type Sender = LinkSender<StreamsProtocol>;
type Receiver = LinkReceiver<StreamsProtocol>;

/// How a subscription ended. What it holds is for the log.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
enum Over {
    /// The peer does not want it any more, or has read to its end.
    Left,
    /// The link broke.
    Lost(LinkError),
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
    let Ok((ask, admitted)) = hub.admission.answer(link, |ask| gate(&hub, ask, &peer)).await else { return };
    // While it was decided the stream may have ended here, or begun again as another type.
    let agreed = admitted.fingerprint();
    let outlet = hub.outlet(&ask.item.id).filter(|outlet| outlet.subject.schema == agreed);
    let Some(outlet) = outlet else { return };
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    let wake = Wake::default();
    let mut seat = match handshake(&outlet, peer, &mut sender, &mut receiver, wake.clone()).await {
        Ok(Some(seat)) => seat,
        Ok(None) => return,
        Err(error) => {
            return tracing::debug!(target: "mosaik::streams", peer = %peer.short(), "no subscription: {error}");
        }
    };
    let service = Service {
        hub: &hub,
        outlet: &outlet,
        peer,
        attachment: seat.attachment,
        wake: &wake,
        told_end: AtomicBool::new(false),
    };
    let over = service.run(&mut sender, &mut receiver, &lease).await;
    tracing::debug!(target: "mosaik::streams", peer = %peer.short(), stream = outlet.subject.intent, "a subscription is over: {over:?}");
    seat.parting = match over {
        // A peer that was told the end and then says good-bye has read all of it.
        Over::Left if service.told_end.into_inner() => Parting::Ended,
        Over::Left => Parting::Left,
        Over::Revoked(_) => Parting::Refused,
        Over::Lost(_) | Over::Cut(_) | Over::Superseded => Parting::Lost,
    };
    drop(seat);
    part(&over, sender, receiver);
}

fn gate(hub: &Hub, ask: &Ask, peer: &PeerId) -> Result<Gate, Refusal> {
    if hub.is_stopped() {
        return Err(Refusal::Stopping);
    }
    let outlet = (ask.role == PeerRole::Consumes).then(|| hub.outlet(&ask.item.id)).flatten();
    let outlet = outlet.filter(|outlet| outlet.serves(peer)).ok_or(Refusal::NoSuchItem)?;
    let (policy, subject) = (outlet.options().require, &outlet.subject);
    let name = subject.intent.as_str().into();
    Ok(Gate { name, policy, schema: subject.schema, shape: subject.shape.clone() })
}

async fn handshake<'a>(
    outlet: &'a Outlet,
    peer: PeerId,
    sender: &mut Sender,
    receiver: &mut Receiver,
    wake: Wake,
) -> Result<Option<Seat<'a>>, LinkError> {
    let Some(Subscribe::V1 { had, .. }) = receiver.recv(STEP).await? else { return Ok(None) };
    let answer = match outlet.attach(peer, had, wake) {
        Ok(attached) => {
            let seat = Seat::new(outlet, peer, &attached);
            sender.send(&Subscribed::V1(outlet.terms(attached.next))).await?;
            return Ok(Some(seat));
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
    hub: &'a Hub,
    outlet: &'a Outlet,
    peer: PeerId,
    attachment: u64,
    wake: &'a Wake,
    /// Everything was written, and that the stream has ended here.
    told_end: AtomicBool,
}

impl Service<'_> {
    /// Writes and listens at once, until one of the many ends comes.
    async fn run(&self, sender: &mut Sender, receiver: &mut Receiver, lease: &Lease) -> Over {
        tokio::select! {
            biased;
            refusal = lease.revoked() => Over::Revoked(refusal),
            () = self.wake.cut.cancelled() => self.cut(),
            over = self.listen(receiver) => over,
            over = self.write(sender, lease) => over,
        }
    }

    /// Why the ring ended it.
    fn cut(&self) -> Over {
        match self.outlet.ring().take(&self.peer, self.attachment) {
            Take::Cut(reason) => Over::Cut(reason),
            _ => Over::Superseded,
        }
    }

    /// The last block.
    async fn tell_end(&self, sender: &mut Sender) -> Result<(), LinkError> {
        let end = if self.hub.is_stopped() { End::Stopping } else { End::Dropped };
        sender.write_chunks(&mut [wire::end(end)]).await?;
        self.told_end.store(true, Ordering::Relaxed);
        sender.finish();
        Ok(())
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

    async fn write(&self, sender: &mut Sender, lease: &Lease) -> Over {
        let items = self.outlet.counter("mosaik_streams_items_sent_total");
        let bytes = self.outlet.counter("mosaik_streams_bytes_sent_total");
        loop {
            let taken = self.outlet.ring().take(&self.peer, self.attachment);
            let written = match taken {
                Take::Run(run) => {
                    self.outlet.after_take();
                    sleep_if(self.outlet.pace(run.len())).await;
                    lease.sound().await;
                    items.increment(run.count());
                    bytes.increment(run.len() as u64);
                    let head = wire::run_head(run.len(), run.first.seq, run.count());
                    let mut chunks: Vec<_> = std::iter::once(head)
                        .chain(run.chunks.into_iter().flat_map(Chunk::into_pieces))
                        .collect();
                    sender.write_chunks(&mut chunks).await
                }
                Take::Gap { first, count } => sender.write_chunks(&mut [wire::gap(first, count)]).await,
                Take::Wait => {
                    self.wake.items.notified().await;
                    continue;
                }
                Take::End => match self.tell_end(sender).await {
                    // The reader's good-bye, or the loss of the link, comes to the listening side.
                    Ok(()) => std::future::pending().await,
                    told => told,
                },
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

/// Waits, unless there is nothing to wait for.
async fn sleep_if(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// Tells the peer why it is over, as far as the link still carries words.
fn part(over: &Over, mut sender: Sender, mut receiver: Receiver) {
    let code = match over {
        Over::Cut(Cut::OutOfPatience) => Code::OutOfPatience,
        Over::Cut(_) => Code::TooSlow,
        Over::Revoked(_) => Code::Refused,
        Over::Superseded => Code::Superseded,
        Over::Left | Over::Lost(_) => Code::Done,
    };
    sender.reset(code);
    receiver.stop(Code::Done);
}
