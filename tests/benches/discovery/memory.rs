//! Memory of this process.

use mosaik_tests::own;

use crate::common::Fallible;

/// Resident memory of this process, in MiB.
pub(crate) fn resident_mib() -> Fallible<f64> {
    let bytes = own::resident().ok_or("the system does not say how much memory is resident")?;
    Ok(bytes as f64 / f64::from(1 << 20))
}
