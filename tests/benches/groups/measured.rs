//! A figure, how busy the processor was for it, and two ways to measure one.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::common::{Fallible, report::Figure, usage::cpu_seconds};

/// A figure.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Of what, and where.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of which unit.
    pub(crate) unit: &'static str,
    /// How many cores were busy meanwhile; zero where it says nothing.
    pub(crate) cores: f64,
}

impl Measured {
    /// Whether less is better.
    pub(crate) fn is_better_lower(&self) -> bool {
        matches!(self.unit, "us" | "ms" | "%" | "KiB" | "B")
    }

    /// For the table.
    pub(crate) fn figure(&self) -> Figure {
        Figure { value: self.value, cores: self.cores }
    }
}

/// How busy the processor is from now on.
pub(crate) struct Meter {
    start: Instant,
    used: f64,
}

impl Meter {
    pub(crate) fn start() -> Fallible<Self> {
        Ok(Self { start: Instant::now(), used: cpu_seconds()? })
    }

    /// How many cores were, since the start.
    pub(crate) fn cores(&self) -> Fallible<f64> {
        Ok((cpu_seconds()? - self.used) / self.start.elapsed().as_secs_f64())
    }
}

/// So many hundredths of the times are not longer than this, in microseconds.
pub(crate) fn percentile(times: &mut [Duration], hundredths: usize) -> f64 {
    times.sort_unstable();
    let at = times.len().saturating_sub(1) * hundredths / 100;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// One after the other, for as long as the window; a tenth of it first, which does not count.
pub(crate) async fn sequential(window: Duration, one: impl AsyncFn() -> Fallible) -> Fallible<Vec<Duration>> {
    let (start, warm) = (Instant::now(), window / 10);
    let mut times = Vec::new();
    while start.elapsed() < window + warm {
        let asked = Instant::now();
        one().await?;
        if asked.duration_since(start) > warm {
            times.push(asked.elapsed());
        }
    }
    Ok(times)
}

/// How many a second so many callers get done, whose tasks each return how many they did in the window.
pub(crate) async fn together(callers: JoinSet<Fallible<u64>>, window: Duration) -> Fallible<f64> {
    let done: Fallible<Vec<u64>> = callers.join_all().await.into_iter().collect();
    Ok(done?.into_iter().sum::<u64>() as f64 / window.as_secs_f64())
}
