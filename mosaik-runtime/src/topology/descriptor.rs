//! Const descriptors, as the macros emit them.

use std::{any::Any, fmt};

use super::{collection::CollectionDescriptor, group::GroupDescriptor};
use crate::primitives::{
    Reach, StreamId,
    policy::{ProofRef, Rule},
    schema::ShapeOf,
};

/// Where a declaration stands in the user's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The file, as rustc names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The human-readable name of an item, with the id that was derived from it at expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// The name.
    pub text: &'static str,
    /// The declared id: `blake3` of kind and name, or what `id = hex("…")` says.
    pub id: [u8; 32],
}

impl Intent {
    /// An intent with its id.
    pub const fn new(text: &'static str, id: [u8; 32]) -> Self {
        Self { text, id }
    }
}

/// What happens when a subscriber is too slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The subscription is cut with a reason; the consumer comes back after a back-off and sees a gap.
    #[default]
    Disconnect,
    /// The oldest items are skipped; the consumer sees a gap.
    DropOldest,
    /// New items are skipped until there is room; the consumer sees a gap.
    DropNewest,
    /// The producer waits, up to its patience, then the subscription is cut.
    Block,
}

impl Overflow {
    /// The word of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
            Self::Block => "block",
        }
    }
}

/// When a producer counts as online: `subscribed(n)` or `subscribed(n, tag("x"))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineWhen {
    /// At least this many subscriptions …
    pub subscribers: usize,
    /// … of peers that claim this tag.
    pub tag: Option<&'static str>,
}

/// What the attribute of a stream says; `None` means the default of the runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// Items that a subscription may lag behind.
    pub buffer: Option<usize>,
    /// Items that a late joiner gets from the past.
    pub replay: Option<usize>,
    /// What happens when a subscriber is too slow.
    pub overflow: Option<Overflow>,
    /// Subscriptions per producer node.
    pub max_consumers: Option<usize>,
    /// When a producer counts as online.
    pub online_when: Option<OnlineWhen>,
}

impl StreamOptions {
    /// All defaults.
    pub const fn new() -> Self {
        Self { buffer: None, replay: None, overflow: None, max_consumers: None, online_when: None }
    }

    /// Sets `buffer`.
    #[must_use]
    pub const fn buffer(mut self, items: usize) -> Self {
        self.buffer = Some(items);
        self
    }

    /// Sets `replay`.
    #[must_use]
    pub const fn replay(mut self, items: usize) -> Self {
        self.replay = Some(items);
        self
    }

    /// Sets `overflow`.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Sets `max_consumers`.
    #[must_use]
    pub const fn max_consumers(mut self, subscriptions: usize) -> Self {
        self.max_consumers = Some(subscriptions);
        self
    }

    /// Sets `online_when`.
    #[must_use]
    pub const fn online_when(mut self, subscribers: usize, tag: Option<&'static str>) -> Self {
        self.online_when = Some(OnlineWhen { subscribers, tag });
        self
    }
}

/// A declared stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamDescriptor {
    /// Its name and id.
    pub intent: Intent,
    /// The Rust type that travels, for the picture and for messages.
    pub type_name: &'static str,
    /// The shape of that type.
    pub schema: ShapeOf,
    /// What the attribute says.
    pub options: StreamOptions,
    /// Who may produce.
    pub producers: Rule,
    /// Who may consume.
    pub consumers: Rule,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

impl StreamDescriptor {
    /// The declared id.
    pub const fn id(&self) -> StreamId {
        StreamId::from_bytes(self.intent.id)
    }
}

/// What a node's parameter makes of the node.
#[derive(Debug, Clone, Copy)]
pub enum Role {
    /// It produces a stream.
    Produces(&'static StreamDescriptor),
    /// It consumes a stream.
    Consumes(&'static StreamDescriptor),
    /// It is a member of a group.
    Member(&'static GroupDescriptor),
    /// It reads a group, and is no member of it.
    Learns(&'static GroupDescriptor),
    /// It writes a collection, as a member of its group.
    Writes(&'static CollectionDescriptor),
    /// It reads a collection, and is no member of its group.
    Reads(&'static CollectionDescriptor),
    /// It is a bundle of roles: what a user's struct that implements `FromNode` is.
    All(&'static [Role]),
    /// It declares nothing on the network, and tells the program that starts it something: the options of `Args<T>`.
    Extra(&'static (dyn Any + Send + Sync)),
    /// It declares nothing: `Network`, `Shutdown`.
    None,
}

impl Role {
    /// The roles of this one without bundles.
    pub fn flatten(&self) -> Vec<Self> {
        match self {
            Self::All(roles) => roles.iter().flat_map(Self::flatten).collect(),
            Self::None => Vec::new(),
            role => vec![*role],
        }
    }

    /// The group that it makes a node a member of.
    pub const fn group(&self) -> Option<&'static GroupDescriptor> {
        match self {
            Self::Member(group) => Some(group),
            Self::Writes(collection) => Some(collection.group),
            _ => None,
        }
    }
}

/// A declared node.
#[derive(Debug, Clone, Copy)]
pub struct NodeDescriptor {
    /// Its name: the function's, or `name = "…"`.
    pub name: &'static str,
    /// The network that it joins.
    pub network: &'static str,
    /// The tags that it claims.
    pub tags: &'static [&'static str],
    /// How far it looks, unless the command line says otherwise.
    pub reach: Reach,
    /// What it proves.
    pub proves: &'static [ProofRef],
    /// One role per parameter.
    pub roles: &'static [Role],
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

impl NodeDescriptor {
    /// All roles without bundles.
    pub fn flat_roles(&self) -> Vec<Role> {
        self.roles.iter().flat_map(Role::flatten).collect()
    }
}
