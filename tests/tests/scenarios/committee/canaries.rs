//! Known mistakes, put back one at a time: the checks of the stories find each of them.

use mosaik_runtime::node::world::Canary;

use super::{
    SICK, STORY,
    story::{sick, story},
};
use crate::{
    caught::is_caught,
    faults::plan::{Fault, Plan},
};

/// Whether a seed's choices can show the mistake.
fn shows(canary: Canary, plan: &Plan) -> bool {
    match canary {
        Canary::AckBeforeFlush => plan.durable && plan.has(Fault::Blackout) && plan.has(Fault::Disk),
        Canary::VoteNotPersisted => plan.durable,
        Canary::WipedVoterKeepsId => !plan.durable,
        _ => true,
    }
}

macro_rules! canaries {
    ($($name:ident: $canary:ident breaks $($promise:literal)|+;)*) => {
        $(#[test]
        fn $name() {
            is_caught(story, Canary::$canary, &[$($promise),+], |seed| shows(Canary::$canary, &Plan::of(seed, STORY)));
        })*
    };
}

#[test]
fn r12_a_disk_that_failed_and_is_used_all_the_same_is_caught() {
    let shows = |seed| Plan::of_sick_disks(seed, SICK).has(Fault::Sick);
    is_caught(sick, Canary::FailureIgnored, &["R2", "R3", "R5", "R6", "R12"], shows);
}

canaries! {
    r3_a_quorum_of_those_that_are_reachable_is_caught: ReachableQuorum breaks "R1" | "R2" | "R3" | "R5" | "R6";
    r1_a_vote_that_is_not_persisted_is_caught: VoteNotPersisted breaks "R1" | "R2" | "R3" | "R4" | "R5" | "R6";
    r3_an_acknowledgement_before_the_flush_is_caught: AckBeforeFlush breaks "R2" | "R3" | "R4" | "R5" | "R6" | "R11" | "R12";
    r7_a_strong_read_without_a_read_index_is_caught: ReadWithoutIndex breaks "R6";
    r8_a_snapshot_without_the_sessions_is_caught: SessionsNotInSnapshot breaks "R2" | "R5" | "R6" | "R8";
    r11_a_wiped_voter_that_keeps_its_id_is_caught: WipedVoterKeepsId breaks "R1" | "R2" | "R3" | "R5" | "R6" | "R10" | "R11" | "R12";
}
