//! Reads of the copy on a node, beside those of the bare persistent map.

use std::{hint::black_box, time::Duration};

use imbl::OrdMap;
use tokio::time::Instant;

use super::{
    measured::{Measured, Meter},
    nodes::{self, mixed},
};
use crate::common::{Fallible, repeat::Side};

/// Reads between two looks at the clock.
const ROUND: u64 = 10_000;

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
