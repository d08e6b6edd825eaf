//! Memory of this process, from `/proc/self`.

use crate::common::Fallible;

/// Resident memory of this process, in MiB.
pub(crate) fn resident_mib() -> Fallible<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 =
        line.ok_or("/proc/self/status has no VmRSS")?.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
