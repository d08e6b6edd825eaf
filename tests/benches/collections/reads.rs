//! Reads of the copy on a node, beside those of the bare persistent map, and while another node writes.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use imbl::OrdMap;
use mosaik_runtime::collections::Writer;
use tokio::{
    task::{JoinSet, yield_now},
    time::{Instant, sleep},
};

use super::{
    measured::{Measured, Meter, percentile},
    nodes::{self, LONG, Numbers, mixed},
};
use crate::common::{Fallible, repeat::Side};

/// Reads between two looks at the clock.
const ROUND: u64 = 10_000;

/// Insertions in flight while others read.
const IN_FLIGHT: usize = 64;
/// How long a rare reader waits between two reads.
const RARELY: Duration = Duration::from_millis(10);
/// The same for one who reads so seldom that the node publishes nothing any more.
const SELDOM: Duration = Duration::from_millis(400);
/// Of so many frequent reads the time of one is kept, beside the longest.
const KEPT: usize = 8;

/// One run of one side.
pub(crate) async fn measure(side: Side, entries: u64, window: Duration) -> Fallible<Vec<Measured>> {
    if side == Side::Bare {
        let map: OrdMap<u64, u64> = (0..entries).map(|key| (key, mixed(key))).collect();
        let get = rate("get", entries, window, |key| map.get(&key).copied())?;
        let snapshot = rate("get-of-snapshot", entries, window, |key| map.get(&key).copied())?;
        return Ok(vec![get, snapshot]);
    }
    let (network, writer) = nodes::writer(&nodes::name("reads"), 1).await?;
    nodes::online(&writer).await?;
    nodes::fill(&writer, entries).await?;
    let get = rate("get", entries, window, |key| writer.get(&key))?;
    let snapshot = writer.snapshot();
    let of_snapshot = rate("get-of-snapshot", entries, window, |key| snapshot.get(&key).copied())?;
    nodes::close([network]).await;
    Ok(vec![get, of_snapshot])
}

fn rate(name: &str, entries: u64, window: Duration, get: impl Fn(u64) -> Option<u64>) -> Fallible<Measured> {
    let (meter, start, mut done) = (Meter::start()?, Instant::now(), 0_u64);
    while start.elapsed() < window / 2 {
        for number in done..done + ROUND {
            let key = mixed(number) % entries;
            if black_box(get(black_box(key))) != Some(mixed(key)) {
                return Err(format!("another value at {key}").into());
            }
        }
        done += ROUND;
    }
    let value = done as f64 / start.elapsed().as_secs_f64();
    Ok(Measured { name: name.to_owned(), value, unit: "reads/s", cores: meter.cores()? })
}

/// How long reads on one node take while another one writes.
pub(crate) async fn while_written(entries: u64, window: Duration) -> Fallible<Vec<Measured>> {
    let name = nodes::name("reads-while-written");
    let (writes, writer) = nodes::writer(&name, 1).await?;
    nodes::online(&writer).await?;
    nodes::fill(&writer, entries).await?;
    let (reads, reader) = nodes::writer(&name, 1).await?;
    nodes::online(&reader).await?;
    let seen = reader.with_deadline(LONG).strong().await?.len() as u64;
    if seen != entries {
        return Err(format!("the copy has {seen} of {entries} entries").into());
    }
    let (ends, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writing = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (writer, ends, done) = (writer.clone(), ends.clone(), done.clone());
        writing.spawn(async move {
            while !ends.load(Ordering::Relaxed) {
                let number = done.fetch_add(1, Ordering::Relaxed);
                writer.insert(mixed(number) % entries, number).await?;
            }
            Fallible::Ok(())
        });
    }
    let (start, before) = (Instant::now(), done.load(Ordering::Relaxed));
    let mut all = times("seldom", (entries, 1), window, &reader, async || sleep(SELDOM).await).await?;
    all.extend(times("rare", (entries, 1), window, &reader, async || sleep(RARELY).await).await?);
    all.extend(times("frequent", (entries, KEPT), window, &reader, yield_now).await?);
    let written = (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
    all.push(Measured { name: "written".to_owned(), value: written, unit: "changes/s", cores: 0.0 });
    ends.store(true, Ordering::Relaxed);
    writing.join_all().await.into_iter().collect::<Fallible>()?;
    nodes::close([writes, reads]).await;
    Ok(all)
}

/// The times of reads, with a pause before each. Of so many one is kept.
async fn times(
    who: &str,
    (entries, kept): (u64, usize),
    window: Duration,
    reader: &Writer<Numbers>,
    pause: impl AsyncFn(),
) -> Fallible<Vec<Measured>> {
    let (meter, start, mut times, mut longest) =
        (Meter::start()?, Instant::now(), Vec::new(), Duration::ZERO);
    for number in 0_usize.. {
        pause().await;
        if start.elapsed() >= window {
            break;
        }
        let (asked, key) = (Instant::now(), mixed(number as u64) % entries);
        if black_box(reader.get(black_box(&key))).is_none() {
            return Err(format!("no value at {key}").into());
        }
        let time = asked.elapsed();
        longest = longest.max(time);
        if number % kept == 0 {
            times.push(time);
        }
    }
    let cores = meter.cores()?;
    let [p50, p99] = [50, 99].map(|hundredths| percentile(&mut times, hundredths));
    let figures = [("p50", p50), ("p99", p99), ("longest", longest.as_secs_f64() * 1e6)];
    let measured = |(name, value)| Measured { name: format!("{who}-{name}"), value, unit: "us", cores };
    Ok(figures.map(measured).into())
}
