//! What is measured on one node of a group.

use std::time::Duration;

use tokio::time::Instant;

use mosaik_runtime::groups::Group;
use tokio::task::JoinSet;

use super::group::Sum;
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
        matches!(self.unit, "us" | "ms" | "%" | "KiB")
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

/// Everything, on a node that is a `place`.
pub(crate) async fn everything(place: &str, group: &Group<Sum>, window: Duration) -> Fallible<Vec<Measured>> {
    let mut all = Vec::new();
    let mut push = |name: &str, value, unit, meter: &Meter| {
        let cores = meter.cores()?;
        all.push(Measured { name: format!("{name}/{place}"), value, unit, cores });
        Fallible::Ok(())
    };
    let meter = Meter::start()?;
    let mut times = sequential(window, async || Ok(group.execute(1).await.map(drop)?)).await?;
    push("sequential-p50", percentile(&mut times, 50), "us", &meter)?;
    push("sequential-p99", percentile(&mut times, 99), "us", &meter)?;
    for callers in [64, 1024] {
        let meter = Meter::start()?;
        let rate = commands(group, callers, window).await?;
        push(&format!("in-flight-{callers}"), rate, "commands/s", &meter)?;
    }
    let meter = Meter::start()?;
    push("many-1000", many(group, window).await?, "commands/s", &meter)?;
    let meter = Meter::start()?;
    push("weak", weak(group, window).await?, "reads/s", &meter)?;
    let meter = Meter::start()?;
    let mut times = sequential(window, async || Ok(group.query(()).await.map(drop)?)).await?;
    push("read-p50", percentile(&mut times, 50), "us", &meter)?;
    for callers in [64, 256] {
        let meter = Meter::start()?;
        let rate = reads(group, callers, window).await?;
        push(&format!("read-{callers}"), rate, "reads/s", &meter)?;
    }
    Ok(all)
}

/// One after the other, for as long as the window; a tenth of it first, which does not count.
async fn sequential(window: Duration, one: impl AsyncFn() -> Fallible) -> Fallible<Vec<Duration>> {
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
async fn together(callers: JoinSet<Fallible<u64>>, window: Duration) -> Fallible<f64> {
    let done: Fallible<Vec<u64>> = callers.join_all().await.into_iter().collect();
    Ok(done?.into_iter().sum::<u64>() as f64 / window.as_secs_f64())
}

async fn commands(group: &Group<Sum>, callers: usize, window: Duration) -> Fallible<f64> {
    let mut tasks = JoinSet::new();
    let until = Instant::now() + window;
    for _ in 0..callers {
        let group = group.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while Instant::now() < until {
                group.execute(1).await?;
                done += 1;
            }
            Ok(done)
        });
    }
    together(tasks, window).await
}

async fn reads(group: &Group<Sum>, callers: usize, window: Duration) -> Fallible<f64> {
    let mut tasks = JoinSet::new();
    let until = Instant::now() + window;
    for _ in 0..callers {
        let group = group.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while Instant::now() < until {
                group.query(()).await?;
                done += 1;
            }
            Ok(done)
        });
    }
    together(tasks, window).await
}

async fn many(group: &Group<Sum>, window: Duration) -> Fallible<f64> {
    let (start, mut done) = (Instant::now(), 0_u64);
    while start.elapsed() < window {
        for reply in group.execute_many((0..1000).map(|_| 1)).await {
            reply?;
            done += 1;
        }
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

async fn weak(group: &Group<Sum>, window: Duration) -> Fallible<f64> {
    let (weak, start, mut done) = (group.weak(), Instant::now(), 0_u64);
    while start.elapsed() < window / 4 {
        for _ in 0..100 {
            weak.query(()).await?;
        }
        done += 100;
        tokio::task::yield_now().await;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}
