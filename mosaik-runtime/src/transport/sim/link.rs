//! One direction between two peers: latency, jitter, loss, rate, cuts.
//!
//! A link decides when a frame arrives, and nothing else. Loss is what QUIC makes of it: the frame arrives later, by one or
//! more retransmission times. A frame that enters a cut link has no arrival time until the link is healed.

use std::time::Duration;

use tokio::time::Instant;

use crate::primitives::NodeRng;

/// A retransmission takes at least this long.
const RETRANSMISSION_FLOOR: Duration = Duration::from_millis(200);
/// A frame is lost at most this often in a row: 31 retransmission times, less than the idle time-out on a short link.
const MOST_LOSSES: u32 = 5;
/// The longest that losses delay one frame.
const LONGEST_DELAY: Duration = Duration::from_secs(12);
/// Loss above this is a cut, and cuts are asked for by name.
const HIGHEST_LOSS: f64 = 0.95;

/// How a link behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkSettings {
    /// One-way travel time of a frame.
    pub latency: Duration,
    /// How far latency strays, as a part of it: 0.2 means ± 20 %.
    pub jitter: f64,
    /// The chance that a frame is lost once, 0 to 0.95; it is sent again after max(3 × RTT, 200 ms), doubled each time.
    pub loss: f64,
    /// Bytes per second; frames queue for it. `None`: a frame's time does not depend on its length.
    pub bandwidth: Option<u64>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), jitter: 0.2, loss: 0.0, bandwidth: None }
    }
}

/// One direction between two peers.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) settings: LinkSettings,
    pub(super) down_since: Option<Instant>,
    rng: NodeRng,
    busy_until: Option<Instant>,
    stray: f64,
}

impl Link {
    pub(super) fn new(settings: LinkSettings, rng: NodeRng) -> Self {
        Self { settings, down_since: None, rng, busy_until: None, stray: 1.0 }
    }

    /// When a frame of `length` bytes that is sent `now` arrives; `None` while the link is cut.
    pub(super) fn travel(&mut self, now: Instant, length: usize) -> Option<Instant> {
        if self.down_since.is_some() {
            return None;
        }
        let jitter = self.settings.jitter.clamp(0.0, 1.0);
        self.stray = 1.0 + jitter * (2.0 * self.rng.unit() - 1.0);
        let departure = self.departure(now, length);
        let lost = self.lost_time();
        Some(departure + self.latency() + lost)
    }

    /// The travel time of the last frame without its losses; of a frame of today's latency before the first.
    pub(super) fn latency(&self) -> Duration {
        self.settings.latency.mul_f64(self.stray)
    }

    /// What is still on the wire of a link that is cut `now` arrives by this time at the latest.
    pub(super) fn horizon(&self, now: Instant) -> Instant {
        now + self.settings.latency.mul_f64(1.0 + self.settings.jitter.clamp(0.0, 1.0))
    }

    /// Some part of a retransmission time: when a sender notices that a healed link carries again.
    pub(super) fn noticing(&mut self) -> Duration {
        self.retransmission().mul_f64(self.rng.unit())
    }

    fn departure(&mut self, now: Instant, length: usize) -> Instant {
        let Some(rate) = self.settings.bandwidth else { return now };
        let start = self.busy_until.map_or(now, |busy| busy.max(now));
        let micros = (length as u64).saturating_mul(1_000_000) / rate.max(1);
        let end = start + Duration::from_micros(micros);
        self.busy_until = Some(end);
        end
    }

    fn lost_time(&mut self) -> Duration {
        let loss = self.settings.loss.clamp(0.0, HIGHEST_LOSS);
        if loss == 0.0 {
            return Duration::ZERO;
        }
        let losses = (0..MOST_LOSSES).take_while(|_| self.rng.unit() < loss).count() as u32;
        let delay = self.retransmission() * (2_u32.pow(losses) - 1);
        delay.min(LONGEST_DELAY)
    }

    fn retransmission(&self) -> Duration {
        (self.settings.latency * 6).max(RETRANSMISSION_FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(settings: LinkSettings) -> Link {
        Link::new(settings, NodeRng::from_seed(7))
    }

    #[tokio::test(start_paused = true)]
    async fn latency_strays_by_its_jitter_and_no_more() {
        let mut link = link(LinkSettings::default());
        let now = Instant::now();
        for _ in 0..200 {
            let taken = link.travel(now, 1).expect("the link is up") - now;
            assert!((800..=1200).contains(&taken.as_micros()), "{taken:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn loss_delays_by_whole_retransmissions_within_the_bound() {
        let mut link = link(LinkSettings { loss: 0.5, ..LinkSettings::default() });
        let now = Instant::now();
        let taken: Vec<Duration> =
            (0..200).map(|_| link.travel(now, 1).expect("the link is up") - now).collect();
        assert!(taken.iter().any(|time| *time < Duration::from_millis(2)));
        assert!(taken.iter().any(|time| *time > RETRANSMISSION_FLOOR));
        assert!(taken.iter().all(|time| *time < LONGEST_DELAY + Duration::from_millis(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_makes_frames_queue() {
        let settings = LinkSettings { bandwidth: Some(1_000_000), jitter: 0.0, ..LinkSettings::default() };
        let mut link = link(settings);
        let now = Instant::now();
        assert_eq!(link.travel(now, 500_000), Some(now + Duration::from_millis(501)));
        assert_eq!(link.travel(now, 500_000), Some(now + Duration::from_millis(1001)));
    }
}
