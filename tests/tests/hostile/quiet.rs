//! Whether others use the processors: then what an attack takes from the bystander says nothing about the node.

use std::{fs, io::Write, time::Duration};

use mosaik_tests::own;
use tokio::time::Instant;

/// In a quiet window others have less than this part of one processor.
const OTHERS: f64 = 0.25;
/// With this variable set, a test that did not see enough quiet windows fails.
const REQUIRE_QUIET: &str = "MOSAIK_REQUIRE_QUIET";

/// Looks at what others use from a moment on.
pub(super) struct Watch {
    begun: Instant,
    others: f64,
}

impl Watch {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), others: others().unwrap_or_default() }
    }

    /// Which part of one processor others had since then. Zero where the system does not say.
    pub(super) fn others(&self) -> f64 {
        let seconds = others().unwrap_or_default() - self.others;
        seconds.max(0.0) / self.begun.elapsed().max(Duration::from_millis(1)).as_secs_f64()
    }

    /// Whether the processors were this program's since then.
    pub(super) fn is_quiet(&self) -> bool {
        self.others() <= OTHERS
    }
}

/// Says where everybody sees it that others use the processors, and fails where that may not be.
pub(super) fn not_quiet(so: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{name}: others use the processors, so {so}");
    assert!(
        std::env::var_os(REQUIRE_QUIET).is_none(),
        "others use the processors, and {REQUIRE_QUIET} is set"
    );
}

/// Seconds of processor time that all but this program have used so far. Interrupts are left out: most of them are its own traffic.
fn others() -> Option<f64> {
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let line = machine.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<f64> = line.split_whitespace().map_while(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, _hard, _soft, stolen, ..] = times[..] else { return None };
    Some((user + nice + system + stolen) / own::TICKS - own::processor_seconds()?)
}
