//! Where in the life of a group something is: which birth, and how far in its log.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use super::birth::ClusterId;
use crate::primitives::schema::{Schema, Seen, Shape};

/// One birth of a group. A group in memory whose voters are all gone is born again, empty, under another one. Eras have no order:
/// of two, nobody can say from the numbers which was first.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Era(u64);

impl Era {
    /// Before the group was born, as far as this node knows.
    pub const NONE: Self = Self(0);

    /// The era of this birth.
    pub fn of(cluster: &ClusterId) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *cluster.as_bytes();
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1))
    }

    /// What [`from_bits`](Self::from_bits) makes an era of.
    pub(in crate::groups) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The era of these bits.
    pub(in crate::groups) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether it is a birth.
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Era({self})")
    }
}

/// A state of a group: after the entry with this index, in this era. It can travel inside a message, and be waited for elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The birth of the group.
    pub era: Era,
    /// The last entry of its log.
    pub index: u64,
}

impl Version {
    /// A version.
    pub const fn new(era: Era, index: u64) -> Self {
        Self { era, index }
    }
}

/// Versions of one era are ordered; those of two are not.
impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.era == other.era).then(|| self.index.cmp(&other.index))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.era, self.index)
    }
}

impl Schema for Era {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

impl Schema for Version {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Version", None, &[("era", Era::shape), ("index", u64::shape)])
    }
}

/// The group was born again since: what was waited for will never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {wanted} is of another life of the group, which is in era {now} now: what the older one held is gone, so begin again \
     with what there is"
)]
pub struct EraChanged {
    /// What was waited for.
    pub wanted: Version,
    /// The era of the group now.
    pub now: Era,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{codec, ids::hex};

    #[test]
    fn a_version_travels_and_only_those_of_one_era_are_ordered() {
        let era = |n| Era::of(&ClusterId::from_bytes([n; 32]));
        let version = Version::new(era(1), 300);
        assert_eq!(hex(&codec::encode(&version).expect("encodes")), "8182848890a0c08001ac02");
        assert!(version > Version::new(era(1), 299));
        assert_eq!(version.partial_cmp(&Version::new(era(2), 1)), None);
        assert!(era(0).is_some(), "a birth is never none");
        assert_eq!(version.to_string(), "0101010101010101.300");
    }
}
