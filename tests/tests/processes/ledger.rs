//! The examples of groups, as a reader of the README starts them.

use tokio::time::Instant;

use crate::programs::{LATE, LEDGER, Place, RATE_LIMITER};

#[test]
fn three_tellers_in_one_process_commit() {
    Place::new().shows(LEDGER, "", &["committed 5:", " leads\n"]);
}

/// Killed with a signal that nobody can catch; the others go on, and none of them finds less than was acknowledged to it.
#[test]
fn the_others_go_on_when_the_leader_is_killed() {
    let ended = Place::new().run(LEDGER, "--kill-leader --for 15s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("the leader was killed"), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}

/// Which gateway says so, and how many it has let through.
fn admitted(line: &str) -> Option<(String, u32)> {
    let (gateway, rest) = line.split_once(" admitted ")?;
    Some((gateway.to_owned(), rest.split_once(" of ")?.0.parse().ok()?))
}

/// Ten a second and twenty at once, over all gateways together: each of them alone would let more through.
#[test]
fn three_gateways_share_one_limit() {
    let ended = Place::new().run(RATE_LIMITER, "--for 8s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last: std::collections::BTreeMap<_, _> = ended.out.lines().filter_map(admitted).collect();
    assert_eq!(last.len(), 3, "{ended:?}");
    let all: u32 = last.values().sum();
    assert!((20..=20 + 8 * 10).contains(&all), "{all}: {ended:?}");
}

/// One of three gateways is killed, with a signal that nobody can catch; the other two still get answers, and within the same limit.
fn one_of_three_is_killed(leader: bool) {
    let (place, begun) = (Place::new(), Instant::now());
    let mut gateways: Vec<_> = (0..3).map(|_| place.start(RATE_LIMITER, "gateway")).collect();
    let leads = loop {
        let said: Vec<_> = gateways.iter_mut().map(|gateway| gateway.says(" admitted ", LATE)).collect();
        if let Some(leads) = said.iter().position(|line| line.ends_with("it leads")) {
            break leads;
        }
    };
    let victim = if leader { leads } else { (leads + 1) % 3 };
    let killed = gateways.remove(victim).killed(LATE);
    let last = |said: &str| said.lines().filter_map(admitted).next_back().map_or(0, |(_, count)| count);
    let gone = last(&killed.out);
    let mut said = || -> Vec<u32> {
        gateways.iter_mut().map(|gateway| last(&gateway.says(" admitted ", LATE))).collect()
    };
    // What was asked before the end may still be in this line.
    let before: u32 = said().iter().sum();
    let alive = loop {
        let now: u32 = said().iter().sum();
        if now >= before + 15 {
            break now;
        }
    };
    let most = 20.0 + 10.0 * begun.elapsed().as_secs_f64();
    assert!(f64::from(alive + gone) <= most, "{alive} and {gone} went through, of {most:.0} that may");
    for gateway in gateways {
        assert!(!gateway.killed(LATE).err.contains("panicked"));
    }
}

#[test]
fn a_limit_holds_through_the_loss_of_the_gateway_that_leads() {
    one_of_three_is_killed(true);
}

#[test]
fn a_limit_holds_through_the_loss_of_another_gateway() {
    one_of_three_is_killed(false);
}
