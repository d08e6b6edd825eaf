//! Processor time of this process, from `/proc/self`.

use std::fs;

use super::Fallible;

/// Clock ticks a second in `/proc/*/stat`; Linux shows 100 to programs on every machine we run on.
const TICKS: f64 = 100.0;

/// Seconds of processor time that this process has used so far.
///
/// The kernel counts to the nanosecond for every living thread, and in ticks for the process with the threads that
/// ended. Both are lower bounds; the higher one is taken.
pub(crate) fn cpu_seconds() -> Fallible<f64> {
    Ok(threads().unwrap_or_default().max(process()?))
}

fn process() -> Fallible<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in parentheses and may hold spaces. After it, user and system time are
    // the 12th and 13th.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).ok_or("/proc/self/stat has no name")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks =
        || fields.next().and_then(|text| text.parse::<f64>().ok()).ok_or("/proc/self/stat is short");
    Ok((ticks()? + ticks()?) / TICKS)
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
