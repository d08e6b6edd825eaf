//! Processor time of this process, from `/proc/self`.

use std::fs;

use mosaik_tests::own;

use super::Fallible;

/// Seconds of processor time that this process has used so far.
///
/// The kernel counts to the nanosecond for every living thread, and in ticks for the process with the threads that
/// ended. Both are lower bounds; the higher one is taken.
pub(crate) fn cpu_seconds() -> Fallible<f64> {
    let process =
        own::processor_seconds().ok_or("the system does not say how much processor time was used")?;
    Ok(threads().unwrap_or_default().max(process))
}

fn threads() -> Option<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        // A thread may end while we read.
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next()?.parse::<f64>().ok()?;
    }
    Some(nanoseconds / 1e9)
}
