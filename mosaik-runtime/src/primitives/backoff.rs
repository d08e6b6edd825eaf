//! Exponential back-off with seeded jitter.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::rng::NodeRng;

/// How long to wait between attempts: doubles from `first` to `most`, plus up to as much jitter; never gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The wait after the first failure.
    pub first: Duration,
    /// No wait is longer than twice this.
    pub most: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), most: Duration::from_secs(10) }
    }
}

/// The waits of one sequence of failures.
#[derive(Debug)]
pub struct Backoff {
    settings: Settings,
    waits: ExponentialBackoff,
    rng: NodeRng,
}

impl Backoff {
    /// A sequence that starts at the beginning.
    pub fn new(settings: Settings, mut rng: NodeRng) -> Self {
        let waits = sequence(settings, &mut rng);
        Self { settings, waits, rng }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.waits.next().unwrap_or(self.settings.most)
    }

    /// Starts again at `first`: call it after a success.
    pub fn reset(&mut self) {
        self.waits = sequence(self.settings, &mut self.rng);
    }
}

fn sequence(settings: Settings, rng: &mut NodeRng) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(settings.first)
        .with_max_delay(settings.most)
        .with_jitter()
        .with_jitter_seed(rng.next_u64())
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_bounded_and_start_again() {
        let settings = Settings { first: Duration::from_millis(10), most: Duration::from_millis(80) };
        let mut backoff = Backoff::new(settings, NodeRng::from_seed(1));
        assert!(backoff.next_wait() < Duration::from_millis(21));
        assert!((0..200).all(|_| backoff.next_wait() <= Duration::from_millis(160)));
        backoff.reset();
        assert!(backoff.next_wait() < Duration::from_millis(21));
    }
}
