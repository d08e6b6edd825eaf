//! Round-trip times, min-filtered: queues only ever add to the time that the way takes.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Samples older than this do not count.
const WINDOW: Duration = Duration::from_secs(30);

/// Samples are at least this far apart.
const APART: Duration = Duration::from_millis(200);

/// So many are kept.
const MOST: usize = 16;

/// The recent samples of one peer.
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<(Instant, Duration)>);

impl Samples {
    /// Whether it is time for another sample.
    pub(super) fn due(&self, now: Instant) -> bool {
        self.0.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= APART)
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, now: Instant, sample: Duration) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, sample));
    }

    /// The least of the recent samples; the last one when all are old.
    pub(super) fn least(&self, now: Instant) -> Option<Duration> {
        let recent = self.0.iter().filter(|(at, _)| now.saturating_duration_since(*at) <= WINDOW);
        recent.map(|(_, sample)| *sample).min().or(self.0.back().map(|(_, sample)| *sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_does_not_raise_the_time_and_a_longer_way_does_after_a_while() {
        let (mut samples, start) = (Samples::default(), Instant::now());
        let ms = Duration::from_millis;
        assert!(samples.due(start) && samples.least(start).is_none());
        samples.add(start, ms(20));
        samples.add(start + ms(500), ms(90));
        assert!(!samples.due(start + ms(600)));
        assert_eq!(samples.least(start + ms(600)), Some(ms(20)));
        assert_eq!(samples.least(start + Duration::from_millis(30_400)), Some(ms(90)));
        assert_eq!(samples.least(start + Duration::from_secs(3600)), Some(ms(90)));
    }
}
