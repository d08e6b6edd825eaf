//! The yardstick of what is durable: one small write and its flush at a time, in a file of its own.

use std::{fs, io::Write, time::Duration};

use tokio::time::Instant;

use super::measure::{Measured, Meter};
use crate::common::Fallible;

/// How much is written before each flush.
const WRITTEN: usize = 512;

/// How many a second.
pub(crate) fn one_at_a_time(window: Duration) -> Fallible<Measured> {
    let path = std::env::temp_dir().join(format!("mosaik-bench-flush-{}", std::process::id()));
    let mut file = fs::File::create(&path)?;
    let (start, meter, mut done) = (Instant::now(), Meter::start()?, 0_u64);
    while start.elapsed() < window / 2 {
        file.write_all(&[7; WRITTEN])?;
        file.sync_data()?;
        done += 1;
    }
    let (value, cores) = (done as f64 / start.elapsed().as_secs_f64(), meter.cores()?);
    fs::remove_file(path)?;
    Ok(Measured { name: "one-flush".to_owned(), value, unit: "flushes/s", cores })
}
