//! Group time: what a leader proposes, and what all members see.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::primitives::schema::{Schema, Seen, Shape};

/// A point of group time, in milliseconds since the birth of the group. It is no wall-clock time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The birth of the group.
    pub const BIRTH: Self = Self(0);

    /// So many milliseconds after the birth of the group.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the birth of the group.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long `earlier` was before this; nothing if it was not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1000, self.0 % 1000)
    }
}

impl Schema for Timestamp {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Primitive("Timestamp".to_owned())
    }
}

/// What a member proposes as group time when it leads. Group time goes on from what was last applied, by monotonic time; between two
/// leaders it stands still.
#[derive(Debug, Clone, Copy, Default)]
pub struct GroupTime(Option<(Instant, u64)>);

impl GroupTime {
    /// The time for a batch that is proposed at `mono`, where `applied` is the group time of the last entry that was applied.
    pub fn propose(&mut self, applied: Timestamp, mono: Instant) -> Timestamp {
        let counted = self.0.map_or(0, |(at, value)| {
            let passed = mono.saturating_duration_since(at).as_millis();
            value.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
        });
        if counted < applied.0 || self.0.is_none() {
            self.0 = Some((mono, applied.0));
        }
        Timestamp(counted.max(applied.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn group_time_follows_monotonic_time_and_never_goes_back() {
        let (start, mut time) = (Instant::now(), GroupTime::default());
        let at = |millis| start + Duration::from_millis(millis);
        let applied = Timestamp::from_millis;
        assert_eq!(time.propose(applied(500), at(10)), applied(500));
        assert_eq!(time.propose(applied(500), at(40)), applied(530));
        assert_eq!(time.propose(applied(900), at(50)), applied(900), "another leader was ahead");
        assert_eq!(time.propose(applied(900), at(51)), applied(901));
        assert_eq!(time.propose(applied(900), at(20)), applied(900), "a late caller");
        assert_eq!(applied(901) + Duration::from_secs(1), applied(1901));
        assert_eq!(applied(1901).since(applied(1)), Duration::from_millis(1900));
        assert_eq!(applied(1).since(applied(1901)), Duration::ZERO);
        assert_eq!(applied(61_007).to_string(), "61.007 s");
    }
}
