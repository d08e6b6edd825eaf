//! This node's own versions, and a key that others use too.

use super::*;

#[test]
fn what_changes_gets_the_next_version_and_what_does_not_is_not_said_again() {
    let now = Instant::now();
    let mut core = core(now);
    core.say(entry(version(0, 0), 1, "me"));
    assert_eq!(announced(&mut core), []);
    core.say(entry(version(0, 0), 1, "other"));
    assert_eq!(core.version(), version(1, 1));
    assert_eq!(announced(&mut core).len(), 1);
}

#[test]
fn ld9_a_version_of_a_former_life_is_overtaken() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer_of(1, version(7, 3), 99, "former"), Via::Other(id(2)), now);
    assert_eq!(core.version(), version(8, 0));
    assert!(effects(&mut core).contains(&Effect::Keep(8)));
    // The same version signed by another process is not this one's either.
    hear(&mut core, peer_of(1, version(8, 0), 99, "former"), Via::Other(id(2)), now);
    assert_eq!(core.version(), version(9, 0));
    // Older ones and one's own are nothing.
    hear(&mut core, peer_of(1, version(8, 5), 99, "former"), Via::Other(id(2)), now);
    core.claimed(version(9, 0), Some(BootId(1)), now);
    assert_eq!(core.version(), version(9, 0));
}

#[test]
fn a_departure_of_a_former_life_is_overtaken() {
    let now = Instant::now();
    let mut core = core(now);
    core.heard(Statement::Departure(departure(1, version(4, 2))), Via::Other(id(2)), Duration::ZERO, now);
    assert_eq!(core.version(), version(5, 0));
}

#[test]
fn two_live_processes_with_one_key_are_told_of_and_do_not_race() {
    let now = Instant::now();
    let mut core = core(now);
    let mut told = Vec::new();
    let mut versions = Vec::new();
    for round in 0..50 {
        let above = version(core.version().incarnation + 1, 0);
        hear(
            &mut core,
            peer_of(1, above, 99, "rival"),
            Via::Other(id(2)),
            now + Duration::from_millis(round),
        );
        told.extend(effects(&mut core).into_iter().filter(|effect| matches!(effect, Effect::Report(_))));
        versions.push(core.version());
    }
    let rival = Effect::Report(Event::IdentityInUse { boot: Some(BootId(99)) });
    assert_eq!(told, [rival]);
    versions.dedup();
    assert_eq!(versions.len(), 3, "{versions:?}");
}

#[test]
fn a_departed_node_says_nothing_more() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 0)), Via::Itself, now);
    let signed = core.depart();
    assert!(matches!(signed.verify(&network()), Ok(Statement::Departure(_))));
    effects(&mut core);
    core.say(entry(version(0, 0), 1, "late"));
    core.heard(suspicion(1, core.version(), 2), Via::Other(id(2)), Duration::ZERO, now);
    core.claimed(version(9, 9), None, now);
    core.unanswered(&id(2), now);
    assert_eq!(announced(&mut core), []);
}

#[test]
fn h5_what_strangers_claim_never_drives_a_node_to_versions_that_nobody_believes() {
    let mut now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 0)), Via::Itself, now);
    let absurd = [version(1 << 40, 0), version(u64::MAX, u64::MAX), version((1 << 32) + 1, 0)];
    for claim in absurd {
        now += secs(2);
        core.claimed(claim, None, now);
        core.claimed(claim, Some(BootId(99)), now);
        core.heard(suspicion(1, claim, 2), Via::Other(id(2)), Duration::ZERO, now);
        core.doubted(id(1), claim, now);
        core.tick(now);
    }
    assert_eq!(core.version().incarnation, 1);
    // One that is plausible is overtaken, once a second at most, and everybody still believes the result.
    now += secs(2);
    effects(&mut core);
    for above in 0..100 {
        core.claimed(version(1 << 32, above), None, now);
    }
    assert_eq!(core.version(), version((1 << 32) + 1, 0));
    assert_eq!(announced(&mut core).len(), 1, "one announcement, and it is believed");
}

#[test]
fn h5_a_suspicion_of_an_absurd_version_does_not_outlive_a_refutation() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 0)), Via::Other(id(3)), now);
    hear(&mut core, peer(3, version(1, 0)), Via::Itself, now);
    core.heard(suspicion(2, version(1 << 40, 1 << 48), 3), Via::Other(id(3)), Duration::ZERO, now);
    hear(&mut core, peer(2, version(1, 1)), Via::Other(id(3)), now + secs(1));
    pass(&mut core, now + secs(1), secs(30));
    assert_eq!(holds(&core, 2), Some(version(1, 1)), "it refuted, and lives");
}
