//! Groups over a line that is much too thin for what goes over it.

use std::time::Duration;

use mosaik_tests::programs::Running;
use tokio::time::Instant;

use crate::{
    HOLD, LATE,
    world::{Host, Switch, World},
};

/// Bits a second.
const THIN: u64 = 1_000_000;
/// Pieces of 64 KiB in the state: 1.5 MB, which such a line carries in 12 s.
const PIECES: u64 = 24;
/// Whoever gets it needs at least so long: the member that has a line of its own may give half of it.
const LEAST: Duration = Duration::from_secs(5);
/// Milliseconds that a small command may take meanwhile; three times as many on a busy machine.
const SLOWEST: u64 = 1_000;
/// As long as all of it may take.
const ARRIVES: Duration = Duration::from_secs(150);

/// Three members on hosts 1 to 3, and their ids.
pub(crate) fn members(world: &mut World, net: &Switch) -> (Vec<(Host, Running)>, Vec<String>) {
    let hosts: Vec<_> =
        ["one", "two", "three"].into_iter().zip(1..).map(|(name, n)| world.host_on(net, name, n)).collect();
    let keys: Vec<_> = hosts.iter().map(Host::key).collect();
    let mut members: Vec<_> = hosts
        .into_iter()
        .enumerate()
        .map(|(n, host)| {
            let running = member(&host, &keys[(n + 1) % 3], (n + 1) % 3 + 1);
            (host, running)
        })
        .collect();
    members.iter_mut().for_each(|(_, member)| drop(member.says("counted", LATE)));
    (members, keys)
}

/// A member that knows where another one is.
fn member(host: &Host, other: &str, number: usize) -> Running {
    let place = format!("--bind 0.0.0.0:4000 --secret-key-file key --bootstrap {other}@10.0.1.{number}:4000");
    host.start(HOLD, &format!("--reach lan --mdns off {place}"))
}

/// A member that lost its memory gets a state over a line that carries it in 12 s, at the leader's host or at its own.
fn arrives(at_the_leader: bool) {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut members, keys) = members(&mut world, &net);
    let leads = |(_, member): &mut (Host, Running)| member.has_said("leads true");
    let first = members.iter_mut().position(leads).expect("one of them leads");
    let (host, mut leader) = members.remove(first);
    let (other, lost) = members.remove(0);
    drop(lost);
    leader.type_line(&format!("load {PIECES}"));
    leader.says("loaded", LATE);
    if at_the_leader { &host } else { &other }.thin(&net, THIN);
    let begun = Instant::now();
    let mut back = member(&other, &keys[first], first + 1);
    back.says("counted", ARRIVES);
    assert!(begun.elapsed() >= LEAST, "the line was thin: {:?}", begun.elapsed());
    assert!(back.said().contains("snapshot Some"), "it got a snapshot: {}", back.said());
    // What the leader said meanwhile.
    leader.has_said("");
    let (_, meanwhile) = leader.said().split_once("loaded").expect("it was loaded");
    assert!(!meanwhile.contains("term"), "it leads as before: {meanwhile}");
    assert!(!meanwhile.contains("open"), "every command is done: {meanwhile}");
    let waits = meanwhile.lines().filter_map(|line| line.strip_prefix("counted after ")?.strip_suffix(" ms"));
    let longest = waits.map(|wait| wait.parse::<u64>().expect("a number")).max();
    println!("the longest command took {longest:?} ms, the snapshot {:?}", begun.elapsed());
    assert!(longest.is_some_and(|longest| longest < 3 * SLOWEST), "{longest:?} ms");
    world.nothing_left();
}

#[test]
fn f11_a_leader_behind_a_thin_line_keeps_its_group_while_a_snapshot_goes_over_it() {
    arrives(true);
}

#[test]
fn f11_a_member_behind_a_thin_line_gets_a_snapshot_and_the_group_does_not_notice() {
    arrives(false);
}
