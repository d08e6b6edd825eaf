//! Shows that the checks of a story find a known mistake.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use mosaik_runtime::node::world::Canary;

use crate::seeds::Story;

/// A mistake must be found within so many seeds.
const SEEDS: u64 = 200;

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs stories with a mistake in them until one fails, by one of the promises that the mistake breaks. Seeds that cannot show the
/// mistake are counted and not run.
pub(crate) fn is_caught(story: Story, canary: Canary, promises: &[&str], shows: impl Fn(u64) -> bool) {
    for seed in (0..SEEDS).filter(|seed| shows(*seed)) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| story(seed, Some(canary)))) else { continue };
        let text = text_of(&*panic);
        let by = promises.iter().find(|label| text.contains(&format!("{label}: ")));
        let by = by.unwrap_or_else(|| panic!("{canary:?} broke something else, with seed {seed}: {text}"));
        println!("{canary:?}: caught by {by} with seed {seed}");
        return;
    }
    panic!("{canary:?} was not caught within {SEEDS} seeds");
}
