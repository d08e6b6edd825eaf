//! Time as an argument: the clock of one node.
//!
//! Deadlines and back-off use monotonic time, which is tokio's and virtual in a simulation. The wall clock only
//! bounds freshness; it may be wrong by days and may jump, and nothing is ordered by it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A point of wall-clock time, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wall(pub u64);

impl Wall {
    /// So much later.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How far apart two points are, whichever is first.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

/// The clock of one node.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Simulated { start: Instant, epoch: Wall, offset_ms: Arc<AtomicI64> },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock whose wall time starts at `epoch` now and follows tokio's (virtual) time.
    pub fn simulated(epoch: Wall) -> Self {
        let start = Instant::now();
        Self(Source::Simulated { start, epoch, offset_ms: Arc::default() })
    }

    /// Monotonic time.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Wall-clock time.
    pub fn wall(&self) -> Wall {
        match &self.0 {
            Source::System => system_wall(),
            Source::Simulated { start, epoch, offset_ms } => {
                let passed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                let offset = offset_ms.load(Ordering::Relaxed);
                Wall(epoch.0.saturating_add(passed).saturating_add_signed(offset))
            }
        }
    }

    /// Makes a simulated wall clock jump. The system's clock is left alone.
    pub fn jump(&self, by_ms: i64) {
        if let Source::Simulated { offset_ms, .. } = &self.0 {
            offset_ms.fetch_add(by_ms, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Simulated { .. } => "Clock(simulated)",
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_wall_clock_jumps_both_ways() {
        let clock = Clock::simulated(Wall(1_000_000));
        clock.jump(-500_000);
        assert!(clock.wall() < Wall(600_000));
        clock.jump(1_000_000);
        assert!(clock.wall() >= Wall(1_500_000));
    }
}
