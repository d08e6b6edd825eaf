//! Every situation of a small committee against rules that are written down apart from the decisions, and runs to the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Change, Manager, Seen, Settings, Situation};
use crate::{
    groups::{MemberId, settings::Leads},
    primitives::PeerId,
};

const EVICT: Duration = Duration::from_secs(30);
const LAST: u64 = 1_000;

fn peer(number: u8) -> PeerId {
    PeerId::from_bytes([number; 32])
}

fn member(number: u8, generation: u64) -> MemberId {
    MemberId::new(peer(number), generation)
}

fn settings(committee: usize) -> Settings {
    Settings { committee, listed: None, evict_after: EVICT }
}

/// What a node is, seen from the leader, in one digit.
const STATES: u32 = 9;

/// Nodes 1 to 4 beside the leader 0, each in one of the states.
fn situation(code: u32) -> Situation {
    let mut situation = Situation {
        me: member(0, 0),
        voters: BTreeSet::from([member(0, 0)]),
        learners: BTreeSet::new(),
        joint: false,
        bonds: BTreeMap::new(),
        matched: BTreeMap::from([(member(0, 0), LAST)]),
        last: LAST,
        leaving: BTreeSet::new(),
        welcomed: BTreeSet::new(),
    };
    let mut rest = code;
    for number in 1..5 {
        let state = rest % STATES;
        rest /= STATES;
        let (old, new) = (member(number, 1), member(number, 2));
        let mut bond = |member, eligible| {
            situation.bonds.insert(peer(number), Seen { member, eligible, leads: Leads::Normal })
        };
        match state {
            1 => drop(situation.voters.insert(old)),
            2 => drop((situation.voters.insert(old), bond(Some(old), true))),
            3 => drop((situation.voters.insert(old), bond(Some(new), true))),
            4 => {
                situation.voters.insert(old);
                situation.learners.insert(new);
                situation.matched.insert(new, LAST);
                bond(Some(new), true);
            }
            5 => {
                situation.learners.insert(old);
                situation.matched.insert(old, LAST);
                bond(Some(old), true);
            }
            6 => drop((situation.learners.insert(old), bond(Some(old), true))),
            7 => drop((situation.voters.insert(old), bond(Some(old), true), situation.leaving.insert(old))),
            8 => drop(situation.learners.insert(old)),
            _ => {}
        }
    }
    situation.welcomed = situation.bonds.values().filter_map(|seen| seen.member).collect();
    situation
}

fn present(situation: &Situation, member: &MemberId) -> bool {
    *member == situation.me || situation.bonds.get(&member.peer).and_then(|seen| seen.member) == Some(*member)
}

fn majority(situation: &Situation, voters: &BTreeSet<MemberId>) -> bool {
    voters.iter().filter(|voter| present(situation, voter)).count() > voters.len() / 2
}

/// The membership after the change.
fn apply(situation: &mut Situation, change: Change) {
    match change {
        Change::Finish => situation.joint = false,
        Change::Add(member) => {
            situation.learners.insert(member);
            situation.matched.insert(member, LAST);
        }
        Change::Promote(member) => {
            situation.learners.remove(&member);
            situation.voters.insert(member);
        }
        Change::Replace { lost, by } => {
            situation.learners.remove(&by);
            situation.voters.remove(&lost);
            situation.voters.insert(by);
        }
        Change::Release(member) => {
            situation.voters.remove(&member);
            situation.bonds.remove(&member.peer);
        }
        Change::Forget(member) => drop(situation.learners.remove(&member)),
        Change::Dismiss(member) => drop(situation.welcomed.remove(&member)),
    }
}

/// What must be true of every change, whatever the reason for it.
fn check(before: &Situation, change: Change, long: bool, committee: usize) {
    let mut after = before.clone();
    apply(&mut after, change);
    let tell = || format!("{change} in {before:#?}");
    if after.voters != before.voters {
        assert!(majority(before, &before.voters) && majority(before, &after.voters), "quorum: {}", tell());
        let gone: Vec<_> = before.voters.difference(&after.voters).collect();
        let come: Vec<_> = after.voters.difference(&before.voters).collect();
        assert!(gone.len() <= 1 && come.len() <= 1, "one at a time: {}", tell());
        for voter in gone {
            let elsewhere = before.bonds.get(&voter.peer).is_some_and(|seen| seen.member != Some(*voter));
            let leaves = before.leaving.contains(voter);
            let away = !present(before, voter) && long;
            assert!(elsewhere || leaves || away, "a voter that is there stays: {}", tell());
            assert!(leaves || !come.is_empty(), "a committee does not shrink by itself: {}", tell());
            assert!(*voter != before.me, "a leader does not take itself out: {}", tell());
        }
        for voter in come {
            assert!(present(before, voter) && before.matched.contains_key(voter), "ready: {}", tell());
            assert!(before.learners.contains(voter), "a learner first: {}", tell());
        }
        let peers: BTreeSet<_> = after.voters.iter().map(|voter| voter.peer).collect();
        let doubled = after.voters.len() > peers.len();
        assert!(!doubled, "a node has one vote: {}", tell());
        assert!(after.voters.len() <= committee.max(before.voters.len()), "size: {}", tell());
    }
}

#[test]
fn lc2_every_change_of_a_small_committee_keeps_its_rules() {
    let mut changes = BTreeMap::<String, usize>::new();
    for code in 0..STATES.pow(4) {
        for committee in [1, 3, 5] {
            for long in [false, true] {
                let situation = situation(code);
                let mut manager = Manager::new(settings(committee));
                let first = manager.next(Duration::ZERO, &situation);
                let at = if long { EVICT } else { EVICT / 2 };
                let change = if long { manager.next(at, &situation) } else { first };
                if let Some(change) = change {
                    check(&situation, change, long, committee);
                    let kind = format!("{change:?}");
                    *changes.entry(kind[..4].to_owned()).or_default() += 1;
                }
            }
        }
    }
    let kinds: Vec<_> = changes.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["Add(", "Forg", "Prom", "Rele", "Repl"], "every kind happened: {changes:?}");
}

#[test]
fn f20_every_situation_comes_to_rest_with_all_places_filled_that_can_be() {
    for code in 0..STATES.pow(4) {
        let mut situation = situation(code);
        let mut manager = Manager::new(settings(3));
        manager.next(Duration::ZERO, &situation);
        let before = situation.clone();
        let mut changes = Vec::new();
        while let Some(change) = manager.next(EVICT, &situation) {
            check(&situation, change, true, 3);
            apply(&mut situation, change);
            changes.push(change);
            assert!(changes.len() < 20, "it comes to rest: {changes:?} from {before:#?}");
        }
        if !majority(&situation, &situation.voters) {
            continue;
        }
        let spares = situation.learners.iter().filter(|learner| {
            present(&situation, learner)
                && situation.matched.contains_key(learner)
                && situation.voters.iter().all(|voter| voter.peer != learner.peer)
        });
        if spares.count() > 0 {
            let all = situation.voters.iter().all(|voter| present(&situation, voter));
            assert!(all && situation.voters.len() >= 3, "{changes:?} from {before:#?} to {situation:#?}");
        }
    }
}

#[test]
fn a_change_that_an_earlier_leader_began_is_finished_first() {
    let mut situation = situation(0);
    situation.joint = true;
    assert_eq!(Manager::new(settings(3)).next(Duration::ZERO, &situation), Some(Change::Finish));
}

#[test]
fn a_voter_that_comes_back_in_time_is_not_evicted() {
    // Node 1 votes and is away, node 2 votes, node 3 could.
    let away = situation(1 + 2 * STATES + 5 * STATES.pow(2));
    let back = situation(2 + 2 * STATES + 5 * STATES.pow(2));
    let mut manager = Manager::new(settings(3));
    let second = Duration::from_secs(1);
    assert_eq!(manager.next(Duration::ZERO, &away), None);
    assert_eq!(manager.next(EVICT - second, &back), None);
    assert_eq!(manager.next(EVICT, &away), None);
    assert_eq!(manager.next(EVICT + second, &away), None);
    let replaced = Change::Replace { lost: member(1, 1), by: member(3, 1) };
    assert_eq!(manager.next(2 * EVICT, &away), Some(replaced));
}

#[test]
fn only_listed_nodes_vote_when_there_is_a_list() {
    // Node 3 has caught up and is not listed; node 1 is long away.
    let situation = situation(1 + 2 * STATES + 5 * STATES.pow(2));
    let listed = Some((0..3).map(peer).collect());
    let mut manager = Manager::new(Settings { listed, ..settings(3) });
    manager.next(Duration::ZERO, &situation);
    assert_eq!(manager.next(EVICT, &situation), None);
}

#[test]
fn a_store_that_is_lost_costs_its_node_no_waiting() {
    // Node 1 came back empty and has caught up; node 2 votes.
    let situation = situation(4 + 2 * STATES);
    let swapped = Change::Replace { lost: member(1, 1), by: member(1, 2) };
    assert_eq!(Manager::new(settings(3)).next(Duration::ZERO, &situation), Some(swapped));
}

#[test]
fn a_place_that_nobody_takes_or_has_any_more_is_dismissed() {
    let mut situation = situation(0);
    let (gone, came, older, asks) = (member(1, 5), member(2, 6), member(2, 4), member(3, 7));
    situation.welcomed = [gone, came, older, asks].into();
    situation.learners.insert(came);
    situation.bonds.insert(peer(2), Seen { member: Some(came), eligible: false, leads: Leads::Normal });
    situation.bonds.insert(peer(3), Seen { member: None, eligible: true, leads: Leads::Normal });
    let mut manager = Manager::new(settings(1));
    assert_eq!(manager.next(Duration::ZERO, &situation), None, "not at once");
    let mut dismissed = Vec::new();
    while let Some(change) = manager.next(EVICT, &situation) {
        let Change::Dismiss(member) = change else { panic!("{change}") };
        situation.welcomed.remove(&member);
        dismissed.push(member);
    }
    assert_eq!(dismissed, [gone, older], "who is a member, or is about to be one, keeps its place");
}

#[test]
fn f20_who_was_let_go_is_not_taken_in_again_as_who_it_was() {
    let mut situation = situation(0);
    situation
        .bonds
        .insert(peer(1), Seen { member: Some(member(1, 1)), eligible: true, leads: Leads::Normal });
    let mut manager = Manager::new(settings(3));
    assert_eq!(manager.next(Duration::ZERO, &situation), None);
    situation.welcomed.insert(member(1, 9));
    assert_eq!(manager.next(Duration::ZERO, &situation), None, "a place for somebody else");
    situation
        .bonds
        .insert(peer(1), Seen { member: Some(member(1, 9)), eligible: true, leads: Leads::Normal });
    assert_eq!(manager.next(Duration::ZERO, &situation), Some(Change::Add(member(1, 9))));
}

#[test]
fn a_leader_that_rests_hands_over_to_who_would_lead() {
    let mut situation = situation(0);
    situation.voters = [member(0, 1), member(1, 1), member(2, 1), member(3, 1)].into();
    situation.me = member(0, 1);
    let mut bond = |n: u8, leads, matched| {
        let seen = Seen { member: Some(member(n, 1)), eligible: true, leads };
        situation.bonds.insert(peer(n), seen);
        situation.matched.insert(member(n, 1), matched);
    };
    bond(1, Leads::Normal, 5);
    bond(2, Leads::Reluctant, 9);
    bond(3, Leads::Never, 10);
    let both = |situation: &Situation| (situation.best_successor(), situation.willing_successor());
    assert_eq!(both(&situation), (Some(member(1, 1)), Some(member(1, 1))));
    situation.bonds.remove(&peer(1));
    assert_eq!(both(&situation), (Some(member(2, 1)), None), "two that would rather not do not take turns");
    situation.bonds.remove(&peer(2));
    assert_eq!(both(&situation), (None, None), "nobody is made to lead who never leads");
}
