//! Which statement stands.

use proptest::prelude::*;

use super::*;

fn other(n: u8) -> Via {
    Via::Other(id(n))
}

#[test]
fn the_higher_version_stands_whoever_brings_it_and_in_any_order() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 5)), other(3), now);
    hear(&mut core, peer(2, version(1, 4)), Via::Itself, now);
    assert_eq!(holds(&core, 2), Some(version(1, 5)));
    hear(&mut core, peer(2, version(2, 0)), other(3), now);
    assert_eq!(holds(&core, 2), Some(version(2, 0)));
}

#[test]
fn h5_h6_a_departed_incarnation_never_returns() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 3)), Via::Itself, now);
    core.heard(Statement::Departure(departure(2, version(1, 4))), other(3), Duration::ZERO, now);
    for (at, via) in [((1, 3), other(3)), ((1, 4), Via::Itself), ((1, 99), other(3)), ((1, 99), Via::Itself)]
    {
        hear(&mut core, peer(2, version(at.0, at.1)), via, now);
        assert_eq!(holds(&core, 2), None, "{at:?} {via:?}");
    }
    hear(&mut core, peer(2, version(2, 0)), other(3), now);
    assert_eq!(holds(&core, 2), Some(version(2, 0)));
}

#[test]
fn h5_a_replayed_departure_of_a_former_life_ends_nothing() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(2, 0)), Via::Itself, now);
    core.heard(Statement::Departure(departure(2, version(1, 9))), other(3), Duration::ZERO, now);
    assert_eq!(holds(&core, 2), Some(version(2, 0)));
}

#[test]
fn a_departure_older_than_a_grave_lasts_is_not_news() {
    let now = Instant::now();
    let mut core = core(now);
    core.heard(Statement::Departure(departure(2, version(1, 1))), other(3), secs(25 * 3600), now);
    assert_eq!(core.catalog().graves.len(), 0);
}

#[test]
fn graves_are_bounded_in_number_and_age_oldest_first() {
    let start = Instant::now();
    let mut core = core_with(start, TableLimits { graves: 2, ..TableLimits::default() });
    for n in 2..=4 {
        let now = start + secs(u64::from(n));
        core.heard(Statement::Departure(departure(n, version(1, 1))), other(9), Duration::ZERO, now);
    }
    let kept: Vec<_> = (2..=4).filter(|n| core.catalog().graves.contains_key(&id(*n))).collect();
    assert_eq!(kept, [3, 4]);
    core.tick(start + secs(24 * 3600 + 3));
    assert_eq!(core.catalog().graves.len(), 1);
    core.tick(start + secs(24 * 3600 + 10));
    assert_eq!(core.catalog().graves.len(), 0);
}

#[test]
fn a_grave_brought_by_another_keeps_its_age() {
    let now = Instant::now() + secs(100_000);
    let mut core = core(now);
    core.heard(Statement::Departure(departure(2, version(1, 1))), other(3), secs(23 * 3600), now);
    assert_eq!(core.catalog().graves.len(), 1);
    core.tick(now + secs(3700));
    assert_eq!(core.catalog().graves.len(), 0);
}

#[test]
fn h13_without_a_secret_an_introducer_brings_so_many_and_no_more() {
    let now = Instant::now();
    let limits = TableLimits { per_introducer: Some(3), ..TableLimits::default() };
    let mut core = core_with(now, limits);
    for n in 10..20 {
        hear(&mut core, peer(n, version(1, 0)), other(2), now);
    }
    assert_eq!(core.catalog().len(), 1 + 3);
    let told = effects(&mut core);
    let refused = Effect::Report(Event::NoRoom { peer: id(19), by: id(2) });
    assert!(told.contains(&refused), "{told:?}");
    // One that speaks itself comes in, and one that was introduced and then spoke makes room for another.
    hear(&mut core, peer(19, version(1, 0)), Via::Itself, now);
    core.contacted(&id(10), now);
    hear(&mut core, peer(18, version(1, 0)), other(2), now);
    assert_eq!(core.catalog().len(), 1 + 5);
}

#[test]
fn h13_a_full_catalog_never_evicts_one_that_is_connected() {
    let now = Instant::now();
    let mut core = core_with(now, TableLimits { peers: 4, ..TableLimits::default() });
    hear(&mut core, peer(2, version(1, 0)), Via::Itself, now);
    hear(&mut core, peer(3, version(1, 0)), other(2), now);
    hear(&mut core, peer(4, version(1, 0)), other(2), now);
    // No hearsay displaces hearsay; one that speaks displaces hearsay; then there is no hearsay left to displace.
    hear(&mut core, peer(5, version(1, 0)), other(2), now);
    assert_eq!(holds(&core, 5), None);
    for n in [6, 7, 8] {
        hear(&mut core, peer(n, version(1, 0)), Via::Itself, now);
    }
    assert_eq!(core.catalog().len(), 4);
    assert!([2, 6, 7].iter().all(|n| holds(&core, *n).is_some()));
    assert!([3, 4, 8].iter().all(|n| holds(&core, *n).is_none()));
}

proptest! {
    /// Nodes that hear the same statements, in any order and any number of times, hold the same.
    #[test]
    fn order_and_repetition_do_not_matter(
        said in prop::collection::vec((2u8..5, 1u64..4, 0u64..4, 0u8..3), 1..24),
        shuffle in any::<u64>(),
    ) {
        let now = Instant::now();
        let statements: Vec<Statement> = said.iter().map(|(n, incarnation, counter, kind)| match kind {
            0 => Statement::Departure(departure(*n, version(*incarnation, *counter))),
            tag => Statement::Entry(peer_of(*n, version(*incarnation, *counter), u128::from(*tag), "t")),
        }).collect();
        let mut again = statements.clone();
        again.extend(statements.iter().take(5).cloned());
        let mut rng = NodeRng::from_seed(shuffle);
        for at in (1..again.len()).rev() {
            again.swap(at, rng.below(at + 1));
        }
        let held = |statements: Vec<Statement>| {
            let mut core = core(now);
            for statement in statements {
                core.heard(statement, Via::Other(id(9)), Duration::ZERO, now);
            }
            core.catalog().clone()
        };
        let (one, two) = (held(statements), held(again));
        let live = |catalog: &Catalog| catalog.live.values().map(|p| p.signed.clone()).collect::<Vec<_>>();
        prop_assert_eq!(live(&one), live(&two));
        // A grave that an entry of a later life removed may remain where the entry came first; it holds nothing back.
        for (peer, grave) in two.graves.iter().chain(one.graves.iter()) {
            let lives = one.live.get(peer).is_none_or(|entry| grave.yields_to(entry.entry.version));
            prop_assert!(lives);
        }
    }
}

#[test]
fn h6_a_flood_of_departures_digs_up_no_grave_of_a_node_that_was_met() {
    let now = Instant::now();
    let mut core = core_with(now, TableLimits { graves: 4, ..TableLimits::default() });
    hear(&mut core, peer(2, version(1, 0)), Via::Itself, now);
    core.heard(Statement::Departure(departure(2, version(1, 1))), Via::Itself, Duration::ZERO, now);
    for n in 10..40 {
        hear(&mut core, peer(n, version(1, 0)), other(9), now + secs(1));
        core.heard(
            Statement::Departure(departure(n, version(1, 1))),
            other(9),
            Duration::ZERO,
            now + secs(1),
        );
        core.heard(Statement::Departure(departure(n + 100, version(1, 1))), other(9), Duration::ZERO, now);
    }
    hear(&mut core, peer(2, version(1, 0)), other(9), now + secs(2));
    assert_eq!((holds(&core, 2), core.catalog().graves.len()), (None, 4));
}
