//! Runs the seeds of a swarm: in parts that run beside each other, a long row of them, or the one that is asked for.

use mosaik_runtime::{node::world::Canary, transport::sim::TraceHash};

/// One seed, from its beginning to its end.
pub(crate) type Story = fn(u64, Option<Canary>) -> TraceHash;

const PARTS: u64 = 6;
/// Seeds of a long run, with `MOSAIK_LONG` set.
const LONG: u64 = 6000;

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
