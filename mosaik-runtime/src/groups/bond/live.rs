//! One bond while it stands: its task, its questions, its channels.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    Bonds,
    event::{BondError, BondEvent},
    handshake::checked,
};
use crate::{
    admission::Lease,
    groups::{
        timing::Timing,
        wire::{
            BirthMessage, CHANNEL, CONTROL_PRIORITY, ChannelKind, Control, GroupsProtocol, Hello, Open,
            Request, Response, Why, unknown_question,
        },
    },
    primitives::{BootId, PeerId, Scope, codec, watch},
    transport::{Code, Guard, Link, LinkError, LinkReceiver, LinkSender, SessionId},
};

/// Control frames that wait to be written. A peer that does not take them is cut.
const OUTBOX: usize = 1024;
/// Questions of one peer that are being answered at a time.
const ANSWERS: usize = 256;
/// How long a silent peer is waited for; the transport notices a lost connection long before.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// A bond with one peer. Clones are the same bond.
#[derive(Clone)]
pub struct Bond(Arc<Inner>);

struct Inner {
    peer: PeerId,
    boot: BootId,
    session: SessionId,
    by_lower: bool,
    hello: Mutex<Hello>,
    timing: Timing,
    /// Boxed: a queue sets room aside for a few dozen of what it holds.
    outbox: mpsc::Sender<Box<Control>>,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Response>>>,
    next: AtomicU64,
    /// What passes over the bond or a channel waits until the peer's proofs were looked at.
    guard: Option<Arc<dyn Guard>>,
    /// Tasks of its channels live here; asked to stop when the bond is to end.
    scope: Scope,
    over: watch::Sender<bool>,
    /// Whether its end was told, or nothing was ever told of it.
    told: watch::Sender<bool>,
    bonds: Bonds,
}

/// What a bond is made of.
pub(super) struct Parts {
    pub(super) hello: Hello,
    pub(super) timing: Timing,
    pub(super) sender: LinkSender<GroupsProtocol>,
    pub(super) receiver: LinkReceiver<GroupsProtocol>,
    pub(super) lease: Lease,
    /// This side began it.
    pub(super) dialled: bool,
}

/// What the task of a bond has.
pub(super) struct Task {
    bond: Bond,
    sender: LinkSender<GroupsProtocol>,
    receiver: LinkReceiver<GroupsProtocol>,
    lease: Lease,
    inbox: mpsc::Receiver<Box<Control>>,
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bond({} of {})", self.0.peer.short(), self.0.bonds.0.name)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bond {
    pub(super) fn new(bonds: &Bonds, parts: Parts) -> (Self, Task) {
        let Parts { hello, timing, mut sender, mut receiver, lease, dialled } = parts;
        let (peer, boot, session) = (sender.peer(), sender.boot(), sender.session());
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        receiver.limit_frames(usize::MAX);
        let guard = lease.guard();
        sender.guard(guard.clone());
        receiver.guard(guard.clone());
        sender.set_priority(CONTROL_PRIORITY);
        let bond = Self(Arc::new(Inner {
            peer,
            boot,
            session,
            by_lower: dialled == (bonds.me() < peer),
            hello: Mutex::new(hello),
            timing,
            outbox,
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
            guard,
            scope: bonds.0.scope.child(),
            over: watch::Sender::new(false),
            told: watch::Sender::new(false),
            bonds: bonds.clone(),
        }));
        let task = Task { bond: bond.clone(), sender, receiver, lease, inbox };
        (bond, task)
    }

    /// The other side.
    pub fn peer(&self) -> PeerId {
        self.0.peer
    }

    /// The other side's process.
    pub fn boot(&self) -> BootId {
        self.0.boot
    }

    /// The connection that it was proved on.
    pub fn session(&self) -> SessionId {
        self.0.session
    }

    /// Where the peer stands, as it said last.
    pub fn hello(&self) -> Hello {
        *lock(&self.0.hello)
    }

    /// Which round trip the group stands, as the peer has declared it.
    pub fn timing(&self) -> Timing {
        self.0.timing
    }

    pub(super) fn by_lower(&self) -> bool {
        self.0.by_lower
    }

    /// Whether both are the same bond.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Ends the bond.
    pub fn close(&self) {
        self.0.scope.stop();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.0.scope.is_stopping()
    }

    /// Waits until the bond is over. Cancel-safe.
    pub async fn ended(&self) {
        let _ = self.0.over.subscribe().wait_for(|over| *over).await;
    }

    /// Waits until nothing more is told of the bond.
    async fn told(&self) {
        let _ = self.0.told.subscribe().wait_for(|told| *told).await;
    }

    /// Sends something to the peer's birth, without an answer.
    ///
    /// # Errors
    ///
    /// When the bond is over, or more is waiting than it holds.
    pub fn tell(&self, message: BirthMessage) -> Result<(), BondError> {
        self.push(Control::Tell(message))
    }

    /// Asks the peer something.
    ///
    /// # Errors
    ///
    /// When the bond ends or nothing comes within the time.
    pub async fn call(&self, request: Request, within: Duration) -> Result<Response, BondError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.0.waiting).insert(id, answer);
        let _asked = Asked { bond: self, id };
        self.push(Control::Request { id, request })?;
        if *self.0.over.borrow() {
            return Err(BondError::Down);
        }
        match timeout(within, answered).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(BondError::Down),
            Err(_) => Err(BondError::Deadline { within }),
        }
    }

    /// Opens a channel. The peer ends it when the bond is over; whoever holds it here should stop then too, see [`ended`](Self::ended).
    ///
    /// # Errors
    ///
    /// When the bond is over, or no stream can be opened.
    pub async fn channel(&self, kind: ChannelKind) -> Result<Link<GroupsProtocol>, BondError> {
        if self.is_closing() {
            return Err(BondError::Down);
        }
        let mut link = self.0.bonds.0.transport.link::<GroupsProtocol>(self.0.peer).await?;
        if link.session() != self.0.session {
            // Another connection has taken the place of this one: the key has to be proved on it.
            link.close(Code::Done);
            self.close();
            return Err(BondError::Down);
        }
        let open = Open::V1 { group: self.0.bonds.0.group, channel: kind, extensions: Vec::new() };
        let mut frame = vec![CHANNEL];
        frame.extend(codec::encode(&open).map_err(LinkError::from)?);
        link.set_priority(kind.priority());
        link.guard(self.0.guard.clone());
        link.send_frame(&frame).await?;
        Ok(link)
    }

    /// Takes a channel that the peer opened.
    pub(super) fn serve(&self, kind: ChannelKind, mut link: Link<GroupsProtocol>) {
        link.set_priority(kind.priority());
        link.guard(self.0.guard.clone());
        let served = self.0.bonds.0.server.channel(self.0.peer, kind, link);
        self.0.scope.spawn("groups channel", served);
    }

    /// Puts a frame behind those that wait to be written.
    fn push(&self, frame: Control) -> Result<(), BondError> {
        self.0.outbox.try_send(Box::new(frame)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => BondError::Busy,
            mpsc::error::TrySendError::Closed(_) => BondError::Down,
        })
    }
}

/// A question that waits for its answer.
struct Asked<'a> {
    bond: &'a Bond,
    id: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        lock(&self.bond.0.waiting).remove(&self.id);
    }
}

/// How a bond ended. What it holds is for the log.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug alone")]
enum Over {
    /// The peer ended it.
    Left,
    /// The link broke.
    Lost(LinkError),
    /// This side ends it.
    Closed,
    /// The peer is not admitted any more.
    Revoked(crate::admission::Refusal),
    /// The peer takes nothing.
    Stuck,
}

impl Task {
    /// Runs the bond to its end; it is placed already.
    pub(super) async fn run(self) {
        let Self { bond, mut sender, mut receiver, lease, mut inbox } = self;
        let bonds = bond.0.bonds.clone();
        let hello = bonds.0.hello.subscribe();
        let up = bonds.0.scope.caught("groups bond", async {
            tokio::select! {
                biased;
                () = bond.0.scope.stopping() => Over::Closed,
                refusal = lease.revoked() => Over::Revoked(refusal),
                over = write(&mut sender, &mut inbox, hello) => over,
                over = read(&bond, &mut receiver) => over,
            }
        });
        let over = up.await.unwrap_or(Over::Closed);
        tracing::debug!(target: "mosaik::groups", peer = %bond.peer().short(), group = &*bonds.0.name, "a bond is over: {over:?}");
        match over {
            Over::Left | Over::Closed => sender.finish(),
            Over::Revoked(_) => sender.reset(Code::Refused),
            Over::Lost(LinkError::Malformed(_)) => sender.reset(Code::Malformed),
            Over::Stuck | Over::Lost(_) => sender.reset(Code::TooSlow),
        }
        drop((sender, receiver, inbox));
        bond.end();
    }
}

impl Bond {
    /// Nothing works over it any more.
    fn end(&self) {
        self.0.scope.kill();
        self.0.over.send_replace(true);
        lock(&self.0.waiting).clear();
    }
}

/// Writes what waits, and where this node stands whenever that changes.
async fn write(
    sender: &mut LinkSender<GroupsProtocol>,
    inbox: &mut mpsc::Receiver<Box<Control>>,
    mut hello: watch::Receiver<Hello>,
) -> Over {
    // It may have changed since the handshake.
    hello.mark_changed();
    loop {
        let frame = tokio::select! {
            biased;
            frame = inbox.recv() => frame,
            Ok(()) = hello.changed() => {
                let hello = *hello.borrow_and_update();
                Some(Box::new(Control::Hello { hello, extensions: Vec::new() }))
            }
        };
        let Some(frame) = frame else { return Over::Closed };
        if let Err(error) = sender.send(&*frame).await {
            return Over::Lost(error);
        }
    }
}

/// What a peer said; or the number of a question that only later versions know.
type Heard = Result<Control, u64>;

/// The next frame. Cancel-safe.
async fn next(receiver: &mut LinkReceiver<GroupsProtocol>) -> Result<Option<Heard>, LinkError> {
    let Some(frame) = receiver.recv_frame(SILENCE).await? else { return Ok(None) };
    match codec::decode::<Control>(&frame) {
        Ok(control) => Ok(Some(Ok(control))),
        Err(error) => match unknown_question(&frame) {
            Some(id) => Ok(Some(Err(id))),
            None => {
                receiver.stop(Code::Malformed);
                Err(LinkError::Malformed(error.to_string()))
            }
        },
    }
}

/// Reads what the peer says, and answers its questions.
async fn read(bond: &Bond, receiver: &mut LinkReceiver<GroupsProtocol>) -> Over {
    let (bonds, peer) = (&bond.0.bonds, bond.0.peer);
    let mut answers = FuturesUnordered::new();
    loop {
        let frame = tokio::select! {
            biased;
            Some((id, response)) = answers.next() => {
                if bond.push(Control::Response { id, response }).is_err() {
                    return Over::Stuck;
                }
                continue;
            }
            frame = next(receiver) => frame,
        };
        match frame {
            Ok(Some(Err(id))) => {
                let response = Response::Refused(Why::Unsupported);
                if bond.push(Control::Response { id, response }).is_err() {
                    return Over::Stuck;
                }
            }
            Ok(Some(Ok(Control::Request { id, request }))) => {
                let now = match request {
                    Request::Ping => Response::Pong,
                    _ if answers.len() >= ANSWERS => Response::Refused(Why::Busy),
                    request => {
                        let answer = bonds.0.server.answer(peer, request);
                        answers.push(answer.map(move |response| (id, response)));
                        continue;
                    }
                };
                if bond.push(Control::Response { id, response: now }).is_err() {
                    return Over::Stuck;
                }
            }
            Ok(Some(Ok(Control::Response { id, response }))) => {
                if let Some(waiting) = lock(&bond.0.waiting).remove(&id) {
                    let _ = waiting.send(response);
                }
            }
            Ok(Some(Ok(Control::Tell(message)))) => {
                bonds.tell(BondEvent::Told { peer, message }).await;
            }
            Ok(Some(Ok(Control::Hello { hello, .. }))) => match checked(hello, peer, bond.0.boot) {
                Ok(hello) => {
                    if std::mem::replace(&mut *lock(&bond.0.hello), hello) != hello {
                        bonds.tell(BondEvent::Changed { peer, hello }).await;
                    }
                }
                Err(error) => return Over::Lost(error),
            },
            Ok(None) => return Over::Left,
            Err(error) => return Over::Lost(error),
        }
    }
}

/// A bond of which nothing more is told.
struct Told(Bond);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.0.told.send_replace(true);
    }
}

impl Bonds {
    /// Takes a bond in and begins it, in a task of its own.
    pub(super) fn establish(&self, parts: Parts) {
        let (bond, task) = Bond::new(self, parts);
        let placed = self.seats().place(&bond);
        let before = match placed {
            super::seats::Placed::Stands(before) => before,
            super::seats::Placed::Unwanted => return bond.end(),
        };
        self.0.changed.send_modify(|()| {});
        let bonds = self.clone();
        self.0.scope.spawn("groups bond", async move {
            let _told = Told(bond.clone());
            if let Some(before) = before {
                before.close();
                // What is told of two bonds with one peer comes in their order, or the end of the first would look like that of the second.
                before.told().await;
            }
            let (peer, boot) = (bond.peer(), bond.boot());
            metrics::gauge!("mosaik_groups_bonds").increment(1.0);
            bonds.tell(BondEvent::Up { peer, hello: bond.hello() }).await;
            task.run().await;
            metrics::gauge!("mosaik_groups_bonds").decrement(1.0);
            bonds.tell(BondEvent::Down { peer, boot }).await;
            bonds.seats().ended(&bond);
            bonds.0.changed.send_modify(|()| {});
        });
    }
}
