//! Entries on their way to one follower: many messages at a time over a channel, their answers in order.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::Stream;
use openraft::{
    OptionalSend,
    network::RPCTypes,
    raft::{AppendEntriesRequest, StreamAppendResult},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::{
    company::Requests,
    network::{RaftPeer, unreachable},
    translate,
    types::RaftTypes,
};
use crate::{
    groups::{
        MemberId,
        bond::{Bond, BondError},
        store::record::LogId,
        wire::{AppendAnswer, ChannelKind, GroupsProtocol},
    },
    primitives::{Clock, codec},
    transport::{LinkError, LinkReceiver, LinkSender},
};

/// Bytes of entries on their way to one follower.
const IN_FLIGHT: usize = 1 << 20;
/// Bytes a second of a line that is thin, but not dead. What is on its way gets as long as such a line takes for it.
const THIN: u64 = 16 << 10;
/// Longer than a leader is silent.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

type Failed = openraft::errors::RPCError<RaftTypes>;
type Answers<'s> = openraft::base::BoxStream<'s, Result<StreamAppendResult<RaftTypes>, Failed>>;

/// What was sent and is not answered.
#[derive(Default)]
struct Flight {
    sent: VecDeque<Sent>,
    bytes: usize,
    /// Since when the follower owes the next answer.
    owes: Option<Instant>,
}

struct Sent {
    bytes: usize,
    before: Option<LogId>,
}

struct Shared {
    clock: Clock,
    flight: Mutex<Flight>,
    /// Told at each answer.
    answered: Notify,
    /// Told when the follower begins to owe an answer.
    owing: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many bytes more may be on their way. A single message may be larger than the limit.
    async fn room(&self, bytes: usize) {
        loop {
            let answered = self.answered.notified();
            {
                let flight = self.lock();
                if flight.sent.is_empty() || flight.bytes + bytes <= IN_FLIGHT {
                    return;
                }
            }
            answered.await;
        }
    }

    /// When the follower has stalled, if it owes an answer: it gets `within` for that, beside the time on the line.
    fn stalls(&self, within: Duration) -> Option<Instant> {
        let flight = self.lock();
        let line = Duration::from_millis(flight.bytes as u64 * 1000 / THIN);
        flight.owes.map(|since| since + within + line)
    }

    fn sent(&self, sent: Sent) {
        let mut flight = self.lock();
        flight.bytes += sent.bytes;
        flight.sent.push_back(sent);
        if flight.owes.is_none() {
            flight.owes = Some(self.clock.now());
            self.owing.notify_one();
        }
    }

    fn answered(&self) -> Option<Sent> {
        let mut flight = self.lock();
        let sent = flight.sent.pop_front()?;
        flight.bytes -= sent.bytes;
        flight.owes = (!flight.sent.is_empty()).then(|| self.clock.now());
        self.answered.notify_one();
        Some(sent)
    }
}

/// Opens the channel; what comes back are the answers.
pub(super) async fn append<'s, S>(
    peer: &'s RaftPeer,
    bond: Bond,
    (from, to): (MemberId, MemberId),
    input: S,
    within: Duration,
) -> Result<Answers<'s>, Failed>
where
    S: Stream<Item = AppendEntriesRequest<RaftTypes>> + OptionalSend + Unpin + 'static,
{
    let opened = timeout(within, bond.channel(ChannelKind::Append { to, from })).await;
    let opened = opened.unwrap_or(Err(BondError::Deadline { within }));
    let link = opened.map_err(|error| peer.failed(RPCTypes::AppendEntries, &error))?;
    let (sender, receiver) = link.split();
    let shared = Arc::new(Shared {
        clock: peer.bonds.clock().clone(),
        flight: Mutex::default(),
        answered: Notify::new(),
        owing: Notify::new(),
    });
    let writing = Box::pin(write(sender, input, shared.clone()));
    let state = State { peer, bond, receiver, writing: Some(writing), shared, within };
    let answers = futures::stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        match state.next().await {
            Some(Ok(answer)) => {
                let goes_on = answer.is_ok();
                Some((Ok(answer), goes_on.then_some(state)))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    Ok(Box::pin(answers))
}

type Writing = Pin<Box<dyn Future<Output = Result<(), LinkError>> + Send>>;

struct State<'s> {
    peer: &'s RaftPeer,
    bond: Bond,
    receiver: LinkReceiver<GroupsProtocol>,
    writing: Option<Writing>,
    shared: Arc<Shared>,
    within: Duration,
}

async fn write<S>(
    mut sender: LinkSender<GroupsProtocol>,
    input: S,
    shared: Arc<Shared>,
) -> Result<(), LinkError>
where
    S: Stream<Item = AppendEntriesRequest<RaftTypes>> + OptionalSend + Unpin + 'static,
{
    let mut requests = Requests::new(input, shared.clock.clone());
    while let Some(request) = requests.next(|| !shared.lock().sent.is_empty()).await {
        let appended = translate::appended(request);
        let body = codec::encode(&appended)?;
        shared.room(body.len()).await;
        shared.sent(Sent { bytes: body.len(), before: appended.before });
        sender.send_frame(&body).await?;
    }
    sender.finish();
    Ok(())
}

impl State<'_> {
    /// The next answer; `None` when all that was to be sent is answered.
    async fn next(&mut self) -> Option<Result<StreamAppendResult<RaftTypes>, Failed>> {
        loop {
            if self.writing.is_none() && self.shared.lock().sent.is_empty() {
                return None;
            }
            let stalls = self.shared.stalls(self.within);
            let stalled = async {
                match stalls {
                    Some(at) => sleep_until(at).await,
                    None => self.shared.owing.notified().await,
                }
            };
            let written = async {
                match self.writing.as_mut() {
                    Some(writing) => writing.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.bond.ended() => return Some(Err(self.lost(BondError::Down))),
                answer = self.receiver.recv::<AppendAnswer>(SILENCE) => return Some(self.heard(answer)),
                written = written => {
                    self.writing = None;
                    if let Err(error) = written {
                        return Some(Err(self.lost(error.into())));
                    }
                }
                // What was sent meanwhile gets its time too.
                () = stalled => if stalls.is_some() && stalls >= self.shared.stalls(self.within) {
                    return Some(Err(self.lost(BondError::Deadline { within: self.within })));
                },
            }
        }
    }

    fn heard(
        &self,
        answer: Result<Option<AppendAnswer>, LinkError>,
    ) -> Result<StreamAppendResult<RaftTypes>, Failed> {
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(self.lost(BondError::Down)),
            Err(error) => return Err(self.lost(error.into())),
        };
        let before = self.shared.answered().and_then(|sent| sent.before);
        self.peer.heard(&answer, before);
        translate::raft_stream_answer(answer, before).map_err(|why| unreachable(&why))
    }

    fn lost(&self, error: BondError) -> Failed {
        self.peer.failed(RPCTypes::AppendEntries, &error)
    }
}
