//! The const descriptor of a replicated group, as `#[group]` emits it.

use std::{fmt, time::Duration};

use super::descriptor::{Intent, Source};
use crate::primitives::{GroupId, PeerId, policy::Rule, schema::ShapeOf};

/// The most voters that a group can have.
pub const MOST_VOTERS: u8 = 13;

/// The first committee of a group, as the attribute writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoterSet {
    /// `voters = 3`: the group is born when so many nodes have met.
    Count(u8),
    /// `voters = founder`: one node with the right to do so founds the group, and others join it.
    Founder,
    /// `voters = ["…", …]`: exactly these nodes.
    List(&'static [PeerId]),
}

impl VoterSet {
    /// How many voters there are when the group is born.
    pub const fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count as usize,
            Self::Founder => 1,
            Self::List(peers) => peers.len(),
        }
    }
}

impl fmt::Display for VoterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Founder => f.write_str("founder"),
            Self::List(peers) => {
                let peers: Vec<_> = peers.iter().map(|peer| format!("{:?}", peer.short())).collect();
                write!(f, "[{}]", peers.join(", "))
            }
        }
    }
}

/// Where a group keeps its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Storage {
    /// In memory: a member that restarts comes back as a new one, and gets the state from the others.
    #[default]
    Memory,
    /// In the node's data directory.
    Durable,
}

impl Storage {
    /// The word of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Durable => "durable",
        }
    }
}

/// Where a node finds the key of a group. The key itself is never part of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySource {
    /// An environment variable.
    Env(&'static str),
    /// A file.
    File(&'static str),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env({name:?})"),
            Self::File(path) => write!(f, "file({path:?})"),
        }
    }
}

/// What the attribute of a group says beside its voters; `None` means the default of the runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupOptions {
    /// Where the log is kept.
    pub storage: Storage,
    /// Where the key is that members prove to each other.
    pub key: Option<KeySource>,
    /// When an unfinished birth is reported.
    pub deadline: Option<Duration>,
    /// Whether that deadline ends the birth.
    pub strict: bool,
    /// How long a voter may be away before a spare takes its place.
    pub evict_after: Option<Duration>,
    /// The longest round trip between two members that the group stands.
    pub round_trip: Option<Duration>,
    /// How many voters there should be after the birth.
    pub committee: Option<u8>,
    /// The node that may found the group, when one node founds it.
    pub founder: Option<PeerId>,
}

impl GroupOptions {
    /// All defaults.
    pub const fn new() -> Self {
        Self {
            storage: Storage::Memory,
            key: None,
            deadline: None,
            strict: false,
            evict_after: None,
            round_trip: None,
            committee: None,
            founder: None,
        }
    }

    /// Sets `storage`.
    #[must_use]
    pub const fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Sets `key`.
    #[must_use]
    pub const fn key(mut self, key: KeySource) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets `deadline`, in milliseconds.
    #[must_use]
    pub const fn deadline(mut self, milliseconds: u64) -> Self {
        self.deadline = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Sets `strict`.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Sets `evict_after`, in milliseconds.
    #[must_use]
    pub const fn evict_after(mut self, milliseconds: u64) -> Self {
        self.evict_after = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Sets `round_trip`, in milliseconds.
    #[must_use]
    pub const fn round_trip(mut self, milliseconds: u64) -> Self {
        self.round_trip = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Sets `committee`.
    #[must_use]
    pub const fn committee(mut self, voters: u8) -> Self {
        self.committee = Some(voters);
        self
    }

    /// Sets `founder`.
    #[must_use]
    pub const fn founder(mut self, peer: PeerId) -> Self {
        self.founder = Some(peer);
        self
    }
}

/// A declared group. There is none without voters: the type has no way to say so.
#[derive(Debug, Clone, Copy)]
pub struct GroupDescriptor {
    /// Its name and id.
    pub intent: Intent,
    /// The Rust type of the state, for the picture and for messages.
    pub type_name: &'static str,
    /// The shape of the state machine: of its state and of the arguments of its methods.
    pub schema: ShapeOf,
    /// The first committee.
    pub voters: VoterSet,
    /// What else the attribute says.
    pub options: GroupOptions,
    /// Who may be a member.
    pub members: Rule,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

impl GroupDescriptor {
    /// The declared id.
    pub const fn id(&self) -> GroupId {
        GroupId::from_bytes(self.intent.id)
    }

    /// Voters and storage in words: `3 voters, durable`.
    pub fn summary(&self) -> String {
        let voters = match self.voters {
            VoterSet::Count(1) => "1 voter".to_owned(),
            VoterSet::Founder => "founded by one".to_owned(),
            voters => format!("{} voters", voters.count()),
        };
        format!("{voters}, {}", self.options.storage.as_str())
    }
}
