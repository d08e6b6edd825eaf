//! Groups in memory whose members come back with nothing: who may begin anew, and when.

use super::{
    lab::{Crash, Lab},
    *,
};

/// A node that comes back without the store that voted.
fn back(n: u8) -> Member {
    Member { peer: peer(n), store: StoreId(100 + u64::from(n)) }
}

fn back_seen(n: u8) -> [Input; 2] {
    let boot = BootId(100 + u128::from(n));
    [Input::PeerSeen { member: back(n), boot, eligible: true }, Input::PeerReady { peer: peer(n), boot }]
}

fn comes_back(birth: &mut Birth, n: u8) {
    for input in back_seen(n) {
        take(birth, input);
    }
}

fn in_memory(voters: Voters) -> Config {
    Config { in_memory: true, ..Config::new(group(), voters) }
}

/// A record of having been a voter of a group with these.
fn bound(voters: &[u8]) -> Record {
    let voters: Vec<_> = voters.iter().map(|n| member(*n)).collect();
    let cluster = Genesis::new(group(), member(1), 1, voters.clone()).cluster();
    Record { promise: Promise::Bound { cluster, voters }, ..Record::default() }
}

/// Node 1, back in memory with this record.
fn returned(voters: Voters, record: Record) -> Birth {
    let mut birth = Birth::new(in_memory(voters), back(1), record);
    take(&mut birth, Input::LocalReady { holds: None });
    birth
}

/// A founder that is back, and was allowed to found again.
fn founder(record: Record) -> Birth {
    let mut birth = returned(Voters::Founder, record);
    take(&mut birth, Input::Founding(Right::Granted));
    take(&mut birth, Input::Surveyed);
    birth
}

fn begins(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Initialise(_)))
}

#[test]
fn lc13_a_founder_in_memory_that_nobody_sees_does_not_found_again_beside_those_who_voted() {
    let mut birth = founder(bound(&[1, 2, 3]));
    assert_eq!(birth.view().phase, Phase::Gathering);
    assert_eq!(birth.view().missing, Missing::Answers([peer(2), peer(3)].into()));
    let late = take(&mut birth, Input::Elapsed(Timer::Deadline));
    assert!(!begins(&late), "two of three may live elsewhere: {late:?}");
    assert!(birth.view().missing.to_string().contains("nodes that may hold its state have not answered"));
    take(&mut birth, seen(2));
    let cluster = Genesis::new(group(), member(1), 1, vec![member(1)]).cluster();
    let effects = take(&mut birth, Input::PeerInitialised { peer: peer(2), cluster });
    assert!(effects.contains(&Effect::RequestJoin { peer: peer(2), cluster }), "{effects:?}");
}

#[test]
fn a_founder_in_memory_founds_again_when_those_who_voted_have_nothing_either() {
    let mut birth = founder(bound(&[1, 2, 3]));
    let [seen_2, ready_2] = back_seen(2);
    take(&mut birth, seen_2);
    assert!(!begins(&take(&mut birth, ready_2)), "the third has not answered");
    let [seen_3, ready_3] = back_seen(3);
    take(&mut birth, seen_3);
    let effects = take(&mut birth, ready_3);
    assert!(
        effects.contains(&Effect::Report(Report::StorageLost { lost: 3, of: 3, durable: false })),
        "{effects:?}"
    );
    assert!(begins(&effects));
    // Who voted alone has nobody to ask.
    assert_eq!(founder(bound(&[1])).view().phase, Phase::Concluded);
    // With most of them back empty, the rest is waited for until the deadline.
    let mut birth = founder(bound(&[1, 2, 3]));
    comes_back(&mut birth, 2);
    assert!(begins(&take(&mut birth, Input::Elapsed(Timer::Deadline))));
}

#[test]
fn whoever_may_not_found_never_does_because_a_promise_was_given_up() {
    let mut birth = returned(Voters::Founder, bound(&[1]));
    assert_eq!(birth.record().promise, Promise::Free);
    for input in [Input::Surveyed, Input::Elapsed(Timer::Propose), Input::Elapsed(Timer::Deadline)] {
        let effects = birth.step(input).map(|step| step.effects).unwrap_or_default();
        assert!(!begins(&effects), "{effects:?}");
    }
    assert_eq!(birth.view().missing, Missing::Founder);
}

#[test]
fn f4_most_of_a_list_back_empty_begin_anew_after_the_deadline_and_fewer_never_do() {
    for (back, goes_on) in [(vec![2], true), (vec![], false)] {
        let mut birth = returned(Voters::Count(3), bound(&[1, 2, 3]));
        for n in back {
            comes_back(&mut birth, n);
        }
        assert!(matches!(birth.record().promise, Promise::Bound { .. }), "a third may live");
        take(&mut birth, Input::Elapsed(Timer::Deadline));
        assert_eq!(birth.record().promise == Promise::Free, goes_on);
    }
}

#[test]
fn f4_a_survivor_says_that_the_state_is_lost_and_so_do_those_who_would_join_it() {
    let cluster = Genesis::new(group(), member(1), 1, vec![member(1)]).cluster();
    let mut survivor = Birth::new(in_memory(Voters::Count(3)), member(1), bound(&[1, 2, 3]));
    take(&mut survivor, Input::LocalReady { holds: Some(cluster) });
    let [seen_2, _] = back_seen(2);
    let one = take(&mut survivor, seen_2);
    assert!(!one.iter().any(|effect| matches!(effect, Effect::Report(_))), "two of three go on: {one:?}");
    let [seen_3, _] = back_seen(3);
    let lost = Effect::Report(Report::StorageLost { lost: 2, of: 3, durable: false });
    assert!(take(&mut survivor, seen_3).contains(&lost));
    let mut joiner = returned(Voters::Count(3), bound(&[1, 2, 3]));
    take(&mut joiner, seen(3));
    take(&mut joiner, Input::PeerInitialised { peer: peer(3), cluster });
    let [seen_2, _] = back_seen(2);
    assert!(take(&mut joiner, seen_2).contains(&lost));
}

#[test]
fn who_waits_to_be_taken_in_turns_back_when_all_who_knew_the_group_came_back_empty() {
    let cluster = Genesis::new(group(), member(1), 1, vec![member(1)]).cluster();
    let mut birth = returned(Voters::Count(3), bound(&[1, 2, 3]));
    comes_back(&mut birth, 2);
    take(&mut birth, seen(3));
    take(&mut birth, Input::PeerInitialised { peer: peer(3), cluster });
    assert_eq!(birth.view().phase, Phase::Joining);
    take(&mut birth, Input::PeerLost { peer: peer(3), boot: BootId(3) });
    let [seen_3, ready_3] = back_seen(3);
    take(&mut birth, seen_3);
    assert_eq!(birth.view().phase, Phase::Joining, "it may be about to say that it knows the group");
    let effects = take(&mut birth, ready_3);
    assert!(effects.contains(&Effect::StopAsking) && effects.contains(&Effect::SendReady(peer(2))));
    assert_eq!((birth.view().phase, birth.view().cluster), (Phase::Gathering, None));
    assert_eq!(birth.record().promise, Promise::Free);
    // On disk the store may yet come back.
    let config = Config { in_memory: false, ..in_memory(Voters::Count(3)) };
    let mut birth = Birth::new(config, back(1), bound(&[1, 2, 3]));
    take(&mut birth, Input::LocalReady { holds: None });
    take(&mut birth, seen(3));
    take(&mut birth, Input::PeerInitialised { peer: peer(3), cluster });
    take(&mut birth, Input::PeerLost { peer: peer(3), boot: BootId(3) });
    comes_back(&mut birth, 3);
    assert_eq!(birth.view().phase, Phase::Joining);
}

#[test]
fn who_waits_for_a_group_that_nobody_is_left_of_turns_back_after_the_deadline() {
    let cluster = Genesis::new(group(), member(1), 1, vec![member(1)]).cluster();
    let mut birth = returned(Voters::Count(3), bound(&[1, 2, 3]));
    take(&mut birth, seen(3));
    take(&mut birth, Input::PeerInitialised { peer: peer(3), cluster });
    let lost = Input::PeerLost { peer: peer(3), boot: BootId(3) };
    assert!(
        take(&mut birth, lost.clone()).iter().any(|effect| matches!(effect, Effect::Arm(Timer::Deadline, _)))
    );
    // Back in time, it is asked as before.
    take(&mut birth, seen(3));
    let effects = take(&mut birth, Input::PeerInitialised { peer: peer(3), cluster });
    assert!(effects.contains(&Effect::Disarm(Timer::Deadline)));
    take(&mut birth, lost);
    take(&mut birth, Input::Elapsed(Timer::Deadline));
    assert_eq!(birth.view().phase, Phase::Gathering);
}

/// All members of a group forget it, one after the other, while everybody has a bond with everybody: it is born again, whoever was
/// the last that knew it.
#[test]
fn f4_a_group_in_memory_is_born_again_in_whatever_order_its_members_forget_it() {
    for seed in 0..60u64 {
        let count = [3u8, 4, 5][usize::try_from(seed % 3).expect("small")];
        let mut lab = Lab::new(seed, in_memory(Voters::Count(count)), count);
        lab.heal();
        assert_eq!(lab.initialised.len(), 1, "seed {seed}");
        let first = seed as u8 % count;
        for step in 0..count {
            lab.forgets(1 + (first + step) % count);
            lab.talk();
            // From here on nobody is taken in any more.
            if seed % 2 == 0 && 2 * (step + 1) > count {
                (0..40).for_each(|_| lab.happen(None::<Crash>));
            }
        }
        lab.heal();
        let views = lab.views();
        let cluster = views[0].cluster;
        let born = views.iter().all(|view| view.phase == Phase::Concluded && view.cluster == cluster);
        assert!(born && lab.initialised.len() == 2, "seed {seed}: {views:#?}\n{}", lab.log.join("\n"));
        lab.replay_all();
    }
}
