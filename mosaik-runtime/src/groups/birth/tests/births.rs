//! Births that are told by name.

use super::*;

fn has(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(wanted)
}

#[test]
fn a_list_is_persisted_before_it_is_promised() {
    let mut birth = open(1, Voters::Count(2));
    take(&mut birth, seen(2));
    let effects = take(&mut birth, ready(2));
    let at = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted).expect("it is there");
    let persisted = at(|effect| matches!(effect, Effect::Persist(_)));
    assert!(persisted < at(|effect| matches!(effect, Effect::SendPromise { .. })));
}

#[test]
fn the_lowest_proposes_at_once_and_the_next_one_later() {
    let mut second = open(2, Voters::Count(2));
    take(&mut second, seen(1));
    let effects = take(&mut second, ready(1));
    assert!(has(&effects, |effect| matches!(effect, Effect::Arm(Timer::Propose, _))));
    assert!(!has(&effects, |effect| matches!(effect, Effect::SendPromise { .. })));
    let effects = take(&mut second, Input::Elapsed(Timer::Propose));
    assert!(has(&effects, |effect| matches!(effect, Effect::SendPromise { .. })));
}

#[test]
fn a_node_promises_one_list_and_refuses_the_others_for_good() {
    let mut birth = open(3, Voters::Count(3));
    let (first, second) = (list(1, 1, &[1, 2, 3]), list(4, 1, &[3, 4, 5]));
    for n in [1, 4] {
        take(&mut birth, seen(n));
    }
    assert!(has(&take(&mut birth, promised(1, &first)), |effect| matches!(
        effect,
        Effect::SendPromise { .. }
    )));
    let effects = take(&mut birth, promised(4, &second));
    assert!(has(&effects, |effect| *effect == Effect::SendRefusal { to: peer(4), hash: second.hash() }));
    // Free again, it keeps its word about the second.
    take(&mut birth, Input::PeerRefused { peer: peer(1), hash: first.hash() });
    let again = take(&mut birth, promised(4, &second));
    assert_eq!(again, vec![Effect::SendRefusal { to: peer(4), hash: second.hash() }]);
    // Also in its next life.
    let mut next = Birth::new(Config::new(group(), Voters::Count(3)), member(3), birth.record().clone());
    take(&mut next, Input::LocalReady { holds: None });
    take(&mut next, seen(4));
    assert_eq!(
        take(&mut next, promised(4, &second)),
        vec![Effect::SendRefusal { to: peer(4), hash: second.hash() }]
    );
}

#[test]
fn a_promise_outlives_the_process_and_no_time_out_takes_it_back() {
    let mut birth = open(2, Voters::Count(2));
    let genesis = list(1, 1, &[1, 2]);
    take(&mut birth, seen(1));
    take(&mut birth, promised(1, &genesis));
    let strict = Config { strict: true, ..Config::new(group(), Voters::Count(2)) };
    let mut next = Birth::new(strict, member(2), Record { promise: given(&genesis, 2), ..Record::default() });
    take(&mut next, Input::LocalReady { holds: None });
    let late = take(&mut next, Input::Elapsed(Timer::Deadline));
    let text = late.iter().find_map(|effect| match effect {
        Effect::Report(report) => Some(report.to_string()),
        _ => None,
    });
    assert!(text.expect("a report").contains("have not promised the first committee"));
    assert_eq!(next.view().phase, Phase::TimedOut);
    assert_eq!(next.record().promise, given(&genesis, 2));
}

fn given(genesis: &Genesis, by: u8) -> Promise {
    Promise::Given { genesis: genesis.clone(), by: member(by) }
}

#[test]
fn a_list_that_names_a_lost_store_is_refused() {
    let me = Member { peer: peer(2), store: StoreId(77) };
    let mut birth = Birth::new(Config::new(group(), Voters::Count(2)), me, Record::default());
    take(&mut birth, Input::LocalReady { holds: None });
    take(&mut birth, seen(1));
    let effects = take(&mut birth, promised(1, &list(1, 1, &[1, 2])));
    assert!(has(&effects, |effect| matches!(effect, Effect::SendRefusal { .. })));
    assert_eq!(birth.record().promise, Promise::Free);
}

#[test]
fn twice_as_many_as_wanted_stop_the_birth_with_a_sentence() {
    let mut birth = open(1, Voters::Count(2));
    take(&mut birth, seen(2));
    take(&mut birth, seen(3));
    let effects = take(&mut birth, seen(4));
    let said = Effect::Report(Report::TooManyEligible { seen: 4, wanted: 2 });
    assert!(effects.contains(&said));
    let effects = take(&mut birth, promised(2, &list(2, 1, &[1, 2])));
    assert!(has(&effects, |effect| matches!(effect, Effect::SendRefusal { .. })));
}

#[test]
fn only_who_may_found_founds_and_only_after_asking() {
    let mut birth = open(1, Voters::Founder);
    assert_eq!(take(&mut birth, Input::Surveyed), vec![]);
    assert_eq!(birth.view().missing, Missing::Founder);
    let effects = take(&mut birth, Input::Founding(Right::Granted));
    assert!(has(
        &effects,
        |effect| matches!(effect, Effect::Initialise(genesis) if genesis.members == [member(1)])
    ));
}

#[test]
fn a_founder_without_its_store_is_vetoed_by_whoever_knows_the_group() {
    let cluster = list(1, 1, &[1]).cluster();
    let mut birth = open(1, Voters::Founder);
    take(&mut birth, Input::Founding(Right::Granted));
    take(&mut birth, seen(2));
    let effects = take(&mut birth, Input::PeerInitialised { peer: peer(2), cluster });
    assert!(effects.contains(&Effect::RequestJoin { peer: peer(2), cluster }));
    assert_eq!(take(&mut birth, Input::Surveyed), vec![]);
    let mut alone = open(1, Voters::Founder);
    take(&mut alone, Input::Surveyed);
    let effects = take(&mut alone, Input::Founding(Right::Spent));
    assert_eq!(effects, vec![Effect::Report(Report::RightSpent)]);
}

#[test]
fn a_founder_that_crashed_before_it_began_begins_the_same_group() {
    let mut birth = open(1, Voters::Founder);
    take(&mut birth, Input::Founding(Right::Granted));
    take(&mut birth, Input::Surveyed);
    let cluster = birth.view().cluster;
    let mut next = Birth::new(Config::new(group(), Voters::Founder), member(1), birth.record().clone());
    take(&mut next, Input::LocalReady { holds: None });
    take(&mut next, Input::Surveyed);
    assert_eq!((next.view().phase, next.view().cluster), (Phase::Concluded, cluster));
}

#[test]
fn c1_two_groups_of_one_name_are_reported_on_both_sides() {
    let (mine, theirs) = (list(1, 1, &[1, 2]).cluster(), list(3, 1, &[3, 4]).cluster());
    for (here, there) in [(mine, theirs), (theirs, mine)] {
        let mut birth = Birth::new(Config::new(group(), Voters::Count(2)), member(1), Record::default());
        take(&mut birth, Input::LocalReady { holds: Some(here) });
        take(&mut birth, seen(3));
        let effects = take(&mut birth, Input::PeerInitialised { peer: peer(3), cluster: there });
        let conflict = Report::Conflict { peer: peer(3), mine: here, theirs: there };
        assert_eq!(effects, vec![Effect::Report(conflict)]);
    }
}

#[test]
fn a_concluded_node_answers_those_who_come_late() {
    let mut birth = Birth::new(Config::new(group(), Voters::Count(2)), member(1), Record::default());
    let cluster = list(1, 1, &[1, 2]).cluster();
    take(&mut birth, Input::LocalReady { holds: Some(cluster) });
    assert_eq!(take(&mut birth, seen(5)), vec![Effect::SendInitialised { to: peer(5), cluster }]);
}

#[test]
fn readiness_is_taken_back_with_the_bond_and_old_processes_do_not_count() {
    let mut birth = open(1, Voters::Count(3));
    for input in [seen(2), ready(2), seen(3)] {
        take(&mut birth, input);
    }
    take(&mut birth, Input::PeerLost { peer: peer(2), boot: BootId(2) });
    assert_eq!(birth.view().ready, 1);
    let newer = Input::PeerSeen { member: member(2), boot: BootId(20), eligible: true };
    take(&mut birth, newer);
    let late = birth.step(ready(2)).expect_err("the process before the last");
    assert_eq!(late.reason, Why::StaleBoot);
    assert_eq!(birth.view().missing, Missing::Voters(2));
}

#[test]
fn a_group_in_memory_is_born_again_when_all_its_members_came_back_empty() {
    let genesis = list(1, 1, &[1, 2, 3]);
    let config = Config { in_memory: true, ..Config::new(group(), Voters::Count(3)) };
    let bound = Promise::Bound { cluster: genesis.cluster(), voters: genesis.members.clone() };
    let me = Member { peer: peer(1), store: StoreId(101) };
    let mut birth = Birth::new(config.clone(), me, Record { promise: bound.clone(), ..Record::default() });
    take(&mut birth, Input::LocalReady { holds: None });
    for (n, left) in [(2u8, vec![peer(2), peer(3)]), (3, vec![peer(3)])] {
        assert_eq!(
            birth.view().missing,
            Missing::Answers(left.into_iter().collect()),
            "not before all have said so"
        );
        let member = Member { peer: peer(n), store: StoreId(100 + u64::from(n)) };
        take(&mut birth, Input::PeerSeen { member, boot: BootId(u128::from(n)), eligible: true });
        take(&mut birth, ready(n));
    }
    assert_eq!(birth.record().promise, Promise::Free);
    let effects = take(&mut birth, Input::Elapsed(Timer::Propose));
    assert!(has(&effects, |effect| matches!(effect, Effect::SendPromise { .. })));
    // On disk, the stores are waited for instead.
    let durable = Config { in_memory: false, ..config };
    let mut birth = Birth::new(durable, me, Record { promise: bound, ..Record::default() });
    take(&mut birth, Input::LocalReady { holds: None });
    for n in [2, 3] {
        take(&mut birth, seen(n));
        take(&mut birth, ready(n));
    }
    assert_eq!(birth.view().missing, Missing::Group);
}

#[test]
fn a_log_is_replayed_byte_for_byte_and_another_birth_diverges() {
    let config = Config::new(group(), Voters::Count(2));
    let mut recorder = Recorder::new(config, member(1), Record::default());
    let genesis = list(1, 1, &[1, 2]);
    let inputs = [Input::LocalReady { holds: None }, seen(2), ready(2), ready(2), promised(2, &genesis)];
    for input in inputs {
        let _ = recorder.step(input);
    }
    let log = recorder.log();
    let again = log.replay().expect("the same birth");
    assert_eq!(&again, recorder.birth());
    let other = BirthLog { me: member(3), ..log }.replay().expect_err("another node");
    assert_eq!(other.at, 2, "until the first ready peer the two are alike but for their view");
}
