//! Who is suspected, who is dead, and who is not.

use super::*;

/// Node 1 with nodes 2 to 4, of which 2 is a neighbour.
fn with_a_neighbour(now: Instant) -> Core {
    let mut core = core(now);
    for n in 2..=4 {
        hear(&mut core, peer(n, version(1, 0)), Via::Other(id(2)), now);
    }
    core.neighbour(id(2), true, now);
    effects(&mut core);
    core
}

#[test]
fn a_silent_neighbour_is_suspected_told_of_and_dead_after_the_patience() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    let (now, said) = pass(&mut core, now, secs(3));
    assert_eq!(said, [Effect::Probe(id(2))]);
    let (now, said) = pass(&mut core, now, secs(2));
    assert!(said.contains(&Effect::Unlink(id(2))) && said.contains(&Effect::Check(id(2))), "{said:?}");
    assert!(said.iter().any(|effect| matches!(effect, Effect::Announce(_))));
    let (now, _) = pass(&mut core, now, secs(13));
    assert!(holds(&core, 2).is_some());
    pass(&mut core, now, secs(2));
    assert_eq!(holds(&core, 2), None);
    assert!(core.one_lost().is_some());
}

/// How many seconds node 3 has, once so many others of eight say that it is silent.
fn time_left(start: Instant, reporters: std::ops::RangeInclusive<u8>) -> u64 {
    let mut core = core(start);
    for n in 2..=8 {
        hear(&mut core, peer(n, version(1, 0)), Via::Other(id(2)), start);
    }
    for reporter in reporters {
        core.heard(suspicion(3, version(1, 0), reporter), Via::Other(id(2)), Duration::ZERO, start);
        // Twice is not two.
        core.heard(suspicion(3, version(1, 0), reporter), Via::Other(id(2)), Duration::ZERO, start);
    }
    let mut now = start;
    while holds(&core, 3).is_some() {
        now = core.next_deadline();
        core.tick(now);
    }
    (now - start).as_secs()
}

#[test]
fn d2_the_more_notice_a_silence_the_sooner_it_is_believed() {
    let start = Instant::now();
    assert_eq!(time_left(start, 4..=4), 15);
    assert_eq!(time_left(start, 4..=5), 6);
    assert_eq!(time_left(start, 4..=6), 4);
    assert_eq!(time_left(start, 4..=8), 4);
}

#[test]
fn where_three_say_so_the_others_neither_dial_nor_say_it_again() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    hear(&mut core, peer(5, version(1, 0)), Via::Other(id(2)), now);
    effects(&mut core);
    for reporter in [2, 4, 5] {
        core.heard(suspicion(3, version(1, 0), reporter), Via::Other(id(2)), Duration::ZERO, now);
    }
    core.unanswered(&id(3), now);
    core.neighbour(id(2), false, now);
    let (_, said) = pass(&mut core, now, secs(10));
    assert_eq!(said, [Effect::Doubt(id(3))], "the first was a reason to look, the others were not");
    assert_eq!(holds(&core, 3), None);
}

#[test]
fn of_two_nodes_one_is_witness_enough() {
    let now = Instant::now();
    let mut core = core(now);
    hear(&mut core, peer(2, version(1, 0)), Via::Itself, now);
    core.unanswered(&id(2), now);
    let (now, _) = pass(&mut core, now, Duration::from_millis(5900));
    assert!(holds(&core, 2).is_some(), "a dial takes five seconds");
    pass(&mut core, now, secs(1));
    assert_eq!(holds(&core, 2), None);
}

#[test]
fn a_neighbour_that_answers_is_never_suspected() {
    let start = Instant::now();
    let mut core = with_a_neighbour(start);
    let mut now = start;
    for _ in 0..1000 {
        let said;
        (now, said) = pass(&mut core, now, secs(3));
        assert_eq!(said, [Effect::Probe(id(2))]);
        core.contacted(&id(2), now);
    }
}

#[test]
fn a_higher_version_or_an_answer_ends_a_suspicion() {
    let now = Instant::now();
    for answer in [true, false] {
        let mut core = with_a_neighbour(now);
        core.heard(suspicion(3, version(1, 0), 2), Via::Other(id(2)), Duration::ZERO, now);
        let (at, said) = pass(&mut core, now, secs(6));
        assert!(said.contains(&Effect::Check(id(3))), "{said:?}");
        if answer {
            core.contacted(&id(3), at);
        } else {
            hear(&mut core, peer(3, version(1, 1)), Via::Other(id(2)), at);
        }
        core.neighbour(id(2), false, at);
        pass(&mut core, at, secs(60));
        assert!(holds(&core, 3).is_some(), "by an answer: {answer}");
    }
}

#[test]
fn the_dead_return_by_a_higher_version_or_in_person_and_not_by_hearsay() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.unanswered(&id(3), now);
    let (now, _) = pass(&mut core, now, secs(16));
    assert_eq!(holds(&core, 3), None);
    hear(&mut core, peer(3, version(1, 0)), Via::Other(id(4)), now);
    assert_eq!(holds(&core, 3), None, "hearsay of the version at which it died");
    hear(&mut core, peer(3, version(1, 0)), Via::Itself, now);
    assert_eq!(holds(&core, 3), Some(version(1, 0)));
    core.unanswered(&id(4), now);
    let (now, _) = pass(&mut core, now, secs(16));
    hear(&mut core, peer(4, version(1, 1)), Via::Other(id(3)), now);
    assert_eq!(holds(&core, 4), Some(version(1, 1)));
}

#[test]
fn a_node_that_stood_still_suspects_and_buries_nobody_for_it() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.heard(suspicion(3, version(1, 0), 4), Via::Other(id(4)), Duration::ZERO, now);
    effects(&mut core);
    // Half a minute in which nothing of this node ran, then its timers fire before its inbox is read.
    let late = now + secs(30);
    core.tick(late);
    let said = effects(&mut core);
    assert!(!said.contains(&Effect::Unlink(id(2))), "{said:?}");
    assert_eq!(core.catalog().len(), 4);
    core.contacted(&id(2), late);
    hear(&mut core, peer(3, version(1, 1)), Via::Other(id(2)), late);
    pass(&mut core, late, secs(2));
    assert_eq!(core.catalog().len(), 4);
}

#[test]
fn a_suspected_node_refutes_with_a_higher_version_and_not_without_end() {
    let now = Instant::now();
    let mut core = core(now);
    for _ in 0..100 {
        core.heard(suspicion(1, core.version(), 2), Via::Other(id(2)), Duration::ZERO, now);
    }
    assert_eq!(core.version(), version(1, 1));
    assert_eq!(announced(&mut core).len(), 1);
    // One that came too soon after is answered a little later.
    pass(&mut core, now, secs(2));
    assert_eq!(core.version(), version(1, 2));
    // One about an older version says nothing.
    core.heard(suspicion(1, version(1, 0), 2), Via::Other(id(2)), Duration::ZERO, now + secs(10));
    assert_eq!(core.version(), version(1, 2));
}

#[test]
fn a_peer_that_refutes_is_not_suspected_by_the_same_node_at_once() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.unanswered(&id(3), now);
    assert_eq!(announced(&mut core).len(), 1);
    hear(&mut core, peer(3, version(1, 1)), Via::Other(id(2)), now);
    core.unanswered(&id(3), now + secs(30));
    assert_eq!(announced(&mut core), []);
    core.unanswered(&id(3), now + secs(61));
    assert_eq!(announced(&mut core).len(), 1);
    // Once it speaks to this node itself, its silence means something again.
    hear(&mut core, peer(3, version(1, 2)), Via::Other(id(2)), now + secs(62));
    core.unanswered(&id(3), now + secs(63));
    assert_eq!(announced(&mut core), []);
    core.contacted(&id(3), now + secs(64));
    core.unanswered(&id(3), now + secs(65));
    assert_eq!(announced(&mut core).len(), 1);
}

#[test]
fn strangers_cannot_accuse() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.heard(suspicion(3, version(1, 0), 77), Via::Other(id(2)), Duration::ZERO, now);
    assert!(!core.detector.suspects(&id(3)));
}

#[test]
fn a_doubt_of_another_catalog_is_asked_about_and_never_believed() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.doubted(id(3), version(1, 0), now);
    let said = effects(&mut core);
    assert!(said.contains(&Effect::Check(id(3))), "{said:?}");
    assert!(holds(&core, 3).is_some());
    core.doubted(id(4), version(0, 9), now);
    assert_eq!(effects(&mut core), []);
    // A doubt about this node itself is answered.
    core.doubted(id(1), core.version(), now);
    assert_eq!(announced(&mut core).len(), 1);
}

#[test]
fn a_file_that_lost_its_lock_is_a_death_of_that_process_only() {
    let now = Instant::now();
    let mut core = with_a_neighbour(now);
    core.gone(&id(3), BootId(99), now);
    assert!(holds(&core, 3).is_some(), "another process's file");
    core.gone(&id(3), BootId(3), now);
    assert_eq!(holds(&core, 3), None);
    core.gone(&id(1), BootId(1), now);
    assert!(holds(&core, 1).is_some());
}
