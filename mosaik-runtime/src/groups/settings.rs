//! How a group is opened on a node.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    birth,
    bond::GroupKey,
    manage,
    timing::{self, Timing},
};
use crate::primitives::{PeerId, Policy};

pub use birth::Voters;

/// How many voters a group has that one node founds, unless `committee` says otherwise.
pub const FOUNDED_COMMITTEE: u8 = 3;
/// How long nobody uses a group before it is parked, unless `rest_after` says otherwise.
pub const REST_AFTER: Duration = Duration::from_secs(10);
/// How long a voter may be away before a spare takes its place, unless `evict_after` says otherwise.
pub const EVICT_AFTER: Duration = Duration::from_secs(30);

/// Entries that are kept behind a snapshot, unless `keep_log` says otherwise.
pub const KEPT_BEHIND_SNAPSHOT: u64 = 10_000;

/// Where a group keeps its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Storage {
    /// In memory: a member that restarts comes back as a new one, and gets the state from the others.
    #[default]
    Memory,
    /// In the node's data directory.
    Durable,
}

/// Whether a node leads. It travels: variants are only ever appended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leads {
    /// It leads when it is elected.
    #[default]
    Normal,
    /// It hands over when another voter has the whole log.
    Reluctant,
    /// It does not stand for election, and hands over when it is elected all the same.
    Never,
}

/// How a group is opened on a node.
#[derive(Debug, Clone)]
pub struct GroupSettings {
    /// The first committee.
    pub voters: Voters,
    /// Where the log is kept.
    pub storage: Storage,
    /// The key that members prove to each other.
    pub key: Option<GroupKey>,
    /// When an unfinished birth is reported.
    pub deadline: Duration,
    /// Whether the deadline ends the birth.
    pub strict: bool,
    /// How long a voter may be away before a spare takes its place.
    pub evict_after: Duration,
    /// How long nobody uses the group before it is parked.
    pub rest_after: Duration,
    /// The longest round trip between two members that the group stands. All members say the same.
    pub round_trip: Duration,
    /// How many voters there should be after the birth; by default as many as in the first committee, and three if one node founds.
    pub committee: Option<u8>,
    /// Who may be a member.
    pub members: Policy,
    /// Who may read from this member without being one; by default who may be a member, since readers hold the whole state.
    pub readers: Option<Policy>,
    /// Whether this node leads.
    pub leads: Leads,
    /// The node that may found the group, when one node founds it.
    pub founder: Option<PeerId>,
    /// Entries that this node keeps behind a snapshot, for members and readers that lag a little.
    pub kept: u64,
}

impl GroupSettings {
    /// A group with these voters and defaults for the rest: in memory, without a key, everybody may join.
    pub fn new(voters: Voters) -> Self {
        Self {
            voters,
            storage: Storage::default(),
            key: None,
            deadline: Duration::from_secs(30),
            strict: false,
            evict_after: EVICT_AFTER,
            rest_after: REST_AFTER,
            round_trip: timing::NEAR,
            committee: None,
            members: Policy::anyone(),
            readers: None,
            leads: Leads::default(),
            founder: None,
            kept: KEPT_BEHIND_SNAPSHOT,
        }
    }

    /// What differs between these settings and those of the same group that is open already, in words.
    pub(super) fn difference(&self, open: &Self) -> Option<String> {
        let differs = |what: &str, here: String, there: String| {
            (here != there).then(|| format!("`{what}` is {here} here and {there} there"))
        };
        let founder = |settings: &Self| {
            settings.founder.map_or_else(|| "nobody".to_owned(), |peer| peer.short().to_string())
        };
        let key = |settings: &Self| if settings.key.is_some() { "given" } else { "none" };
        differs("voters", say(&self.voters), say(&open.voters))
            .or_else(|| differs("storage", word(self.storage), word(open.storage)))
            .or_else(|| differs("key", key(self).to_owned(), key(open).to_owned()))
            .or_else(|| (self.key != open.key).then(|| "the keys differ".to_owned()))
            .or_else(|| differs("deadline", word(self.deadline), word(open.deadline)))
            .or_else(|| differs("strict", word(self.strict), word(open.strict)))
            .or_else(|| differs("evict_after", word(self.evict_after), word(open.evict_after)))
            .or_else(|| differs("rest_after", word(self.rest_after), word(open.rest_after)))
            .or_else(|| differs("round_trip", word(self.round_trip), word(open.round_trip)))
            .or_else(|| differs("committee", self.committee().to_string(), open.committee().to_string()))
            .or_else(|| differs("members", self.members.to_string(), open.members.to_string()))
            .or_else(|| differs("readers", self.readers().to_string(), open.readers().to_string()))
            .or_else(|| differs("keep_log", self.kept.to_string(), open.kept.to_string()))
            .or_else(|| differs("leads", word(self.leads), word(open.leads)))
            .or_else(|| differs("founder", founder(self), founder(open)))
    }

    /// Who may read from this member without being one.
    pub(super) fn readers(&self) -> Policy {
        self.readers.clone().unwrap_or_else(|| self.members.clone())
    }

    /// How long its members wait for each other.
    pub(super) fn timing(&self) -> Timing {
        Timing::of(self.round_trip)
    }

    /// How many voters there should be.
    pub(super) fn committee(&self) -> usize {
        match (self.committee, &self.voters) {
            (Some(committee), _) => usize::from(committee),
            (None, Voters::Founder) => usize::from(FOUNDED_COMMITTEE),
            (None, voters) => voters.count(),
        }
    }

    pub(super) fn management(&self) -> manage::Settings {
        let listed: Option<BTreeSet<PeerId>> = match (&self.voters, self.committee) {
            (Voters::List(peers), None) => Some(peers.clone()),
            _ => None,
        };
        manage::Settings { committee: self.committee(), listed, evict_after: self.evict_after }
    }
}

fn word(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

fn say(voters: &Voters) -> String {
    match voters {
        Voters::Founder => "founder".to_owned(),
        Voters::Count(count) => count.to_string(),
        Voters::List(peers) => {
            let peers: Vec<_> = peers.iter().map(PeerId::short).collect();
            format!("[{}]", peers.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::policy;

    #[test]
    fn lc12_a_difference_is_named() {
        let open = GroupSettings::new(Voters::Count(3));
        assert_eq!(open.difference(&open.clone()), None);
        let more = GroupSettings::new(Voters::Count(5));
        assert_eq!(more.difference(&open), Some("`voters` is 5 here and 3 there".to_owned()));
        let kept = GroupSettings { storage: Storage::Durable, ..open.clone() };
        assert_eq!(kept.difference(&open), Some("`storage` is durable here and memory there".to_owned()));
        let named = GroupSettings { founder: Some(PeerId::from_bytes([7; 32])), ..open.clone() };
        let said = named.difference(&open).expect("another founder");
        assert!(said.starts_with("`founder` is ") && said.ends_with(" here and nobody there"), "{said}");
        let strict = GroupSettings { strict: true, ..open.clone() };
        assert_eq!(strict.difference(&open), Some("`strict` is true here and false there".to_owned()));
    }

    #[test]
    fn who_may_be_a_member_may_read_unless_readers_are_named() {
        let members = policy::tag("bank");
        let open = GroupSettings::new(Voters::Count(3));
        assert!(open.readers().is_anyone());
        let closed = GroupSettings { members: members.clone(), ..open };
        assert_eq!(closed.readers().to_string(), members.to_string());
        let named = GroupSettings { readers: Some(Policy::anyone()), ..closed };
        assert!(named.readers().is_anyone());
    }

    #[test]
    fn a_group_that_one_node_founds_grows_to_three() {
        assert_eq!(GroupSettings::new(Voters::Founder).committee(), 3);
        assert_eq!(GroupSettings::new(Voters::Count(1)).committee(), 1);
        let five = GroupSettings { committee: Some(5), ..GroupSettings::new(Voters::Founder) };
        assert_eq!(five.committee(), 5);
    }
}
