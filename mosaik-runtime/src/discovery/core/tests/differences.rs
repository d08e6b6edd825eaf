//! What two catalogs owe each other.

use proptest::prelude::*;

use super::*;

/// The statements that travel, and how many, when `asker` compares with `asked`; both take over what they get.
fn exchange(asker: &mut Core, asked: &mut Core, now: Instant) -> usize {
    let (ours, theirs) = (Digest::of(asker.catalog()), Digest::of(asked.catalog()));
    if ours.root == theirs.root {
        return 0;
    }
    let buckets = ours.differing(&theirs.buckets);
    let listed: Vec<_> = buckets.iter().flat_map(|bucket| summaries(asker.catalog(), *bucket)).collect();
    let plan = compare(asked.catalog(), &buckets, &listed, now);
    let owed = answer(asker.catalog(), &plan.want, now);
    let count = plan.send.len() + owed.len();
    for (core, relayed, from) in [(asker, plan.send, 8), (asked, owed, 9)] {
        for relayed in relayed {
            let statement = relayed.signed.verify(&network()).expect("sound");
            core.heard(statement, Via::Other(id(from)), secs(relayed.age.into()), now);
        }
    }
    count
}

fn with(peers: &[(u8, u64)], now: Instant) -> Core {
    let mut core = core(now);
    for (n, counter) in peers {
        hear(&mut core, peer(*n, version(1, *counter)), Via::Other(id(9)), now);
    }
    core
}

#[test]
fn ld4_only_what_differs_travels() {
    let now = Instant::now();
    let all: Vec<(u8, u64)> = (2..200).map(|n| (n, 1)).collect();
    let (mut one, mut two) = (with(&all, now), with(&all, now));
    assert_eq!(exchange(&mut one, &mut two, now), 0);
    hear(&mut one, peer(50, version(1, 2)), Via::Other(id(9)), now);
    hear(&mut two, peer(201, version(1, 0)), Via::Other(id(9)), now);
    two.heard(Statement::Departure(departure(70, version(1, 2))), Via::Other(id(9)), Duration::ZERO, now);
    assert_eq!(exchange(&mut one, &mut two, now), 3);
    assert_eq!(one.catalog().live, two.catalog().live);
    assert_eq!(exchange(&mut one, &mut two, now), 0);
}

#[test]
fn a_death_here_is_a_doubt_there_and_not_a_fact() {
    let now = Instant::now();
    let (mut one, two) = (with(&[(2, 1), (3, 1)], now), with(&[(2, 1), (3, 1)], now));
    one.unanswered(&id(2), now);
    let (now, _) = pass(&mut one, now, secs(16));
    let bucket = digest::bucket_of(&id(2));
    let listed = summaries(one.catalog(), bucket);
    let plan = compare(two.catalog(), &[bucket], &listed, now);
    assert_eq!((plan.send.len(), plan.want.len()), (0, 0));
    assert_eq!(plan.dead_there, [(id(2), version(1, 1))]);
    let listed = summaries(two.catalog(), bucket);
    let plan = compare(one.catalog(), &[bucket], &listed, now);
    assert_eq!(plan.dead_here, [(id(2), version(1, 1))]);
}

#[test]
fn one_version_by_two_processes_ends_with_one_entry_everywhere() {
    let now = Instant::now();
    let (mut one, mut two) = (core(now), core(now));
    hear(&mut one, peer_of(2, version(1, 0), 20, "a"), Via::Other(id(9)), now);
    hear(&mut two, peer_of(2, version(1, 0), 21, "b"), Via::Other(id(9)), now);
    exchange(&mut one, &mut two, now);
    assert_eq!(one.catalog().live, two.catalog().live);
}

fn statement_of((n, incarnation, counter, kind): (u8, u64, u64, u8)) -> Statement {
    let at = version(incarnation, counter);
    match kind {
        0 => Statement::Departure(departure(n, at)),
        boot => Statement::Entry(peer_of(n, at, u128::from(boot), "t")),
    }
}

proptest! {
    /// Whatever two nodes heard, a comparison or two make their live peers equal, and then nothing travels.
    #[test]
    fn comparisons_converge(
        one in prop::collection::vec((2u8..8, 1u64..3, 0u64..3, 0u8..3), 0..16),
        two in prop::collection::vec((2u8..8, 1u64..3, 0u64..3, 0u8..3), 0..16),
    ) {
        let now = Instant::now();
        let heard = |said: Vec<_>| {
            let mut core = core(now);
            for said in said {
                core.heard(statement_of(said), Via::Other(id(9)), Duration::ZERO, now);
            }
            core
        };
        let (mut one, mut two) = (heard(one), heard(two));
        exchange(&mut one, &mut two, now);
        exchange(&mut two, &mut one, now);
        prop_assert_eq!(exchange(&mut one, &mut two, now), 0);
        let live = |core: &Core| core.catalog().live.values().map(|p| p.signed.clone()).collect::<Vec<_>>();
        prop_assert_eq!(live(&one), live(&two));
    }
}
