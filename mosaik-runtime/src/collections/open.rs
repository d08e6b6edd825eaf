//! The collections of a node, and the builder of their handles.

use std::{
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    core::{Cell, Container, Key, Map, Once, PriorityQueue, Set, Value, Vec},
    declared::{Declared, Reader, Writer},
    expiry,
    feed::Feed,
    handle::{Copy, Member, Read, Reading, Strong, Write},
    machine::{Bundle, Machine, Only},
    shared::{Holds, Together},
};
use crate::{
    groups::{GroupBuilder, GroupKey, Groups, JoinError, Storage, Voters},
    primitives::{CollectionId, GroupId, Policy, Scope},
    topology::BundleDescriptor,
};

/// The collections of one node. Cheap to clone.
#[derive(Clone)]
pub struct Collections(Arc<Shared>);

struct Shared {
    groups: Groups,
    scope: Scope,
    /// One is opened at a time.
    opening: tokio::sync::Mutex<()>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    members: BTreeMap<GroupId, (Arc<Copy>, Arc<dyn Member>)>,
    readers: BTreeMap<GroupId, (Arc<Copy>, Arc<dyn Reading>)>,
    stopped: bool,
}

/// Makes a [`Writer`] or a [`Reader`]. All handles of a collection on one node share their settings.
#[must_use]
pub struct CollectionBuilder<C, B> {
    collections: Collections,
    id: GroupId,
    part: &'static str,
    group: GroupBuilder<Machine<B>>,
    intent: Arc<str>,
    collection: PhantomData<fn() -> C>,
}

/// The builder of a collection with a group of its own.
pub type SingleBuilder<T> = CollectionBuilder<T, Only<T>>;

impl Collections {
    /// Over the groups of a node; tasks live in the scope.
    pub fn new(groups: Groups, scope: Scope) -> Self {
        Self(Arc::new(Shared {
            groups,
            scope,
            opening: tokio::sync::Mutex::default(),
            open: Mutex::default(),
        }))
    }

    /// The collection that `#[collection]` declared for `C`.
    pub fn declared<C: Declared>(&self) -> CollectionBuilder<C, <C::Bundle as Holds<C>>::Opened> {
        self.described(<C::Bundle as Holds<C>>::BUNDLE, <C::Bundle as Holds<C>>::PART)
    }

    /// All collections of the group that `#[group(collections, ..)]` declared.
    pub(super) fn together<B: Together>(&self) -> CollectionBuilder<B, B> {
        self.described(B::DESCRIPTOR, "")
    }

    fn described<C, B: Bundle>(
        &self,
        bundle: BundleDescriptor,
        part: &'static str,
    ) -> CollectionBuilder<C, B> {
        let (descriptor, readers) = (bundle.group, Policy::from(bundle.readers));
        CollectionBuilder {
            group: self.0.groups.described(Machine::default(), descriptor).require_of_readers(readers),
            collections: self.clone(),
            id: descriptor.id(),
            part,
            intent: descriptor.intent.text.into(),
            collection: PhantomData,
        }
    }

    /// A collection of this container. Whoever writes says who votes, see [`CollectionBuilder::voters`].
    pub fn of<T: Container>(&self, intent: impl Into<String>) -> SingleBuilder<T> {
        let intent = intent.into();
        let id = GroupId::from_bytes(*CollectionId::derive(&intent).as_bytes());
        CollectionBuilder {
            group: everybody_reads(&self.0.groups).named(&*intent).identified(id),
            collections: self.clone(),
            id,
            part: "",
            intent: intent.into(),
            collection: PhantomData,
        }
    }

    /// A group that holds the collections of a bundle. See [`Collected::part`] for each of them.
    pub fn bundle<B: Bundle>(&self, intent: impl Into<String>) -> Collected<B> {
        Collected { collections: self.clone(), intent: intent.into(), bundle: PhantomData }
    }

    /// A map.
    pub fn map<K: Key, V: Value>(&self, intent: impl Into<String>) -> SingleBuilder<Map<K, V>> {
        self.of(intent)
    }

    /// A sequence.
    pub fn vec<T: Value>(&self, intent: impl Into<String>) -> SingleBuilder<Vec<T>> {
        self.of(intent)
    }

    /// A set.
    pub fn set<T: Key>(&self, intent: impl Into<String>) -> SingleBuilder<Set<T>> {
        self.of(intent)
    }

    /// One value, or none.
    pub fn cell<T: Value>(&self, intent: impl Into<String>) -> SingleBuilder<Cell<T>> {
        self.of(intent)
    }

    /// A value that is set once.
    pub fn once<T: Value>(&self, intent: impl Into<String>) -> SingleBuilder<Once<T>> {
        self.of(intent)
    }

    /// A priority queue.
    pub fn priority_queue<P: Key, K: Key, V: Value>(
        &self,
        intent: impl Into<String>,
    ) -> SingleBuilder<PriorityQueue<P, K, V>> {
        self.of(intent)
    }

    /// Begins a stop: what follows changes ends.
    pub fn stop(&self) {
        let mut open = self.0.lock();
        open.stopped = true;
        let copies =
            open.members.values().map(|(copy, _)| copy).chain(open.readers.values().map(|(copy, _)| copy));
        copies.for_each(|copy| copy.feed.end());
    }

    async fn member<B: Bundle>(
        &self,
        id: GroupId,
        intent: Arc<str>,
        builder: GroupBuilder<Machine<B>>,
    ) -> Result<(Arc<Copy>, Arc<dyn Member>), JoinError> {
        let _opening = self.0.opening.lock().await;
        // Also when it is open: the settings are compared.
        let group = builder.join().await?;
        if let Some(open) = self.0.lock().members.get(&id) {
            return Ok(open.clone());
        }
        let feed = Arc::new(Feed::new::<B>());
        let observing = group.observe(feed.clone());
        let (strong, member): (Arc<dyn Strong>, Arc<dyn Member>) = (Arc::new(group.clone()), Arc::new(group));
        let copy = Copy { intent, parts: B::parts(), feed: feed.clone(), strong, _observing: observing };
        let opened = (Arc::new(copy), member.clone());
        self.0
            .scope
            .spawn_worker("collection expiry", expiry::run(feed.clone(), member, self.0.scope.clone()));
        let mut open = self.0.lock();
        if open.stopped {
            feed.end();
        }
        open.members.insert(id, opened.clone());
        Ok(opened)
    }

    async fn reader<B: Bundle>(
        &self,
        id: GroupId,
        intent: Arc<str>,
        builder: GroupBuilder<Machine<B>>,
    ) -> Result<(Arc<Copy>, Arc<dyn Reading>), JoinError> {
        let _opening = self.0.opening.lock().await;
        let reader = builder.learn().await?;
        if let Some(open) = self.0.lock().readers.get(&id) {
            return Ok(open.clone());
        }
        let feed = Arc::new(Feed::new::<B>());
        let observing = reader.observe(feed.clone());
        let (strong, reading): (Arc<dyn Strong>, Arc<dyn Reading>) =
            (Arc::new(reader.clone()), Arc::new(reader));
        let copy = Copy { intent, parts: B::parts(), feed: feed.clone(), strong, _observing: observing };
        let opened = (Arc::new(copy), reading);
        let mut open = self.0.lock();
        if open.stopped {
            feed.end();
        }
        open.readers.insert(id, opened.clone());
        Ok(opened)
    }
}

/// A group that holds several collections.
pub struct Collected<B> {
    collections: Collections,
    intent: String,
    bundle: PhantomData<fn() -> B>,
}

impl<B: Bundle> Collected<B> {
    /// One of the group's collections, by its name. All are opened with the same settings.
    pub fn part<T: Container>(&self, name: &'static str) -> CollectionBuilder<T, B> {
        let id = GroupId::derive(&self.intent);
        CollectionBuilder {
            group: everybody_reads(&self.collections.0.groups).named(&*self.intent),
            collections: self.collections.clone(),
            id,
            part: name,
            intent: self.intent.as_str().into(),
            collection: PhantomData,
        }
    }
}

impl<B> fmt::Debug for Collected<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collected({})", self.intent)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A group of collections, which everybody may read: who may write is another question.
fn everybody_reads<B: Bundle>(groups: &Groups) -> GroupBuilder<Machine<B>> {
    groups.machine(Machine::default()).require_of_readers(Policy::anyone())
}

impl<C, B> CollectionBuilder<C, B> {
    /// Who votes when the collection is born. All its writers say the same; readers need not.
    pub fn voters(self, voters: Voters) -> Self {
        self.group(|group| group.voters(voters))
    }

    /// Where the log is kept; in memory by default.
    pub fn storage(self, storage: Storage) -> Self {
        self.group(|group| group.storage(storage))
    }

    /// The key that its nodes prove to each other; none by default.
    pub fn with_key(self, key: GroupKey) -> Self {
        self.group(|group| group.with_key(key))
    }

    /// The longest way between two nodes that write, there and back, that the collection has to stand; 60 ms by default, and 2 s at most.
    /// All of them say the same. See [`GroupBuilder::round_trip`].
    pub fn round_trip(self, longest: Duration) -> Self {
        self.group(|group| group.round_trip(longest))
    }

    /// Who may write.
    pub fn require_of_writers(self, policy: Policy) -> Self {
        self.group(|group| group.require(policy))
    }

    /// Who may read without writing; everybody by default. Whoever may write reads all of it as well.
    pub fn require_of_readers(self, policy: Policy) -> Self {
        self.group(|group| group.require_of_readers(policy))
    }

    /// Any other setting of the group that holds the collection.
    pub fn group(self, set: impl FnOnce(GroupBuilder<Machine<B>>) -> GroupBuilder<Machine<B>>) -> Self {
        Self { group: set(self.group), ..self }
    }
}

impl<C, B: Bundle> CollectionBuilder<C, B> {
    pub(super) async fn write(self) -> Result<(Arc<Copy>, Arc<dyn Member>), JoinError> {
        self.collections.member(self.id, self.intent, self.group).await
    }

    pub(super) async fn read(self) -> Result<(Arc<Copy>, Arc<dyn Reading>), JoinError> {
        self.collections.reader(self.id, self.intent, self.group).await
    }
}

impl<C: super::Collection, B: Bundle> CollectionBuilder<C, B> {
    /// Opens the collection to write and to read: this node becomes a member of its group. It does not wait for that; use
    /// `when().online()`. The node keeps its part until it stops, also when all handles are gone.
    ///
    /// # Errors
    ///
    /// As for [`GroupBuilder::join`].
    pub async fn writer(self) -> Result<Writer<C>, JoinError> {
        let (part, name) = (self.part, self.intent.clone());
        let (copy, member) = self.write().await?;
        match copy.view::<C::Container>(part) {
            Some(view) => Ok(Writer::new(Write::new(view, member, None))),
            None => Err(JoinError::NoSuchPart { intent: name.to_string(), part }),
        }
    }

    /// Opens the collection to read: this node keeps a copy, never votes and cannot write. It does not wait for a member; use
    /// `when().online()`. The node reads until it stops, also when all handles are gone.
    ///
    /// # Errors
    ///
    /// As for [`GroupBuilder::learn`].
    pub async fn reader(self) -> Result<Reader<C>, JoinError> {
        let (part, name) = (self.part, self.intent.clone());
        let (copy, reading) = self.read().await?;
        match copy.view::<C::Container>(part) {
            Some(view) => Ok(Reader::new(Read::new(view, reading))),
            None => Err(JoinError::NoSuchPart { intent: name.to_string(), part }),
        }
    }
}

impl fmt::Debug for Collections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.0.lock();
        f.debug_struct("Collections")
            .field("writing", &open.members.len())
            .field("reading", &open.readers.len())
            .finish_non_exhaustive()
    }
}

impl<C, B> fmt::Debug for CollectionBuilder<C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectionBuilder").field("intent", &self.intent).finish_non_exhaustive()
    }
}
