//! Members on hosts of their own that others do not hear any more, or that hear nobody.

use mosaik_tests::programs::Running;

use crate::{
    LATE, bound,
    thin::members,
    world::{Host, Switch, Way, World},
};

/// Commands of each member, about five a second, beside the one of somebody who was cut off, which is given up after ten seconds.
const FOR_A_WHILE: usize = 30;

/// A member says this of its group when what it sees of it changes.
fn sees(member: &mut Running) -> String {
    member.has_said("");
    let last = member.said().lines().rev().find(|line| line.starts_with("term "));
    last.expect("it has seen its group").to_owned()
}

/// The member that leads comes first.
fn leader_first(members: &mut [(Host, Running)]) {
    let leads = |(_, member): &mut (Host, Running)| sees(member).contains("leads true");
    let leader = members.iter_mut().position(leads).expect("one of them leads");
    members.swap(0, leader);
}

/// So many commands of it come through, one after the other.
fn counts(member: &mut Running, times: usize) {
    (0..times).for_each(|_| drop(member.says("counted", bound(10))));
}

/// What it said since it had said so much.
fn since(member: &mut Running, before: usize) -> String {
    member.has_said("");
    member.said()[before..].to_owned()
}

fn said(member: &mut Running) -> usize {
    member.has_said("");
    member.said().len()
}

/// All members count after the lines were mended.
fn mended(net: &Switch, members: &mut [(Host, Running)]) {
    members.iter().for_each(|(host, _)| host.mend(net));
    members.iter_mut().for_each(|(_, member)| counts(member, 3));
}

/// The host of the leader loses what goes these ways.
fn leader_cut_off(ways: &[Way]) {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut members, _) = members(&mut world, &net);
    leader_first(&mut members);
    let [(host, alone), others @ ..] = members.as_mut_slice() else { unreachable!("there are three") };
    host.cut(&net, ways);
    for (_, other) in &mut *others {
        other.says("term ", bound(10));
        counts(other, 2);
    }
    let before = said(alone);
    alone.says("open", LATE);
    others.iter_mut().for_each(|(_, other)| counts(other, FOR_A_WHILE));
    let alone_said = since(alone, before);
    assert!(!alone_said.contains("counted"), "nobody confirmed it: {alone_said}");
    assert!(sees(alone).contains("leads false"), "it does not lead: {}", sees(alone));
    mended(&net, &mut members);
    world.nothing_left();
}

#[test]
fn f5_a_leader_that_is_cut_off_steps_down_and_gets_nothing_in() {
    leader_cut_off(&[Way::Out, Way::In]);
}

#[test]
fn f7_a_leader_that_nobody_hears_steps_down_and_gets_nothing_in() {
    leader_cut_off(&[Way::Out]);
}

#[test]
fn f7_a_leader_that_hears_nobody_steps_down_and_gets_nothing_in() {
    leader_cut_off(&[Way::In]);
}

#[test]
fn f6_a_follower_that_hears_nobody_or_that_nobody_hears_changes_no_term() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut members, _) = members(&mut world, &net);
    leader_first(&mut members);
    for way in [Way::In, Way::Out] {
        let before = said(&mut members[0].1);
        members[1].0.cut(&net, &[way]);
        // The cut is one.
        members[1].1.says("open", LATE);
        counts(&mut members[0].1, FOR_A_WHILE);
        counts(&mut members[2].1, FOR_A_WHILE);
        mended(&net, &mut members);
        let meanwhile = since(&mut members[0].1, before);
        assert!(!meanwhile.contains("term"), "{way:?}: it leads as before: {meanwhile}");
        assert!(!meanwhile.contains("open"), "{way:?}: every command is done: {meanwhile}");
    }
    world.nothing_left();
}
