//! Hosts of the tests' own: network namespaces and bridges that a test makes and takes away. Nothing leaves them, and
//! that is checked. Where namespaces are not allowed the tests say so and are skipped; with `MOSAIK_REQUIRE_NAMESPACES=1`
//! that is a failure.

mod alone;
mod cut;
mod far;
mod groups;
mod local;
mod moves;
mod thin;
mod world;

use std::time::Duration;

pub(crate) const CLERK: &str = env!("CARGO_BIN_EXE_clerk");
pub(crate) const HOLD: &str = env!("CARGO_BIN_EXE_hold");
pub(crate) const SENSORS: &str = env!("CARGO_BIN_EXE_sensors");
pub(crate) const ROLL: &str = env!("CARGO_BIN_EXE_roll");
pub(crate) const RELAY: &str = env!("CARGO_BIN_EXE_relay");
pub(crate) const DHT: &str = env!("CARGO_BIN_EXE_dht");

/// A stated bound of so many seconds, as long as a busy test machine may take for it.
pub(crate) const fn bound(seconds: u64) -> Duration {
    Duration::from_secs(3 * seconds)
}

/// For what has no bound of its own but must not hang.
pub(crate) const LATE: Duration = Duration::from_secs(60);
