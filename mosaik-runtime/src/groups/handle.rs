//! The handle of a group: give commands, ask queries, wait.

use std::{
    any::Any,
    fmt,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::timeout;

use super::{
    birth::BirthLog,
    changes::Changes,
    client::{Client, MAX_COMMAND, Prepared, encoded},
    error::{CommandError, ReadError, Rejected, Unknown},
    instance::Instance,
    machine::{Applied, Command, Earlier, Observer, Observing, Replica, Reply, StateMachine},
    status::{BootstrapStatus, InstanceView},
    version::{Era, Version},
    when::GroupWhen,
};
use crate::{
    primitives::{scope::panic_text, watch},
    topology::GroupDescriptor,
};

/// How long a command or a query may take, unless [`Group::with_deadline`] says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// So many commands at once are expected at most.
const MANY: usize = 4096;
/// The longest deadline: what is longer counts as this.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A state machine that `#[group]` declared: its name, its settings and its typed handle.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a group",
    label = "needs a group",
    note = "put `#[group(state_machine, \"<name>\", voters = 3)]` on the type `{Self}` and `#[methods]` on its impl, or open it with `network.groups().machine(..)`"
)]
pub trait Declared: StateMachine + Default {
    /// The commands and queries, as methods.
    type Handle: Send + Sync + 'static;
    /// The queries that are answered from the local copy, as methods.
    type Weak: Send + Sync + 'static;
    /// What the attribute says.
    const DESCRIPTOR: &'static GroupDescriptor;

    /// The type that it was before, if `from` names one.
    fn earlier() -> Option<Earlier<Self>> {
        None
    }

    /// The methods over a group.
    fn handle(group: Group<Self>) -> Self::Handle;

    /// The methods over the local copy of a group.
    fn weak(weak: Weak<Self>) -> Self::Weak;
}

/// What all handles of a group on a node share.
pub(super) struct Opened<M> {
    instance: Instance,
    client: Client,
    local: Local<M>,
}

/// The copy of a state on this node, of a member or of a reader.
pub(super) struct Local<M> {
    replica: Replica<M>,
    /// Why it has stopped for good, if it has.
    failed: Arc<dyn Fn() -> Option<Arc<str>> + Send + Sync>,
}

/// A group that this node takes part in. Cheap to clone; all handles of a group on one node share one member of it.
///
/// [`execute`](Self::execute) gives a command, which is applied once on all members; [`query`](Self::query) asks the state, and sees
/// every command that was acknowledged to anybody before. A declared group also has its methods, by `Deref`.
pub struct Group<M> {
    opened: Arc<Opened<M>>,
    deadline: Duration,
    /// The typed handle, once it is asked for.
    methods: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// The copy of a group's state on this node, which may be behind.
///
/// Through one handle it never goes back: what a later query sees is not older than what an earlier one saw.
pub struct Weak<M> {
    local: Local<M>,
    methods: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl<M> Group<M> {
    pub(super) fn new(instance: Instance, client: Client, replica: Replica<M>) -> Self {
        let local = Local::new(replica, Arc::new(failure(instance.view(), |view| view.failed.clone())));
        let opened = Arc::new(Opened { instance, client, local });
        let deadline = opened.instance.settings().timing().deadline(DEADLINE);
        Self { opened, deadline, methods: OnceLock::new() }
    }

    /// The same group, whose commands and queries may take this long; 10 s by default, and more where members are
    /// far apart (`round_trip`).
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { opened: self.opened.clone(), deadline: deadline.min(LONGEST), methods: OnceLock::new() }
    }

    /// The copy on this node: no network, and perhaps not the newest.
    pub fn weak(&self) -> Weak<M> {
        Weak::of(self.opened.local.clone())
    }

    /// What can be waited for.
    pub fn when(&self) -> GroupWhen {
        GroupWhen::new(self.opened.instance.view(), self.opened.local.replica.applied())
    }

    /// The version that the copy on this node holds.
    pub fn version(&self) -> Version {
        self.opened.local.replica.applied().borrow().version()
    }

    /// The era of [`version`](Self::version), without a look that would be in the way of whoever applies.
    pub(crate) fn era(&self) -> Era {
        self.opened.local.replica.era()
    }

    /// The group as this node sees it now: its birth, leader, voters and progress.
    pub fn status(&self) -> InstanceView {
        self.opened.instance.view().borrow().clone()
    }

    /// How the birth of the group stands on this node: how far it is, who was met, and what is missing.
    pub fn bootstrap_status(&self) -> BootstrapStatus {
        self.opened.instance.view().borrow().bootstrap()
    }

    /// Every input of the birth on this node and the digest of what it led to, for a bug report: it can be played again
    /// ([`BirthLog::replay`]). None when the node stops, or when the store could not be read.
    pub async fn bootstrap_log(&self) -> Option<BirthLog> {
        self.opened.instance.birth_log().await
    }
}

impl<M: StateMachine> Group<M> {
    /// Gives a command and waits for its reply. It is applied once, however often it has to be sent. Commands that are given at the
    /// same time have no order among each other.
    ///
    /// # Errors
    ///
    /// [`CommandError::Rejected`] when the command was surely not applied and never will be; [`CommandError::Unknown`] when nobody can
    /// say; [`CommandError::Panicked`] when the method panicked.
    pub async fn execute(&self, command: M::Command) -> Result<M::Reply, CommandError> {
        self.give(command).await
    }

    /// Gives a command whose reply is known to be of one type: the methods of a typed handle know theirs.
    pub(super) async fn give<R: Reply>(&self, command: M::Command) -> Result<R, CommandError> {
        let (method, arguments) = (command.method(), encoded(&command)?);
        drop(command);
        let reply = self.entrance().give(method, arguments, None).await?;
        read(method, &reply)
    }

    /// Where commands are given that are encoded already.
    pub(crate) fn entrance(&self) -> Entrance<'_> {
        let Opened { instance, client, .. } = &*self.opened;
        Entrance { instance, client, deadline: self.deadline }
    }

    /// Gives many commands, which are applied in this order; other commands may be applied in between, every 1 024 commands or
    /// 256 KiB. The replies are in the same order. After a batch that was rejected, or of which nobody can say what became, nothing
    /// more is sent: what follows is [`Rejected::NotReached`].
    pub async fn execute_many(
        &self,
        commands: impl IntoIterator<Item = M::Command>,
    ) -> Vec<Result<M::Reply, CommandError>> {
        let (mut prepared, mut methods) = (Prepared::new(), Vec::new());
        let mut commands = commands.into_iter();
        // What an iterator says of its length is no promise.
        let expected = commands.size_hint().0.min(MANY);
        prepared.reserve(expected);
        methods.reserve(expected);
        let mut unsent = None;
        for command in commands.by_ref() {
            match prepared.push(&command) {
                Ok(()) => methods.push(command.method()),
                Err(rejected) => {
                    unsent = Some(Err(rejected.into()));
                    break;
                }
            }
        }
        if let Err(rejected) = self.opened.takes() {
            let rest = commands.map(|_| Err(rejected.clone().into()));
            let given = methods.iter().map(|_| Err(rejected.clone().into()));
            return given.chain(unsent).chain(rest).collect();
        }
        let replies = self.opened.client.execute_many(prepared, self.deadline).await;
        let read = |(method, reply): (u64, Result<Bytes, _>)| read(method, &reply?);
        let replies = methods.into_iter().zip(replies).map(read);
        let not_reached = commands.map(|_| Err(Rejected::NotReached.into()));
        replies.chain(unsent).chain(not_reached).collect()
    }

    /// Asks the state, as it is after every command that was acknowledged to anybody before this call. It is answered from the copy on
    /// this node, once that is known to be new enough.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn query(&self, query: M::Query) -> Result<M::Answer, ReadError> {
        self.ask(|state| state.query(query)).await
    }

    /// Asks the state whatever the closure does.
    pub(super) async fn ask<A>(&self, ask: impl FnOnce(&M) -> A) -> Result<A, ReadError> {
        let (within, clock) = (self.deadline, self.opened.instance.clock());
        let begin = clock.now();
        self.opened.local.works()?;
        self.opened.client.read(within).await?;
        let left = within.saturating_sub(clock.now() - begin);
        self.opened.local.answer(ask, (left, within)).await.map(|(_, answer)| answer)
    }

    /// The copy on this node.
    pub(crate) fn replica(&self) -> &Replica<M> {
        &self.opened.local.replica
    }

    /// Tells `observer` of everything that the copy on this node applies from now on, after its state now.
    pub fn observe(&self, observer: Arc<dyn Observer<M>>) -> Observing {
        self.opened.local.replica.observe(observer)
    }
}

impl<M: StateMachine + Clone> Group<M> {
    /// The state on this node now, and every change of it from then on, without a gap.
    pub fn changes(&self) -> Changes<M> {
        Changes::new(&self.opened.local.replica)
    }
}

impl<M> Weak<M> {
    pub(super) fn of(local: Local<M>) -> Self {
        Self { local, methods: OnceLock::new() }
    }
}

impl<M: StateMachine> Weak<M> {
    /// Asks the copy on this node. No network.
    ///
    /// # Errors
    ///
    /// When the method panics, or the member here has stopped.
    pub async fn query(&self, query: M::Query) -> Result<M::Answer, ReadError> {
        self.ask(|state| state.query(query)).await
    }

    /// Asks the copy whatever the closure does.
    pub(super) async fn ask<A>(&self, ask: impl FnOnce(&M) -> A) -> Result<A, ReadError> {
        self.local.answer(ask, (DEADLINE, DEADLINE)).await.map(|(_, answer)| answer)
    }

    /// Asks the copy on this node whatever the closure does, and says at which index of the log: see
    /// [`query_at`](Self::query_at). The typed way to an index:
    /// `ledger.weak().with_index(|ledger| ledger.balance("alice"))`.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn with_index<A>(&self, ask: impl FnOnce(&M) -> A) -> Result<(u64, A), ReadError> {
        self.local.answer(ask, (DEADLINE, DEADLINE)).await
    }

    /// Asks the copy on this node, and says at which index of the log: the answer is what a linearizable query would have been told
    /// just after the command with that index.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn query_at(&self, query: M::Query) -> Result<(u64, M::Answer), ReadError> {
        self.with_index(|state| state.query(query)).await
    }
}

impl<M> Opened<M> {
    fn takes(&self) -> Result<(), Rejected> {
        takes(&self.instance)
    }
}

/// Whether the member here works, so that commands can be given.
fn takes(instance: &Instance) -> Result<(), Rejected> {
    let failed = instance.failure();
    failed.map_or(Ok(()), |why| Err(Rejected::Failed { why: why.to_string() }))
}

/// Where commands to a group are given that are encoded already, whatever its state machine is.
#[derive(Clone, Copy)]
pub(crate) struct Entrance<'a> {
    instance: &'a Instance,
    client: &'a Client,
    deadline: Duration,
}

impl Entrance<'_> {
    /// Gives a command, and waits for its reply as it travels. `within` takes the place of the handle's deadline.
    pub(crate) async fn give(
        self,
        method: u64,
        arguments: Bytes,
        within: Option<Duration>,
    ) -> Result<Bytes, CommandError> {
        if arguments.len() > MAX_COMMAND {
            return Err(Rejected::TooLarge { bytes: arguments.len(), limit: MAX_COMMAND }.into());
        }
        takes(self.instance)?;
        let within = within.map_or(self.deadline, |within| within.min(LONGEST));
        self.client.give_one(method, arguments, within).reply().await
    }
}

impl<M> Local<M> {
    pub(super) fn new(replica: Replica<M>, failed: Arc<dyn Fn() -> Option<Arc<str>> + Send + Sync>) -> Self {
        Self { replica, failed }
    }

    pub(super) fn replica(&self) -> &Replica<M> {
        &self.replica
    }

    /// Whether the copy here works.
    fn works(&self) -> Result<(), ReadError> {
        (self.failed)().map_or(Ok(()), |why| Err(ReadError::Failed { why: why.to_string() }))
    }
}

impl<M> Clone for Local<M> {
    fn clone(&self) -> Self {
        Self { replica: self.replica.clone(), failed: self.failed.clone() }
    }
}

impl<M: StateMachine> Local<M> {
    /// Asks the copy; `left` is what is left of the time that a query may take.
    pub(super) async fn answer<A>(
        &self,
        ask: impl FnOnce(&M) -> A,
        (left, within): (Duration, Duration),
    ) -> Result<(u64, A), ReadError> {
        self.works()?;
        let asked = match self.replica.try_read(looking(ask)) {
            Ok((index, answer)) => return Ok((index, answer?)),
            Err(looking) => look(&self.replica, looking, (left, within)).await,
        };
        // It ends when the copy fails while the state is made anew.
        asked.map_err(|error| self.works().err().unwrap_or(error))
    }
}

/// What has failed, as a view says. While the view stays the same, asking again costs two loads.
pub(super) fn failure<V: Send + Sync + 'static>(
    view: watch::Receiver<V>,
    failed: fn(&V) -> Option<Arc<str>>,
) -> impl Fn() -> Option<Arc<str>> + Send + Sync {
    let works = AtomicU64::new(u64::MAX);
    move || {
        // Before the look: what comes in between is looked at next time.
        let version = view.version();
        if works.load(Ordering::Relaxed) == version {
            return None;
        }
        let failed = failed(&view.borrow());
        if failed.is_none() {
            works.store(version, Ordering::Relaxed);
        }
        failed
    }
}

/// Asks a state, and says after which entry it is. A panic is an answer.
fn looking<M, A>(ask: impl FnOnce(&M) -> A) -> impl FnOnce(&M, Applied) -> (u64, Result<A, ReadError>) {
    move |state, applied| {
        let answer = catch_unwind(AssertUnwindSafe(|| ask(state)));
        let answer = answer.map_err(|panic| ReadError::Panicked { message: panic_text(&*panic).to_owned() });
        (applied.index().unwrap_or(0), answer)
    }
}

/// Waits while the state here is being made anew, and not beyond the deadline.
async fn look<M, A>(
    replica: &Replica<M>,
    looking: impl FnOnce(&M, Applied) -> (u64, Result<A, ReadError>),
    (left, within): (Duration, Duration),
) -> Result<(u64, A), ReadError> {
    let asked = timeout(left, replica.read(looking)).await.map_err(|_| ReadError::Behind { within })?;
    let (index, answer) = asked?;
    Ok((index, answer?))
}

fn read<R: Reply>(method: u64, reply: &[u8]) -> Result<R, CommandError> {
    R::decode(method, reply).map_err(|error| Unknown::Reply { why: error.to_string() }.into())
}

impl<M: Declared> Deref for Group<M> {
    type Target = M::Handle;

    fn deref(&self) -> &M::Handle {
        let methods = self.methods.get_or_init(|| Box::new(M::handle(self.clone())));
        methods.downcast_ref().expect("a handle of this type") // impossible: only this function fills it
    }
}

impl<M: Declared> Deref for Weak<M> {
    type Target = M::Weak;

    fn deref(&self) -> &M::Weak {
        let methods = self.methods.get_or_init(|| Box::new(M::weak(self.clone())));
        methods.downcast_ref().expect("a handle of this type") // impossible: only this function fills it
    }
}

impl<M> Clone for Group<M> {
    fn clone(&self) -> Self {
        self.with_deadline(self.deadline)
    }
}

impl<M> Clone for Weak<M> {
    fn clone(&self) -> Self {
        Self::of(self.local.clone())
    }
}

impl<M> fmt::Debug for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.opened.instance.subject().intent)
    }
}

impl<M> fmt::Debug for Weak<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weak({:?})", self.local.replica)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::{
        machine::{
            Applying,
            tests::toy::{Deed, Member, Toy, command, payload},
        },
        store::record::LogId,
    };

    #[tokio::test(start_paused = true)]
    async fn a_query_waits_for_a_state_that_is_made_anew_and_not_beyond_its_deadline() {
        let mut member = Member::new();
        let session = member.session(1);
        member.one(command(session, 0, 0, Deed::Do(1)));
        let torn = payload(0, vec![command(session, 1, 0, Deed::Tear(2))]);
        member.applier.apply(LogId { term: 1, index: 2 }, &torn, false).expect_err("it panics");
        let (begin, within) = (tokio::time::Instant::now(), Duration::from_secs(3));
        let late = look(&member.replica, looking(|toy: &Toy| toy.done.len()), (within, within)).await;
        assert_eq!(late, Err(ReadError::Behind { within }));
        assert_eq!(begin.elapsed(), within);
        member.applier.restore(None).expect("the beginning");
        (0..2).for_each(|index| {
            let at = LogId { term: 1, index: index as u64 };
            member.applier.apply(at, &member.log[index].clone(), false).expect("it was applied before");
        });
        let until = (within, within);
        let local = Local::new(member.replica.clone(), Arc::new(|| None));
        assert_eq!(local.answer(|toy| toy.done.clone(), until).await, Ok((1, vec![1])));
        let panicked = local.answer(|_| -> u8 { panic!("no") }, until).await;
        assert_eq!(panicked, Err(ReadError::Panicked { message: "no".to_owned() }));
    }
}
