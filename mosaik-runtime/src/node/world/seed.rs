//! The seed of a world, and the command that repeats a failure.

use std::env;

/// The variable that stands in for the seed of every world.
const VARIABLE: &str = "MOSAIK_SEED";

/// What repeats a world.
#[derive(Debug)]
pub(super) struct Repeat {
    seed: u64,
    command: String,
}

impl Repeat {
    pub(super) fn from_environment(seed: u64) -> Self {
        let seed = match env::var(VARIABLE) {
            Ok(text) => text.trim().parse().unwrap_or_else(|_| panic!("{VARIABLE}={text} is not a number")),
            Err(_) => seed,
        };
        let package = env::var("CARGO_PKG_NAME").ok();
        let thread = std::thread::current();
        Self { seed, command: command(seed, package.as_deref(), thread.name()) }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn print(&self) {
        eprintln!("\nthis world had seed {}; repeat it with\n\n    {}\n", self.seed, self.command);
    }
}

/// cargo tells a test its package, and the test harness names its thread after it.
fn command(seed: u64, package: Option<&str>, thread: Option<&str>) -> String {
    let package = package.map(|package| format!(" -p {package}")).unwrap_or_default();
    let test =
        thread.filter(|name| *name != "main").map(|name| format!(" {name} -- --exact")).unwrap_or_default();
    format!("{VARIABLE}={seed} cargo test{package}{test}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_package_and_test_as_far_as_they_are_known() {
        assert_eq!(
            command(7, Some("fleet"), Some("tests::all")),
            "MOSAIK_SEED=7 cargo test -p fleet tests::all -- --exact"
        );
        assert_eq!(command(7, None, Some("main")), "MOSAIK_SEED=7 cargo test");
    }
}
