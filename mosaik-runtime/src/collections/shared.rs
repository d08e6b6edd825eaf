//! Collections that share a group, as `#[group(collections, ..)]` declares it, and the handles of all of them together.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::{
    declared::{Collection, Declared, Reader, Writer},
    feed::Published,
    handle::{Applied, Copy, Member, Read, Reading, Snapshot, Write, transact},
    machine::{Bundle, Machine, Only, Part},
    open::Collections,
    transaction::{Answers, Transaction, TransactionError},
};
use crate::{
    groups::{
        self, CommandError, GroupWhen, InstanceView, JoinError, LearnerView, LearnerWhen, ReadError, Version,
    },
    primitives::{
        policy::Rule,
        schema::{Seen, Shape},
    },
    topology::{BundleDescriptor, GroupDescriptor, Role},
};

/// A group that holds the collection `C`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group that holds `{C}`",
    label = "does not hold `{C}`",
    note = "a group lists its collections: `#[group(collections, \"some.name\", voters = 3)] pub struct Exchange {{ bids: {C} }}`"
)]
pub trait Holds<C>: Sized {
    /// The bundle of its state machine.
    type Opened: Bundle;
    /// `C` again: what the group lists must be declared to be in it.
    type Held: PartOf<Self>;
    /// Its name in the group; empty when the group holds nothing else.
    const PART: &'static str;
    /// The group.
    const BUNDLE: BundleDescriptor;
}

/// A collection that is declared to be in the group `B`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared to be in the group `{B}`",
    label = "needs a collection with `group = {B}`",
    note = "write `#[collection(\"some.name\", group = {B})]` on it"
)]
pub trait PartOf<B>: Declared<Bundle = B> {}

/// The group of a collection that has one of its own.
pub struct Alone<C>(PhantomData<fn() -> C>);

#[diagnostic::do_not_recommend]
impl<C: Declared<Bundle = Self>> Holds<C> for Alone<C> {
    type Opened = Only<C::Container>;
    type Held = C;
    const PART: &'static str = "";
    const BUNDLE: BundleDescriptor =
        BundleDescriptor { group: C::DESCRIPTOR.group, readers: C::DESCRIPTOR.readers };
}

#[diagnostic::do_not_recommend]
impl<C: Declared<Bundle = Alone<C>>> PartOf<Alone<C>> for C {}

/// What the handles of something are: of a collection, of a container, or of a group of collections.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "needs a collection",
    note = "declare one: `#[collection(\"some.name\", voters = 1)] pub struct Prices(collections::Map<String, u64>);`"
)]
pub trait Handles: 'static {
    /// What a [`Writer`] of it can do.
    type Write: fmt::Debug + Send + Sync + 'static;
    /// What a [`Reader`] of it can do.
    type Read: fmt::Debug + Send + Sync + 'static;
}

#[diagnostic::do_not_recommend]
impl<C: Collection> Handles for C {
    type Write = Write<C::Container>;
    type Read = Read<C::Container>;
}

/// A handle that will be there.
pub type Opening<'a, H> = BoxFuture<'a, Result<H, JoinError>>;

/// What a node can be given a [`Writer`] or a [`Reader`] of: a declared collection, or a declared group of collections.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a collection",
    label = "needs a declared collection",
    note = "declare one: `#[collection(\"some.name\", voters = 1)] pub struct Prices(collections::Map<String, u64>);`"
)]
pub trait Opens: Handles + Sized {
    /// What its writer makes of a node.
    const WRITES: Role;
    /// What its reader makes of a node.
    const READS: Role;

    /// Opens it to write.
    fn writer(collections: &Collections) -> Opening<'_, Writer<Self>>;

    /// Opens it to read.
    fn reader(collections: &Collections) -> Opening<'_, Reader<Self>>;
}

#[diagnostic::do_not_recommend]
impl<C: Declared> Opens for C {
    const WRITES: Role = Role::Writes(C::DESCRIPTOR);
    const READS: Role = Role::Reads(C::DESCRIPTOR);

    fn writer(collections: &Collections) -> Opening<'_, Writer<Self>> {
        Box::pin(collections.declared::<C>().writer())
    }

    fn reader(collections: &Collections) -> Opening<'_, Reader<Self>> {
        Box::pin(collections.declared::<C>().reader())
    }
}

/// A group of collections that `#[group(collections, ..)]` declared.
pub trait Together: Bundle + Handles<Write = Writers<Self>, Read = Readers<Self>> + Sized {
    /// A writer of each of its collections, under their names.
    type Writers: Send + Sync + 'static;
    /// A reader of each of its collections, under their names.
    type Readers: Send + Sync + 'static;
    /// What the attribute says.
    const DESCRIPTOR: BundleDescriptor;

    /// The writers.
    fn writers(opened: &OpenedWriters) -> Self::Writers;

    /// The readers.
    fn readers(opened: &OpenedReaders) -> Self::Readers;
}

/// The group of a collection that shares it. For descriptors.
pub const fn group_of<C: Declared>() -> &'static GroupDescriptor {
    <C::Bundle as Holds<C>>::BUNDLE.group
}

/// Who may read a collection that shares its group. For descriptors.
pub const fn readers_of<C: Declared>() -> Rule {
    <C::Bundle as Holds<C>>::BUNDLE.readers
}

/// The name of a collection in the group that it shares. For descriptors.
pub const fn part_of<C: Declared>() -> &'static str {
    <C::Bundle as Holds<C>>::PART
}

/// The collection `C` of a group. For generated code.
pub fn part<B: Holds<C>, C>() -> Part {
    Part::new::<<B::Held as Collection>::Container>(B::PART)
}

/// What writing the collection `C` of a group makes of a node. For generated code.
pub const fn writes<B: Holds<C>, C>() -> Role {
    Role::Writes(<B::Held as Declared>::DESCRIPTOR)
}

/// What reading the collection `C` of a group makes of a node. For generated code.
pub const fn reads<B: Holds<C>, C>() -> Role {
    Role::Reads(<B::Held as Declared>::DESCRIPTOR)
}

/// The shape of a group of collections: what its members compare. For descriptors.
pub fn bundle_shape<B: Bundle>(_: &mut Seen) -> Shape {
    groups::machine::schema::<Machine<B>>().1
}

/// A group of collections that is open to write. For generated code.
pub struct OpenedWriters {
    copy: Arc<Copy>,
    member: Arc<dyn Member>,
    deadline: Option<Duration>,
}

/// A group of collections that is open to read. For generated code.
pub struct OpenedReaders {
    copy: Arc<Copy>,
    reading: Arc<dyn Reading>,
}

impl OpenedWriters {
    /// The writer of one of the collections.
    pub fn writer<B: Holds<C>, C>(&self) -> Writer<B::Held> {
        let view = self.copy.view(B::PART).expect("the part"); // impossible: the machine has the parts of `B`
        Writer::new(Write::new(view, self.member.clone(), self.deadline))
    }
}

impl OpenedReaders {
    /// The reader of one of the collections.
    pub fn reader<B: Holds<C>, C>(&self) -> Reader<B::Held> {
        let view = self.copy.view(B::PART).expect("the part"); // impossible: the machine has the parts of `B`
        Reader::new(Read::new(view, self.reading.clone()))
    }
}

/// Opens all collections of a group to write. For generated code.
pub fn open_writers<B: Together>(collections: &Collections) -> Opening<'_, Writer<B>> {
    Box::pin(async move {
        let (copy, member) = collections.together::<B>().write().await?;
        Ok(Writer::new(Writers::of(OpenedWriters { copy, member, deadline: None })))
    })
}

/// Opens all collections of a group to read. For generated code.
pub fn open_readers<B: Together>(collections: &Collections) -> Opening<'_, Reader<B>> {
    Box::pin(async move {
        let (copy, reading) = collections.together::<B>().read().await?;
        let opened = OpenedReaders { copy, reading };
        Ok(Reader::new(Readers { each: B::readers(&opened), opened }))
    })
}

/// All collections of a group as they were at one version: whatever a transaction did is in all of them, or in none. It never changes, and
/// it is cheap to clone.
pub struct Joint<B> {
    published: Arc<Published>,
    bundle: PhantomData<fn() -> B>,
}

impl<B: Together> Joint<B> {
    fn of_now(copy: &Copy) -> Self {
        Self { published: Arc::clone(&copy.newest()), bundle: PhantomData }
    }

    async fn of_strong(copy: &Copy) -> Result<Self, ReadError> {
        copy.strong.catch_up().await?;
        Ok(Self::of_now(copy))
    }

    /// The version, of all of them.
    pub fn version(&self) -> Version {
        self.published.version
    }

    /// One of the collections: `bank.snapshot().of::<Balances>()`.
    pub fn of<C>(&self) -> Snapshot<<B::Held as Collection>::Container>
    where
        B: Holds<C>,
    {
        let part = B::parts().iter().position(|part| part.name() == B::PART);
        Snapshot::of(&self.published, part.unwrap_or_default())
    }
}

/// Writes the collections of a group: what a [`Writer`] of the group is. Its fields are the writers of the collections.
pub struct Writers<B: Together> {
    each: B::Writers,
    opened: OpenedWriters,
}

/// Reads the collections of a group: what a [`Reader`] of the group is. Its fields are the readers of the collections.
pub struct Readers<B: Together> {
    each: B::Readers,
    opened: OpenedReaders,
}

impl<B: Together> Writers<B> {
    fn of(opened: OpenedWriters) -> Self {
        Self { each: B::writers(&opened), opened }
    }

    /// The same collections, whose changes and transactions may take this long; 10 s by default.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let OpenedWriters { copy, member, .. } = &self.opened;
        Self::of(OpenedWriters { copy: copy.clone(), member: member.clone(), deadline: Some(deadline) })
    }

    /// Does several operations on the collections of the group, all or none of them; see [`Write::transaction`].
    ///
    /// # Errors
    ///
    /// As for every change, and [`TransactionError`] when an operation did not take place.
    pub async fn transaction<A: Answers>(
        &self,
        list: impl FnOnce(&mut Transaction) -> A,
    ) -> Result<Applied<A::Value>, CommandError<TransactionError>> {
        transact(&self.opened.copy, &*self.opened.member, self.opened.deadline, list).await
    }

    /// What can be waited for: that the group is online, that it has changed, that it has reached a version.
    pub fn when(&self) -> GroupWhen {
        self.opened.member.when()
    }

    /// The group as this node sees it now: its birth, leader, voters and progress.
    pub fn status(&self) -> InstanceView {
        self.opened.member.status()
    }

    /// The version that the copy on this node holds, of all its collections.
    pub fn version(&self) -> Version {
        self.opened.copy.newest().version
    }

    /// All collections of the group now, at one version. Takes constant time.
    pub fn snapshot(&self) -> Joint<B> {
        Joint::of_now(&self.opened.copy)
    }

    /// All collections of the group at one version, which has every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn strong(&self) -> Result<Joint<B>, ReadError> {
        Joint::of_strong(&self.opened.copy).await
    }
}

impl<B: Together> Readers<B> {
    /// What can be waited for: that the group is online, that it has changed, that it has reached a version.
    pub fn when(&self) -> LearnerWhen {
        self.opened.reading.when()
    }

    /// The reader as it is now: whom it reads from, how far it is, what it has received.
    pub fn status(&self) -> LearnerView {
        self.opened.reading.status()
    }

    /// The version that the copy on this node holds, of all its collections.
    pub fn version(&self) -> Version {
        self.opened.copy.newest().version
    }

    /// All collections of the group now, at one version. Takes constant time.
    pub fn snapshot(&self) -> Joint<B> {
        Joint::of_now(&self.opened.copy)
    }

    /// All collections of the group at one version, which has every change that was acknowledged to anybody before this call.
    ///
    /// # Errors
    ///
    /// When no leader with a majority answers within the deadline, or this node does not catch up in time.
    pub async fn strong(&self) -> Result<Joint<B>, ReadError> {
        Joint::of_strong(&self.opened.copy).await
    }
}

impl<B: Together> Deref for Writers<B> {
    type Target = B::Writers;

    fn deref(&self) -> &B::Writers {
        &self.each
    }
}

impl<B: Together> Deref for Readers<B> {
    type Target = B::Readers;

    fn deref(&self) -> &B::Readers {
        &self.each
    }
}

impl<B> Clone for Joint<B> {
    fn clone(&self) -> Self {
        Self { published: self.published.clone(), bundle: PhantomData }
    }
}

impl<B> fmt::Debug for Joint<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Joint({})", self.published.version)
    }
}

impl<B: Together> fmt::Debug for Writers<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writers({})", self.opened.copy.intent)
    }
}

impl<B: Together> fmt::Debug for Readers<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readers({})", self.opened.copy.intent)
    }
}

impl fmt::Debug for OpenedWriters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedWriters({})", self.copy.intent)
    }
}

impl fmt::Debug for OpenedReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedReaders({})", self.copy.intent)
    }
}
