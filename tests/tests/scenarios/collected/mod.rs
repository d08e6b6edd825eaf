//! Collections under faults: random operations of many writers on three nodes, beside containers of std.
//!
//! One group holds one container of each kind. While `faults` breaks things, `clients` write to all of them and `lab` follows them on
//! writers and on a reader. `journal` keeps what the log of the group said and what the clients were told, and holds both to `model`,
//! which does the same to containers of std. `story` is one seed from its beginning to its end, `canaries` shows that known
//! mistakes are found, and `boundaries` cuts a snapshot at each of its chunks.

mod boundaries;
mod canaries;
mod clients;
mod followed;
mod journal;
mod lab;
mod model;
mod story;

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use self::story::{operations, story};
use crate::seeds::{self, wanted};

/// The name of these stories: it decides what a seed chooses.
const STORY: &str = "collected";
/// Seeds of every run, in parts that run beside each other. `MOSAIK_COLLECTED_SEEDS` says another number.
const SEEDS: u64 = 12;
/// The parts.
const PARTS: u64 = 6;

/// Parts that have ended, and how many operations they had.
static ENDED: Mutex<(u64, usize)> = Mutex::new((0, 0));

/// Runs one part. When all have ended, the last one says how many operations were compared with the model, and fails when they are fewer
/// than `MOSAIK_COLLECTED_OPERATIONS` says.
fn part(number: u64) {
    operations();
    seeds::part(number, wanted("MOSAIK_COLLECTED_SEEDS", SEEDS), story);
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    *ended = (ended.0 + 1, ended.1 + operations());
    let (parts, all) = *ended;
    if parts == PARTS {
        // Not `eprintln`, which a test that passes keeps to itself.
        _ = writeln!(std::io::stderr(), "collected: {all} operations under faults, each as its model does");
        let least = wanted("MOSAIK_COLLECTED_OPERATIONS", 0);
        assert!(all as u64 >= least, "{all} operations, where {least} are wanted: give more seeds");
    }
}

macro_rules! parts {
    ($($name:ident: $number:literal),*) => {
        $(#[test]
        fn $name() {
            part($number);
        })*
    };
}

// Whatever happens, answers are those of the containers of std, all copies are equal, and nobody misses a change.
parts!(seeds_1_of_6: 0, seeds_2_of_6: 1, seeds_3_of_6: 2, seeds_4_of_6: 3, seeds_5_of_6: 4, seeds_6_of_6: 5);

#[test]
fn g6_one_seed_gives_one_trace() {
    assert_eq!(story(100, None), story(100, None));
}
