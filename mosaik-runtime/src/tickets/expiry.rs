//! When a validity ends, with a wall clock that may jump.
//!
//! A validity is given in wall-clock time. Its end is fixed on monotonic time when it is validated; it is over at the earlier of
//! the two. So a wall clock that is set back prolongs nothing, and one that is set forward ends it.

use std::time::Duration;

use tokio::time::Instant;

use crate::primitives::Wall;

/// The end of a validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    wall: Wall,
    mono: Option<Instant>,
}

impl Expiry {
    /// Fixes the end `until` of what was validated at (`wall`, `mono`).
    pub fn fix(until: Wall, wall: Wall, mono: Instant) -> Self {
        let left = Duration::from_millis(until.0.saturating_sub(wall.0));
        Self { wall: until, mono: mono.checked_add(left) }
    }

    /// Whether it is over.
    pub fn passed(&self, wall: Wall, mono: Instant) -> bool {
        wall >= self.wall || self.mono.is_some_and(|end| mono >= end)
    }

    /// When to look again at the latest; `None`: further away than time is counted.
    pub fn next(&self, wall: Wall, mono: Instant) -> Option<Instant> {
        let by_wall = mono.checked_add(Duration::from_millis(self.wall.0.saturating_sub(wall.0)));
        match (self.mono, by_wall) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The end in wall-clock time.
    pub fn until(&self) -> Wall {
        self.wall
    }
}

/// The wall clock as tickets see it: the later of what it says, and of what it said at the beginning plus the time that passed since.
///
/// So one that is set back lets nobody in again whose ticket had ended. One that was ahead at the beginning ends tickets early, until
/// the node is started again.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    wall: Wall,
    mono: Instant,
}

impl Steady {
    /// Begins at this time.
    pub fn new(wall: Wall, mono: Instant) -> Self {
        Self { wall, mono }
    }

    /// The time that counts, when the clocks say (`wall`, `mono`).
    pub fn now(&self, wall: Wall, mono: Instant) -> Wall {
        wall.max(self.wall.later(mono.saturating_duration_since(self.mono)))
    }
}

/// The wall clock jumped against monotonic time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// By how many milliseconds, forward if positive.
    pub by_ms: i128,
}

/// Notices jumps of the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Jumps {
    wall: Wall,
    mono: Instant,
    leeway: Duration,
}

impl Jumps {
    /// Begins to watch; differences up to `leeway` between two looks are no jump.
    pub fn new(wall: Wall, mono: Instant, leeway: Duration) -> Self {
        Self { wall, mono, leeway }
    }

    /// Looks at both clocks. Call it each second.
    pub fn look(&mut self, wall: Wall, mono: Instant) -> Option<Jump> {
        let passed = mono.saturating_duration_since(self.mono).as_millis();
        let expected = i128::from(self.wall.0) + i128::try_from(passed).unwrap_or(i128::MAX / 2);
        let by_ms = i128::from(wall.0) - expected;
        if by_ms.unsigned_abs() <= self.leeway.as_millis() {
            // The base stays where it is, so that a clock that creeps away is noticed too.
            return None;
        }
        (self.wall, self.mono) = (wall, mono);
        Some(Jump { by_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn t1_the_earlier_of_both_clocks_ends_it() {
        let start = Instant::now();
        let expiry = Expiry::fix(Wall(11_000), Wall(1000), start);
        assert!(!expiry.passed(Wall(10_999), start + 9 * SECOND));
        assert!(expiry.passed(Wall(11_000), start), "the wall clock was set forward");
        assert!(expiry.passed(Wall(0), start + 10 * SECOND), "the wall clock was set back");
        assert_eq!(expiry.next(Wall(1000), start), Some(start + 10 * SECOND));
        assert_eq!(expiry.next(Wall(6000), start), Some(start + 5 * SECOND));
        assert_eq!(expiry.next(Wall(0), start + 9 * SECOND), Some(start + 10 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_already_is_over_and_what_never_ends_does_not_overflow() {
        let start = Instant::now();
        assert!(Expiry::fix(Wall(5), Wall(5), start).passed(Wall(5), start));
        let never = Expiry::fix(Wall(u64::MAX), Wall(0), start);
        assert!(!never.passed(Wall(u64::MAX - 1), start + 1000 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn f14_a_clock_that_is_set_back_does_not_begin_the_past_again() {
        let start = Instant::now();
        let steady = Steady::new(Wall(100_000), start);
        assert_eq!(steady.now(Wall(101_000), start + SECOND), Wall(101_000));
        assert_eq!(steady.now(Wall(5000), start + 10 * SECOND), Wall(110_000), "set back");
        assert_eq!(steady.now(Wall(900_000), start + 11 * SECOND), Wall(900_000), "set forward");
        assert_eq!(steady.now(Wall(112_000), start + 12 * SECOND), Wall(112_000), "and right again");
    }

    #[tokio::test(start_paused = true)]
    async fn jumps_both_ways_and_creeping_are_noticed() {
        let start = Instant::now();
        let mut jumps = Jumps::new(Wall(1_000_000), start, SECOND);
        assert_eq!(jumps.look(Wall(1_001_500), start + SECOND), None, "within the leeway");
        assert_eq!(jumps.look(Wall(1_003_500), start + 2 * SECOND), Some(Jump { by_ms: 1500 }), "crept away");
        assert_eq!(jumps.look(Wall(1_004_500), start + 3 * SECOND), None);
        assert_eq!(jumps.look(Wall(4500), start + 3 * SECOND), Some(Jump { by_ms: -1_000_000 }));
    }
}
