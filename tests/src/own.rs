//! What this process uses, as Linux says. None where the system does not.

use std::fs;

/// Ticks a second in which processor time is shown to programs, on every machine that we run on.
pub const TICKS: f64 = 100.0;

/// Seconds of processor time so far, in whole ticks, with the threads that have ended.
pub fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold spaces. After it, user and system time are the 12th and 13th.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map_while(|text| text.parse::<f64>().ok());
    Some((ticks.next()? + ticks.next()?) / TICKS)
}

/// Bytes of memory that are resident.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
