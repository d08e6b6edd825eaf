//! The examples of groups, as a reader of the README starts them.

use crate::programs::{LEDGER, Place, RATE_LIMITER};

#[test]
fn three_tellers_in_one_process_commit() {
    let ended = Place::new().run(LEDGER, "--for 8s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("committed 5:"), "{ended:?}");
    assert!(ended.out.contains(" leads\n"), "{ended:?}");
}

/// Killed with a signal that nobody can catch; the others go on, and none of them finds less than was acknowledged to it.
#[test]
fn the_others_go_on_when_the_leader_is_killed() {
    let ended = Place::new().run(LEDGER, "--kill-leader --for 15s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("the leader was killed"), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}

/// Ten a second and twenty at once, over all gateways together: each of them alone would let more through.
#[test]
fn three_gateways_share_one_limit() {
    let ended = Place::new().run(RATE_LIMITER, "--for 8s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let admitted = |line: &str| -> Option<(String, u32)> {
        let (gateway, rest) = line.split_once(" admitted ")?;
        Some((gateway.to_owned(), rest.split_once(" of ")?.0.parse().ok()?))
    };
    let last: std::collections::BTreeMap<_, _> = ended.out.lines().filter_map(admitted).collect();
    assert_eq!(last.len(), 3, "{ended:?}");
    let all: u32 = last.values().sum();
    assert!((20..=20 + 8 * 10).contains(&all), "{all}: {ended:?}");
}
