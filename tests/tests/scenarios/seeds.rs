//! Runs the seeds of a swarm: in parts that run beside each other, a long row of them, or the one that is asked for.

use mosaik_runtime::{node::world::Canary, transport::sim::TraceHash};

/// One seed, from its beginning to its end.
pub(crate) type Story = fn(u64, Option<Canary>) -> TraceHash;

const PARTS: u64 = 6;
/// Seeds of a long run, with `MOSAIK_LONG` set.
const LONG: u64 = 6000;

/// How many seeds a run has: as many as the variable says, or the default.
pub(crate) fn wanted(variable: &str, default: u64) -> u64 {
    number(variable).unwrap_or(default)
}

/// The seed of a story; `MOSAIK_SEED` stands in for it.
pub(crate) fn chosen(seed: u64) -> u64 {
    number("MOSAIK_SEED").unwrap_or(seed)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Tests that run the parts of so many seeds of a story beside each other.
macro_rules! parts {
    ($story:path, $wanted:expr; $($name:ident: $number:literal),*) => {
        $(#[test]
        fn $name() {
            $crate::seeds::part($number, $wanted, $story);
        })*
    };
}
pub(crate) use parts;

/// Runs one part of so many seeds; with `MOSAIK_SEED` set, that one alone.
pub(crate) fn part(number: u64, seeds: u64, story: Story) {
    if std::env::var_os("MOSAIK_SEED").is_some() {
        story(0, None);
        return;
    }
    let seeds = if std::env::var_os("MOSAIK_LONG").is_some() { LONG } else { seeds };
    for seed in (number..seeds).step_by(PARTS as usize) {
        story(seed, None);
    }
}
