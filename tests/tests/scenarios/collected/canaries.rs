//! Known mistakes, put back one at a time: the checks of the stories find each of them.

use mosaik_runtime::node::world::Canary;

use super::story::story;
use crate::caught::is_caught;

#[test]
fn c4_a_transaction_that_is_half_undone_is_caught() {
    is_caught(story, Canary::HalfTransaction, &["C4", "C5"], |_| true);
}

#[test]
fn c5_a_change_that_followers_are_not_told_of_is_caught() {
    is_caught(story, Canary::ChangeForgotten, &["C5"], |_| true);
}
