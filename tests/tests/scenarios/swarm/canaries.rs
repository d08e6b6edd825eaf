//! Known mistakes, put back one at a time: the checks of the stories find each of them.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use mosaik_runtime::node::world::Canary;

use super::story::story;

/// A mistake must be found within so many seeds.
const SEEDS: u64 = 200;

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs stories with a mistake in them until one fails, by one of the promises that the mistake breaks.
fn is_caught(canary: Canary, promises: &[&str]) {
    for seed in 0..SEEDS {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| story(seed, Some(canary)))) else { continue };
        let text = text_of(&*panic);
        let by = promises.iter().find(|label| text.contains(&format!("{label}: ")));
        let by = by.unwrap_or_else(|| panic!("{canary:?} broke something else, with seed {seed}: {text}"));
        println!("{canary:?}: caught by {by} with seed {seed}");
        return;
    }
    panic!("{canary:?} was not caught within {SEEDS} seeds");
}

#[test]
fn s3_a_gap_that_is_not_reported_is_caught() {
    is_caught(Canary::GapNotReported, &["S3"]);
}

#[test]
fn s2_a_last_item_that_comes_again_is_caught() {
    is_caught(Canary::LastItemAgain, &["S2"]);
}

#[test]
fn d4_a_departure_without_tombstone_is_caught() {
    is_caught(Canary::NoTombstone, &["D4", "D6"]);
}

#[test]
fn d6_a_version_that_is_a_clocks_reading_is_caught() {
    is_caught(Canary::ClockVersion, &["D8", "D6"]);
}

#[test]
fn d5_an_entry_that_is_accepted_for_another_peer_is_caught() {
    is_caught(Canary::EntryForAnother, &["D5"]);
}

#[test]
fn s4_a_queue_without_bound_is_caught() {
    is_caught(Canary::UnboundedQueue, &["S4"]);
}

#[test]
fn s6_an_admission_that_is_never_looked_at_again_is_caught() {
    is_caught(Canary::NeverRevoked, &["S6"]);
}

#[test]
fn s7_a_restart_that_is_not_announced_is_caught() {
    is_caught(Canary::RestartNotAnnounced, &["S7"]);
}

#[test]
fn d8_nodes_that_nobody_looks_for_are_caught() {
    is_caught(Canary::LostForGood, &["D8"]);
}
