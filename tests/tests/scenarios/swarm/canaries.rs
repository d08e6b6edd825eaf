//! Known mistakes, put back one at a time: the checks of the stories find each of them.

use mosaik_runtime::node::world::Canary;

use super::story::story;
use crate::caught::is_caught;

#[test]
fn s3_a_gap_that_is_not_reported_is_caught() {
    is_caught(story, Canary::GapNotReported, &["S3"], |_| true);
}

#[test]
fn s2_a_last_item_that_comes_again_is_caught() {
    is_caught(story, Canary::LastItemAgain, &["S2"], |_| true);
}

#[test]
fn d4_a_departure_without_tombstone_is_caught() {
    is_caught(story, Canary::NoTombstone, &["D4", "D6"], |_| true);
}

#[test]
fn d6_a_version_that_is_a_clocks_reading_is_caught() {
    is_caught(story, Canary::ClockVersion, &["D8", "D6"], |_| true);
}

#[test]
fn d5_an_entry_that_is_accepted_for_another_peer_is_caught() {
    is_caught(story, Canary::EntryForAnother, &["D5"], |_| true);
}

#[test]
fn s4_a_queue_without_bound_is_caught() {
    is_caught(story, Canary::UnboundedQueue, &["S4"], |_| true);
}

#[test]
fn s6_an_admission_that_is_never_looked_at_again_is_caught() {
    is_caught(story, Canary::NeverRevoked, &["S6"], |_| true);
}

#[test]
fn s7_a_restart_that_is_not_announced_is_caught() {
    is_caught(story, Canary::RestartNotAnnounced, &["S7"], |_| true);
}

#[test]
fn d8_nodes_that_nobody_looks_for_are_caught() {
    is_caught(story, Canary::LostForGood, &["D8"], |_| true);
}
