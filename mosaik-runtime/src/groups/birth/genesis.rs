//! The first committee as a value, and the ids that follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::primitives::{PeerId, WireId, ids::hex};

/// One store of a node: random when the store is created, or per process when the group lives in memory. A node that lost its
/// store has another one, and none of the votes of the old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreId(pub u64);

/// A node with one of its stores: what promises, and what votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub peer: PeerId,
    /// Its store.
    pub store: StoreId,
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0[..5]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest!(
    /// What a promise is to: the hash of a [`Genesis`].
    GenesisHash
);
digest!(
    /// One birth of a group. Two groups of one name that were born apart have two.
    ClusterId
);

/// A first committee as somebody proposed it: everything that each node that initialises Raft must share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Genesis {
    /// The group.
    pub group: WireId,
    /// Who proposed it; one of the members, except that its store may have been lost since.
    pub proposer: Member,
    /// The proposer's count of proposals; a retry is another proposal.
    pub attempt: u32,
    /// The members, ascending and distinct by peer.
    pub members: Vec<Member>,
}

impl Genesis {
    /// A proposal over these members, in any order.
    pub fn new(group: WireId, proposer: Member, attempt: u32, mut members: Vec<Member>) -> Self {
        members.sort_unstable();
        Self { group, proposer, attempt, members }
    }

    /// What members promise. The derivation is a promise itself; a golden vector holds it.
    pub fn hash(&self) -> GenesisHash {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 group genesis");
        hasher.update(self.group.as_bytes());
        hasher.update(&self.attempt.to_le_bytes());
        for member in std::iter::once(&self.proposer).chain(&self.members) {
            hasher.update(member.peer.as_bytes());
            hasher.update(&member.store.0.to_le_bytes());
        }
        GenesisHash(*hasher.finalize().as_bytes())
    }

    /// The id of the group that is born from this list.
    pub fn cluster(&self) -> ClusterId {
        ClusterId(blake3::derive_key("mosaik 1 cluster id", self.hash().as_bytes()))
    }

    /// Whether the members are ascending, distinct, and have the proposer among them.
    pub fn is_well_formed(&self) -> bool {
        let ascending = self.members.windows(2).all(|pair| match pair {
            [before, after] => before.peer < after.peer,
            _ => true,
        });
        ascending && self.members.contains(&self.proposer)
    }

    /// The member that is this peer.
    pub fn member(&self, peer: &PeerId) -> Option<&Member> {
        self.members.iter().find(|member| member.peer == *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8) -> Member {
        Member { peer: PeerId::from_bytes([n; 32]), store: StoreId(u64::from(n)) }
    }

    #[test]
    fn the_ids_of_a_birth_have_golden_vectors() {
        let genesis =
            Genesis::new(WireId::from_bytes([7; 32]), member(1), 2, vec![member(3), member(1), member(2)]);
        assert_eq!(
            hex(genesis.hash().as_bytes()),
            "0295628357915dfd981bbe7a43e50969f23fd0992d4b32b050cca36b22ed2ff2"
        );
        assert_eq!(
            hex(genesis.cluster().as_bytes()),
            "873bcbff284a1d26e0f69fd9a4ab0dd14daadbce47c269301c59a921ab61c3ef"
        );
    }

    #[test]
    fn a_list_is_ascending_distinct_and_holds_its_proposer() {
        let group = WireId::from_bytes([7; 32]);
        assert!(Genesis::new(group, member(1), 0, vec![member(2), member(1)]).is_well_formed());
        assert!(!Genesis::new(group, member(3), 0, vec![member(2), member(1)]).is_well_formed());
        assert!(!Genesis::new(group, member(1), 0, vec![member(1), member(1)]).is_well_formed());
        let turned =
            Genesis { members: vec![member(2), member(1)], ..Genesis::new(group, member(1), 0, vec![]) };
        assert!(!turned.is_well_formed());
    }
}
