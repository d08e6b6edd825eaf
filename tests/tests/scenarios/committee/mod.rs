//! Groups under faults: many seeds, each with faults of its own choosing; first safety while things break, then everything heals
//! and serves.
//!
//! `faults` chooses and breaks things, `lab` holds the nodes with their clients and onlookers, `history` holds what they saw to
//! what was promised, `linear` decides whether a history of a register is possible, `story` is one seed from its beginning to its
//! end, and `canaries` shows that known mistakes are found.

mod canaries;
mod desk;
mod history;
mod lab;
mod linear;
mod story;

use self::story::{far, sick, story};
use crate::{
    faults::plan::{Fault, Plan},
    seeds::{parts, wanted},
};

/// The name of these stories: it decides what a seed chooses.
const STORY: &str = "committee";

/// The name of the stories with sick disks.
const SICK: &str = "committee with sick disks";

/// The name of the stories over long ways.
const FAR: &str = "committee over long ways";

/// Seeds of every run, in parts that run beside each other. `MOSAIK_SEEDS` says another number: CI runs 300.
const SEEDS: u64 = 40;

/// So many plans are looked at.
const PLANS: u64 = 100;

/// Seeds that failed once, beyond those of every run, and what was wrong.
const PINNED: &[(u64, &str)] = &[(
    120,
    "a change of the membership that was refused for want of a lease was given again without a pause",
)];

// Whatever happens, nothing acknowledged is lost, nothing is applied twice, and it serves again.
parts!(story, wanted("MOSAIK_SEEDS", SEEDS); seeds_1_of_6: 0, seeds_2_of_6: 1, seeds_3_of_6: 2, seeds_4_of_6: 3, seeds_5_of_6: 4, seeds_6_of_6: 5);

// R12: a member whose disk failed stops and says why; nothing that was acknowledged is lost, and it comes back.
parts!(sick, wanted("MOSAIK_SEEDS", SEEDS) / 4; r12_sick_1_of_6: 0, r12_sick_2_of_6: 1, r12_sick_3_of_6: 2, r12_sick_4_of_6: 3, r12_sick_5_of_6: 4, r12_sick_6_of_6: 5);

// F10: the same where members are as far apart as the group declares: 100 to 800 ms, there and back.
parts!(far, wanted("MOSAIK_SEEDS", SEEDS) / 4; f10_far_1_of_6: 0, f10_far_2_of_6: 1, f10_far_3_of_6: 2, f10_far_4_of_6: 3, f10_far_5_of_6: 4, f10_far_6_of_6: 5);

/// Seeds of sick disks that failed once.
const PINNED_SICK: &[(u64, &str)] = &[
    (71, "a bit turned in the last commit took an entry from a follower, and its leader gave up"),
    (15, "a disk was not written to before all was to heal, and failed after that"),
];

#[test]
fn seeds_that_failed_once_pass() {
    for (seed, what) in PINNED {
        println!("seed {seed}: {what}");
        story(*seed, None);
    }
    for (seed, what) in PINNED_SICK {
        println!("seed {seed} of sick disks: {what}");
        sick(*seed, None);
    }
}

#[test]
fn g6_one_seed_gives_one_trace() {
    for seed in 100..110 {
        assert_eq!(story(seed, None), story(seed, None), "seed {seed}");
    }
}

#[test]
fn every_fault_is_on_in_some_seeds_and_off_in_others() {
    for fault in Fault::ALL {
        let on = (0..PLANS).filter(|seed| Plan::of(*seed, STORY).has(fault)).count();
        assert!((30..70).contains(&on), "{fault:?} is on in {on} of {PLANS} seeds");
    }
}
