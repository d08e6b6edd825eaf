//! The groups of a node, and the builder of their handles.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    bond::{GroupKey, GroupKeyError},
    client::Client,
    handle::{Declared, Group},
    hub::{Hub, Learning, OpenError, Opening},
    machine::{Beginning, Earlier, MachineSettings, StateMachine},
    settings::{GroupSettings, Leads, Storage, Voters},
    tail::Learner,
};
use crate::{
    primitives::{GroupId, PeerId, Policy, WireId, intent, intent::NotAnIntent, keyfile},
    topology::{self, GroupDescriptor, KeySource, VoterSet},
};

/// Where relative paths of keys begin, instead of at the working directory.
const CONFIG_DIR: &str = "MOSAIK_CONFIG_DIR";

/// The groups of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Groups {
    hub: Hub,
    /// One for each group that is open.
    clients: Arc<Mutex<BTreeMap<WireId, Client>>>,
}

/// Groups whose members prove a key to each other.
#[derive(Debug, Clone)]
pub struct Keyed {
    groups: Groups,
    key: GroupKey,
}

/// Makes a [`Group`]. All handles of a group on one node share their settings.
#[must_use]
pub struct GroupBuilder<M> {
    groups: Groups,
    initial: M,
    earlier: Option<Earlier<M>>,
    intent: Option<(GroupId, String)>,
    voters: Option<Voters>,
    declared: Option<&'static GroupDescriptor>,
    changes: Vec<Change>,
    machine: MachineSettings,
}

/// One changed setting: applied over what the attribute says.
type Change = Box<dyn FnOnce(&mut GroupSettings) + Send>;

/// A group could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The name of the group is not well-formed.
    #[error(transparent)]
    Intent(#[from] NotAnIntent),
    /// The group has no name.
    #[error("the group has no name: say `.named(\"bank.ledger\")`")]
    Unnamed,
    /// The group has no voters.
    #[error(
        "group `{intent}` does not say who votes: say `.voters(Voters::Count(3))`. A group is born when that many nodes have met; \
         with a number that each node guesses there could be two groups"
    )]
    NoVoters {
        /// The group.
        intent: String,
    },
    /// The key could not be read.
    #[error("the key of group `{intent}` cannot be read from {from}: {why}")]
    Key {
        /// The group.
        intent: &'static str,
        /// Where it should be.
        from: KeySource,
        /// What went wrong.
        why: String,
    },
    /// The group holds collections, and not this one.
    #[error(
        "the group {intent} does not hold the collection {part:?} with this container: list it in the declaration of the group"
    )]
    NoSuchPart {
        /// The group.
        intent: String,
        /// The collection.
        part: &'static str,
    },
    /// The group could not be opened on this node.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Groups {
    /// Over the groups of a node.
    pub fn new(hub: Hub) -> Self {
        Self { hub, clients: Arc::default() }
    }

    /// What runs them.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The group that `#[group]` declared for `M`.
    pub fn declared<M: Declared>(&self) -> GroupBuilder<M> {
        let intent = M::DESCRIPTOR.intent;
        GroupBuilder {
            intent: Some((M::DESCRIPTOR.id(), intent.text.to_owned())),
            declared: Some(M::DESCRIPTOR),
            earlier: M::earlier(),
            ..self.machine(M::default())
        }
    }

    /// The group that this descriptor declares, with another state machine than a `#[group]` type.
    pub(crate) fn described<M>(&self, initial: M, descriptor: &'static GroupDescriptor) -> GroupBuilder<M> {
        let intent = Some((descriptor.id(), descriptor.intent.text.to_owned()));
        GroupBuilder { intent, declared: Some(descriptor), ..self.machine(initial) }
    }

    /// A group of this state machine, which begins with this state. It needs a [name](GroupBuilder::named) and
    /// [voters](GroupBuilder::voters).
    pub fn machine<M>(&self, initial: M) -> GroupBuilder<M> {
        GroupBuilder {
            groups: self.clone(),
            initial,
            earlier: None,
            intent: None,
            voters: None,
            declared: None,
            changes: Vec::new(),
            machine: MachineSettings::default(),
        }
    }

    /// Groups whose members prove this key to each other.
    pub fn with_key(&self, key: GroupKey) -> Keyed {
        Keyed { groups: self.clone(), key }
    }

    async fn open<M: StateMachine>(&self, opening: Opening<M>) -> Result<Group<M>, JoinError> {
        let (instance, replica) = self.hub.open(opening).await?;
        let client = {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.entry(instance.subject().item).or_insert_with(|| Client::start(&instance)).clone()
        };
        Ok(Group::new(instance, client, replica))
    }
}

impl Keyed {
    /// The group that `#[group]` declared for `M`, with this key.
    pub fn declared<M: Declared>(&self) -> GroupBuilder<M> {
        self.groups.declared().with_key(self.key.clone())
    }

    /// A group of this state machine, with this key.
    pub fn machine<M>(&self, initial: M) -> GroupBuilder<M> {
        self.groups.machine(initial).with_key(self.key.clone())
    }
}

impl<M> GroupBuilder<M> {
    fn set(mut self, change: impl FnOnce(&mut GroupSettings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The name of the group: nodes that say the same one meet. A name that is not well-formed is an error of `join`.
    pub fn named(mut self, intent: impl Into<String>) -> Self {
        let intent = intent.into();
        self.intent = Some((GroupId::derive(&intent), intent));
        self
    }

    /// Another id than the one that its name gives. The name stays.
    pub(crate) fn identified(mut self, id: GroupId) -> Self {
        self.intent = self.intent.map(|(_, name)| (id, name));
        self
    }

    /// Who votes when the group is born. All nodes of a group say the same.
    pub fn voters(mut self, voters: Voters) -> Self {
        self.voters = Some(voters);
        self
    }

    /// Where the log is kept; in memory by default.
    pub fn storage(self, storage: Storage) -> Self {
        self.set(move |settings| settings.storage = storage)
    }

    /// The key that members prove to each other; none by default.
    pub fn with_key(self, key: GroupKey) -> Self {
        self.set(move |settings| settings.key = Some(key))
    }

    /// When an unfinished birth is reported; after 30 s by default.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set(move |settings| settings.deadline = deadline)
    }

    /// That deadline ends the birth.
    pub fn strict(self) -> Self {
        self.set(|settings| settings.strict = true)
    }

    /// How long a voter may be away before a spare takes its place; 30 s by default.
    pub fn evict_after(self, away: Duration) -> Self {
        self.set(move |settings| settings.evict_after = away)
    }

    /// How long nobody uses the group before it is parked; 10 s by default. A parked group costs almost nothing; the first command wakes
    /// it, which takes one more round trip, and the loss of its leader is noticed within two seconds instead of half of one.
    pub fn rest_after(self, unused: Duration) -> Self {
        self.set(move |settings| settings.rest_after = unused)
    }

    /// The longest way between two of its members, there and back, that the group has to stand; 60 ms by default, and 2 s at most. All nodes
    /// of a group say the same. The farther apart members may be, the later they notice that their leader is lost: after 0.6 to 0.9 s by
    /// default, and after 5.8 to 8.3 s with 800 ms.
    pub fn round_trip(self, longest: Duration) -> Self {
        self.set(move |settings| settings.round_trip = longest)
    }

    /// How many voters there should be after the birth; as many as at the birth by default, and three if one node founds.
    pub fn committee(self, voters: u8) -> Self {
        self.set(move |settings| settings.committee = Some(voters))
    }

    /// The node that may found the group, with [`Voters::Founder`].
    pub fn founder(self, peer: PeerId) -> Self {
        self.set(move |settings| settings.founder = Some(peer))
    }

    /// Whether this node leads; when it is elected, by default.
    pub fn leads(self, leads: Leads) -> Self {
        self.set(move |settings| settings.leads = leads)
    }

    /// Who may be a member; beside what the attribute says.
    pub fn require(self, policy: Policy) -> Self {
        self.set(move |settings| settings.members = join(std::mem::take(&mut settings.members), policy))
    }

    /// Who may read from this member without being one; by default who may be a member.
    pub fn require_of_readers(self, policy: Policy) -> Self {
        self.set(move |settings| {
            settings.readers = Some(join(settings.readers.take().unwrap_or_default(), policy))
        })
    }

    /// How many entries of the log this node keeps behind its snapshot; 10 000 by default. A member or a reader that lags more gets the
    /// snapshot.
    pub fn keep_log(self, entries: u64) -> Self {
        self.set(move |settings| settings.kept = entries)
    }

    /// The type that the state machine had before: what is in the log from then is applied by its code, and at one place of the log
    /// its state becomes one of this type. All members must say the same. See [`Earlier`].
    pub fn earlier(mut self, earlier: Earlier<M>) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// The limits of the state machine and of its snapshots. All members must have the same.
    pub fn limits(mut self, limits: MachineSettings) -> Self {
        self.machine = limits;
        self
    }
}

/// Both policies, without a needless `anyone`.
fn join(one: Policy, other: Policy) -> Policy {
    match (one.is_anyone(), other.is_anyone()) {
        (true, _) => other,
        (_, true) => one,
        _ => one & other,
    }
}

impl<M: StateMachine> GroupBuilder<M> {
    /// Takes part in the group: this node meets the others, and becomes a member. It does not wait for that; use
    /// [`when().online()`](super::GroupWhen::online). The node keeps its part until it stops, also when all handles are gone.
    ///
    /// # Errors
    ///
    /// When the group has no name or no voters, when its key cannot be read, when this node has the group open with other settings, when
    /// its store cannot be opened, or when the node is stopping.
    pub async fn join(self) -> Result<Group<M>, JoinError> {
        let (id, name) = self.intent.ok_or(JoinError::Unnamed)?;
        intent::check(&name)?;
        let mut settings = match (self.voters, self.declared) {
            (Some(voters), None) => GroupSettings::new(voters),
            (Some(voters), Some(declared)) => GroupSettings { voters, ..of(declared)? },
            (None, Some(declared)) => of(declared)?,
            (None, None) => return Err(JoinError::NoVoters { intent: name }),
        };
        self.changes.into_iter().for_each(|change| change(&mut settings));
        let (initial, machine) = (Beginning::new(self.initial, self.earlier), self.machine);
        self.groups.open(Opening { intent: name.into(), id, settings, initial, machine }).await
    }

    /// Reads what the group commits, without being a member: this node never votes in it and cannot write. It does not wait for a
    /// member; use [`when().online()`](super::LearnerWhen::online). The node reads until it stops, also when all handles are gone.
    ///
    /// Of the settings the name, the key, the policy of [`require`](Self::require) and the limits count; whoever reads needs no voters.
    ///
    /// # Errors
    ///
    /// When the group has no name, when its key cannot be read, when this node reads the group with other settings, or when the node is
    /// stopping.
    pub async fn learn(self) -> Result<Learner<M>, JoinError> {
        let (id, name) = self.intent.ok_or(JoinError::Unnamed)?;
        intent::check(&name)?;
        let mut settings = match self.declared {
            Some(declared) => of(declared)?,
            None => GroupSettings::new(Voters::Founder),
        };
        self.changes.into_iter().for_each(|change| change(&mut settings));
        let GroupSettings { key, members, .. } = settings;
        let (initial, machine) = (Beginning::new(self.initial, self.earlier), self.machine);
        let learning = Learning { intent: name.into(), id, key, members, initial, machine };
        let (reader, replica) = self.groups.hub.learn(learning).await?;
        Ok(Learner::new(reader, replica))
    }
}

/// What an attribute says.
fn of(declared: &'static GroupDescriptor) -> Result<GroupSettings, JoinError> {
    let voters = match declared.voters {
        VoterSet::Count(count) => Voters::Count(count),
        VoterSet::Founder => Voters::Founder,
        VoterSet::List(peers) => Voters::List(peers.iter().copied().collect()),
    };
    let (options, defaults) = (declared.options, GroupSettings::new(voters));
    let key = options
        .key
        .map(|from| read_key(from).map_err(|why| JoinError::Key { intent: declared.intent.text, from, why }));
    Ok(GroupSettings {
        storage: match options.storage {
            topology::Storage::Memory => Storage::Memory,
            topology::Storage::Durable => Storage::Durable,
        },
        key: key.transpose()?,
        deadline: options.deadline.unwrap_or(defaults.deadline),
        strict: options.strict,
        evict_after: options.evict_after.unwrap_or(defaults.evict_after),
        round_trip: options.round_trip.unwrap_or(defaults.round_trip),
        committee: options.committee,
        members: Policy::from(declared.members),
        founder: options.founder,
        ..defaults
    })
}

fn read_key(from: KeySource) -> Result<GroupKey, String> {
    let text = match from {
        KeySource::Env(name) => std::env::var_os(name).ok_or("it is not set")?.into_encoded_bytes(),
        KeySource::File(path) => {
            let base = std::env::var_os(CONFIG_DIR).map(PathBuf::from).unwrap_or_default();
            keyfile::contents(&base.join(Path::new(path))).map_err(|error| error.to_string())?
        }
    };
    GroupKey::from_text(&text).map_err(|error: GroupKeyError| error.to_string())
}

impl<M> fmt::Debug for GroupBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let intent = self.intent.as_ref().map(|(_, intent)| intent.as_str());
        f.debug_struct("GroupBuilder")
            .field("intent", &intent)
            .field("voters", &self.voters)
            .finish_non_exhaustive()
    }
}
