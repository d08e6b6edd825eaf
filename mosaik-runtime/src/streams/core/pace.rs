//! A cap on bytes per second, shared by all subscriptions of a stream on one node.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills at a constant rate and holds a tenth of a second's worth.
#[derive(Debug)]
pub struct Pace {
    rate: f64,
    debt_free_at: Option<Instant>,
}

impl Pace {
    /// At most `rate` bytes per second.
    pub fn new(rate: u64) -> Self {
        Self { rate: rate.max(1) as f64, debt_free_at: None }
    }

    /// Takes `bytes` at `now`; says how long to wait before sending them.
    pub fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        let slack = Duration::from_millis(100);
        let earliest = now.checked_sub(slack).unwrap_or(now);
        let begin = self.debt_free_at.map_or(earliest, |at| at.max(earliest));
        self.debt_free_at = Some(begin + Duration::from_secs_f64(bytes as f64 / self.rate));
        begin.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Clock;

    #[test]
    fn bytes_leave_at_the_rate() {
        let (mut pace, start) = (Pace::new(1000), Clock::system().now());
        assert_eq!(pace.take(100, start), Duration::ZERO);
        assert_eq!(pace.take(1000, start), Duration::ZERO);
        assert_eq!(pace.take(1000, start), Duration::from_secs(1));
        assert_eq!(pace.take(1, start + Duration::from_secs(10)), Duration::ZERO);
    }
}
