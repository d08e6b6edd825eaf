//! What is measured on one node of a group.

use std::time::Duration;

use tokio::time::Instant;

use mosaik_runtime::groups::Group;
use tokio::task::JoinSet;

pub(crate) use super::measured::{Measured, Meter, percentile, sequential, together};

use super::sum::Sum;
use crate::common::Fallible;

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
