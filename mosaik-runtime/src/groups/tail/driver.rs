//! The task of a reader: finds a way to a member, gives what it says to the core, and applies what the core has checked.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    core::{
        event::{Effect, Help, Helping, Input},
        reader::Core,
    },
    dial::{self, Credentials, NoWay},
    help::Helpers,
    pipe::{Pipe, Receiver, Sender},
    reader::{Own, Reader, Reading, Waiter},
    serve::serve,
    wire::{Ask, Tell},
};
use crate::{
    admission::{Admission, Lease},
    discovery::{Catalog, Discovery},
    groups::{
        birth::ClusterId,
        machine::{Applied, Applying, Trouble},
        store::record::{Entry, LogId, Payload},
        version::{Era, Version},
    },
    primitives::{PeerId, PeerRole, watch},
    transport::Code,
};

/// A member that says nothing for so long is left.
pub(super) const SILENCE: Duration = Duration::from_secs(4);
/// Strong reads that wait; more wait at the caller.
pub(super) const ASKS: usize = 1024;
/// How long to wait before a strong read is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How often the copy may be made anew without getting any farther.
const ANEW: u32 = 64;

type Dialling = BoxFuture<'static, Result<Pipe, NoWay>>;

pub(super) struct Driver {
    core: Core,
    reader: Reader,
    applying: Box<dyn Applying>,
    applied: watch::Receiver<Applied>,
    credentials: Credentials,
    admission: Admission,
    own: Own,
    pipe: Option<(Sender, Receiver, Option<Lease>)>,
    dialling: Option<Dialling>,
    helpers: Helpers,
    /// When the member said something last.
    heard_at: Instant,
    /// Who waits for a strong read: in the next round, and in the one under way.
    waiting: Vec<Waiter>,
    under_way: Option<(u64, Vec<Waiter>)>,
    asks: u64,
    again: Option<Instant>,
    /// How often the copy was made anew since it got farther.
    anew: u32,
}

/// What happened while the driver waited.
enum Event {
    Stop,
    Dialled(Box<Result<Pipe, NoWay>>),
    Told(Tell, usize),
    Helped(PeerId, Help, usize),
    Lost(Option<String>),
    Asked(Waiter),
    Seen,
    Tick,
}

impl Driver {
    pub(super) fn new(reader: Reader, reading: Reading) -> Self {
        let Reading { credentials, applying, applied, chunk, mut rng, admission, own } = reading;
        Self {
            core: Core::new(credentials.me, chunk, rng.split("reader")),
            heard_at: reader.clock().now(),
            reader,
            applying,
            applied,
            credentials,
            admission,
            own,
            pipe: None,
            dialling: None,
            helpers: Helpers::new(),
            waiting: Vec::new(),
            under_way: None,
            asks: 0,
            again: None,
            anew: 0,
        }
    }

    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Waiter>, discovery: Discovery) {
        let mut catalog = discovery.watch();
        let members = self.members(&catalog.borrow_and_update().clone());
        self.step(Input::Members(members)).await;
        loop {
            self.ask().await;
            self.show();
            if self.reader.has_failed() {
                return;
            }
            match self.event(&mut asked, &mut catalog).await {
                Event::Stop => return,
                Event::Dialled(dialled) => self.dialled(*dialled).await,
                Event::Told(tell, bytes) => self.told(tell, bytes).await,
                Event::Helped(peer, help, bytes) => self.helped(peer, help, bytes).await,
                Event::Lost(why) => self.lost(why).await,
                Event::Asked(waiter) => self.waiting.push(waiter),
                Event::Seen => {
                    let members = self.members(&catalog.borrow_and_update().clone());
                    self.step(Input::Members(members)).await;
                }
                Event::Tick => self.step(Input::Tick).await,
            }
        }
    }

    /// Waits for the next thing to happen.
    async fn event(
        &mut self,
        asked: &mut mpsc::Receiver<Waiter>,
        catalog: &mut watch::Receiver<Arc<Catalog>>,
    ) -> Event {
        let now = self.reader.clock().now();
        let wake = self.core.wake().into_iter().chain(self.again).min();
        let silent_at = self.heard_at + SILENCE;
        let (scope, room) = (self.reader.scope().clone(), self.waiting.len() < ASKS);
        tokio::select! { biased;
            () = scope.stopping() => Event::Stop,
            dialled = dialled(&mut self.dialling) => Event::Dialled(Box::new(dialled)),
            told = told(&mut self.pipe, silent_at.saturating_duration_since(now)) => told,
            (peer, help, bytes) = self.helpers.next() => Event::Helped(peer, help, bytes),
            waiter = asked.recv(), if room => match waiter {
                Some(waiter) => Event::Asked(waiter),
                None => Event::Stop,
            },
            seen = catalog.changed() => if seen.is_ok() { Event::Seen } else { Event::Stop },
            () = until(wake), if wake.is_some() => Event::Tick,
        }
    }

    /// The members that discovery knows; this node's own is one of them.
    fn members(&self, catalog: &Catalog) -> BTreeSet<PeerId> {
        let (me, is_member) = (self.credentials.me, (self.own)().is_some());
        let members = catalog.with_role(PeerRole::Member, &self.credentials.item).map(|peer| peer.id);
        members.filter(|peer| *peer != me || is_member).collect()
    }

    async fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let (mut effects, now) = (Vec::new(), self.reader.clock().now());
            self.core.step(now, input, &mut effects);
            for effect in effects {
                inputs.extend(self.perform(effect).await);
            }
        }
    }

    async fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Dial(peer) => {
                self.pipe = None;
                self.dialling = Some(self.dial(peer));
                None
            }
            Effect::Close => {
                self.dialling = None;
                self.drop_pipe(Code::Done);
                None
            }
            Effect::Refuse(what) => {
                tracing::warn!(target: "mosaik::groups", group = &**self.reader.name(), "a member is not read from any more: {what}");
                metrics::counter!("mosaik_groups_reader_refused_total").increment(1);
                self.drop_pipe(Code::Malformed);
                None
            }
            Effect::Send(ask) => self.send(&ask).await,
            Effect::Help(peer, helping) => {
                self.help(peer, helping);
                None
            }
            Effect::Begin(cluster) => self.begin(cluster),
            Effect::Apply { entries, panicked } => self.apply(entries, panicked),
            Effect::Install { last, bytes } => self.install(last, bytes),
        }
    }

    fn help(&mut self, peer: PeerId, helping: Helping) {
        match helping {
            Helping::Dial => {
                let dialling = self.dial(peer);
                self.helpers.dial(&self.reader, peer, dialling);
            }
            Helping::Ask(ask) => self.helpers.ask(peer, ask),
            Helping::End => self.helpers.end(peer),
            Helping::Refuse(what) => {
                let (group, peer) = (&**self.reader.name(), peer.short());
                tracing::warn!(target: "mosaik::groups", group, %peer, "a member is not asked for chunks any more: {what}");
                metrics::counter!("mosaik_groups_reader_refused_total").increment(1);
            }
        }
    }

    async fn helped(&mut self, peer: PeerId, help: Help, bytes: usize) {
        self.reader.change(|view| {
            view.received.bytes += bytes as u64;
            view.received.helped += bytes as u64;
        });
        self.step(Input::Helps(peer, help)).await;
    }

    fn dial(&self, peer: PeerId) -> Dialling {
        if peer == self.credentials.me {
            let Some(instance) = (self.own)() else {
                return Box::pin(async { Err(NoWay::new("this node's own member is not open yet", true)) });
            };
            let (mine, theirs) = Pipe::own();
            self.reader.scope().spawn("group own reader", serve(instance, peer, theirs));
            return Box::pin(async { Ok(mine) });
        }
        let (admission, credentials) = (self.admission.clone(), self.credentials.clone());
        Box::pin(async move { dial::dial(&admission, peer, &credentials).await })
    }

    async fn dialled(&mut self, dialled: Result<Pipe, NoWay>) {
        self.dialling = None;
        match dialled {
            Ok(Pipe { sender, receiver, lease }) => {
                self.pipe = Some((sender, receiver, lease));
                self.heard_at = self.reader.clock().now();
                self.reader.change(|view| {
                    view.received.members += 1;
                    view.caught_up = false;
                });
                self.step(Input::Opened).await;
            }
            Err(NoWay { why, may_pass }) => {
                tracing::debug!(target: "mosaik::groups", group = &**self.reader.name(), "no way to a member: {why}");
                self.step(Input::NotOpened { why, may_pass }).await;
            }
        }
    }

    /// The way to the member is gone.
    async fn lost(&mut self, why: Option<String>) {
        if let Some(why) = why {
            tracing::debug!(target: "mosaik::groups", group = &**self.reader.name(), "a member is lost: {why}");
        }
        self.drop_pipe(Code::Done);
        self.step(Input::Lost).await;
    }

    fn drop_pipe(&mut self, code: Code) {
        if let Some((mut sender, _, _)) = self.pipe.take() {
            sender.reset(code);
        }
        if let Some((_, waiters)) = self.under_way.take() {
            self.waiting.extend(waiters);
        }
    }

    async fn send(&mut self, ask: &Ask) -> Option<Input> {
        let (sender, _, _) = self.pipe.as_mut()?;
        if let Err(error) = sender.send(ask).await {
            tracing::debug!(target: "mosaik::groups", group = &**self.reader.name(), "a member is lost: {error}");
            self.drop_pipe(Code::Done);
            return Some(Input::Lost);
        }
        None
    }

    async fn told(&mut self, tell: Tell, bytes: usize) {
        self.heard_at = self.reader.clock().now();
        let stands = matches!(tell, Tell::Stand(_));
        self.reader.change(|view| {
            view.received.bytes += bytes as u64;
            if let Tell::Entries { entries, .. } = &tell {
                view.received.entries += entries.len() as u64;
            }
        });
        if let Tell::ReadIndex { id, answer } = &tell {
            self.read_index(*id, answer.as_ref().ok().copied());
        }
        self.step(Input::Told(tell, bytes)).await;
        if stands && self.core.source().is_some() {
            self.reader.change(|view| view.heard += 1);
        }
    }

    /// Asks for the index of the next round of strong reads, if there is one to begin.
    async fn ask(&mut self) {
        let now = self.reader.clock().now();
        self.waiting.retain(|waiter| !waiter.is_closed());
        if self.again.is_some_and(|again| again <= now) {
            self.again = None;
        }
        let ready = self.core.source().is_some() && self.under_way.is_none() && self.again.is_none();
        if !ready || self.waiting.is_empty() || self.pipe.is_none() {
            return;
        }
        self.asks += 1;
        self.under_way = Some((self.asks, std::mem::take(&mut self.waiting)));
        if let Some(lost) = self.send(&Ask::ReadIndex { id: self.asks }).await {
            self.step(lost).await;
        }
    }

    fn read_index(&mut self, id: u64, index: Option<u64>) {
        let Some((_, waiters)) = self.under_way.take_if(|(asked, _)| *asked == id) else { return };
        match index {
            Some(index) => {
                let version = Version::new(self.applied.borrow().era, index);
                // Who does not wait any more is not told.
                waiters.into_iter().for_each(|waiter| _ = waiter.send(version));
            }
            None => {
                self.waiting.extend(waiters);
                self.again = Some(self.reader.clock().now() + ASK_AGAIN);
            }
        }
    }

    fn begin(&mut self, cluster: ClusterId) -> Option<Input> {
        let era = Era::of(&cluster);
        if self.applied.borrow().era.is_some() {
            tracing::warn!(target: "mosaik::groups", group = &**self.reader.name(), "the group was born again: this reader goes on in era {era}");
            metrics::counter!("mosaik_groups_reader_resets_total").increment(1);
        }
        if let Err(error) = self.applying.anew(era) {
            self.fail(&error);
        }
        None
    }

    fn apply(&mut self, entries: Vec<Entry>, panicked: Vec<(u64, u32)>) -> Option<Input> {
        for (index, slot) in panicked {
            self.applying.skip(index, slot, "it panicked on the members".to_owned());
        }
        for Entry { id, payload } in entries {
            let applied = match payload {
                Payload::Command(bytes) => self.applying.apply(id, &bytes, false),
                Payload::Blank | Payload::Membership(_) => self.applying.pass(id),
            };
            match applied {
                Ok(_) => self.anew = 0,
                Err(Trouble::Panicked { slot, message }) => return self.repair(id, slot, message),
                Err(error) => {
                    self.fail(&error);
                    return None;
                }
            }
        }
        Some(Input::Applied)
    }

    /// A command panicked that the member did not tell of: the copy is made anew from what members have, without it.
    fn repair(&mut self, at: LogId, slot: u32, message: String) -> Option<Input> {
        let group = &**self.reader.name();
        tracing::error!(target: "mosaik::groups", group, "command {slot} of entry {} panicked, and is undone: {message}", at.index);
        self.applying.skip(at.index, slot, message);
        self.anew += 1;
        if self.anew > ANEW {
            self.fail(&"its commands panic again and again, and on the members they do not");
            return None;
        }
        match self.applying.restore(None) {
            Ok(()) => Some(Input::Torn),
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    fn install(&mut self, last: LogId, bytes: Vec<u8>) -> Option<Input> {
        if let Err(error) = self.applying.restore(Some(bytes.into())) {
            self.drop_pipe(Code::Malformed);
            return Some(Input::NotOpened { why: error.to_string().into(), may_pass: false });
        }
        if self.applying.applied() != Some(last) {
            self.fail(&"a snapshot ends with another entry than the member said");
            return None;
        }
        self.reader.change(|view| view.received.snapshots += 1);
        Some(Input::Applied)
    }

    /// The reader stops for good.
    fn fail(&mut self, error: &dyn fmt::Display) {
        let why: Arc<str> = error.to_string().into();
        tracing::error!(target: "mosaik::groups", group = &**self.reader.name(), "this reader has stopped: {why}");
        metrics::counter!("mosaik_groups_failed_total").increment(1);
        self.drop_pipe(Code::Abandoned);
        self.reader.change(|view| _ = view.failed.get_or_insert(why));
    }

    /// Shows how the reader stands.
    fn show(&self) {
        let applied = *self.applied.borrow();
        let group = self.reader.name().clone();
        metrics::gauge!("mosaik_groups_reader_applied", "group" => group)
            .set(applied.index().unwrap_or(0) as f64);
        self.reader.change(|view| {
            (view.era, view.applied) = (applied.era, applied.index().unwrap_or(0));
            (view.members, view.pulling, view.refused) =
                (self.core.members(), self.core.pulling(), self.core.refused());
            match self.core.source() {
                Some((peer, stand)) => {
                    (view.source, view.leader, view.quorum) = (Some(peer), stand.leader, stand.online);
                    view.target = stand.applied;
                    view.caught_up |= view.applied >= stand.applied;
                }
                None => (view.source, view.leader, view.quorum, view.caught_up) = (None, None, false, false),
            }
        });
    }
}

async fn dialled(dialling: &mut Option<Dialling>) -> Result<Pipe, NoWay> {
    match dialling {
        Some(dialling) => dialling.await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What the member says next.
async fn told(pipe: &mut Option<(Sender, Receiver, Option<Lease>)>, within: Duration) -> Event {
    let Some((_, receiver, lease)) = pipe else { return std::future::pending().await };
    tokio::select! { biased;
        () = Pipe::revoked(lease.as_ref()) => Event::Lost(Some("it is not admitted any more".to_owned())),
        told = receiver.recv::<Tell>(within) => match told {
            Ok(Some((tell, bytes))) => Event::Told(tell, bytes),
            Ok(None) => Event::Lost(None),
            Err(error) => Event::Lost(Some(error.to_string())),
        },
    }
}
